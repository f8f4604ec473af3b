"""In Chromium, with workers, the engine takes samples where it takes them in node."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from file_server import served_folder
from parity_helpers import CASES, CLOSE, PARTED, N, apart, given, in_node

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TEN = (
    "rule none", "rule autoguidance", "rule adaptive_projected_guidance", "rule cads", "rule feedback_guidance",
    "schedule interval", "integrator dpm_2m", "integrator ancestral", "integrator gibbs", "exact scores",
)  # fmt: skip
RUN = """async (text) => {
  const at = (path) => new URL(path, location.href).href;
  const [{ Engine }, { moduleOf }, { told }, { unpack }] = await Promise.all(
    ["toy/browser/web/engine.js", "toy/browser/web/module.js", "toy/viewer/web/local.js", "toy/viewer/web/unpack.js"]
      .map((path) => import(at(path))));
  const wasm = async (name) => new Uint8Array(await (await fetch(at(`toy/browser/web/${name}.wasm`))).arrayBuffer());
  const module = moduleOf({ plain: await wasm("kernel"), relaxed: await wasm("kernel_relaxed") });
  const open = () => new Worker(at("toy/browser/web/worker.js"), { type: "module" });
  const { header, arrays } = unpack(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));
  const engine = new Engine({ open, module, workers: 3 });
  await engine.learn(told(header, arrays));
  const found = [];
  for (const { scene } of header.runs) {
    const { path, values } = await engine.side(scene);
    found.push({ end: [...path.slice(-2 * scene.n)], values });
  }
  engine.close();
  return JSON.stringify(found);
}"""


@pytest.fixture
def files():
    """The address of the repository's files, served plainly."""
    with served_folder(Path(__file__).parents[1]) as url:
        yield url


def test_ten_methods_end_where_they_end_in_node(browser, files, tmp_path):
    """Nearer than 2e-6 in the median; relaxed SIMD rounds otherwise, so that a few points may part at a fork."""
    scenes = [CASES[case] for case in TEN]
    page = browser.new_page()
    page.goto(f"{files}/README.md")
    found = json.loads(page.evaluate(RUN, base64.b64encode(given(scenes)).decode()))
    page.close()
    for case, here, there in zip(TEN, found, in_node(scenes, tmp_path), strict=True):
        far = apart(*(np.reshape(np.float64(made["end"]), (-1, 2)) for made in (there, here)))
        assert np.median(far) < CLOSE, case
        assert np.mean(far > PARTED) <= 3 / N, case
        for name, value in there["values"].items():
            assert here["values"][name] == pytest.approx(value, abs=2 / N), (case, name)
