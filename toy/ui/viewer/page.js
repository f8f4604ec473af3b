// What Streamlit says of the page around a component: whether it runs for something changed beside it, and whether its
// server is there. In a page of its own there is nothing to hear.

const RUNNING = ["running", "rerunRequested"];
const GONE = ["DISCONNECTED_FOREVER", "PINGING_SERVER", "CONNECTING"];

export class Page {
  constructor(changed, app = document.querySelector('[data-testid="stApp"]')) {
    this.outside = false;
    this.lost = false;
    this.mine = false;
    this.app = app;
    if (!app) return;
    this.was = app.dataset.testScriptState;
    this.watch = new MutationObserver(() => this.look() && changed());
    this.watch.observe(app, { attributes: true, attributeFilter: ["data-test-script-state", "data-test-connection-state"] });
  }

  // To be told of every message of one's own: the run that follows is no news.
  sent() {
    if (this.app) this.mine = true;
  }

  // To be told of every answer to what was changed elsewhere.
  answered() {
    this.outside = false;
  }

  // Returns whether anything is new.
  look() {
    const { testScriptState: now, testConnectionState: connection } = this.app.dataset;
    const before = [this.outside, this.lost];
    this.lost = GONE.includes(connection);
    if (now !== this.was) {
      if (!RUNNING.includes(now)) this.outside = this.mine = false;
      else if (now === "rerunRequested" || !RUNNING.includes(this.was)) {
        if (!this.mine) this.outside = true;
        this.mine = false;
      }
      this.was = now;
    }
    return before[0] !== this.outside || before[1] !== this.lost;
  }

  stop() {
    this.watch?.disconnect();
  }
}
