// An engine that answers at once with made up numbers, and a base that it answers.

import { GIVEN_UP } from "../../toy/browser/web/engine.js";

const FLOOR = { outliers: 0.01 };
export const MEASURED = { logp: new Float32Array(4), occupancy: Float32Array.of(0.5, 0.5), values: { outliers: 0.1 }, errors: { outliers: 0.01 } };

export class FakeEngine {
  constructor() {
    this.runs = [];
    this.known = { truths: new Map([["A", { threshold: 0, mass: [0.25, 0.75], names: ["outliers"] }]]) };
    this.floors = 0;
    this.learned = [];
    this.lacking = [];
    this.turns = [];
    this.workers = [0];
  }
  async side(scene, turn, begun) {
    this.runs.push(scene);
    this.begun = begun;
    this.turns.push(turn);
    if (this.gate) await this.gate;
    if (turn?.over) throw new Error(GIVEN_UP);
    if (this.broken) throw new Error(this.broken);
    const frames = scene.sigmas.length;
    const path = Float32Array.from({ length: frames * scene.n * 2 }, (_, k) => k);
    return { scene, path, data: path.slice(0, 2 * scene.n), ...MEASURED, logp: new Float32Array(scene.n) };
  }
  async shared(parts, ask) {
    return Promise.all(parts.map((part) => ask(0, part)));
  }
  async outside({ sigmas, n }) {
    return new Uint8Array(sigmas.length * n).fill(1);
  }
  async ask(_, op, given, by = null) {
    if (by?.over) throw new Error(GIVEN_UP);
    if (op === "sampled") return new Float32Array(given.count);
    if (op === "logp") return new Float32Array(given.x.length / 2);
    if (op === "floor") return (this.floors += 1), { ...FLOOR, root_share: Number.NaN };
    if (op === "measure") return { ...MEASURED, logp: new Float32Array(given.x.length / 2) };
    const values = new Float32Array(given.x.length / 2);
    return { logp1: values, truth: values, error: values, main: given.at, guided: given.at, true: given.at, powers: { main: 2, weak: -1 } };
  }
  async learn(lists) {
    this.learned.push(lists);
    for (const [target, truth] of this.told ? (lists.truths ?? []) : []) this.known.truths.set(target, truth);
  }
  lacks() {
    return { programs: this.lacking, densities: [], truths: [] };
  }
  stop(turn) {
    turn.over = true;
  }
}

export const sceneOf = (w) => ({ rule: "cfg", schedule: "interval", target: "A", n: 2048, seed: 0, sigmas: [5, 1, 0], cast: {}, knobs: { w, lo: 0.1, hi: 1, vector: [1, 2] } });
const knob = { name: "w", label: "w", lo: 0, hi: 8, step: 0.05, value: 4 };
const panel = (slot) => ({ slot, title: "CFG", knobs: [{ ...knob }], lacks: {}, waiting: "computing", pending: "" });
export const baseOf = () => ({
  header: { id: "abc", seq: 3, panels: [panel("left"), panel("right")], target: { called: "A" }, lead: {} },
  scenes: { left: sceneOf(4), right: sceneOf(3) },
});
