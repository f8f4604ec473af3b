"""The site as it is written: its files, their sizes, and nothing of them from elsewhere."""

import gzip
import html
import json
import re
from typing import Annotated

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.spatial import cKDTree
from site_helpers import said
from ui_helpers import ROOT

from toy import distributions, lessons, metrics
from toy.__main__ import main
from toy.browser.traced import SHOWN
from toy.guidance import RULES, Score
from toy.registry import Knob
from toy.sampling import INTEGRATORS
from toy.schedules import SCHEDULES
from toy.site import building, claims, packed, pages
from toy.site.catalogue import catalogue, targets
from toy.state import SLOTS, of_link
from toy.viewer import computing
from toy.viewer.packing import unpack

FIRST = 300_000  # bytes over the wire before the first picture
WHOLE = 8_000_000  # bytes of all files
ANOTHER = re.compile(r"(?:https?:)?//(?!www\.w3\.org/|purl\.org/|creativecommons\.org/)[a-z0-9-]+\.[a-z]", re.I)
CITED = ("https://arxiv.org/abs/", "https://doi.org/")  # only where they are followed


LONG = ("targets/", "densities/dns-")  # what takes long to work out


def slow(name: str) -> bool:
    """Whether a file takes long to work out."""
    return name.startswith(LONG) or "normalised" in name


@pytest.fixture(scope="session")
def made() -> dict[str, bytes]:
    """The files of a site of one distribution, but for what takes long."""
    files = building.contents(("tree",))
    return {name: make() for name, make in files.items() if not slow(name)}


def sizes(made: dict[str, bytes], names: list[str]) -> int:
    return sum(len(gzip.compress(made[name], 9)) for name in names)


def test_the_first_picture_needs_little(made):
    documents = {name: pages.document(name, "0" * 12).encode() for name in pages.PAGES}
    scenery = packed.pack({"truth": {}}, packed.drawn("A"))
    first = list(building.first())
    assert set(first) <= {*made, *documents, "targets/A.bin"}
    assert sizes(made | documents | {"targets/A.bin": scenery}, first) + 4000 <= FIRST  # and the target's numbers


def test_all_of_it_is_small(made):
    """What takes long to work out is not: networks with tables of masses, fitted mixtures and targets are bounded."""
    files = building.contents()
    known = dict(made)
    known |= {name: files[name]() for name in files if name not in made and not slow(name)}
    scenery = [len(packed.pack({"truth": {}}, packed.drawn(name))) + 8000 for name in ("AB", "pinwheel/BCDE")]
    bounds = {
        "normalised": max(len(data) for name, data in known.items() if name.startswith("densities/")) + 4000,
        "densities/dns-": len(known["densities/exact-AB.bin"]) + 4000,
        "targets/": scenery[1],
    }
    rest = [next(bound for part, bound in bounds.items() if part in name) for name in files if name not in known]
    whole = sum(map(len, known.values())) + sum(rest) + 3 * scenery[0]
    assert whole <= WHOLE
    assert len(rest) > 50


def test_nothing_is_loaded_from_elsewhere(made):
    for name, data in made.items():
        if name.endswith((".js", ".css", ".html", ".svg")):
            text = data.decode()
            for prefix in CITED:
                text = text.replace(prefix, "")
            assert not ANOTHER.search(text), (name, ANOTHER.search(text))
    for name in pages.PAGES:
        assert not ANOTHER.search(pages.document(name, "0"))
        assert "default-src 'none'" in pages.document(name, "0")


def test_every_name_has_a_file_of_its_own():
    names = [name for own in catalogue()["densities"].values() for name in own]
    assert len({packed.slug(name) for name in names}) == len(set(names)) == len(names)
    assert len({packed.slug(name) for on in distributions.families() for name in targets(on)}) == len(
        catalogue()["targets"]
    )


def test_what_a_link_may_name_has_a_file(made):
    found = json.loads(made["catalogue.json"])
    for name in (name for own in found["densities"].values() for name in own if not name.startswith("dns:")):
        header, arrays = unpack(made[f"densities/{packed.slug(name)}.bin"])
        assert header["kind"] in ("network", "mixture")
        assert all(np.isfinite(array).all() for array in arrays.values()), name
    programs = {name.split("/")[-1].removesuffix(".json") for name in made if name.startswith("programs/rules/")}
    assert programs | {words.partition(" ")[2] for words in found["lacking"]} >= {*RULES}


def test_the_first_pictures_floors_come_with_its_target():
    floors = packed.floors_of("A")
    assert set(floors) == {"512", "2048"}
    for n, found in floors.items():
        assert found == pytest.approx(metrics.floor("A", int(n), tuple(found)))
        assert set(found) == set(metrics.defined(SHOWN, "A"))
        json.dumps(found, allow_nan=False)


def test_outlines_are_those_that_are_drawn():
    """Thinned and in 16 bits, each still lies on the line that it was, to a thousandth of its size."""
    drawn, kept = computing.scenery("A"), packed.drawn("A")
    for name in (name for name in drawn if name.startswith("outline.") and not name.endswith(".starts")):
        steps, lo, hi = kept[name]
        codes = np.cumsum(steps, axis=1, dtype=np.uint16)
        line = (codes / 65535 * (hi - lo) + lo).T
        assert len(line) < len(drawn[name])
        size = np.max(np.ptp(drawn[name], axis=0))
        nearest, _ = cKDTree(drawn[name]).query(line)
        assert np.max(nearest) < 1e-3 * size
        starts = kept[f"{name}.starts"]
        assert len(starts) == len(drawn[f"{name}.starts"])
        assert starts[0] == 0
        assert all(np.diff([*starts, len(line)]) > 2)


def test_a_thinned_line_keeps_its_shape():
    circle = np.stack([f(np.linspace(0, 2 * np.pi, 2000)) for f in (np.cos, np.sin)], axis=1)
    thin = packed.thinned(circle)
    assert 100 < len(thin) < 400
    assert np.max(np.abs(np.hypot(*(thin[1:] + thin[:-1]).T / 2) - 1)) < 4 * packed.FINE
    straight = np.stack([np.linspace(0, 1, 50), np.zeros(50)], axis=1)
    assert packed.thinned(straight).tolist() == [[0, 0], [1, 0]]


def test_one_of_each_that_is_added_is_in_the_catalogue():
    @RULES.register(source="a test", formula="s = s_main")
    def nothing_new(main: Score, *, much: Annotated[float, Knob(0, 3, 0.5, "m", "how much")] = 1) -> Score:
        """Do nothing."""
        return main

    @SCHEDULES.register(source="a test", formula="w")
    def as_ever(progress):
        """Always."""
        return progress * 0 + 1

    @INTEGRATORS.register(source="a test", formula="x", order=1)
    def standing(field, x, sigma, sigma_next, memory):
        """Go nowhere."""
        return x, memory

    try:
        found = catalogue(("tree",))
        rule = next(entry for entry in found["rules"] if entry["name"] == "nothing_new")
        assert (rule["title"], rule["summary"], rule["cast"]) == ("Nothing new", "Do nothing.", {"main": "A64@4096"})
        assert [(knob["name"], knob["lo"], knob["hi"], knob["default"]) for knob in rule["knobs"]] == [
            ("much", 0, 3, 1)
        ]
        assert "as_ever" in [entry["name"] for entry in found["schedules"]]
        assert "standing" in [entry["name"] for entry in found["integrators"]]
        assert ("rules", "nothing_new") in building.programs()
    finally:
        RULES.remove("nothing_new")
        SCHEDULES.remove("as_ever")
        INTEGRATORS.remove("standing")


def test_links_of_claims_open_scenes_of_theirs():
    """Whatever is linked is a link of the app, of rules that the claim asks for and densities that are on the page."""
    known = {name for own in catalogue()["densities"].values() for name in own}
    found = 0
    for outcome in (one for board in claims.BOARDS for one in claims.findings(board).outcomes):
        query = claims.link(outcome.claim, outcome.on, known)
        if query is None:
            continue
        found += 1
        state, asked = of_link(query), list(claims.scenes(outcome.claim, outcome.on))
        assert state.left in asked
        assert state.right in asked
        assert {name for slot in SLOTS for _, name in state.scene(slot).cast} <= known
    assert found > 12


def test_the_board_says_every_verdict_first():
    page = claims.page(set())
    assert "Open its scenes" not in page
    for board in claims.BOARDS:
        outcomes = claims.findings(board).outcomes
        assert page.count("<tr>") >= len(outcomes)
        for outcome in outcomes:
            assert html.escape(outcome.claim.statement) in page
    rows = re.findall(r"<tbody><tr><td[^>]*data-verdict", page)
    assert len(rows) == sum(len(claims.findings(board).outcomes) for board in claims.BOARDS)
    assert claims.figure("papers").startswith(b"<?xml")


def test_lessons_are_on_the_shelf_in_every_language():
    shelf = building.shelf()
    names = [lesson.name for lesson in lessons.lessons("en", lessons.numbers())]
    for language in shelf["languages"]:
        assert [card["name"] for card in shelf["shelf"][language]["cards"]] == names
        assert list(shelf["shelf"][language]["lessons"]) == names
        links = [step["link"] for lesson in shelf["shelf"][language]["lessons"].values() for step in lesson["steps"]]
        for found in said(links)["links"]:
            assert found["notes"] == []
            assert not any(panel["standing"] for panel in found["header"]["panels"]), found["link"]


def test_the_readme_says_how_many_drawings_are_kept_and_how_long_a_link_carries():
    script = (building.WEB / "drawings.js").read_text(encoding="utf-8")
    kept, carried = (int(re.search(rf"{name} = (\d+);", script)[1]) for name in ("MOST_KEPT", "LONGEST_CARRIED"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"The last {kept} drawings are kept" in readme
    assert f"at most {carried} characters" in readme
    drawn = (ROOT / "toy" / "viewer" / "web" / "regions.js").read_text(encoding="utf-8")
    (samples,) = re.findall(r"from the same 2\^(\d+) samples", readme)
    assert f"SURE = {{ own: 2 ** {samples}," in drawn


def test_a_folder_that_holds_something_else_stays_as_it_is(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    for place in (tmp_path, tmp_path / "thesis.tex"):
        found = CliRunner().invoke(main, ["site", "--out", str(place)])
        assert found.exit_code == 2
        assert str(place) in found.output
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_site_is_written_over_an_older_one_whole_or_not_at_all(tmp_path, monkeypatch):
    files = {"a.bin": lambda: b"1", "b/c.bin": lambda: b"2"}
    monkeypatch.setattr(building, "contents", lambda on: files)
    out = tmp_path / "site"
    building.build(out)
    assert (out / "b" / "c.bin").read_bytes() == b"2"
    first = json.loads((out / "site.json").read_text())["version"]
    (out / "left-over").write_text("")
    files["b/c.bin"] = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        building.build(out)
    assert (out / "b" / "c.bin").read_bytes() == b"2"
    files["b/c.bin"] = lambda: b"3"
    building.build(out)
    assert (out / "b" / "c.bin").read_bytes() == b"3"
    assert json.loads((out / "site.json").read_text())["version"] != first
    assert {path.name for path in out.iterdir()} == {"a.bin", "b", "site.json", *pages.PAGES}
    assert [path.name for path in tmp_path.iterdir()] == ["site"]
