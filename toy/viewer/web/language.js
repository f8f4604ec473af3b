// The words of the views: a file a language. English is always there, another is taught, or read when it is asked for.

import EN from "./words.en.json" with { type: "json" };

export const LANGUAGES = { en: "English", zh: "中文", ko: "한국어" };

const known = new Map([["en", { ...EN, stories: {} }]]);
const reading = { language: null, source: null };
let spoken = "en";

export const language = () => spoken;

export function teach(name, words) {
  known.set(name, words);
}

// Where languages are read: `load(name)` promises the words of one.
export function readWords(load) {
  reading.source = load;
}

// Speaks a language now, or as soon as its words are there, unless another is asked for until then; `spoke()` is called when it
// does. What cannot be read is not spoken.
export async function speak(name, spoke = () => {}) {
  reading.language = name;
  if (!known.has(name)) {
    try {
      if (!Object.hasOwn(LANGUAGES, name) || !reading.source) return;
      teach(name, await reading.source(name));
    } catch {
      return; // English goes on
    }
    if (reading.language !== name) return;
  }
  spoken = name;
  spoke();
}

// A phrase with its numbers in it.
export function phrase(text, values = {}) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

const own = (words, name) => (words && Object.hasOwn(words, name) ? words[name] : undefined);
const from = (part, name) => own(known.get(spoken)[part], name) ?? own(EN[part], name);

export const say = (key, values) => phrase(from("labels", key) ?? key, values);

// What a word means, in one sentence; "" where it is none of the glossary's.
export const meaning = (name) => from("meanings", name) ?? "";

// A story's title and text, "" for the page's own; null where the language has none.
export const storyOf = (name) => from("stories", name) ?? null;

export const WORDS = Object.keys(EN.meanings);
