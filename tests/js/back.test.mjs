import assert from "node:assert/strict";
import test from "node:test";

import { staysBack } from "../../toy/viewer/web/back.js";

function page(path) {
  const window = new EventTarget();
  const pushed = [];
  const location = new URL(path, "http://here");
  const history = { pushState: (_state, _title, url) => pushed.push(String(url)) };
  staysBack({ history, location, addEventListener: window.addEventListener.bind(window) });
  const back = (to) => {
    location.href = new URL(to, location).href;
    window.dispatchEvent(new Event("popstate"));
  };
  return { pushed, back, history, press: (kind) => window.dispatchEvent(new Event(kind)) };
}

test("what comes late of the page that was left does not lead there again", () => {
  const { pushed, back, history } = page("/compare");
  back("/mechanism");
  history.pushState({}, "", "/compare?n=512");
  assert.deepEqual(pushed, []);
});

test("the page that was gone back to writes its own address", () => {
  const { pushed, back, history } = page("/compare");
  back("/base/mechanism");
  for (const url of ["/base/mechanism?w=2", "?w=3", undefined]) history.pushState({}, "", url);
  assert.deepEqual(pushed, ["/base/mechanism?w=2", "?w=3", "undefined"]);
});

for (const kind of ["pointerdown", "keydown"]) {
  test(`after a ${kind} any page may follow`, () => {
    const { pushed, back, history, press } = page("/compare");
    back("/mechanism");
    press(kind);
    history.pushState({}, "", "/figures");
    assert.deepEqual(pushed, ["/figures"]);
  });
}

test("nobody who has not gone back is kept", () => {
  const { pushed, history } = page("/compare");
  history.pushState({}, "", "/figures");
  assert.deepEqual(pushed, ["/figures"]);
});
