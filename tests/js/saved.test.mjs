// The legend of a saved picture is the page's own: every mark has a swatch, in the colour of its role.
import assert from "node:assert/strict";
import { test } from "node:test";

import { palette } from "../../toy/viewer/web/colour.js";
import { ARROWS, DENSITIES } from "../../toy/viewer/web/fields.js";
import { legendItems } from "../../toy/viewer/web/legend.js";
import { swatchOf } from "../../toy/viewer/web/saved.js";
import { UI } from "../../toy/viewer/web/ui.js";

test("everything that a legend may name has a swatch of a colour that there is", () => {
  const ui = { ...UI, samples: true, trails: true, paths: true, quality: true, layers: [...DENSITIES, ...ARROWS] };
  const items = legendItems({ ui, outlines: [["B", "other"], ["A", "target"]], target: { all: "AB", mode: "branch" }, tinted: true, forward: false, plain: false });
  assert.ok(items.length > 18);
  for (const { name } of items) {
    const [kind, role] = swatchOf(name);
    assert.ok(role in palette(false), name);
    assert.equal(kind === "arrow", ARROWS.includes(name), name);
  }
  assert.deepEqual(swatchOf("outside")[0], "ring", "told apart without its colour");
  assert.notEqual(swatchOf("lost")[0], swatchOf("gained")[0]);
});
