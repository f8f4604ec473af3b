// The engine that this browser has: one for all views of a page, whose workers and kernel come with the view's own source.

import { Engine } from "../../browser/web/engine.js";
import { moduleOf } from "../../browser/web/module.js";
import KERNEL from "../../browser/web/kernel.wasm" with { type: "bytes" };
import KERNEL_RELAXED from "../../browser/web/kernel_relaxed.wasm" with { type: "bytes" };
import WORKER from "../../browser/web/worker.js" with { type: "text" };

const MOST_WORKERS = 4; // more help little: a part of the points each, and the picture waits for the last

// A letter for each byte, as sources.py writes them.
const WRITTEN = Array.from({ length: 360 }, (_, i) => String.fromCharCode(40 + i)).filter((letter) => !/[<\\\x60\x7f-\xa0]/.test(letter));
const BYTES = new Map(WRITTEN.slice(0, 256).map((letter, byte) => [letter, byte]));
const bytesOf = (text) => Uint8Array.from(text, (letter) => BYTES.get(letter));

function open() {
  const plain = bytesOf(KERNEL);
  if (typeof Worker !== "function" || !WebAssembly.validate(plain)) return null;
  const module = moduleOf({ plain, relaxed: bytesOf(KERNEL_RELAXED) });
  const source = URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" }));
  const workers = Math.min(Math.max(navigator.hardwareConcurrency ?? 1, 1), MOST_WORKERS);
  return new Engine({ open: () => new Worker(source), module, workers });
}

// Null where this browser has none: without WebAssembly SIMD, say, or where a page's policy forbids workers. One that has stopped
// is replaced.
export function engineHere() {
  const before = globalThis.toyEngine;
  if (before === undefined || before?.broken) {
    before?.close();
    try {
      globalThis.toyEngine = open();
    } catch {
      globalThis.toyEngine = null;
    }
  }
  return globalThis.toyEngine;
}
