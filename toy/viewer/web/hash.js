// A short name for what a value says, the same for the same: 64 bits of its JSON, so that of a page's pictures no two share one.

export function nameOf(value) {
  let [a, b] = [0xdeadbeef, 0x41c6ce57];
  for (const char of JSON.stringify(value)) {
    const code = char.codePointAt(0);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return [b, a].map((part) => (part >>> 0).toString(16).padStart(8, "0")).join("");
}
