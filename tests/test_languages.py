"""What the views say in each language, and where the others come from."""

import json
import re

import pytest
from click.testing import CliRunner
from site_helpers import said

from toy.__main__ import main
from toy.languages import LANGUAGES
from toy.lessons import lessons, numbers
from toy.site import building
from toy.state import State, parse
from toy.viewer import sources
from toy.viewer.look import Look, looked
from toy.viewer.look import parse as look_of
from toy.viewer.packs import TITLE, WHAT
from toy.viewer.presets import PRESETS, opened

NUMBER = r"\d+(?:\.\d+)?[a-f]?"
OTHERS = [language for language in LANGUAGES if language != "en"]


def test_views_and_lessons_have_the_same_languages():
    listed = re.search(r"^export const LANGUAGES = (.*);$", (sources.VIEWER / "language.js").read_text(), re.M)
    assert listed is not None
    assert json.loads(re.sub(r"(\w+):", r'"\1":', listed[1])) == LANGUAGES
    assert {path.name for path in sources.VIEWER.glob("words.*.json")} == {f"words.{name}.json" for name in LANGUAGES}
    for language in LANGUAGES:
        assert list(lessons(language, numbers()))


@pytest.mark.parametrize("language", OTHERS)
def test_every_story_is_told(language):
    found = sources.words(language)["stories"]
    assert list(found) == ["", *PRESETS]
    english = {"": (TITLE, WHAT)} | {name: (preset.title, preset.sentence) for name, preset in PRESETS.items()}
    for name, story in found.items():
        for part, other in zip(english[name], (story["title"], story["text"]), strict=True):
            assert part != other
            assert set(re.findall(NUMBER, part)) <= set(re.findall(NUMBER, other)), "of the paper's figures too"
    assert "stories" not in sources.words("en"), "these stand with the stories"


def test_the_app_brings_every_language_and_the_site_the_one_that_is_asked_for():
    files = building.contents(("tree",))
    for language in OTHERS:
        label = sources.words(language)["labels"]["plain"]
        for view in ("viewer", "fieldview", "learn"):
            assert label in sources.viewer_sources(view)["js"]
        assert label in sources.standalone_html(b"", "t")
        assert label not in building.script_of("main").decode()
        assert json.loads(files[f"words/{language}.json"]()) == sources.words(language)
    assert not [name for name in building.first() if name.startswith("words/")]


def test_a_link_says_the_language_and_what_is_wrong_with_it():
    for language in OTHERS:
        state, notes = parse({"language": language})
        assert (state.query(), notes) == ({"language": language}, [])
        assert look_of({"language": language}) == (Look(language=language), [])
        assert Look(language=language).query() == {"language": language}
        assert looked({"language": language}, Look()).language == language
    for odd in ("xx", "", "EN", "zh-CN", "__proto__", "<b>"):
        assert parse({"language": odd})[1] == look_of({"language": odd})[1] == [
            f"unknown language {odd!r}; have: {', '.join(LANGUAGES)}"
        ]  # fmt: skip
    for odd in ("xx", None, ["zh"], {"zh": 1}, 3):
        assert looked({"language": odd}, Look(language="ko")).language == "ko"


def test_a_story_is_shown_in_the_visitors_language_and_under_his_challenge():
    own = {"language": "zh", "challenge": "outside<7,mode_tv<0.13", "hide": "layers", "trails": "1"}
    state = opened("close-up").beside(parse(own)[0])
    assert state.query() == opened("close-up").query() | {name: own[name] for name in ("language", "challenge", "hide")}
    assert State().beside(parse(own)[0]).query() == {name: own[name] for name in ("language", "challenge", "hide")}


def test_a_challenge_in_a_link_is_refused_alike_in_app_and_site():
    odd = ["", ",", "outside", "outside<", "outside<7,", "outside < 7", "outside<-1", "outside<1e3", "outside<12345"]
    odd += [
        "beauty<7",
        "outside=7",
        "outside<7<8",
        "<b>outside<7",
        "outside<٣",
        "outside<7\n",
        ",".join(["trunk>1"] * 5),
    ]
    links = [State(ui=(("challenge", value),)).link() for value in odd]
    for value, found in zip(odd, said(links)["links"], strict=True):
        state, notes = parse({"challenge": value})
        assert (found["notes"], found["ui"]) == (notes, dict(state.ui)), value
        assert len(notes) == (value not in ("outside<7,", "outside<7\n"))


@pytest.mark.usefixtures("coarse_outlines")
def test_the_command_line_takes_a_link_in_any_language(tmp_path):
    link = "language=ko&n=512&steps=8&challenge=outside<7"
    out = tmp_path / "a.png"
    found = CliRunner().invoke(main, ["figure", "explore", "--link", link, "--out", str(out)])
    assert found.exit_code == 0, found.output
    assert out.exists()
