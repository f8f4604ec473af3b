"""Lessons as files: what a wrong one is told, what all of them keep to."""

import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from ui_helpers import ROOT

from toy import lessons
from toy.languages import LANGUAGES
from toy.lessons import FOLDER, measures, measuring, prose, reading
from toy.state import SLOTS, of_link

FILES = sorted(FOLDER.glob("*.md"))
ENGLISH = [path for path in FILES if path.name.endswith(".en.md")]
HEAD = "---\ntitle: T\nsummary: S\nminutes: 10\norder: 1\n---\n"
ONE = f"{HEAD}\n## One\n\nkind: look\nlink: left.w=3\nmeasured: root = left.root_share\n\nText.\n"


def read(tmp_path: Path, text: str, numbers=None) -> lessons.Lesson:
    path = tmp_path / "some.en.md"
    path.write_text(text, encoding="utf-8")
    return lessons.read(path, numbers)


# --- The parser -------------------------------------------------------------------------------------------------------


def test_a_step_is_its_declarations_and_its_text(tmp_path):
    other = "\n## Two\n\nkind: turn\nturn: left.w >= 6\nhide: metrics\n\nTurn *w*, `w`, **now**.\nAnd on."
    first, second = read(tmp_path, f"{ONE}{other}\n\n- one\n- two\n").steps
    assert first.measured == (("root", "left.root_share"),)
    assert first.text == [["p", "Text."]]
    assert first.link == "left.w=3"
    assert second.link == "left.w=3&hide=metrics", "the link of the step before, with what this one hides"
    assert second.turn == ("left.w", ">=", 6.0)
    words = ["p", "Turn ", ["em", "w"], ", ", ["code", "w"], ", ", ["strong", "now"], ". And on."]
    assert second.text == [words, ["ul", ["one"], ["two"]]]


def test_what_one_step_hides_the_next_one_shows(tmp_path):
    rest = "\n## Two\n\nkind: look\nhide: metrics\n\nText.\n\n## Three\n\nkind: look\n\nText.\n"
    assert [of_link(step.link).hide for step in read(tmp_path, ONE + rest).steps] == [(), ("metrics",), ()]


def test_choices_say_why(tmp_path):
    text = f"{HEAD}\n## Q\n\nkind: predict-choice\n\nWhich?\n\n- [ ] This\n  No,\n  not this.\n- [x] That\n  Yes.\n"
    (step,) = read(tmp_path, text).steps
    assert step.choices == (reading.Choice("This", "No, not this.", False), reading.Choice("That", "Yes.", True))
    assert step.text == [["p", "Which?"]]


def test_numbers_are_written_into_texts_and_choices(tmp_path):
    text = ONE.replace("Text.", "It is {root:.1%}, or {root:.2f}.")
    assert read(tmp_path, text, {"some": {"root": 0.2513}}).steps[0].text == [["p", "It is 25.1%, or 0.25."]]
    assert read(tmp_path, text).steps[0].text == [["p", "It is {root:.1%}, or {root:.2f}."]]


def test_a_reveal_is_of_the_prediction_before_it(tmp_path):
    ask = "\n## Q\n\nkind: predict-number\nnumber: 0 to 50 %\nanswer: root\n\nHow much?\n"
    look = "\n## L\n\nkind: look\n\nText.\n"
    steps = read(tmp_path, ONE + ask + look + "\n## R\n\nkind: reveal\n\nSo.\n", {"some": {"root": 0.25}})
    assert steps.steps[3].of == 1
    assert steps.flat()["steps"][1]["number"] == {"from": 0, "to": 50, "unit": "%", "answer": 25.0}


LOOK = "kind: look\nlink: left.w=3\nmeasured: root = left.root_share"
WRONG = {
    "no head": ("Text", 1, "begins with"),
    "head not closed": ("---\ntitle: T\n", 1, "begins with"),
    "unknown in the head": (ONE.replace("order: 1", "older: 1"), 5, "older"),
    "no minutes": (ONE.replace("minutes: 10\n", ""), 1, "no minutes"),
    "minutes in words": (ONE.replace("minutes: 10", "minutes: ten"), 1, "ten"),
    "no steps": (HEAD, 6, "steps"),
    "no kind": (ONE.replace("kind: look\n", ""), 8, "kind"),
    "unknown kind": (ONE.replace("kind: look", "kind: gaze"), 8, "gaze"),
    "unknown key": (ONE.replace("kind: look", "kind: look\ncolour: red"), 11, "colour"),
    "a key twice": (ONE.replace("kind: look", "kind: look\nkind: look"), 11, "twice"),
    "no text": (ONE.replace("\nText.\n", ""), 8, "no text"),
    "a link that is not legal": (ONE.replace("left.w=3", "left.w=99"), 8, "99"),
    "a link with what there is not": (ONE.replace("left.w=3", "left.v=3"), 8, "'v'"),
    "hides what there is not": (ONE.replace("kind: look", "kind: look\nhide: all"), 8, "all"),
    "a measure without a name": (ONE.replace("root = left", "left"), 12, "left.root_share"),
    "two numbers of one name": (ONE.replace("\n\nText", "\nmeasured: root = left.outliers\n\nText"), 1, "twice"),
    "a reveal of nothing": (ONE.replace("kind: look", "kind: reveal"), 8, "after a prediction"),
    "a number without a range": (ONE.replace(LOOK, "kind: predict-number\nanswer: root"), 8, "says number"),
    "a range upside down": (ONE.replace(LOOK, f"number: 5 to 1\nanswer: root\n{LOOK}"), 8, "5 to 1"),
    "an answer that is not measured": (ONE.replace(LOOK, f"answer: leaf\n{LOOK}"), 8, "leaf"),
    "draws on nothing": (ONE.replace(LOOK, "kind: predict-draw\ndraw: middle lost"), 8, "middle"),
    "turns what there is not": (ONE.replace(LOOK, "kind: turn\nturn: left.volume >= 3"), 8, "volume"),
    "covers what there is not": (ONE.replace(LOOK, f"cover: top\n{LOOK}"), 8, "top"),
    "choices where none are asked": (ONE + "\n- [x] this\n  yes\n- [ ] that\n  no\n", 8, "predict-choice"),
    "a method that there is not": (ONE.replace("Text.", "[so](method:magic)"), 8, "magic"),
    "a lesson that there is not": (ONE.replace("Text.", "[so](lesson:magic)"), 8, "magic"),
    "a link to anything": (ONE.replace("Text.", "[so](javascript:alert)"), 8, "javascript"),
    "a picture that is not legal": (ONE.replace("Text.", "[so](?left.w=99)"), 8, "99"),
    "no choice right": (
        f"{HEAD}\n## Q\n\nkind: predict-choice\n\nWhich?\n\n- [ ] a\n  no\n- [ ] b\n  no\n",
        11,
        "one of several choices",
    ),
    "a choice without why": (
        f"{HEAD}\n## Q\n\nkind: predict-choice\n\nWhich?\n\n- [x] a\n- [ ] b\n  no\n",
        11,
        "says why",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_gets_one_sentence_with_its_line(tmp_path, case):
    text, line, words = WRONG[case]
    with pytest.raises(ValueError, match=f"line {line}: ") as found:
        read(tmp_path, text)
    assert words in str(found.value)
    assert "\n" not in str(found.value)


def test_a_number_that_was_not_measured_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"line 13: \{root\}.*python -m toy.lessons"):
        read(tmp_path, ONE.replace("Text.", "{root}"), {})


def test_an_unknown_language_is_refused():
    with pytest.raises(ValueError, match=r"unknown language 'xx'; have: en, zh, ko"):
        lessons.lessons("xx")


def test_scripts_without_spaces_are_joined_without():
    assert prose.blocks("扩散\n模型") == [["p", "扩散模型"]]
    assert prose.blocks("확산\n모델") == [["p", "확산 모델"]]
    assert prose.blocks("a\nb") == [["p", "a b"]]


# --- The lessons ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_lesson_asks_shows_and_has_something_turned(path):
    lesson = lessons.read(path, lessons.numbers())
    kinds = [step.kind for step in lesson.steps]
    assert any(kind.startswith("predict") for kind in kinds)
    assert "turn" in kinds
    for i, step in enumerate(lesson.steps):
        if step.kind.startswith("predict"):
            reveals = [later for later in lesson.steps[i + 1 :] if later.of == i]
            assert reveals, f"{step.heading}: nothing answers it"
    assert json.loads(json.dumps(lesson.flat())) == lesson.flat()
    left = [part for step in lesson.steps for part in re.findall(r"\{[^}]*\}|\*\*|\]\(", json.dumps(step.text))]
    assert not left, "markup that was not read"


def test_lessons_have_names_orders_and_languages_of_their_own():
    orders = [lesson.order for lesson in lessons.lessons()]
    assert len(set(orders)) == len(orders)
    for path in FILES:
        name, language, _ = path.name.split(".")
        assert re.fullmatch(r"[a-z-]+", name)
        assert language in LANGUAGES
        assert (FOLDER / f"{name}.en.md").exists(), "English comes first"


def shape(lesson):
    """What translations of a lesson have in common."""
    return [
        (
            replace(step, heading="", text=[], line=0, choices=()),
            [choice.right for choice in step.choices],
            sorted(target for _, _, target in prose.links(step.text)),
        )
        for step in lesson.steps
    ]


def said(path: Path) -> list[str]:
    """The numbers that each step of a file says, in braces."""
    steps = path.read_text(encoding="utf-8").split("\n## ")[1:]
    return [" ".join(sorted(re.findall(r"\{[a-z][^}]*\}", step))) for step in steps]


@pytest.mark.parametrize("path", [path for path in FILES if path not in ENGLISH], ids=lambda path: path.name)
def test_a_translation_has_the_same_steps_links_and_numbers(path):
    english = FOLDER / f"{path.name.split('.')[0]}.en.md"
    mine, other = lessons.read(path), lessons.read(english)
    assert (mine.minutes, mine.order) == (other.minutes, other.order)
    assert shape(mine) == shape(other)
    assert said(path) == said(english)


@pytest.mark.parametrize("path", ENGLISH, ids=lambda path: path.name)
def test_what_is_measured_is_said(path):
    text, lesson = path.read_text(encoding="utf-8"), lessons.read(path)
    words = {*re.findall(r"\{([a-z][a-z0-9_]*)", text), *(step.answer for step in lesson.steps)}
    assert {name for step in lesson.steps for name, _ in step.measured} <= words


# --- Numbers and claims -----------------------------------------------------------------------------------------------


@cache
def kept() -> dict:
    return json.loads(measuring.NUMBERS.read_text(encoding="utf-8"))


@cache
def asked() -> dict[tuple[str, str], tuple[str, str]]:
    """(link, measure) of each number, by lesson and name."""
    return {
        (lesson.name, name): (measuring.scenes_of(step.link), what)
        for lesson in lessons.lessons()
        for step in lesson.steps
        for name, what in step.measured
    }


def test_the_kept_numbers_are_those_that_the_lessons_ask_for():
    found = {
        (lesson, name): (number["link"], number["what"])
        for lesson, named in kept()["numbers"].items()
        for name, number in named.items()
    }
    assert found == asked(), "python -m toy.lessons"
    assert kept()["seeds"] == list(measuring.SEEDS)


def test_a_lesson_rests_on_claims_that_hold():
    board = json.loads((ROOT / "docs" / "claims.json").read_text(encoding="utf-8"))
    verdicts = {claim["name"]: claim["verdict"] for claim in board["claims"]}
    for lesson in lessons.lessons():
        for step in lesson.steps:
            for claim in step.claims:
                assert verdicts[claim] == "holds", f"{lesson.name}: {claim}"


FEW = {  # numbers that are quick to measure again, one of each kind
    ("diffusion", "coarse"),
    ("diffusion", "later"),
    ("outliers", "stray"),
    ("outliers", "gone"),
    ("guidance", "out"),
    ("branches", "root2"),
    ("itself", "auto"),
    ("negatives", "placebo_high"),
    ("promise", "tilt"),
    ("yours", "tv"),
}


@pytest.mark.computes
@pytest.mark.parametrize(("lesson", "name"), sorted(FEW))
def test_a_number_is_found_again(lesson, name):
    number, (link, what) = kept()["numbers"][lesson][name], asked()[lesson, name]
    again = measuring.measure(link, what)
    assert again.value == pytest.approx(number["value"], rel=0.02, abs=2 * number["error"] + 1e-4)
    assert again.error == pytest.approx(number["error"], rel=0.5, abs=2e-3)


SHOWN = [
    pytest.param(step, id=f"{lesson.name}: {step.heading}")
    for lesson in lessons.lessons()
    for step in lesson.steps
    if step.shows
]


@pytest.mark.computes
@pytest.mark.parametrize("step", SHOWN)
def test_a_step_says_what_its_picture_shows(step):
    """With the seed that a reader sees, and with one that no number was measured with."""
    state = of_link(step.link)
    for seed in (state.left.seed, max(measuring.SEEDS) + 1):
        sides = {slot: measures.Values(replace(state.scene(slot), seed=seed)) for slot in SLOTS}
        untrue = [claim for claim in step.shows if not eval(claim, {"__builtins__": {}}, sides)]
        assert not untrue, f"{untrue} of {step.link}, seed {seed}"


def test_every_number_that_a_lesson_compares_is_shown_by_some_step():
    """A lesson whose pictures hold nothing could say anything."""
    for lesson in lessons.lessons():
        assert sum(len(step.shows) for step in lesson.steps) >= 2, lesson.name


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("middle.outliers", "left or right"),
        ("left.beauty", "unknown measure 'beauty'"),
        ("left._scene", "unknown measure"),
        ("right.tilt_trunk", "no tilted density"),
    ],
)
def test_what_is_no_measure_is_refused(what, words):
    link = "left.rule=none&left.main=exact:A&right.rule=rescaled_cfg&n=512"
    with pytest.raises(ValueError, match=words):
        measuring.measure(link, what, [0])
