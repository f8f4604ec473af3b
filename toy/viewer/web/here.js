// The engine that this browser has: one for all views of a page, whose workers and kernel come with the view's own source.

import { Engine } from "../../browser/web/engine.js";
import { moduleOf } from "../../browser/web/densities.js";
import KERNEL from "../../browser/web/kernel.wasm" with { type: "base64" };
import KERNEL_RELAXED from "../../browser/web/kernel_relaxed.wasm" with { type: "base64" };
import WORKER from "../../browser/web/worker.js" with { type: "text" };

const MOST_WORKERS = 4; // more help little: a part of the points each, and the picture waits for the last

const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

function open() {
  const plain = bytesOf(KERNEL);
  if (typeof Worker !== "function" || !WebAssembly.validate(plain)) return null;
  const module = moduleOf({ plain, relaxed: bytesOf(KERNEL_RELAXED) });
  const source = URL.createObjectURL(new Blob([WORKER], { type: "text/javascript" }));
  const workers = Math.min(Math.max(navigator.hardwareConcurrency ?? 1, 1), MOST_WORKERS);
  return new Engine({ open: () => new Worker(source), module, workers });
}

// Null where this browser has none: without WebAssembly SIMD, say, or where a page's policy forbids workers.
export function engineHere() {
  if (globalThis.toyEngine === undefined) {
    try {
      globalThis.toyEngine = open();
    } catch {
      globalThis.toyEngine = null;
    }
  }
  return globalThis.toyEngine;
}
