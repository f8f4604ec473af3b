// Room in a WebAssembly memory, taken and given back in pieces.

const PAGE = 65536;
const LINE = 16; // bytes: a vector's size, which all pieces begin at

/** Pieces of `memory` from the byte `begin` on; it grows as needed, up to its own limit. */
export class Room {
  #memory;
  #free; // [begin, end) in ascending order, none touching the next
  #taken = new Map();

  constructor(memory, begin) {
    this.#memory = memory;
    this.#free = [[(begin + LINE - 1) & -LINE, memory.buffer.byteLength]];
  }

  /** Where a new piece of so many bytes begins. Error with one sentence where the memory's limit is reached. */
  take(size) {
    const whole = (size + LINE - 1) & -LINE;
    let found = this.#free.findIndex(([begin, end]) => end - begin >= whole);
    if (found < 0) {
      this.#grow(whole);
      found = this.#free.length - 1;
    }
    const piece = this.#free[found], [begin] = piece;
    piece[0] += whole;
    if (piece[0] === piece[1]) this.#free.splice(found, 1);
    this.#taken.set(begin, whole);
    return begin;
  }

  /** Give back the piece that begins there. */
  give(begin) {
    this.#free.push([begin, begin + this.#taken.get(begin)]);
    this.#taken.delete(begin);
    this.#join();
  }

  #grow(size) {
    const end = this.#memory.buffer.byteLength, last = this.#free.at(-1);
    const missing = size - (last?.[1] === end ? end - last[0] : 0);
    try {
      this.#memory.grow(Math.ceil(missing / PAGE));
    } catch {
      throw new Error(`${Math.ceil(size / 2 ** 20)} MB more do not fit into the kernel's memory`);
    }
    this.#free.push([end, this.#memory.buffer.byteLength]);
    this.#join();
  }

  #join() {
    const joined = [];
    for (const piece of this.#free.sort((a, b) => a[0] - b[0])) {
      if (joined.at(-1)?.[1] === piece[0]) joined.at(-1)[1] = piece[1];
      else joined.push(piece);
    }
    this.#free = joined;
  }
}
