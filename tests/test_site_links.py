"""A link says the same to the site as to the app: states, links, refusals, headers of both are compared."""

import json
import math
import re
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

import pytest
from app_states import states
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from site_helpers import made, said
from ui_helpers import ODD, QUERIES

from toy import distributions
from toy.guidance import RULES
from toy.settings import text
from toy.state import SLOTS, State, parse
from toy.viewer import packs
from toy.viewer.computing import Side
from toy.viewer.packing import unpack
from toy.viewer.presets import PRESETS, opened, told
from toy.viewer.requests import Request

ABSENT = "is not on this page"
WRITTEN_OUT = r"\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\U[0-9a-f]{8}"
MEASURED = dict.fromkeys(("outliers", "branch_tv", "root_share", "alignment"), 0.1)


def drawn(strategy: st.SearchStrategy, count: int) -> list:
    """So many examples at once: each would start a process."""
    found: list = []

    @settings(max_examples=count, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(example) -> None:
        found.append(example)

    collect()
    return found


def plainly(value):
    """As it comes out of JSON: whole numbers are whole there, however they are written."""
    return json.loads(json.dumps(value))


def scene_of(scene) -> dict:
    return plainly(scene.values())


def compared(state: State, found: dict) -> None:
    assert found["link"] == state.link()
    for slot in SLOTS:
        assert found[slot] == scene_of(state.scene(slot)), slot
    assert found["ui"] == plainly(dict(state.ui))
    assert (found["hide"], found["story"]) == (list(state.hide), state.story)


def test_any_state_of_the_app_is_the_same_state():
    some = drawn(states(), 200)
    links = [state.link() for state in some]
    for state, found in zip(some, said(links)["links"], strict=True):
        assert found["notes"] == []
        compared(state, found)


def sorted_out(notes: list[str]) -> tuple[list[str], list[str]]:
    """Sentences as they are, but of densities, of which a page has fewer than the app, what they are about.

    What is printed as it is and what is written out differs from one edition of Unicode to the next, and the site has
    no files of points or strokes.
    """
    notes = [note.replace(", deltas, points, strokes", ", deltas") for note in notes]
    notes = [re.sub(WRITTEN_OUT, lambda found: chr(int(found[0][2:], 16)), note) for note in notes]
    return (
        [note for note in notes if "density" not in note],
        [note.partition(":")[0] for note in notes if "density" in note],
    )


def test_what_a_stranger_writes_is_refused_alike():
    queries = [{"target": "nowhere/A"}, {"target": "/A"}, *drawn(QUERIES, 400)]
    links = [urlencode(query) for query in queries]
    for link, found in zip(links, said(links)["links"], strict=True):
        state, notes = parse(dict(parse_qsl(link, keep_blank_values=True)))
        assert sorted_out(found["notes"]) == sorted_out(notes), link
        compared(state, found)


@pytest.mark.parametrize("name", PRESETS)
def test_stories_are_told_in_the_same_words(name):
    state = opened(name)
    (found,) = said([state.link()])["links"]
    compared(state, found)
    assert found["header"]["lead"] == {"story": name, "title": told(state).title, "text": told(state).sentence}


def header(state: State) -> dict:
    """The app's, without what is computed."""
    sides = {slot: Side(state.scene(slot), {}, MEASURED, MEASURED) for slot in SLOTS}
    have = packs.identity(*(state.scene(slot) for slot in SLOTS))
    return unpack(packs.assemble(state, sides, Request(have=have)))[0]


def without(header: dict, *names: str) -> dict:
    return {name: value for name, value in header.items() if name not in names}


def same_header(state: State, found: dict) -> None:
    theirs, ours = header(state), found["header"]
    assert all(math.isclose(a, b, rel_tol=3e-5) for a, b in zip(theirs["sigmas"], ours["sigmas"], strict=True))
    assert without(theirs, "id", "sigmas", "arrays", "panels") == without(ours, "id", "sigmas", "panels")
    for a, b in zip(theirs["panels"], ours["panels"], strict=True):
        of_shown = (
            ("pending", "shown", "standing", "caption") if b["standing"] else ()
        )  # of what the page does not have
        assert without(a, "measured", *of_shown) == without(b, "measured", *of_shown)


def test_headers_are_the_apps():
    some = [State(), *(opened(name) for name in PRESETS)]
    for rule in RULES:
        some.append(State().change("left", rule=rule, **{k.name: k.default for k in RULES[rule].knobs.values()}))
    some.append(State().change("left", target="moons/A", n=512, seed=3))
    some.append(State().change("right", target="AB", schedule="power_cosine", integrator="ancestral", start="normal"))
    some.append(replace(State(), hide=("knobs", "settings"), ui=(("layers", ["p1"]), ("t", 3.0))))
    for state, found in zip(some, said([state.link() for state in some])["links"], strict=True):
        same_header(state, found)


def test_headers_of_any_state_are_the_apps():
    some = drawn(states(), 100)
    for state, found in zip(some, said([state.link() for state in some])["links"], strict=True):
        same_header(state, found)


def test_a_scene_is_changed_alike():
    """Another rule or target takes along what plays a role by choice, and leaves what was usual."""
    start = State().change("left", rule="cfg", main="exact:A").change("right", weak="A16@256")
    changes = [
        (start, slot, {"target": target})
        for slot in SLOTS
        for target in ("B", "AB", "moons/A", "gaussians/B", "rings/AB")
    ]
    changes += [(start, slot, {"rule": rule}) for slot in SLOTS for rule in RULES]
    changes += [
        (start.change("left", target="gaussians/C"), "left", {"target": name}) for name in ("A", "moons/B", "deltas/AB")
    ]
    changes += [
        (start, "left", {name: value}) for name in ("w", "n", "steps", "schedule", "main") for value in (*ODD, "4")
    ]
    asked = [(state.link(), slot, values) for state, slot, values in changes]
    for (state, slot, values), found in zip(changes, said([], changes=asked)["changes"], strict=True):
        try:
            link = {"link": state.change(slot, **values).link()}
        except ValueError as error:
            link = {"refused": str(error)}
        assert found == link, (slot, values)


def test_numbers_are_written_and_read_as_python_does():
    words = st.sampled_from([*ODD, "1e5", "+.5", "5.", "1__0", "Infinity", "-inf"])
    pairs = drawn(st.tuples(st.floats(allow_nan=False, allow_infinity=False), words), 500)

    def read(word: str) -> float:
        try:
            return float(word)
        except ValueError:
            return math.nan

    for (x, word), (shortest, general, number) in zip(pairs, said([], numbers=pairs)["numbers"], strict=True):
        assert (shortest, general) == (text(x), f"{x:g}")
        assert float(number) == read(word) or (math.isnan(read(word)) and number == "NaN"), word


def test_what_the_app_would_train_stands_in_by_exact_densities():
    links = ["target=rings/A", "left.main=A24@1024", "left.rule=diffusion_negative_prompting&target=rings/B", ""]
    rings, odd, dnp, usual = said(links)["links"]
    assert rings["stands"] == odd["stands"] == usual["stands"] == [True, True]
    assert dnp["stands"] == [False, True]
    panels = rings["header"]["panels"]
    assert [panel["standing"] for panel in panels] == [True, True]
    assert panels[1]["shown"]["caption"] == (
        "Autoguidance, w 3, main exact:rings/A, guide exact:rings/A~blur=0.05, rings, class A"
    )
    assert "rings/A64@4096 is not on this page" in panels[0]["pending"]
    assert dnp["header"]["panels"][0]["waiting"].startswith("needs the app")
    (dropped,) = said(["right.weak=A64@4096~dropout=0.1"])["links"]
    assert (dropped["notes"], dropped["stands"]) == ([], [True, False])
    assert not any(panel["standing"] for panel in usual["header"]["panels"])


def test_what_the_page_does_not_have_is_refused_in_a_sentence():
    links = [
        "target=gaussians:classes=5/A",
        "target=pinwheel/AC",
        "left.main=A64@4096~doubt=0.1",
        "target=points-0123456789ab/A",
        "left.main=kept:mine",
    ]
    for link, found in zip(links, said(links)["links"], strict=True):
        assert len(found["notes"]) == 1, link
        assert found["link"] == ""
        assert ABSENT in found["notes"][0], found["notes"]


def test_everything_that_can_be_chosen_is_in_the_catalogue():
    found = made()
    assert [entry["name"] for entry in found["rules"]] == list(RULES)
    assert {target for entry in found["distributions"] for target in entry["targets"]} <= set(found["targets"])
    assert all(f"exact:{name}" in found["densities"][distributions.of(name).on] for name in found["targets"])
