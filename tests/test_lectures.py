"""A lecture shows others the lecturer's link and nothing else, to as many as ask, for as long as there is news."""

import asyncio
import json
from dataclasses import replace
from urllib.parse import quote

import pytest
from starlette.applications import Starlette
from ui_helpers import ROOT

from toy.state import SHARED, VIEWER, State, parse
from toy.ui import following, links
from toy.ui.lectures import LIFE, LONGEST, MOST, Lead, Lectures


class Clock:
    """A time that tests set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kept(clock) -> Lectures:
    return Lectures(clock)


def test_what_the_lecturer_shows_is_shown_and_counted(kept):
    lead = kept.begin("left.w=2")
    assert kept.shown(lead.name) == (1, "left.w=2")
    assert kept.tell(lead, "left.w=2")
    assert kept.shown(lead.name) == (1, "left.w=2"), "no news"
    kept.tell(lead, "left.w=3")
    assert kept.shown(lead.name) == (2, "left.w=3")
    kept.end(lead)
    assert kept.shown(lead.name) is None
    assert not kept.tell(lead, "left.w=4")


def test_what_is_frozen_stays_until_it_is_let_go(kept):
    lead = kept.begin("n=512")
    kept.freeze(lead, True)
    assert kept.frozen(lead)
    for w in range(5):
        kept.tell(lead, f"left.w={w}")
    assert kept.shown(lead.name) == (1, "n=512")
    kept.freeze(lead, False)
    assert kept.shown(lead.name) == (2, "left.w=4")


def test_whoever_has_the_name_alone_decides_nothing(kept):
    lead = kept.begin("n=512")
    for other in (Lead(lead.name, ""), Lead(lead.name, lead.secret[:-1]), Lead(lead.name, "x" * 22), Lead("", "")):
        assert not kept.tell(other, "left.w=8")
        kept.freeze(other, True)
        kept.end(other)
        assert not kept.frozen(other)
    assert kept.shown(lead.name) == (1, "n=512")
    assert lead.secret not in repr(lead)
    assert len({kept.begin("").name for _ in range(100)}) == 100


def test_a_lecture_is_over_when_there_was_no_news_for_long(kept, clock):
    lead, other = kept.begin("n=512"), kept.begin("n=1024")
    clock.now = LIFE - 1
    kept.tell(lead, "n=512")  # no other link, but he is there
    clock.now = LIFE + 1
    assert kept.shown(lead.name)
    assert kept.shown(other.name) is None
    clock.now = 3 * LIFE
    assert not kept.tell(lead, "n=2048")
    assert kept.shown(lead.name) is None


def test_there_are_so_many_and_each_is_so_long(kept, clock):
    leads = [kept.begin("x" * (2 * LONGEST)) for _ in range(MOST)]
    assert all(len(kept.shown(lead.name)[1]) == LONGEST for lead in leads)
    with pytest.raises(ValueError, match=f"this server has {MOST} lectures at a time"):
        kept.begin("n=512")
    before = kept.shown(leads[0].name)
    assert kept.tell(leads[0], "x" * (LONGEST + 1))
    assert kept.shown(leads[0].name) == before
    kept.end(leads[1])
    assert kept.begin("n=512")
    clock.now = LIFE + 1
    assert kept.begin("n=512"), "those that are over make room"


def answer(path: str) -> tuple[int, dict[str, str], bytes]:
    """What the server answers a follower: status, headers, body."""
    sent: list[dict] = []
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": quote(path).encode(),
        "query_string": query.encode(),
        "headers": [],
    }

    async def receive() -> dict:
        return {"type": "http.request"}

    async def send(message: dict) -> None:
        sent.append(message)

    asyncio.run(Starlette(routes=following.ROUTES)(scope, receive, send))
    headers = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent)


@pytest.fixture
def served(kept, monkeypatch) -> Lectures:
    monkeypatch.setattr(following, "LECTURES", kept)
    return kept


def test_a_follower_is_told_news_and_nothing_twice(served):
    lead = served.begin("left.w=2")
    status, headers, body = answer(f"/following?lecture={lead.name}&seen=0")
    assert (status, json.loads(body)) == (200, {"number": 1, "link": "left.w=2"})
    assert headers["cache-control"] == "no-store"
    assert lead.secret not in body.decode()
    assert answer(f"/following?lecture={lead.name}&seen=1")[::2] == (204, b"")
    served.tell(lead, "left.w=3")
    assert json.loads(answer(f"/following?lecture={lead.name}&seen=1")[2])["link"] == "left.w=3"


@pytest.mark.parametrize("name", ["nobody", "x" * 5000, "<script>", "..", "%2e%2e", "a b", "名", "__proto__", "\x00"])
def test_a_strange_name_is_no_lecture(served, name):
    served.begin("left.w=2")
    assert answer(f"/following?lecture={quote(name)}")[0] == 404
    assert answer("/following")[0] == 404
    assert len(served._all) == 1, "asking keeps nothing"


@pytest.mark.parametrize("seen", ["", "-1", "1e9", "x" * 5000, "1&seen=2", "٣"])
def test_a_strange_number_is_answered_with_what_is_shown(served, seen):
    lead = served.begin("left.w=2")
    assert answer(f"/following?lecture={lead.name}&seen={quote(seen, safe='&=')}")[0] == 200


def test_sixty_followers_cost_no_computing(served, monkeypatch):
    """All that their polling does is to look into a dictionary."""
    looked = []
    monkeypatch.setattr(served, "shown", lambda name: looked.append(name) or (7, "left.w=2"))
    for module in ("toy.scenes.compute", "toy.ui.engine.start", "toy.state.parse"):
        monkeypatch.setattr(module, lambda *given, **more: pytest.fail("computed"))
    for _ in range(60):
        assert answer("/following?lecture=abc&seen=7")[0] == 204
    assert looked == ["abc"] * 60


def test_a_frozen_link_says_so():
    state = replace(State(), ui=(("freeze", True),))
    assert state.query() == {"freeze": "1"}


def test_the_readme_says_how_many_and_how_long():
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"at most {MOST} lectures" in readme
    assert LIFE == 3 * 3600
    assert "for three hours after the last news" in readme


def test_how_a_page_is_looked_at_is_no_setting():
    """A link of before says ``follow=0`` of the camera: no name means two things."""
    assert not set(links.EMBED) & {*SHARED, *VIEWER, "hide"}
    assert dict(parse({"follow": "0"})[0].ui)["follow"] is False
