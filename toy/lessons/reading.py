"""A lesson's file, read and checked: a file that is wrong gets one sentence with its line."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from toy.guidance import RULES
from toy.languages import LANGUAGES
from toy.lessons import prose
from toy.registry import Entry
from toy.sampling import INTEGRATORS
from toy.schedules import SCHEDULES
from toy.settings import listed
from toy.state import HIDEABLE, LAYERS, SLOTS, of_link

FOLDER = Path(__file__).parent
KINDS = ("look", "predict-choice", "predict-draw", "predict-number", "reveal", "turn", "explain")
HEAD = ("title", "summary", "minutes", "order", "hide")
ONCE = ("kind", "link", "hide", "cover", "play", "number", "answer", "draw", "turn")
AGAIN = ("measured", "shows", "claim")  # may be said several times
NEEDS = {"predict-draw": ("draw",), "predict-number": ("number", "answer"), "turn": ("turn",)}
DRAWN = ("lost", "outside", "dots")  # what a drawn region is held against
TURNED = ("sigma", "play", "forward", "drawn")  # beside knobs and layers; 1 once it plays, or is drawn
_NUMBER = r"-?\d+(?:\.\d+)?"
_RANGE = re.compile(rf"({_NUMBER}) to ({_NUMBER})(?: (\S+))?")
_TURN = re.compile(rf"(?P<what>[\w.]+) (?P<than>>=|<=|=) (?P<value>{_NUMBER})")
_MEASURED = re.compile(r"(?P<name>[a-z][a-z0-9_]*) = (?P<what>\S.*)")
_SAID = re.compile(r"\{([a-z][a-z0-9_]*)(?::([^{}]*))?\}")
_CHOICE = re.compile(r"- \[([ x])\] (.*)")
Numbers = Mapping[str, float]


@dataclass(frozen=True)
class Choice:
    """One of several answers: its words, why it is right or wrong, and which it is."""

    text: str
    why: str
    right: bool


@dataclass(frozen=True)
class Step:
    """One idea. ``link`` is the query of Explore that it shows, that of the step before where it says none.

    ``measured`` are numbers by name, each an expression of what the link's sides show; ``shows`` are comparisons of
    the same that the text says; ``claims`` name what it rests on. ``of`` is the step, from 0, that a reveal answers.
    """

    heading: str
    kind: str
    link: str
    text: list[prose.Block]
    line: int
    choices: tuple[Choice, ...] = ()
    cover: str = ""
    play: bool = False
    number: tuple[float, float, str] | None = None
    answer: str = ""
    draw: tuple[str, str] | None = None
    turn: tuple[str, str, float] | None = None
    measured: tuple[tuple[str, str], ...] = ()
    shows: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    of: int | None = None


@dataclass(frozen=True)
class Lesson:
    """One lesson in one language."""

    name: str
    language: str
    title: str
    summary: str
    minutes: int
    order: int
    steps: tuple[Step, ...]
    numbers: Numbers = field(default_factory=dict)

    def card(self) -> dict[str, object]:
        """What a list of lessons says of it."""
        said = {name: getattr(self, name) for name in ("name", "title", "summary", "minutes")}
        return said | {"steps": len(self.steps)}

    def flat(self) -> dict[str, object]:
        """All of it, as it is sent to who draws it: text, numbers and lists alone."""
        steps = [self._flat(step) for step in self.steps]
        targets = {target for step in self.steps for _, _, target in prose.links(step.text)}
        methods = {target: _method(target) for target in sorted(targets) if target.startswith("method:")}
        return {**self.card(), "language": self.language, "methods": methods, "steps": steps}

    def _flat(self, step: Step) -> dict[str, object]:
        out: dict[str, Any] = {"heading": step.heading, "kind": step.kind, "link": step.link, "text": step.text}
        if step.choices:
            out["choices"] = [asdict(choice) for choice in step.choices]
        if step.number:
            low, high, unit = step.number
            out["number"] = {"from": low, "to": high, "unit": unit}
            out["number"]["answer"] = self.numbers.get(step.answer, 0.0) * (100 if unit == "%" else 1)
        if step.draw:
            out["draw"] = dict(zip(("slot", "of"), step.draw, strict=True))
        if step.turn:
            out["turn"] = dict(zip(("what", "than", "value"), step.turn, strict=True))
        named = {"cover": step.cover, "play": step.play, "of": step.of}
        return out | {name: value for name, value in named.items() if value not in ("", False, None)}


def lessons(language: str = "en", numbers: Mapping[str, Numbers] | None = None) -> list[Lesson]:
    """All lessons in a language, in their order; ``numbers``, by lesson and name, are written into their texts.

    ValueError names the file, the line and what is wrong with it.
    """
    if language not in LANGUAGES:
        raise ValueError(f"unknown language {language!r}; have: {', '.join(LANGUAGES)}")
    found = [read(path, numbers) for path in sorted(FOLDER.glob(f"*.{language}.md"))]
    return sorted(found, key=lambda lesson: (lesson.order, lesson.name))


def shelf(language: str = "en", numbers: Mapping[str, Numbers] | None = None) -> dict[str, Lesson]:
    """All lessons by name, in their order, in a language, and in English where there is no translation."""
    own = {lesson.name: lesson for lesson in lessons(language, numbers)}
    return {lesson.name: own.get(lesson.name, lesson) for lesson in lessons("en", numbers)}


def read(path: Path, numbers: Mapping[str, Numbers] | None = None) -> Lesson:
    """The lesson of a file, whose numbers are written into its text where they are given, and left in braces else."""
    name, language = path.name.split(".")[:2]
    reader = _Reader(path.name, None if numbers is None else numbers.get(name, {}))
    return reader.lesson(name, language, path.read_text(encoding="utf-8"))


class _Reader:
    """Reads one file."""

    def __init__(self, file: str, numbers: Numbers | None) -> None:
        self.file, self.numbers = file, numbers
        self.hide: list[str] = []
        self.shown = ""  # the last link that a step says

    def wrong(self, line: int, words: str) -> ValueError:
        return ValueError(f"{self.file}, line {line}: {words}")

    def lesson(self, name: str, language: str, text: str) -> Lesson:
        lines = text.splitlines()
        head, after = self.head(lines)
        self.hide = self.hidden(1, head.get("hide", ""))
        steps: list[Step] = []
        for line, heading, body in _sections(lines, after):
            steps.append(self.step(line, heading, body, steps))
        if not steps:
            raise self.wrong(after, "a lesson has steps, each with a heading '## ...'")
        known = [name for step in steps for name, _ in step.measured]
        for step in steps:
            if step.answer and step.answer not in known:
                raise self.wrong(step.line, f"answer: {step.answer!r} is not measured in this lesson")
        if len(known) != len(set(known)):
            twice = next(name for name in known if known.count(name) > 1)
            raise self.wrong(1, f"{twice!r} is measured twice")
        minutes, order = (self.whole(key, head[key]) for key in ("minutes", "order"))
        return Lesson(name, language, head["title"], head["summary"], minutes, order, tuple(steps), self.numbers or {})

    def head(self, lines: list[str]) -> tuple[dict[str, str], int]:
        if not lines or lines[0].strip() != "---" or "---" not in lines[1:]:
            raise self.wrong(1, "a lesson begins with its title, summary, minutes and order between two lines '---'")
        end = lines.index("---", 1)
        found: dict[str, str] = {}
        for number, line in enumerate(lines[1:end], 2):
            key, colon, value = line.partition(":")
            if not colon or key.strip() not in HEAD:
                raise self.wrong(number, f"{line.strip()!r} is not one of {', '.join(HEAD)}, a colon and a value")
            found[key.strip()] = value.strip()
        for key in HEAD[:-1]:
            if not found.get(key):
                raise self.wrong(1, f"the lesson has no {key}")
        return found, end + 1

    def whole(self, key: str, value: str) -> int:
        if not value.isdecimal():
            raise self.wrong(1, f"{key}: {value} is not a whole number")
        return int(value)

    def hidden(self, line: int, said: str) -> list[str]:
        for part in listed(said):
            if part not in HIDEABLE:
                raise self.wrong(line, f"hide: unknown {part!r}; have: {', '.join(HIDEABLE)}")
        return listed(said)

    def step(self, line: int, heading: str, body: list[str], before: list[Step]) -> Step:
        said, again, text_line, rest = self.declared(line, body)
        kind = said.get("kind", "")
        if kind not in KINDS:
            raise self.wrong(line, f"kind: {kind!r} is not one of {', '.join(KINDS)}")
        for key in NEEDS.get(kind, ()):
            if key not in said:
                raise self.wrong(line, f"a step of kind {kind} says {key}")
        of = next((i for i in range(len(before) - 1, -1, -1) if before[i].kind.startswith("predict")), None)
        if kind == "reveal" and of is None:
            raise self.wrong(line, "a reveal comes after a prediction")
        text, choices = self.choices(text_line, rest)
        if (kind == "predict-choice") != bool(choices):
            raise self.wrong(line, "choices '- [ ] ...' and '- [x] ...' belong to steps of kind predict-choice")
        blocks = prose.blocks(self.written(text_line, text))
        if not blocks:
            raise self.wrong(line, f"the step {heading!r} has no text")
        for part in prose.links(blocks):
            part[2] = self.target(line, part[2])
        number, draw, turn = self.asked(line, said)
        return Step(
            heading,
            kind,
            self.link(line, said),
            blocks,
            line,
            choices,
            self.one_of(line, "cover", said, ("left", "right", "both")),
            self.one_of(line, "play", said, ("0", "1")) == "1",
            number,
            said.get("answer", ""),
            draw,
            turn,
            tuple(self.measured(at, value) for at, value in again["measured"]),
            tuple(value for _, value in again["shows"]),
            tuple(value for _, value in again["claim"]),
            of if kind == "reveal" else None,
        )

    def declared(
        self, line: int, body: list[str]
    ) -> tuple[dict[str, str], dict[str, list[tuple[int, str]]], int, list[str]]:
        """What a step declares, once and again, and the line at which its text begins, with the text."""
        said: dict[str, str] = {}
        again: dict[str, list[tuple[int, str]]] = {key: [] for key in AGAIN}
        start = next((i for i, row in enumerate(body) if row.strip()), len(body))
        at = start
        for at in range(start, len(body) + 1):
            if at == len(body) or not body[at].strip():
                break
            key, colon, value = (part.strip() for part in body[at].partition(":"))
            if not colon or key not in (*ONCE, *AGAIN) or not value:
                have = ", ".join((*ONCE, *AGAIN))
                raise self.wrong(line + 1 + at, f"{body[at].strip()!r} is not one of {have}, a colon and a value")
            if key in AGAIN:
                again[key].append((line + 1 + at, value))
            elif key in said:
                raise self.wrong(line + 1 + at, f"{key} is said twice")
            else:
                said[key] = value
        return said, again, line + 1 + at, body[at:]

    def link(self, line: int, said: dict[str, str]) -> str:
        self.shown = said.get("link", self.shown)
        return self.query(line, self.shown, self.hidden(line, said.get("hide", "")))

    def query(self, line: int, said: str, hidden: list[str] | None = None) -> str:
        """A link's query, checked, as short as it can be, with what the lesson and the step hide."""
        values = dict(parse_qsl(said, keep_blank_values=True))
        hide = dict.fromkeys([*listed(values.pop("hide", "")), *self.hide, *(hidden or [])])
        if hide:
            values["hide"] = ",".join(hide)
        try:
            return of_link(urlencode(values, safe=",:@/")).link()
        except ValueError as error:
            raise self.wrong(line, f"link: {error}") from None

    def target(self, line: int, target: str) -> str:
        """The target of a link in the text, checked; another picture also hides what the lesson does."""
        kind, _, name = target.partition(":")
        if target.startswith("?"):
            return f"?{self.query(line, target[1:])}"
        if kind == "method":
            try:
                _method(target)
            except KeyError:
                raise self.wrong(line, f"unknown method {name!r}") from None
        elif kind == "lesson":
            if not (FOLDER / f"{name}.en.md").exists():
                raise self.wrong(line, f"unknown lesson {name!r}")
        elif kind != "https":
            raise self.wrong(line, f"a link goes to ?query, method:name, lesson:name or https://, not {target!r}")
        return target

    def one_of(self, line: int, key: str, said: dict[str, str], options: tuple[str, ...]) -> str:
        value = said.get(key, "")
        if value and value not in options:
            raise self.wrong(line, f"{key}: {value!r} is not one of {', '.join(options)}")
        return value

    def asked(self, line: int, said: dict[str, str]) -> tuple[Any, Any, Any]:
        number, draw, turn = said.get("number"), said.get("draw"), said.get("turn")
        found = number and _RANGE.fullmatch(number)
        if number and (not found or float(found[1]) >= float(found[2])):
            raise self.wrong(line, f"number: {number!r} is not as in '0 to 50 %'")
        drawn = tuple(draw.split()) if draw else None
        if drawn and (len(drawn) != 2 or drawn[0] not in SLOTS or drawn[1] not in DRAWN):
            raise self.wrong(line, f"draw: {draw!r} is not left or right, and one of {', '.join(DRAWN)}")
        turned = turn and _TURN.fullmatch(turn)
        if turn and (not turned or not _turnable(turned["what"])):
            raise self.wrong(line, f"turn: {turn!r} is not as in 'left.w >= 6', 'sigma <= 0.2' or 'layers.ratio = 1'")
        return (
            (float(found[1]), float(found[2]), found[3] or "") if found else None,
            drawn,
            (turned["what"], turned["than"], float(turned["value"])) if turned else None,
        )

    def measured(self, line: int, said: str) -> tuple[str, str]:
        found = _MEASURED.fullmatch(said)
        if not found:
            raise self.wrong(line, f"measured: {said!r} is not as in 'root = left.root_share'")
        return found["name"], found["what"]

    def choices(self, line: int, rows: list[str]) -> tuple[str, tuple[Choice, ...]]:
        """The text before the choices, and these: each with the lines that are indented below it."""
        first = next((i for i, row in enumerate(rows) if _CHOICE.fullmatch(row)), len(rows))
        found: list[list[Any]] = []
        for at, row in enumerate(rows[first:], line + first):
            match = _CHOICE.fullmatch(row)
            if match:
                found.append([match[2], "", match[1] == "x"])
            elif row.startswith("  "):
                found[-1][1] = f"{found[-1][1]} {row.strip()}".strip()
            elif row.strip():
                raise self.wrong(at, "after the choices nothing follows but why each is right or wrong, indented")
        if found and (sum(right for *_, right in found) != 1 or not all(why for _, why, _ in found) or len(found) < 2):
            raise self.wrong(line, "one of several choices is right, and each says why in the lines indented below it")
        said = [(self.written(line, text), self.written(line, why), right) for text, why, right in found]
        return "\n".join(rows[:first]), tuple(Choice(*each) for each in said)

    def written(self, line: int, text: str) -> str:
        """The text with the numbers in it."""
        if self.numbers is None:
            return text
        known: Numbers = self.numbers

        def number(match: re.Match[str]) -> str:
            if match[1] not in known:
                raise self.wrong(line, f"{match[0]} is a number that was not measured: python -m toy.lessons")
            return format(known[match[1]], match[2] or "").replace("-", "−")

        return _SAID.sub(number, text)


def _sections(lines: list[str], after: int) -> Iterator[tuple[int, str, list[str]]]:
    """Line, heading and what stands below it, of each heading."""
    starts = [i for i in range(after, len(lines)) if lines[i].startswith("## ")]
    for start, end in pairwise([*starts, len(lines)]):
        yield start + 1, lines[start][3:].strip(), lines[start + 1 : end]


def _turnable(what: str) -> bool:
    first, _, name = what.partition(".")
    if first == "layers":
        return any(name in group for group in LAYERS)
    return what in TURNED if not name else first in SLOTS and name in _knobs()


def _knobs() -> set[str]:
    entries: list[Entry] = [*RULES.values(), *SCHEDULES.values(), *INTEGRATORS.values()]
    return {name for entry in entries for name, knob in entry.knobs.items() if not knob.size}


def _method(target: str) -> dict[str, str]:
    """What is said of a method: title, formula, what it does, who found it. KeyError where there is none."""
    name = target.partition(":")[2]
    kind = next((kind for kind in (RULES, SCHEDULES, INTEGRATORS) if name in kind), None)
    if kind is None:
        raise KeyError(name)
    entry: Entry = kind[name]
    return {part: getattr(entry, part) for part in ("title", "formula", "summary", "source")}
