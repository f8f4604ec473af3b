"""What a visitor sees, as one value: the two scenes and how they are shown. It is the URL, both ways."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from models import zoo
from toy.captions import captions
from toy.distributions import carrying
from toy.languages import LANGUAGES
from toy.scene import CHOICES, Scene
from toy.scenes import compute
from toy.settings import Choice, Conditions, Flag, Knob, Refused, Several, from_query, listed, table, text
from toy.views import VIEW

SLOTS = ("left", "right")
COUNTS = (512, 1024, 2048, 4096, 8192)
SHARED = ("n", "seed", "steps", "integrator", "start", "target", "sigma_max", "sigma_min", "rho")
MEASURED = ("outside", "mode_tv", "trunk", "alignment")  # what a challenge may be about
LAYOUTS = ("two", "left", "right", "swipe")
LAYERS = (
    ("p1", "p0", "ratio", "tilt", "drawn", "truth", "error"),
    ("main", "guide", "difference", "guided", "correction"),
)
VIEWER = table(  # what the viewer keeps of itself; what has no default is kept wherever it is said
    quality=Flag("quality", "outliers in their colour", default=True),
    variation=Flag("variation", "branches in their colour", default=True),
    paper_look=Flag("paper look", "as in the paper"),
    trails=Flag("trails", "where particles come from"),
    paths=Flag("paths", "whole trajectories of some"),
    samples=Flag("samples", "true samples"),
    curve=Flag("curve", "both numbers over the weight"),
    follow=Flag("follow", "the layers follow the step that is shown", default=True),
    loop=Flag("loop", "play again and again"),
    layout=Choice(LAYOUTS, "layout", "which panels are shown", default="two"),
    layers=Several([layer for group in LAYERS for layer in group], "layers", "fields behind the particles", "layer"),
    view=VIEW,
    t=Knob(0, 1024, 1, "step", "the step that is shown", default=None),
    speed=Knob(0.1, 10, 0.1, "speed", "of playing", default=1.0),
    language=Choice(LANGUAGES, "language", "of the words around the pictures", default="en"),
    freeze=Flag("freeze", "controls are locked until the visitor tries himself"),
    challenge=Conditions(MEASURED, "challenge", "what the measures of a side should be, shares in percent"),
)
PERSONAL = ("language", "challenge")  # what is the visitor's, whatever is shown
FLAGS = tuple(name for name, setting in VIEWER.items() if isinstance(setting, Flag))
HIDEABLE = (
    "knobs",
    "transport",
    "layers",
    "metrics",
    "layout",
    "show",
    "buttons",
    "formula",
    "badge",
    "story",
    "settings",
)
DEFAULTS: dict[str, Any] = {"n": 2048}
COUNT = Choice(COUNTS, "particles", "number of samples", name="n")
LONGEST = 200  # characters of a density's name
MOST = {"width": 128, "depth": 8, "iterations": 8192}  # of a network that a page trains because a name asks for it


@dataclass(frozen=True)
class State:
    """Two scenes that share their noise and sampler, and the viewer's own settings ``ui``; ``hide`` is a teacher's.

    ``story`` names the story that the scenes were opened by, until one of them is changed.
    """

    left: Scene = field(default_factory=lambda: Scene.of("cfg", w=4, **DEFAULTS))
    right: Scene = field(default_factory=lambda: Scene.of("autoguidance", w=3, **DEFAULTS))
    ui: tuple[tuple[str, object], ...] = ()
    hide: tuple[str, ...] = ()
    story: str = ""

    def scene(self, slot: str) -> Scene:
        """The scene of a side."""
        return self.left if slot == "left" else self.right

    def change(self, slot: str, **values: object) -> "State":
        """Change one side; what both sides share changes on both. ValueError where a value is not allowed."""
        shared = {name: value for name, value in values.items() if name in SHARED}
        own = {name: value for name, value in values.items() if name not in SHARED}
        sides: dict[str, Any] = {
            side: self.scene(side).change(**shared, **(own if side == slot else {})) for side in SLOTS
        }
        same = sides == {side: self.scene(side) for side in SLOTS}
        return replace(self, story=self.story if same else "", **sides)

    def beside(self, before: "State") -> "State":
        """The state, where another was: what is hidden stays so, and what is the visitor's stays his."""
        own = {name: value for name, value in before.ui if name in PERSONAL}
        return replace(self, hide=before.hide, ui=tuple(sorted((dict(self.ui) | own).items())))

    def query(self) -> dict[str, str]:
        """The URL's parameters: what differs from the default, nothing else."""
        out = {}
        default = State()
        for slot in SLOTS:
            scene = self.scene(slot)
            usual = default.scene(slot).change(target=scene.target).values()  # whose cast is the target's
            if scene.rule != usual["rule"]:
                out[f"{slot}.rule"] = scene.rule
                usual = Scene.of(scene.rule, target=scene.target, **DEFAULTS).values()
            choices = {"schedule": scene.schedule, "integrator": scene.integrator, "target": scene.target}
            fresh = Scene.of(scene.rule, **choices, **DEFAULTS).values()
            for name, value in scene.values().items():
                base = usual.get(name, fresh[name])
                if name in choices:
                    base = CHOICES[name].default
                if name == "rule" or value == base:
                    continue
                if name in SHARED:
                    if slot == "left":
                        out[name] = text(value)
                else:
                    out[f"{slot}.{name}"] = text(value)
        out |= {name: text(value) for name, value in self.ui}
        if self.hide:
            out["hide"] = ",".join(self.hide)
        if self.story:
            out["story"] = self.story
        return out

    def link(self) -> str:
        """The URL's query as text, without '?'."""
        return urlencode(self.query(), safe=",:@/")


def parse(query: Mapping[str, str]) -> tuple[State, list[str]]:
    """The state that a URL says, and one sentence for every value that was not taken."""
    given: dict[str, dict[str, str]] = {"": {}, "left": {}, "right": {}}  # of both sides, and of each
    ui: dict[str, str] = {}
    state, notes = State(), []
    for key, value in sorted(query.items()):
        value = str(value)[:2000]
        slot, _, name = key.rpartition(".")
        if key in SHARED or (slot in SLOTS and name not in SHARED):
            given[slot][name] = value
        elif key == "story":
            if re.fullmatch("[a-z-]{1,40}", value):
                state = replace(state, story=value)
            else:
                notes.append(f"story = {value[:80]} is not the name of a story")
        elif key == "hide":
            names = listed(value)
            state = replace(state, hide=tuple(part for part in names if part in HIDEABLE))
            notes += [f"hide: unknown {part!r}; have: {', '.join(HIDEABLE)}" for part in names if part not in HIDEABLE]
        elif key not in ("embed", "embed_options"):  # Streamlit's own
            ui[key] = value
    shown, unread = from_query(VIEWER, ui)
    sides, refused = _sides(given)
    return replace(state, **sides, ui=tuple(sorted(shown.items()))), [*refused, *notes, *unread]


def _sides(given: dict[str, dict[str, str]]) -> tuple[dict[str, Any], list[str]]:
    """The scenes of the given values of both sides ("") and of each, and a sentence for each that was left out."""
    notes: list[str] = []
    while True:
        sides = {}
        try:
            for slot in SLOTS:
                sides[slot] = _side(slot, given[""] | given[slot])
        except Refused as error:
            part, name = next((part, name) for name in error.names for part in (slot, "") if name in given[part])
            notes.append(f"{part}.{name}: {error}" if part else str(error))
            del given[part][name]
        else:
            return sides, notes


def _side(slot: str, given: dict[str, str]) -> Scene:
    """One side's scene, of legal counts and densities: that of the default page, changed, or another rule's own."""
    if "n" in given:
        COUNT.check(given["n"])
    usual = State().scene(slot)
    scene = Scene.of(**DEFAULTS | given) if "rule" in given else usual.change(**given)
    for role in filter(given.__contains__, scene.entry.roles):
        try:
            check_density(given[role])
        except ValueError as error:
            raise Refused(str(error), role) from None
    return scene


def check_density(name: str) -> None:
    """ValueError, one sentence, unless a page can load this density, or train it in minutes; no file's path is one."""
    if len(name) > LONGEST:
        raise ValueError(f"density '{name[:40]}…' has {len(name)} characters, of at most {LONGEST}")
    if ".safetensors" in name:  # before anything looks for it
        raise ValueError(f"unknown density {name!r}: a file has to be kept in the app first")
    for recipe in zoo.missing(name):
        for part, most in MOST.items():
            value = getattr(recipe if part == "iterations" else recipe.spec, part)
            if value > most:
                raise ValueError(f"density {name!r} has to be trained, which pages do up to {part} {most}, not {value}")
    zoo.check(name)


def of_link(link: str) -> State:
    """The State of a link to the app, or of its query alone; ValueError names the first value that is not legal.

    A drawing that it carries is kept.
    """
    link = carrying.take_from(link)
    query = link.partition("?")[2] if "?" in link or "://" in link else link
    state, notes = parse(dict(parse_qsl(query, keep_blank_values=True)))
    if notes:
        raise ValueError(f"in the link, {notes[0]}")
    return state


def figure(state: State, kind: str, *, dark: bool = False) -> bytes:
    """What the page shows, as the bytes of a png, pdf or svg: its sides, step, layers, tints and window."""
    from toy import figures  # matplotlib, which nothing else here needs

    ui: dict[str, object] = dict(state.ui)
    shown = [state.scene(slot) for slot in SLOTS if ui.get("layout") not in SLOTS or ui["layout"] == slot]
    casts = [zoo.cast(scene.cast) for scene in shown]
    frames = [compute(scene, cast, keep="t" in ui) for scene, cast in zip(shown, casts, strict=True)]
    made = figures.explored(frames, casts, ui, dark=dark)
    sides = {slot: json.dumps(state.scene(slot).flat()) for slot in SLOTS}
    title = " and ".join(captions(state.left, state.right))
    return figures.encode(made, kind, {"title": title, "link": state.link(), **sides})


def from_viewer(state: State, given: object) -> State:
    """The state with the viewer's own settings as the component reports them; what is not legal is left out."""
    said = {name: value for name, value in given.items() if value is not None} if isinstance(given, Mapping) else {}
    ui, _ = from_query(VIEWER, said)
    kept = {name: value for name, value in ui.items() if value != VIEWER[name].default}
    return replace(state, ui=tuple(sorted(kept.items())))
