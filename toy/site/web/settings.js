// What can be set, as it was declared in Python: what is legal, and the sentence for what is not.

import { bound, listed, quoted, readFloat, written } from "../../browser/web/numbers.js";

// A value that is not legal, in one sentence; `names` are the settings that it is about, the first gives way.
export class Refused extends Error {
  constructor(words, ...names) {
    super(words);
    this.names = names;
  }
}

const refused = (name, value, allowed) => new Refused(`${name} = ${value} is not ${allowed}`, name);

export const allowedOf = ({ lo, hi, whole }) => `${whole ? "a whole number" : "a number"} from ${bound(lo)} to ${bound(hi)}`;

function numberOf(knob, name, value) {
  const number = readFloat(value);
  if (knob.lo <= number && number <= knob.hi && (!knob.whole || Number.isInteger(number))) return number;
  throw refused(name, value, allowedOf(knob));
}

// A name for each number of a knob: its own, or share1 to share32 of a vector.
export const partsOf = ({ name, size }) => (size ? Array.from({ length: size }, (_, i) => `${name}${i + 1}`) : [name]);

// The numbers of a value by name.
export const spelled = (knob, value) => (knob.size ? partsOf(knob).map((part, i) => [part, value[i]]) : [[knob.name, value]]);

export function checkKnob(knob, value) {
  if (!knob.size) return numberOf(knob, knob.name, value);
  const numbers = typeof value === "string" ? listed(value) : value;
  if (!Array.isArray(numbers) || numbers.length !== knob.size) {
    throw new Refused(`${knob.name} is ${knob.size} numbers separated by commas, not ${Array.isArray(numbers) ? numbers.length : value}`, knob.name);
  }
  const names = partsOf(knob);
  return numbers.map((number, i) => numberOf(knob, names[i], number));
}

// The knob's value of those by name, checked; they are taken out. A part says more than the whole.
export function takeKnob(knob, values, usual) {
  const whole = checkKnob(knob, taken(values, knob.name, usual));
  if (!knob.size) return whole;
  return checkKnob(knob, spelled(knob, whole).map(([part, number]) => taken(values, part, number)));
}

// A value of a map by its name, taken out.
export function taken(values, name, usual) {
  const value = values.has(name) ? values.get(name) : usual;
  values.delete(name);
  return value;
}

const CHECKS = {
  Knob: checkKnob,
  Choice({ legal, name, noun, options }, value) {
    const plain = !["boolean", "object"].includes(typeof value);
    const found = plain && options.find((option) => written(option) === written(value));
    if (found !== undefined && found !== false) return found;
    if (!options.every((option) => typeof option === "string")) throw refused(name, written(value), `one of ${legal}`);
    throw new Refused(`unknown ${noun || name} ${quoted(written(value))}; have: ${legal}`, name);
  },
  Several({ legal, most, name, noun, options, ordered }, value) {
    const parts = typeof value === "string" ? listed(value) : Array.isArray(value) ? value : [];
    for (const part of parts) if (!options.includes(part)) throw new Refused(`unknown ${noun || name} ${quoted(String(part))}; have: ${legal}`, name);
    if (parts.length < 1 || parts.length > most) throw refused(name, written(value), `1 to ${most} of ${legal}`);
    return ordered ? options.filter((option) => parts.includes(option)) : parts;
  },
  Flag({ name }, value) {
    const read = { 1: true, true: true, 0: false, false: false }[String(value).toLowerCase()];
    if (read === undefined) throw refused(name, value, "0 or 1");
    return read;
  },
  Conditions({ legal, most, name, options }, value) {
    const parts = typeof value === "string" ? listed(value) : Array.isArray(value) ? value : [];
    const form = new RegExp(`^(?:${options.join("|")})[<>][0-9]{1,4}(?:\\.[0-9]{1,4})?$`);
    if (parts.length < 1 || parts.length > most || !parts.every((part) => form.test(part))) throw refused(name, written(value), legal);
    return parts.map(String);
  },
  Numbers({ legal, name, named, ranges }, value) {
    const given = typeof value === "string" && named && Object.hasOwn(named, value) ? named[value] : value;
    const parts = typeof given === "string" ? given.split(",") : given;
    const numbers = Array.isArray(parts) ? parts.map(readFloat) : [];
    if (numbers.length !== ranges.length || !numbers.every((number, i) => ranges[i][0] <= number && number <= ranges[i][1])) throw refused(name, written(given), legal);
    return numbers;
  },
};

// The value that a declaration allows, read from text where it is text; Refused names it and what is allowed.
export function checkSetting(setting, value) {
  return CHECKS[setting.kind](setting, value);
}

// The values that a link gives, and one sentence for each that is not legal and for each that is not known.
export function fromQuery(settings, query) {
  const values = {};
  const notes = [];
  for (const [name, value] of query) {
    try {
      if (!Object.hasOwn(settings, name)) throw new Refused(`unknown parameter ${quoted(name)}`, name);
      values[name] = checkSetting(settings[name], value);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      notes.push(error.message);
    }
  }
  return { values, notes };
}
