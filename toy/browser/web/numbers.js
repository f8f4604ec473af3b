// Numbers and words as links and sentences write them, the same as Python does: a link goes from one to the other and back.

// A float as it is written shortest: 4.0, 0.05, 1e-05.
export function repr(x) {
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x > 0 ? "inf" : "-inf";
  if (Object.is(x, -0)) return "-0.0";
  const [digits, power] = x.toExponential().split("e").map((part, i) => (i ? Number(part) : part));
  if (x !== 0 && (power < -4 || power >= 16)) return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  const plain = Math.abs(x) < 1 && x !== 0 ? decimal(digits, power) : String(x);
  return plain.includes(".") ? plain : `${plain}.0`;
}

// "5", -2 -> "0.05"; String would write what is below a millionth with an exponent.
function decimal(digits, power) {
  const bare = digits.replace("-", "").replace(".", "");
  return `${digits.startsWith("-") ? "-" : ""}0.${"0".repeat(-power - 1)}${bare}`;
}

// A value as it stands in a link: as short as it can be and still be read back the same.
export function written(value) {
  if (typeof value === "boolean") return value ? "1" : "0";
  if (Array.isArray(value)) return value.map(written).join(",");
  return typeof value === "number" ? shortest(value) : String(value);
}

export function shortest(value) {
  return repr(value).replace(/\.0$/, "");
}

// Six significant digits, as "%g" has them.
export function general(value, most = 6) {
  if (!Number.isFinite(value)) return repr(value);
  if (Object.is(value, -0)) return "-0";
  const near = evenly(value, most);
  const [digits, power] = near.toExponential(most - 1).split("e");
  const trimmed = digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits;
  if (Number(power) < -4 || Number(power) >= most) return `${trimmed}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  const fixed = near.toFixed(Math.max(0, most - 1 - Number(power)));
  return fixed.includes(".") ? fixed.replace(/\.?0+$/, "") : fixed;
}

// A number halfway between two of so many digits: the one that ends evenly, which is nearer to what is rounded there.
function evenly(value, most) {
  const [digits, power] = value.toExponential(Math.min(100, most + 40)).split("e");
  const [kept, rest] = [digits.replace("-", "").slice(0, most + 1), digits.replace("-", "").slice(most + 1)];
  return /^50*$/.test(rest) && Number(kept.at(-1)) % 2 === 0 ? Math.sign(value) * Number(`${kept}e${power}`) : value;
}

// A bound as it is read: whole numbers with all their digits.
export const bound = (value) => (Number.isInteger(value) ? String(value) : general(value));

// A text in quotation marks, with what is not printed written out.
export function quoted(text) {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escapes = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", [mark]: `\\${mark}` };
  const inner = [...text].map((char) => escapes[char] ?? (/[\p{C}\p{Z}]/u.test(char) && char !== " " ? code(char.codePointAt(0)) : char));
  return mark + inner.join("") + mark;
}

function code(point) {
  const hex = (size) => point.toString(16).padStart(size, "0");
  return point < 0x100 ? `\\x${hex(2)}` : point < 0x10000 ? `\\u${hex(4)}` : `\\U${hex(8)}`;
}

// What a text says as a number; NaN where it says none.
export function readFloat(value) {
  if (typeof value === "number") return value;
  if (typeof value !== "string") return NaN;
  const text = trimmed(value);
  const words = /^([+-]?)(inf|infinity)$/i.exec(text);
  if (words) return words[1] === "-" ? -Infinity : Infinity;
  const digits = String.raw`\d+(?:_\d+)*`;
  const form = new RegExp(`^[+-]?(?:${digits}\\.?(?:${digits})?|\\.${digits})(?:e[+-]?${digits})?$`, "i");
  return form.test(text) ? Number(text.replaceAll("_", "")) : NaN;
}

// The parts of a text that are separated by commas.
export const listed = (text) => text.split(",").map(trimmed).filter(Boolean);

const trimmed = (text) => text.replace(/^[\s\x1c-\x1f\x85]+|[\s\x1c-\x1f\x85]+$/g, "");
