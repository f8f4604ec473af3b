// How far a reader is in each lesson, and what he predicted: kept in this browser, and told to nobody.

import { parsedJson, storeHere, storedHere } from "./storing.js";

const READING_KEPT = "toy-lessons";

export class Reading {
  // Storage may be forbidden: then for this page alone.
  constructor(storage = () => localStorage) {
    this.storage = storage;
    const found = parsedJson(storedHere(READING_KEPT, storage));
    this.all = found && typeof found === "object" && !Array.isArray(found) ? found : {};
  }

  of(lesson) {
    const { at = 0, most = 0, done = false, said = {} } = this.all[lesson] ?? {};
    return { at, most, done, said: said && typeof said === "object" ? said : {} };
  }

  // A reader is at a step, counted from 1, of so many.
  reached(lesson, step, steps) {
    const before = this.of(lesson);
    this.keep(lesson, { ...before, at: step, most: Math.max(before.most, step), done: before.done || step === steps });
  }

  said(lesson, step) {
    return this.of(lesson).said[step] ?? null;
  }

  // A prediction at a step; null takes it back.
  say(lesson, step, prediction) {
    const before = this.of(lesson);
    const said = { ...before.said, [step]: prediction };
    if (prediction === null) delete said[step];
    this.keep(lesson, { ...before, said });
  }

  keep(lesson, values) {
    this.all = { ...this.all, [lesson]: values };
    storeHere(READING_KEPT, JSON.stringify(this.all), this.storage);
  }
}
