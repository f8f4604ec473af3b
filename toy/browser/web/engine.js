// The browser's engine: workers that know the same programs and densities, each of which computes a part of the points.

export const GIVEN_UP = "given up"; // what an answer that is not wanted any more is refused with

const EIGHT = 8; // points that the kernel takes at once
const PARTS_EACH = 6; // of a run for each worker, where there are several
const FEWEST = 64; // points of such a part
const MOST_BYTES = 24 * 2 ** 20; // of densities, in each worker; those that were not asked for longest are forgotten
const MOST_TRUTHS = 32;
const LOOK_MS = 4000;
const SILENT = 5; // looks in a row at which a worker has said nothing: it is thought to have stopped

// About: a density's arrays, what the kernel makes of them, and a kilobyte for each group of a mixture.
const heldBytes = ({ groups = 0, ...numbers }) => 1024 * groups + 3 * Object.values(numbers).reduce((sum, value) => sum + (ArrayBuffer.isView(value) ? value.byteLength : 0), 0);

// Where the parts of the points `from` to `n` begin: at most `count` of them, and no more than have `least` points each.
export function sharesOf(n, count, { from = 0, least = EIGHT } = {}) {
  const each = Math.max(Math.ceil((n - from) / count / EIGHT) * EIGHT, least);
  return Array.from({ length: Math.ceil((n - from) / each) }, (_, i) => ({ begin: from + i * each, count: Math.min(each, n - from - i * each) }));
}

// The edge of the true 99% region at noise levels, read between those that a truth lists; sigma 0 has its own.
export function thresholdsAt({ threshold, regions }, sigmas) {
  const logs = regions.sigmas.map(Math.log);
  return sigmas.map((sigma) => {
    if (sigma === 0) return threshold;
    const at = Math.log(Math.max(sigma, regions.sigmas[0]));
    const i = Math.min(Math.max(logs.findIndex((log) => log > at), 1), logs.length - 1) - 1;
    const j = at >= logs[logs.length - 1] ? logs.length - 2 : i;
    const f = Math.min((at - logs[j]) / (logs[j + 1] - logs[j]), 1);
    return regions.edges[j] + f * (regions.edges[j + 1] - regions.edges[j]);
  });
}

// Parts of paths, each [steps + 1, some, 2], as one.
function joinedPath(parts, frames, n) {
  const path = new Float32Array(frames * n * 2);
  let column = 0;
  for (const part of parts) {
    const each = part.length / frames;
    for (let i = 0; i < frames; i++) path.set(part.subarray(i * each, (i + 1) * each), i * n * 2 + column);
    column += each;
  }
  return path;
}

export const together = (Array_, parts) => {
  const out = new Array_(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
};

export class Engine {
  // `open()` makes a worker; `module` is the compiled kernel.
  constructor({ open, module, workers = 1, most = MOST_BYTES }) {
    this.asked = new Map(); // by number: {worker, op, by, done, fail}
    this.last = 0;
    this.most = most;
    this.broken = ""; // what a worker has stopped with
    this.silent = new Map(); // by worker: looks since it was heard
    this.looking = null; // the timer, while something is asked
    this.known = { programs: new Set(), densities: new Map(), truths: new Map() }; // densities' bytes; the latest asked for last
    this.learning = Promise.resolve();
    this.workers = Array.from({ length: workers }, () => this.begin(open(), module));
  }

  begin(worker, module) {
    worker.onmessage = ({ data }) => this.answered(worker, data);
    worker.onerror = (event) => this.failed(worker, event.message ?? "a worker has stopped");
    worker.postMessage({ op: "begin", module });
    return worker;
  }

  answered(worker, { id, found, stopped, error }) {
    this.silent.delete(worker);
    const waiting = this.asked.get(id);
    if (!waiting) return;
    this.asked.delete(id);
    if (error) waiting.fail(new Error(error));
    else if (stopped) waiting.fail(new Error(GIVEN_UP));
    else waiting.done(found);
  }

  watch() {
    if (this.looking) return;
    this.looking = setInterval(() => this.look(), LOOK_MS);
    this.looking.unref?.(); // in node, where nothing waits for it
  }

  // Who is ended from outside, for its memory say, says nothing, not even that: between two steps a worker answers when it is
  // called, and one that is silent for too long has stopped.
  look() {
    const busy = new Set([...this.asked.values()].map(({ worker }) => worker));
    for (const worker of busy) {
      const silent = (this.silent.get(worker) ?? 0) + 1;
      this.silent.set(worker, silent);
      if (silent > SILENT) this.failed(worker, "a worker does not answer any more");
      else worker.postMessage({ op: "call" });
    }
    if (this.asked.size) return;
    clearInterval(this.looking);
    this.looking = null;
  }

  failed(worker, message) {
    this.broken = message;
    for (const [id, waiting] of this.asked) {
      if (waiting.worker !== worker) continue;
      this.asked.delete(id);
      waiting.fail(new Error(message));
    }
  }

  // `by` is an object that stands for what several questions are asked for: see `stop`.
  ask(i, op, given, by = null) {
    if (this.broken) return Promise.reject(new Error(this.broken));
    if (by?.over) return Promise.reject(new Error(GIVEN_UP));
    if (given.scene) this.use(given.scene);
    const worker = this.workers[i % this.workers.length];
    const id = ++this.last;
    return new Promise((done, fail) => {
      this.asked.set(id, { worker, op, by, done, fail });
      this.watch();
      worker.postMessage({ id, op, given });
    });
  }

  // The worker that is asked for least, the first of several.
  idlest() {
    const busy = [...this.asked.values()].map(({ worker }) => worker);
    const load = this.workers.map((worker) => busy.filter((each) => each === worker).length);
    return load.indexOf(Math.min(...load));
  }

  // Gives up all that is being computed, or what is asked for `by` alone, which then asks nothing any more; what is learned is
  // for all.
  stop(by = null) {
    if (by) by.over = true;
    for (const [id, { worker, op, by: whose }] of this.asked) {
      if (op !== "learn" && (!by || by === whose)) worker.postMessage({ op: "stop", id });
    }
  }

  // Tells all workers what they do not know yet: programs [kind, name, program], densities [id, numbers], truths [target, numbers].
  // One after the other: who has nothing new to tell waits too for what was told before. What fails is not known.
  learn(lists) {
    this.learning = this.learning.catch(() => {}).then(() => this.teach(lists));
    return this.learning;
  }

  async teach({ programs = [], densities = [], truths = [] }) {
    const news = {
      programs: programs.filter(([kind, name]) => !this.known.programs.has(`${kind} ${name}`)),
      densities: densities.filter(([id]) => !this.known.densities.has(id)),
      truths: truths.filter(([target, truth]) => this.known.truths.get(target) !== truth), // it may be known better by now
    };
    if (!Object.values(news).some((list) => list.length)) return;
    for (const [kind, name] of news.programs) this.known.programs.add(`${kind} ${name}`);
    for (const [id, numbers] of news.densities) this.known.densities.set(id, heldBytes(numbers));
    for (const [target, truth] of news.truths) this.known.truths.set(target, truth);
    const forget = this.surplus(new Set(densities.map(([id]) => id)));
    try {
      await Promise.all(this.workers.map((_, i) => this.ask(i, "learn", { ...news, forget })));
    } catch (error) {
      for (const [kind, name] of news.programs) this.known.programs.delete(`${kind} ${name}`);
      for (const [id] of news.densities) this.known.densities.delete(id);
      for (const [target] of news.truths) this.known.truths.delete(target);
      throw error;
    }
  }

  // What there is too much of, known no longer; not of what was told just now.
  surplus(told) {
    const { densities, truths } = this.known;
    const forget = { densities: [], truths: [...truths.keys()].slice(0, Math.max(0, truths.size - MOST_TRUTHS)) };
    let bytes = [...densities.values()].reduce((sum, size) => sum + size, 0);
    for (const [id, size] of densities) {
      if (bytes <= this.most) break;
      if (told.has(id)) continue;
      forget.densities.push(id);
      bytes -= size;
    }
    for (const id of forget.densities) densities.delete(id);
    for (const target of forget.truths) truths.delete(target);
    return forget;
  }

  // A scene is asked for: what it needs is forgotten last.
  use({ cast, target }) {
    const { densities, truths } = this.known;
    for (const [map, keys] of [[truths, [target]], [densities, [...Object.values(cast), `exact:${target}`, truths.get(target)?.both]]]) {
      for (const key of keys.filter((each) => map.has(each))) {
        const value = map.get(key);
        map.delete(key);
        map.set(key, value);
      }
    }
  }

  // What of a scene is not known: the same lists as `learn` takes, of names.
  lacks({ rule, schedule, integrator, cast, target }) {
    const { programs, densities, truths } = this.known;
    const wanted = [["rules", rule], ["schedules", schedule], ["integrators", integrator], ["others", "measures"]];
    const truth = truths.get(target);
    const ids = [...Object.values(cast), `exact:${target}`, ...(truth ? [truth.both] : [])];
    return {
      programs: wanted.filter(([kind, name]) => !programs.has(`${kind} ${name}`)),
      densities: [...new Set(ids)].filter((id) => !densities.has(id)),
      truths: truth ? [] : [target],
    };
  }

  // What `ask(worker, part)` finds of each part, in their order. A worker takes the next one when it is free, since each is slowed by
  // what else its core does; one more waits for it, for when this thread is busy.
  async shared(parts, ask) {
    const found = [];
    const waiting = [...parts.entries()];
    const work = async (worker) => {
      while (waiting.length) {
        const [at, part] = waiting.shift();
        found[at] = await ask(worker, part);
      }
    };
    const all = this.workers.map((_, i) => i);
    try {
      await Promise.all([...all, ...all].map(work));
    } finally {
      waiting.length = 0; // of what has failed
    }
    return found;
  }

  // Runs a scene and measures it: path [steps + 1, n, 2], the true samples [n, 2] it began with, log p, occupancy, values, errors.
  // `begun` is a side of its first particles alone, which are not run again.
  async side(scene, by = null, begun = null) {
    const { n, sigmas, target } = scene;
    const count = this.workers.length > 1 ? PARTS_EACH * this.workers.length : 1;
    const shares = sharesOf(n, count, { from: begun?.scene.n ?? 0, least: FEWEST });
    const found = await this.shared(shares, (i, share) => this.ask(i, "run", { scene, ...share }, by));
    const parts = begun ? [begun, ...found] : found;
    const path = joinedPath(parts.map((part) => part.path), sigmas.length, n);
    const data = together(Float32Array, parts.map((part) => part.data));
    return { scene, path, data, ...(await this.ask(this.idlest(), "measure", { target, x: path.slice(-2 * n) }, by)) };
  }

  // Whether each point of a path is outside the true 99% region of its noise level, [steps + 1, n]; levels are shared out.
  async outside({ target, sigmas, n }, path, by = null) {
    const thresholds = thresholdsAt(this.known.truths.get(target), sigmas);
    const frames = sigmas.map((_, i) => i);
    const parts = this.workers.map((_, w) => frames.filter((i) => i % this.workers.length === w));
    const of = (i) => path.subarray(i * 2 * n, (i + 1) * 2 * n);
    const found = await Promise.all(
      parts.map((mine, w) => {
        const pick = (values) => mine.map((i) => values[i]);
        return this.ask(w, "outside", { target, path: together(Float32Array, mine.map(of)), sigmas: pick(sigmas), thresholds: pick(thresholds) }, by);
      }),
    );
    const out = new Uint8Array(sigmas.length * n);
    parts.forEach((mine, w) => mine.forEach((i, k) => out.set(found[w].subarray(k * n, (k + 1) * n), i * n)));
    return out;
  }

  close() {
    this.stop();
    clearInterval(this.looking);
    for (const worker of this.workers) worker.terminate();
  }
}
