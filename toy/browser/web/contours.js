// Closed lines around what is above a level on a grid: marching squares, with the level's place on an edge read linearly.

const OUTSIDE = -Infinity; // beyond the grid, so that every line is closed

// Lines [[x, y], ...], each closed, around where `values` [size, size] (row 0 at the bottom) over `box` are at least `level`,
// which is on their left. Where both corners on a diagonal are, the mean of all four says whether they are joined.
export function contoursOf(values, size, [left, right, bottom, top], level) {
  const at = (i, j) => (i < 0 || j < 0 || i >= size || j >= size ? OUTSIDE : values[j * size + i]);
  const along = new Map(); // from the edge by which a line comes into a square to that by which it leaves it
  const [row, above] = [size + 2, new Uint8Array((size + 2) * (size + 2))];
  for (let k = 0; k < size * size; k++) above[(Math.floor(k / size) + 1) * row + (k % size) + 1] = Number(values[k] >= level);
  for (let k = 0; k < row * (row - 1) - 1; k++) {
    const corners = above[k] + above[k + 1] + above[k + row] + above[k + row + 1];
    if (corners % 4) square((k % row) - 1, Math.floor(k / row) - 1);
  }
  return closed();

  function square(i, j) {
    const [a, b, c, d] = [at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)]; // counterclockwise
    const inside = [a >= level, b >= level, c >= level, d >= level];
    const edges = [edge(i, j, 0), edge(i + 1, j, 1), edge(i, j + 1, 0), edge(i, j, 1)];
    const leaving = [0, 1, 2, 3].filter((k) => inside[k] && !inside[(k + 1) % 4]);
    const joined = (a + b + c + d) / 4 >= level;
    for (const k of leaving) {
      const step = leaving.length === 2 && joined ? 1 : 3;
      let to = (k + step) % 4;
      while (inside[to] || !inside[(to + 1) % 4]) to = (to + step) % 4;
      along.set(edges[k], edges[to]);
    }
  }

  // An edge's number: of that to the right of a point, or upwards of it.
  function edge(i, j, up) {
    return 2 * ((j + 1) * (size + 1) + i + 1) + up;
  }

  function closed() {
    const lines = [];
    for (const first of along.keys()) {
      const line = [];
      for (let now = first; along.has(now); ) {
        line.push(place(now));
        const next = along.get(now);
        along.delete(now);
        now = next;
      }
      if (line.length) lines.push(line);
    }
    return lines;
  }

  function place(number) {
    const [up, point] = [number % 2, number >> 1];
    const [i, j] = [(point % (size + 1)) - 1, Math.floor(point / (size + 1)) - 1];
    const [a, b] = [at(i, j), at(i + 1 - up, j + up)];
    const share = a === OUTSIDE ? 1 : b === OUTSIDE ? 0 : (level - a) / (b - a);
    const [x, y] = [i + (up ? 0 : share), j + (up ? share : 0)];
    return [left + ((right - left) * x) / (size - 1), bottom + ((top - bottom) * y) / (size - 1)];
  }
}

// The same as arrays of a pack: all points, and where each line begins.
export function outlineArrays(name, lines) {
  const starts = [];
  let next = 0;
  for (const line of lines) {
    starts.push(next);
    next += line.length;
  }
  return {
    [`outline.${name}`]: { data: Float32Array.from(lines.flat(2)), shape: [next, 2] },
    [`outline.${name}.starts`]: { data: Uint32Array.from(starts), shape: [starts.length] },
  };
}
