// A worker: computes what it is asked, one thing after the other, and gives up what is not wanted any more.

import { Computer } from "./compute.js";

const channel = new MessageChannel();
// Lets messages come in between two steps; a timer would wait for milliseconds.
const breath = () =>
  new Promise((done) => {
    channel.port1.onmessage = done;
    channel.port2.postMessage(0);
  });

const BREATH_MS = 4; // steps that are over sooner are made in one breath

let computer = null;
let breathed = 0;
const waiting = new Set(); // numbers of what is asked and not answered
const stopped = new Set();
let queue = Promise.resolve();

const buffers = (found) => (ArrayBuffer.isView(found) ? [found] : Object.values(found ?? {})).flatMap((value) => (ArrayBuffer.isView(value) ? [value.buffer] : []));

async function answer({ id, op, given }) {
  if (stopped.has(id)) return { id, stopped: true };
  try {
    const pause = async () => {
      if (performance.now() - breathed > BREATH_MS) {
        await breath();
        breathed = performance.now();
      }
      return !stopped.has(id);
    };
    const found = await computer[op](given, pause);
    return found === null ? { id, stopped: true } : { id, found };
  } catch (error) {
    return { id, error: error.message };
  }
}

self.onmessage = ({ data }) => {
  if (data.op === "begin") computer = new Computer(data.module);
  else if (data.op === "stop") {
    if (waiting.has(data.id)) stopped.add(data.id);
  } else if (data.op === "call") self.postMessage({});
  else {
    waiting.add(data.id);
    queue = queue.then(async () => {
      const message = await answer(data);
      waiting.delete(data.id);
      stopped.delete(data.id);
      self.postMessage(message, [...new Set(buffers(message.found))]);
    });
  }
};
