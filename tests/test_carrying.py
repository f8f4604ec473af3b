"""A drawing within a link: written and read by Python and by the site alike, and a hostile one gets one sentence."""

import json
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from ui_helpers import ROOT

from toy.distributions import carrying, keeping, strokes
from toy.distributions.strokes import Stroke, name_of, store
from toy.state import of_link

DRAWN = [
    Stroke("A", 0.0525, np.array([[-0.12345, 1e-7], [12.345, -0.0], [1e16, 2.5e-5]]) * [1, 1]),
    Stroke("B", 1e14, np.array([[0.0, 1.0]])),
]
DRAWN[0] = Stroke("A", 1e14, DRAWN[0].at)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A data folder of one's own, which ``empty`` makes another server's."""

    def empty() -> None:
        for path in (tmp_path / "data").glob("*.csv"):
            path.unlink()

    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path))
    return empty


def test_a_drawing_goes_by_a_link_to_another_server_and_has_the_same_name(folder):
    name = store(DRAWN)
    written = carrying.carried(name)
    folder()
    assert not keeping.kept(name)
    carrying.take(written, name)
    assert keeping.kept(name)
    assert carrying.carried(name) == written
    folder()
    carrying.take(written.replace(",", "%2C").replace(";", "%3B"), name)  # as some programs send a link on
    assert keeping.kept(name)


def test_the_site_writes_and_reads_what_the_app_does():
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    name = store(DRAWN)
    script = """
        import { Drawings } from "./toy/site/web/drawings.js";
        const drawings = new Drawings(() => null);
        const name = drawings.takeCarried(process.argv[1]);
        console.log(JSON.stringify([name, drawings.carried(name)]));
    """
    given = carrying.carried(name)
    command = [node, "--input-type=module", "-e", script, given]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(found.stdout) == [name, given]


def test_a_link_carries_as_many_characters_here_as_on_the_site():
    site = (ROOT / "toy" / "site" / "web" / "drawings.js").read_text(encoding="utf-8")
    assert f"LONGEST_CARRIED = {carrying.LONGEST};" in site
    mark = (ROOT / "toy" / "viewer" / "web" / "carried.js").read_text(encoding="utf-8")
    assert f'CARRIED = "{carrying.MARK}";' in mark
    wide = [Stroke("A", 5.5, np.arange(2.0 * points).reshape(-1, 2)) for points in (700, 1000)]
    lengths = [len(",".join(["A", "5.5", *(f"{x:g}" for x in each.at.ravel())])) for each in wide]
    assert lengths[0] < carrying.LONGEST < lengths[1]
    assert len(carrying.carried(store(wide[:1]))) == lengths[0]
    assert carrying.carried(store(wide[1:])) == ""


HOSTILE = {
    "A": "no line of points",
    "A,1": "no line of points",
    "A,1,2": "no line of points",
    ";": "no line of points",
    "%00%ff": "no line of points",
    "A,1,0,0;": "no line of points",
    "A,1,nan,0": "not two finite numbers",
    "A,1,1e999,0": "not two finite numbers",
    "A,1,1e31,0": "not two finite numbers",
    "A,1,<script>,0": "not two finite numbers",
    "A,nan,0,0": "width nan",
    "A,1e-9,0,0,1,1": "width 1e-09",
    "AB,1,0,0": "class 'AB'",
    "<b>,1,0,0": "class '<b>'",
    ";".join(["A,1,0,0"] * 513): "513 strokes",
    "A,1" + ",0,0" * 5000: "20003 characters",
    "A,1,0,0": "carries another drawing",
}


@pytest.mark.parametrize("written", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_drawing_or_another_one_gets_a_sentence_and_is_not_kept(written):
    name = name_of(strokes.EXAMPLE)
    with pytest.raises(ValueError, match=HOSTILE[written]) as refused:
        carrying.take(written, name)
    words = str(refused.value)
    assert "\n" not in words
    assert len(words) < 200
    assert not keeping.kept(name)
    assert not list(keeping.path_of(name).parent.glob("*.csv"))


def test_a_link_with_its_drawing_is_taken_where_links_are(folder):
    # One that nobody has drawn before: what a process has made of a drawing it goes on knowing.
    name = store([replace(stroke, width=0.0437) for stroke in strokes.EXAMPLE])
    link = f"https://there.example/?target={name}/B&left.w=2{carrying.MARK}{carrying.carried(name)}"
    folder()
    with pytest.raises(ValueError, match="open a link that carries the drawing, or draw it again"):
        of_link(link.partition("#")[0])
    state = of_link(link)
    assert state.left.target == f"{name}/B"
    assert dict(state.left.knobs)["w"] == 2
    # Where it is known already nothing is read, whatever it says.
    assert of_link(f"target={name}/B&left.w=2{carrying.MARK}x") == state
    # Beside a link of no drawing it is nothing; a training's number is no drawing.
    assert of_link(f"left.main=A32@512#1{carrying.MARK}A,1,0,0") == of_link("left.main=A32@512#1")
