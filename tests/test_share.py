"""What leaves the page: stories, commands, snippets, figures and other files."""

import shlex
from pathlib import Path

import click
import pytest
from app_states import QUICK, SMALL, scenes, viewer_settings
from hypothesis import given
from hypothesis import strategies as st
from ui_helpers import NAMES

from toy.__main__ import main
from toy.cli.flags import scene_of
from toy.scene import Scene
from toy.state import (
    SHARED,
    SLOTS,
    State,
    figure,
    of_link,
    parse,
)
from toy.ui import export, share
from toy.viewer.presets import PRESETS, opened, told

pytestmark = pytest.mark.usefixtures("coarse_outlines")


@pytest.mark.parametrize("name", PRESETS)
def test_every_story_is_a_state(name):
    preset = PRESETS[name]
    state = opened(name, ("settings",))
    assert state.hide == ("settings",)
    assert told(state) == preset
    assert parse(state.query()) == (state, [])
    assert preset.sentence.endswith(".")
    missing = {density for slot in SLOTS for _, density in state.scene(slot).cast} - set(NAMES)
    assert not missing


def scene_of_command(line: str) -> Scene:
    """The Scene that the command line makes of a line."""
    python, flag, package, verb, *args = shlex.split(line)
    assert (python, flag, package) == ("python", "-m", "toy")
    context = main.commands[verb].make_context(verb, args)
    assert isinstance(context, click.Context)
    other = ("as_json", "seeds", "logq")
    return scene_of(**{name: value for name, value in context.params.items() if name not in other})


@QUICK
@given(scenes())
def test_the_command_makes_the_same_scene(scene):
    assert scene_of_command(share.command(scene)) == scene


@QUICK
@given(scenes())
def test_the_snippet_makes_the_same_scene(scene):
    line = next(line for line in share.snippet(scene).splitlines() if line.startswith("scene = "))
    assert eval(line.removeprefix("scene = toy."), {"Scene": Scene}) == scene


@QUICK
@given(scenes(), st.data())
def test_the_command_draws_the_same_state(left, data):
    shared = {name: getattr(left, name) for name in SHARED}
    right = data.draw(scenes(shared))
    state = State(left, right, data.draw(viewer_settings()))
    python, flag, package, verb, name, *args = shlex.split(share.redraw(state))
    assert (python, flag, package, verb, name) == ("python", "-m", "toy", "figure", "explore")
    assert len(args) in (0, 2)
    link = args[1] if args else ""
    for text in (link, f"?{link}", f"http://127.0.0.1:8501/?{link}"):
        assert of_link(text) == state


def test_a_link_is_read_strictly():
    assert of_link("") == of_link("?") == of_link("http://127.0.0.1:8501/") == State()
    for text, words in [("left.w=99", ["left.w", "99", "8"]), ("hello", ["'hello'"]), ("n=7", ["n = 7", "512"])]:
        with pytest.raises(ValueError, match=words[0]) as caught:
            of_link(text)
        assert all(word in str(caught.value) for word in words)


def test_the_figure_shows_the_window_on_the_screen():
    whole, near = (of_link(f"n=512&steps=8&left.main=exact:A&view={view}") for view in ("0.3,0.3,1.2", "0.45,1.22,0.3"))
    assert figure(whole, "svg") != figure(near, "svg")
    with pytest.raises(ValueError, match="bmp"):
        figure(whole, "bmp")


def test_the_snippet_runs(capsys):
    exec(share.snippet(SMALL.left), {})
    assert "outliers" in capsys.readouterr().out


MAGIC = {
    "png": b"\x89PNG",
    "svg": b"<?xml",
    "pdf": b"%PDF",
    "gif": b"GIF8",
    "html": b"<!doctype html>",
    "npz": b"PK",
    "csv": b"side,x,y",
}


@pytest.mark.parametrize("choice", export.CHOICES, ids=lambda choice: Path(choice[1]).suffix)
def test_every_download_is_such_a_file(choice):
    _, name, _, make = choice
    data = make(SMALL)
    assert data.startswith(MAGIC[name.rpartition(".")[2]])
    if name.endswith(".csv"):
        assert len(data.splitlines()) == 1 + 2 * SMALL.left.n
