// One request in flight at most; of those that wait, only the latest is worth an answer.

export class Queue {
  constructor(send, { seq = 0, timeout = 10000, now = () => Date.now() } = {}) {
    this.send = send;
    this.seq = seq;
    this.timeout = timeout;
    this.now = now;
    this.inFlight = null;
    this.pending = null;
    this.late = null;
  }

  get busy() {
    return this.inFlight !== null || this.pending !== null;
  }

  // `request` may be a function: it is then asked at the moment of sending, when it knows most.
  push(request) {
    this.pending = request;
    this.flush();
  }

  // Whether a pack answers what is in flight; one that answers an older request does not.
  answers(seq) {
    return this.inFlight !== null && seq >= this.inFlight.seq;
  }

  answered(seq) {
    if (!this.answers(seq)) return false;
    this.inFlight = null;
    this.flush();
    return true;
  }

  // What is in flight will not be answered; with a number, where it is that of what is in flight.
  lost(seq = this.inFlight?.seq) {
    if (this.inFlight?.seq !== seq) return;
    this.inFlight = null;
    this.flush();
  }

  // A lost answer must not freeze the sliders for ever.
  tick() {
    const lost = this.inFlight !== null && this.now() - this.inFlight.since >= this.timeout;
    if (lost) {
      this.late = this.inFlight.made;
      this.inFlight = null;
    }
    this.flush();
    return lost;
  }

  // Ask once more what was lost, unless something else is asked by now.
  again() {
    if (!this.busy && this.late) this.push(this.late);
    this.late = null;
  }

  clear() {
    this.inFlight = null;
    this.pending = null;
  }

  flush() {
    if (this.inFlight !== null || this.pending === null) return;
    const made = this.pending;
    const request = typeof made === "function" ? made() : made;
    this.pending = null;
    if (request === null) return;
    this.seq += 1;
    this.inFlight = { seq: this.seq, since: this.now(), made };
    this.send({ seq: this.seq, ...request });
  }
}

// After an answer that says "busy", the same question again: at once, since the server waits before it answers what was
// asked before, then less often, until an answer comes that does not say so.
export class Retry {
  constructor(ask, { first = 50, most = 1000, growth = 2, after = setTimeout, cancel = clearTimeout } = {}) {
    Object.assign(this, { ask, first, most, growth, after, cancel });
    this.delay = first;
    this.timer = null;
  }

  // To be told of every answer, and after how many milliseconds it is worth asking again where the server knows that.
  saw(busy, again) {
    if (!busy) {
      this.stop();
      return;
    }
    if (this.timer !== null) return;
    this.timer = this.after.call(null, () => {
      this.timer = null;
      this.ask();
    }, again ?? this.delay);
    if (again === undefined) this.delay = Math.min(this.most, this.delay * this.growth);
  }

  stop() {
    if (this.timer !== null) this.cancel.call(null, this.timer);
    this.timer = null;
    this.delay = this.first;
  }
}
