// Following: the page shows what a lecturer's page shows, which the server is asked for again and again. Nothing is computed there:
// it keeps the lecturer's link alone.

const EVERY_MS = 1000;
const SELDOM_MS = 5000; // a server that did not answer is asked more seldom

const askServer = (name, seen) => fetch(`following?${new URLSearchParams({ lecture: name, seen })}`, { cache: "no-store", signal: AbortSignal.timeout(5000) });

export class Following {
  // `open(link)` shows what a link says; `changed()` is told of another `state`: "on", "left" where one explores oneself, "over"
  // where there is no such lecture, "lost" where the server does not answer.
  constructor(name, { open, changed, ask = askServer, after = setTimeout }) {
    Object.assign(this, { name, open, changed, ask, after, state: "on", seen: 0, turn: 0 });
    this.look(this.turn);
  }

  async look(turn) {
    let [state, found] = ["lost", null];
    try {
      const answer = await this.ask(this.name, this.seen);
      if (answer.status === 200) found = await answer.json();
      if (answer.status === 404) state = "over";
      else if (answer.ok) state = "on";
    } catch {
      // It is lost.
    }
    if (turn !== this.turn) return; // left meanwhile
    this.set(state);
    if (found) {
      this.seen = found.number;
      this.open(String(found.link));
    }
    if (state !== "over") this.after.call(null, () => turn === this.turn && this.look(turn), state === "lost" ? SELDOM_MS : EVERY_MS);
  }

  leave() {
    this.turn += 1;
    this.set("left");
  }

  // What is shown now is shown, whether it was seen before or not.
  again() {
    Object.assign(this, { turn: this.turn + 1, seen: 0 });
    this.set("on");
    this.look(this.turn);
  }

  stop() {
    this.turn += 1;
  }

  set(state) {
    if (state === this.state) return;
    this.state = state;
    this.changed();
  }
}
