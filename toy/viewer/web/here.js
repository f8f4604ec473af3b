// The engine that this browser has: one for all views of a page, whose workers and kernel come with the view's own source.

import { Engine } from "../../browser/web/engine.js";
import { moduleOf } from "../../browser/web/module.js";
import KERNEL from "../../browser/web/kernel.wasm" with { type: "hex" };
import KERNEL_RELAXED from "../../browser/web/kernel_relaxed.wasm" with { type: "hex" };
import WORKER from "../../browser/web/worker.js" with { type: "text" };

const MOST_WORKERS = 4; // more help little: a part of the points each, and the picture waits for the last

const bytesOf = (hex) => Uint8Array.from({ length: hex.length / 2 }, (_, i) => parseInt(hex.slice(2 * i, 2 * i + 2), 16));

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
