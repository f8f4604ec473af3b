"""Files of figures: the same every time, they say how they were made, and are whole or not there."""

import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import models
from toy import figures
from toy.figures import Options
from toy.views import VIEWS, View

CAPTION = {"title": "Samples, σ = 0.03", "w": "3", "note": 'quotes " and (brackets) \\'}


@pytest.fixture
def simple() -> Figure:
    figure = Figure(figsize=(1, 1))
    with figures.style():
        ax = figures.panel(figure.add_axes((0.1, 0.2, 0.8, 0.8)), title="$p_1$")
        figures.dots(ax, np.zeros((3, 2)))
        figures.density_panel(ax, np.arange(16.0).reshape(4, 4), view=VIEWS["tree"])
    return figure


def test_small_pictures_are_small(simple):
    small = figures.encode_small(simple, pixels=200)
    assert Image.open(io.BytesIO(small)).mode == "P"
    assert len(small) < len(figures.encode(simple, "png", CAPTION))


def read(data: bytes, kind: str) -> tuple[str, dict[str, str]]:
    """Title and parameters in a file's metadata."""
    if kind == "png":
        text = Image.open(io.BytesIO(data)).text
        return text["Title"], json.loads(text["Description"])
    if kind == "svg":
        space = "{http://purl.org/dc/elements/1.1/}"
        tree = ElementTree.fromstring(data)
        return tree.find(f".//{space}title").text, json.loads(tree.find(f".//{space}description").text)
    title, subject = (_pdf_text(data, name) for name in (b"Title", b"Subject"))
    return title, json.loads(subject)


def _pdf_text(data: bytes, name: bytes) -> str:
    found = re.search(rb"/" + name + rb" \(((?:\\.|[^\\)])*)\)", data, re.DOTALL)
    assert found is not None
    text = re.sub(rb"\\(.)", rb"\1", found[1])
    return text.decode("utf-16" if text.startswith(b"\xfe\xff") else "ascii")


@pytest.mark.parametrize("kind", figures.FORMATS)
def test_metadata_round_trip(simple, tmp_path, kind):
    path = figures.save(simple, tmp_path / f"figure.{kind}", caption=CAPTION)
    title, caption = read(path.read_bytes(), kind)
    assert caption == CAPTION
    assert title == CAPTION["title"]


def test_the_users_settings_change_nothing(simple):
    expected = figures.encode(simple, "png", CAPTION)
    with mpl.rc_context({"savefig.transparent": True, "savefig.bbox": "tight", "text.hinting": "none"}):
        assert figures.encode(simple, "png", CAPTION) == expected
        assert mpl.rcParams["savefig.bbox"] == "tight"


def test_a_failure_leaves_the_old_file(simple, tmp_path, monkeypatch):
    path = tmp_path / "figure.png"
    path.write_bytes(b"old")

    def fail(self: Path, data: bytes) -> int:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="disk full"):
        figures.save(simple, path, caption=CAPTION)
    assert [p.name for p in tmp_path.iterdir()] == ["figure.png"]
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("name", ["figure.jpg", "figure", "figure.png.gz"])
def test_unknown_formats_write_nothing(simple, tmp_path, name):
    with pytest.raises(ValueError, match=r"unknown format .*; have: png, pdf, svg"):
        figures.save(simple, tmp_path / name, caption=CAPTION)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: figures.draw("x", models.load), "unknown figure 'x'; have: fig1, fig2, fig9, overview"),
        (lambda: figures.check("x", "png"), "unknown figure 'x'; have: fig1, fig2, fig9, overview"),
        (lambda: figures.check("fig1", "gif"), "unknown format 'gif'; have: png, pdf, svg"),
        (lambda: Options(cast={"strong": "exact:A"}), "no figure has a role 'strong'; have: main, unconditional, weak"),
        (lambda: Options(knobs={"v": 1}), "no figure has a knob 'v'; have: w, gamma"),
        (lambda: Options(knobs={"w": float("nan")}), "w = nan is not a number from 0 to 8"),
        (lambda: Options(steps=4), "steps = 4 is not a whole number from 8"),
        (lambda: Options(n=0), "n = 0 is not a whole number from 1"),
        (lambda: Options(sigma=-1), "sigma = -1 is not a number from 0.001 to 100"),
        (lambda: Options(sigma=float("nan")), "sigma = nan is not"),
        (lambda: Options(target="C"), "unknown class 'C'; have: A, B, AB"),
        (lambda: Options(resolution=1), "resolution = 1 is not a whole number from 16 to 4096"),
        (lambda: figures.spread("A", 0.03, View(9, 9, 0.1)), "no sample of class 'A' .* is in view 9,9,0.1"),
    ],
)
def test_bad_input_is_one_sentence(make, message):
    with pytest.raises(ValueError, match=message):
        make()
