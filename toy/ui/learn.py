"""The Learn page: the list of lessons, and a lesson beside Explore's view. What a reader predicts is not told here."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache

import streamlit as st

from toy import lessons
from toy.languages import LANGUAGES
from toy.lessons import Lesson
from toy.settings import Choice, Knob, Refused
from toy.state import State, from_viewer, of_link
from toy.ui import explore, links, live
from toy.ui.live import Session
from toy.viewer.packing import pack
from toy.viewer.requests import Request, mapping, sequence

OWN = ("lesson", "step", "language")
STEP = Knob(1, 99, 1, "step", "of the lesson, from 1", name="step", default=1, whole=True)
LANGUAGE = Choice(LANGUAGES, "language", "of the lesson", name="language", default="en")


@dataclass(frozen=True)
class Place:
    """Where a reader is: a step of a lesson in a language; no lesson is the list of them."""

    lesson: str = ""
    step: int = 1
    language: str = "en"

    @property
    def found(self) -> Lesson | None:
        """The lesson."""
        return shelf(self.language).get(self.lesson)

    @property
    def link(self) -> str:
        """What the step shows."""
        return self.found.steps[self.step - 1].link if self.found else ""

    def query(self, usual: str) -> dict[str, str]:
        """As it stands in the URL; ``usual`` is the language of who says none."""
        out = {"lesson": self.lesson, "step": str(self.step)} if self.lesson else {}
        return out | ({"language": self.language} if self.language != usual else {})


@cache
def shelf(language: str) -> dict[str, Lesson]:
    """The lessons in a language by name, in their order, with their numbers."""
    return lessons.shelf(language, lessons.numbers())


def place_of(query: Mapping[str, str], usual: str = "en") -> tuple[Place, list[str]]:
    """The place that a URL says, and a sentence for each value that was not taken."""
    notes, language, step = [], usual, 1
    try:
        language = LANGUAGE.check(query.get("language", usual))
    except Refused as error:
        notes.append(str(error))
    name = query.get("lesson", "")[:80]
    lesson = shelf(language).get(name)
    if name and lesson is None:
        notes.append(f"unknown lesson {name!r}; have: {', '.join(shelf(language))}")
    if lesson:
        try:
            step = replace(STEP, hi=len(lesson.steps)).check(query.get("step", "1")[:20])
        except Refused as error:
            notes.append(str(error))
    return Place(lesson.name if lesson else "", step, language), notes


def page() -> None:
    """The list of lessons, or the one that the link says."""
    _load()
    _view()


def _usual() -> str:
    """The language that the visitor's browser asks for, where there is one."""
    spoken = (st.context.locale or "").partition("-")[0].lower()
    return spoken if spoken in LANGUAGES else "en"


def _load() -> None:
    """The place from the URL when it was pasted or the browser went back, else as it was left."""
    link, memory = links.here(), _memory()
    fresh = [link.news(key) for key in OWN]
    if not any(fresh) and "place" in memory:
        return
    memory["place"], notes = place_of(link.seen, _usual())
    memory["linked"] = memory.get("linked", 0) + 1
    _open(memory, memory["place"])
    links.refused(*notes)


def _memory() -> Session:
    memory: Session = st.session_state.setdefault("learning", {})
    return memory


def _open(memory: Session, place: Place) -> None:
    memory["state"] = of_link(place.link)
    memory["ui_from"] = memory.get("ui_from", 0) + 1


@st.fragment
def _view() -> None:
    live.serve(live.LEARN, _went, _answer)


def _went(said: object) -> None:
    """The reader went to another place; another lesson opens at what its step shows."""
    told, memory = mapping(said), _memory()
    number = sequence(told.get("number"))
    if number <= memory.get("number", 0):
        return
    before, query = memory["place"], {key: str(told.get(key, "")) for key in OWN}
    memory["number"], (memory["place"], _) = number, place_of(query, before.language)
    if memory["place"].lesson != before.lesson:
        _open(memory, memory["place"])
    links.here().say(memory["place"].query(_usual()), OWN)


def _explored(state: State, language: str) -> str:
    """The query by which Explore shows the same in a language, with nothing hidden."""
    return from_viewer(replace(state, hide=()), dict(state.ui) | {"language": language}).link()


def _answer(given: object, fresh: bool) -> bytes:
    memory, request = _memory(), mapping(given)
    if fresh:
        _went(request.get("place"))
    place: Place = memory["place"]
    learn: dict[str, object] = {"place": asdict(place), "from": memory["linked"], "languages": LANGUAGES}
    if place.found is None:
        learn["lessons"] = [lesson.card() for lesson in shelf(place.language).values()]
        return pack({"version": 1, "seq": 0, "learn": learn}, {})
    if request.get("lesson") != f"{place.lesson}.{place.language}" or not fresh:
        learn["lesson"] = place.found.flat() | {"language": place.language}

    learn["explore"] = _explored(memory["state"], place.language)

    def save(state: State, asked: Request) -> None:
        memory["state"], learn["explore"] = state, _explored(state, place.language)
        if asked.open is not None:
            memory["ui_from"] += 1

    return explore.heard(
        given, fresh, memory["state"], memory, save, lambda: live.LEARN in st.session_state, {"learn": learn}
    )
