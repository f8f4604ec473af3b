// What the views say stands in one file a language, and nowhere else.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { LANGUAGES, WORDS, language, meaning, phrase, readWords, say, speak, storyOf, teach } from "../../toy/viewer/web/language.js";

const WEB = new URL("../../toy/viewer/web/", import.meta.url);
const wordsOf = (name) => JSON.parse(readFileSync(new URL(`words.${name}.json`, WEB), "utf-8"));
const ALL = Object.fromEntries(Object.keys(LANGUAGES).map((name) => [name, wordsOf(name)]));
const SOURCES = Object.fromEntries(
  readdirSync(WEB)
    .filter((name) => name.endsWith(".js"))
    .map((name) => [name, readFileSync(new URL(name, WEB), "utf-8").replace(/^\s*\/\/.*$/gm, "")]),
);
const CODE = Object.values(SOURCES).join("\n");
const holes = (text) => [...text.matchAll(/\{\w+\}/g)].map(([hole]) => hole).sort();

for (const name of Object.keys(LANGUAGES)) {
  test(`${name} has every label and every meaning, with the same gaps`, () => {
    for (const part of ["labels", "meanings"]) {
      assert.deepEqual(Object.keys(ALL[name][part]), Object.keys(ALL.en[part]));
      for (const [key, text] of Object.entries(ALL.en[part])) {
        assert.ok(ALL[name][part][key].trim(), `${name} ${key}`);
        assert.deepEqual(holes(ALL[name][part][key]), holes(text), `${name} ${key}`);
      }
    }
  });
}

// A label may be alike in two languages only where it is made of symbols, names and gaps.
test("nothing was left untranslated", () => {
  const plain = (text) => text.replace(/\{\w+\}/g, "").replace(/\b(TV|sigma|[a-z])\b|[^\p{L}]/gu, "");
  for (const name of ["zh", "ko"]) {
    for (const part of ["labels", "meanings"]) {
      for (const [key, text] of Object.entries(ALL.en[part])) if (plain(text).length > 1) assert.notEqual(ALL[name][part][key], text, `${name} ${key}`);
    }
  }
});

// Keys that are put together: what stands before the gap is followed by a name of the program's.
const MADE = /^(layer|variation|measure|measured|legend\.lost|row|field|welcome|brush|condition|lecture)\./;

test("every key that is used has a label, and every label is used", () => {
  const literal = [...CODE.matchAll(/\bsay\((?:[^()"]*\? )?"([\w.]+)"(?: : "([\w.]+)")?|\b(?:say|named|note|tip|words): (?:\[)?"([\w.]+)"/g)].flatMap(([, ...keys]) => keys.filter(Boolean));
  assert.ok(literal.length > 60);
  for (const key of literal) assert.ok(key in ALL.en.labels, key);
  for (const key of Object.keys(ALL.en.labels)) assert.ok(CODE.includes(`"${key}"`) || MADE.test(key), `${key} is said nowhere`);
});

// Words in place of a key: two letters in a row that are no gap of a template.
test("no view has words of its own", () => {
  const places = /(?:\btext: |"aria-label": |"aria-label", |\btitle: |"data-meaning": |\.meaning = |textContent = |placeholder: |setText\([\w.()]+, )(["`])((?:(?!\1).)*)\1/g;
  for (const [name, source] of Object.entries(SOURCES)) {
    for (const [, , text] of source.matchAll(places)) assert.doesNotMatch(text.replace(/\$\{[^}]*\}?/g, ""), /\p{L}{2}/u, `${name}: ${text}`);
  }
  const caught = [...'setText(this.x, "Hello"); h("p", { text: `Hi ${n}` })'.matchAll(places)].map(([, , text]) => text);
  assert.deepEqual(caught, ["Hello", "Hi ${n}"]);
});

test("a language that is taught is spoken, and what it lacks is said in English", async () => {
  teach("zh", { labels: { play: "播放", nOfM: "{m} 之 {n}" }, meanings: { w: "权重" }, stories: { "": { title: "标题", text: "话" } } });
  let said = "";
  await speak("zh", () => (said = say("play")));
  assert.deepEqual([language(), said, say("nOfM", { n: 1, m: 3 }), meaning("w")], ["zh", "播放", "3 之 1", "权重"]);
  assert.equal(say("pause"), ALL.en.labels.pause);
  assert.equal(meaning("sigma"), ALL.en.meanings.sigma);
  assert.deepEqual([storyOf("").title, storyOf("other")], ["标题", null]);
  await speak("en");
  assert.deepEqual([say("play"), storyOf(""), meaning("nothing")], [ALL.en.labels.play, null, ""]);
});

test("a language is read when it is asked for, and one that cannot be read is not spoken", async () => {
  const asked = [];
  readWords(async (name) => {
    asked.push(name);
    if (asked.length === 1) throw new Error("no network");
    return ALL[name];
  });
  await speak("ko");
  assert.equal(language(), "en");
  await speak("ko");
  assert.equal(say("loop"), ALL.ko.labels.loop);
  await speak("ko");
  assert.deepEqual(asked, ["ko", "ko"], "and not again");
  for (const name of ["xx", "__proto__", "constructor", "", null]) {
    await speak(name);
    assert.equal(language(), "ko");
  }
  assert.equal(asked.length, 2, "and nothing of another name");
  await speak("en");
});

test("who asks for another language meanwhile gets that one", async () => {
  const { teach: teachAnew, ...fresh } = await import("../../toy/viewer/web/language.js?fresh");
  let arrive;
  teachAnew("zh", ALL.zh);
  fresh.readWords(() => new Promise((done) => (arrive = () => done(ALL.ko))));
  const late = fresh.speak("ko", () => assert.fail("it was given up"));
  await fresh.speak("zh");
  arrive();
  await late;
  assert.equal(fresh.language(), "zh");
});

test("gaps are filled, and unknown ones stay", () => {
  assert.equal(phrase("{n} of {m}, {x}", { n: 1, m: 2 }), "1 of 2, {x}");
  assert.ok(WORDS.includes("sigma"));
});
