// A QR code of a text: byte mode, error correction level L or M, versions 1 to 40, after ISO/IEC 18004:2015.

// Per version: codewords of error correction in a block, and the number of blocks.
const CORRECTION = {
  L: [7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28, 28, 28, 30, 30, 26, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30],
  M: [10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26, 26, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28],
};
const BLOCKS = {
  L: [1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8, 8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19, 20, 21, 22, 24, 25],
  M: [1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16, 17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49],
};
const LEVELS = { L: 1, M: 0 }; // as the format says them
const MASKS = [
  (x, y) => (x + y) % 2,
  (x, y) => y % 2,
  (x) => x % 3,
  (x, y) => (x + y) % 3,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2,
  (x, y) => ((x * y) % 2) + ((x * y) % 3),
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2,
];

// --- Error correction: Reed and Solomon's, over the field of 256 elements with x^8 + x^4 + x^3 + x^2 + 1 -----------------

const POWERS = new Uint8Array(255);
const LOGS = new Uint8Array(256);
for (let i = 0, x = 1; i < 255; i++) {
  POWERS[i] = x;
  LOGS[x] = i;
  x = (x << 1) ^ (x & 0x80 ? 0x11d : 0);
}
const times = (a, b) => (a && b ? POWERS[(LOGS[a] + LOGS[b]) % 255] : 0);

// The generator's coefficients but for the first, which is 1.
function generator(count) {
  let made = [1];
  for (let i = 0; i < count; i++) made = [...made, 0].map((value, k) => value ^ (k ? times(made[k - 1], POWERS[i]) : 0));
  return made.slice(1);
}

export function correction(data, count) {
  const by = generator(count);
  const left = new Array(count).fill(0);
  for (const byte of data) {
    const factor = byte ^ left.shift();
    left.push(0);
    by.forEach((value, i) => (left[i] ^= times(value, factor)));
  }
  return left;
}

// --- Words ----------------------------------------------------------------------------------------------------------------

const sizeOf = (version) => 17 + 4 * version;

// Middles of the small squares by which a reader finds its way, along either side.
function alignments(version) {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const last = sizeOf(version) - 7;
  const step = version === 32 ? 26 : Math.ceil((last - 6) / (2 * count - 2)) * 2;
  return [6, ...Array.from({ length: count - 1 }, (_, i) => last - step * (count - 2 - i))];
}

function modules(version) {
  const many = alignments(version).length;
  const fixed = 3 * 64 + 31 + 2 * (sizeOf(version) - 16) + (version >= 7 ? 36 : 0) + (many ? 25 * (many * many - 3) - 10 * (many - 2) : 0);
  return sizeOf(version) ** 2 - fixed;
}

const capacity = (version, level) => Math.floor(modules(version) / 8) - CORRECTION[level][version - 1] * BLOCKS[level][version - 1];

// The codewords of a text's bytes, with those of error correction, in the order in which they are drawn.
function codewords(bytes, version, level) {
  const bits = [];
  const put = (value, count) => {
    for (let i = count - 1; i >= 0; i--) bits.push((value >> i) & 1);
  };
  put(4, 4);
  put(bytes.length, version < 10 ? 8 : 16);
  for (const byte of bytes) put(byte, 8);
  const total = capacity(version, level) * 8;
  put(0, Math.min(4, total - bits.length));
  put(0, -bits.length & 7);
  const data = Array.from({ length: bits.length / 8 }, (_, i) => bits.slice(8 * i, 8 * i + 8).reduce((sum, bit) => 2 * sum + bit, 0));
  for (let pad = 0xec; data.length < total / 8; pad ^= 0xec ^ 0x11) data.push(pad);
  const [count, each] = [BLOCKS[level][version - 1], CORRECTION[level][version - 1]];
  const short = Math.floor(data.length / count);
  const longer = data.length % count; // blocks that have one more, the last ones
  const blocks = Array.from({ length: count }, (_, i) => {
    const begin = i * short + Math.max(0, i - (count - longer));
    return data.slice(begin, begin + short + (i >= count - longer ? 1 : 0));
  });
  const checks = blocks.map((block) => correction(block, each));
  const woven = (lists, length) => Array.from({ length }, (_, i) => lists.flatMap((list) => (i < list.length ? [list[i]] : []))).flat();
  return [...woven(blocks, short + 1), ...woven(checks, each)];
}

// --- The picture ----------------------------------------------------------------------------------------------------------

class Grid {
  constructor(size) {
    this.size = size;
    this.dark = Array.from({ length: size }, () => new Array(size).fill(false));
    this.fixed = Array.from({ length: size }, () => new Array(size).fill(false));
  }

  fix(x, y, dark) {
    if (x < 0 || y < 0 || x >= this.size || y >= this.size) return;
    this.dark[y][x] = Boolean(dark);
    this.fixed[y][x] = true;
  }

  square(x, y, reach, dark) {
    for (let dy = -reach; dy <= reach; dy++) for (let dx = -reach; dx <= reach; dx++) this.fix(x + dx, y + dy, dark(Math.max(Math.abs(dx), Math.abs(dy))));
  }
}

// A value with the remainder of its division behind it, as the format and the version are written.
function checked(value, by, count) {
  let rest = value;
  for (let i = 0; i < count; i++) rest = (rest << 1) ^ ((rest >> (count - 1)) * by);
  return (value << count) | (rest & ((1 << count) - 1));
}

function drawFormat(grid, level, mask) {
  const bits = checked((LEVELS[level] << 3) | mask, 0x537, 10) ^ 0x5412;
  const bit = (i) => (bits >> i) & 1;
  const { size } = grid;
  for (let i = 0; i < 6; i++) grid.fix(8, i, bit(i));
  [[8, 7], [8, 8], [7, 8]].forEach(([x, y], i) => grid.fix(x, y, bit(6 + i)));
  for (let i = 9; i < 15; i++) grid.fix(14 - i, 8, bit(i));
  for (let i = 0; i < 8; i++) grid.fix(size - 1 - i, 8, bit(i));
  for (let i = 8; i < 15; i++) grid.fix(8, size - 15 + i, bit(i));
  grid.fix(8, size - 8, true);
}

function blank(version) {
  const grid = new Grid(sizeOf(version));
  const { size } = grid;
  for (let i = 0; i < size; i++) {
    grid.fix(6, i, i % 2 === 0);
    grid.fix(i, 6, i % 2 === 0);
  }
  for (const [x, y] of [[3, 3], [size - 4, 3], [3, size - 4]]) grid.square(x, y, 4, (reach) => reach !== 2 && reach !== 4);
  const at = alignments(version);
  const corner = (i, j) => (i === 0 && (j === 0 || j === at.length - 1)) || (i === at.length - 1 && j === 0);
  at.forEach((x, i) => at.forEach((y, j) => corner(i, j) || grid.square(x, y, 2, (reach) => reach !== 1)));
  drawFormat(grid, "L", 0); // its place, so that no codeword is drawn there
  if (version >= 7) {
    const bits = checked(version, 0x1f25, 12);
    for (let i = 0; i < 18; i++) {
      const [a, b] = [size - 11 + (i % 3), Math.floor(i / 3)];
      grid.fix(a, b, (bits >> i) & 1);
      grid.fix(b, a, (bits >> i) & 1);
    }
  }
  return grid;
}

function drawCodewords(grid, words) {
  let i = 0;
  for (let right = grid.size - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5;
    for (let k = 0; k < grid.size; k++) {
      for (const x of [right, right - 1]) {
        const y = ((right + 1) & 2) === 0 ? grid.size - 1 - k : k;
        if (grid.fixed[y][x]) continue;
        grid.dark[y][x] = i < 8 * words.length && Boolean((words[i >> 3] >> (7 - (i & 7))) & 1);
        i += 1;
      }
    }
  }
}

function masked(grid, mask) {
  return grid.dark.map((row, y) => row.map((dark, x) => (grid.fixed[y][x] ? dark : dark !== (MASKS[mask](x, y) === 0))));
}

// How hard a picture is to read: long runs, squares of one colour, what looks like a corner's mark, too much of one colour.
export function penalty(rows) {
  const size = rows.length;
  const columns = rows.map((_, x) => rows.map((row) => row[x]));
  let found = 0;
  for (const line of [...rows, ...columns]) {
    const text = line.map(Number).join("");
    for (const [run] of text.matchAll(/0{5,}|1{5,}/g)) found += run.length - 2;
    for (let i = 0; i + 11 <= size; i++) if (["10111010000", "00001011101"].includes(text.slice(i, i + 11))) found += 40;
  }
  for (let y = 0; y + 1 < size; y++) {
    for (let x = 0; x + 1 < size; x++) if (rows[y][x] === rows[y][x + 1] && rows[y][x] === rows[y + 1][x] && rows[y][x] === rows[y + 1][x + 1]) found += 3;
  }
  const dark = rows.flat().filter(Boolean).length;
  return found + 10 * Math.floor(Math.abs((20 * dark) / size ** 2 - 10));
}

// Rows of dark (true) and light modules; an Error where the text is too long. Level M where it takes no larger picture.
export function qrCode(text, { level = "" } = {}) {
  const bytes = [...new TextEncoder().encode(text)];
  const fits = (which) => Array.from({ length: 40 }, (_, i) => i + 1).find((version) => 4 + (version < 10 ? 8 : 16) + 8 * bytes.length <= 8 * capacity(version, which));
  const chosen = level || (fits("M") === fits("L") ? "M" : "L");
  const version = fits(chosen);
  if (!version) throw new Error(`a text of ${bytes.length} bytes is too long for a QR code`);
  const grid = blank(version);
  drawCodewords(grid, codewords(bytes, version, chosen));
  const pictures = MASKS.map((_, mask) => {
    drawFormat(grid, chosen, mask);
    return masked(grid, mask);
  });
  return pictures.reduce((best, rows) => (penalty(rows) < penalty(best) ? rows : best));
}

// The modules as one path of squares, for an SVG with a quiet zone of 4.
export function qrPath(rows) {
  return rows.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x + 4} ${y + 4}h1v1h-1z`] : []))).join("");
}
