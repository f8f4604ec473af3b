"""What a visitor sees, as one value: the two scenes and how they are shown. It is the URL, both ways."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from models import zoo
from toy.captions import captions
from toy.scene import Scene
from toy.scenes import compute

SLOTS = ("left", "right")
COUNTS = (512, 1024, 2048, 4096, 8192)
SHARED = ("n", "seed", "steps", "integrator", "start", "target", "sigma_max", "sigma_min", "rho")
LAYOUTS = ("two", "left", "right", "swipe")
LAYERS = (
    ("p1", "p0", "ratio", "tilt", "drawn", "truth", "error"),
    ("main", "guide", "difference", "guided", "correction"),
)
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
FLAGS = ("quality", "variation", "paper_look", "trails", "paths", "samples", "curve", "follow", "loop")
DEFAULTS: dict[str, Any] = {"n": 2048}
LONGEST = 200  # characters of a density's name
MOST = {"width": 128, "depth": 8, "iterations": 8192}  # of a network that a page trains because a name asks for it


@dataclass(frozen=True)
class State:
    """Two scenes that share their noise and sampler, and the viewer's own settings ``ui``; ``hide`` is a teacher's.

    ``story`` names the story that the scenes were opened by, until one of them is changed.
    """

    left: Scene = field(default_factory=lambda: Scene.of("cfg", w=4, **DEFAULTS))
    right: Scene = field(default_factory=lambda: Scene.of("autoguidance", w=3, **DEFAULTS))
    ui: tuple[tuple[str, Any], ...] = ()
    hide: tuple[str, ...] = ()
    story: str = ""

    def scene(self, slot: str) -> Scene:
        """The scene of a side."""
        return self.left if slot == "left" else self.right

    def change(self, slot: str, **values: Any) -> "State":
        """Change one side; what both sides share changes on both. ValueError where a value is not allowed."""
        shared = {name: value for name, value in values.items() if name in SHARED}
        own = {name: value for name, value in values.items() if name not in SHARED}
        sides: dict[str, Any] = {
            side: self.scene(side).change(**shared, **(own if side == slot else {})) for side in SLOTS
        }
        same = sides == {side: self.scene(side) for side in SLOTS}
        return replace(self, story=self.story if same else "", **sides)

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
                if name in ("schedule", "integrator", "target"):
                    base = {"schedule": "constant", "integrator": "heun", "target": "A"}[name]
                if name == "rule" or value == base:
                    continue
                if name in SHARED:
                    if slot == "left":
                        out[name] = text(value)
                else:
                    out[f"{slot}.{name}"] = text(value)
        for name, value in self.ui:
            out[name] = text(int(value) if isinstance(value, bool) else value)
        if self.hide:
            out["hide"] = ",".join(self.hide)
        if self.story:
            out["story"] = self.story
        return out

    def link(self) -> str:
        """The URL's query as text, without '?'."""
        return urlencode(self.query(), safe=",:@")


def text(value: Any) -> str:
    """A value as it stands in a URL or a command: as short as it can be and still be read back the same."""
    if isinstance(value, list | tuple):
        return ",".join(map(text, value))
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def parse(query: Mapping[str, str]) -> tuple[State, list[str]]:
    """The state that a URL says, and one sentence for every value that was not taken."""
    state, notes = State(), []

    def attempt(slot: str, name: str, value: str) -> str:
        """Take one value; what stands against it, in one sentence, or nothing."""
        nonlocal state
        try:
            if name == "n" and value not in map(str, COUNTS):
                raise ValueError(f"n = {value} is not one of {', '.join(map(str, COUNTS))}")
            if name in state.scene(slot).entry.roles:
                check_density(value)
            if name == "rule":
                # A new rule starts from its own defaults, not from the other rule's weight.
                shared = {key: getattr(state.scene(slot), key) for key in SHARED}
                fresh: dict[str, Any] = {slot: Scene.of(value, **shared)}
                state = replace(state, **fresh)
            else:
                state = state.change(slot, **{name: value})
        except ValueError as error:
            return f"{slot}.{name}: {error}" if name not in SHARED else str(error)
        return ""

    order = {"left.rule": 0, "right.rule": 0, "integrator": 1, "target": 1}
    order |= {f"{slot}.schedule": 2 for slot in SLOTS}
    waiting: list[tuple[str, str, str]] = []
    story = ""
    ui: dict[str, Any] = {}
    for key in sorted(query, key=lambda k: (order.get(k, 3), k)):
        value = str(query[key])[:2000]
        slot, dot, name = key.partition(".")
        if dot and slot in SLOTS and name not in SHARED:
            waiting.append((slot, name, value))
        elif key in SHARED:
            waiting.append(("left", key, value))
        elif key in ("embed", "embed_options"):
            continue  # Streamlit's own
        elif key == "story":
            if re.fullmatch("[a-z-]{1,40}", value):
                story = value
            else:
                notes.append(f"story = {value[:80]} is not the name of a story")
        elif key == "hide":
            names = [part for part in value.split(",") if part]
            known = tuple(part for part in names if part in HIDEABLE)
            state = replace(state, hide=known)
            notes += [f"hide: unknown {part!r}; have: {', '.join(HIDEABLE)}" for part in names if part not in HIDEABLE]
        else:
            try:
                ui[key] = _ui(key, value)
            except ValueError as error:
                notes.append(str(error))
    while waiting:  # a value may be legal only beside another one that comes later
        refused = {asked: note for asked in waiting if (note := attempt(*asked))}
        if len(refused) == len(waiting):
            notes = [*refused.values(), *notes]
            break
        waiting = list(refused)
    return replace(state, ui=tuple(sorted(ui.items())), story=story), notes


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
    """The State of a link to the app, or of its query alone; ValueError names the first value that is not legal."""
    query = link.partition("?")[2] if "?" in link or "://" in link else link
    state, notes = parse(dict(parse_qsl(query, keep_blank_values=True)))
    if notes:
        raise ValueError(f"in the link, {notes[0]}")
    return state


def figure(state: State, kind: str, *, dark: bool = False) -> bytes:
    """What the page shows, as the bytes of a png, pdf or svg: its sides, step, layers, tints and window."""
    from toy import figures  # matplotlib, which nothing else here needs

    ui: dict[str, Any] = dict(state.ui)
    shown = [state.scene(slot) for slot in SLOTS if ui.get("layout") not in SLOTS or ui["layout"] == slot]
    casts = [zoo.cast(scene.cast) for scene in shown]
    frames = [compute(scene, cast, keep="t" in ui) for scene, cast in zip(shown, casts, strict=True)]
    made = figures.explored(frames, casts, ui, dark=dark)
    sides = {slot: json.dumps(state.scene(slot).flat()) for slot in SLOTS}
    title = " and ".join(captions(state.left, state.right))
    return figures.encode(made, kind, {"title": title, "link": state.link(), **sides})


def _ui(key: str, value: str) -> Any:
    if key in FLAGS:
        if value not in ("0", "1"):
            raise ValueError(f"{key} = {value} is not 0 or 1")
        return value == "1"
    if key == "layout":
        if value not in LAYOUTS:
            raise ValueError(f"unknown layout {value!r}; have: {', '.join(LAYOUTS)}")
        return value
    if key == "layers":
        known = [layer for group in LAYERS for layer in group]
        layers = [part for part in value.split(",") if part]
        for part in layers:
            if part not in known:
                raise ValueError(f"unknown layer {part!r}; have: {', '.join(known)}")
        return layers
    if key == "view":
        numbers = _floats(key, value, 3)
        if not (abs(numbers[0]) <= 100 and abs(numbers[1]) <= 100 and 1e-3 <= numbers[2] <= 100):
            raise ValueError(f"view = {value} is not X,Y,HALFWIDTH within 100 of the origin")
        return numbers
    if key == "t":
        number = _floats(key, value, 1)[0]
        if not 0 <= number <= 1024:
            raise ValueError(f"t = {value} is not a step from 0 to 1024")
        return number
    if key == "speed":
        number = _floats(key, value, 1)[0]
        if not 0.1 <= number <= 10:
            raise ValueError(f"speed = {value} is not a number from 0.1 to 10")
        return number
    raise ValueError(f"unknown parameter {key!r}")


def _floats(key: str, value: str, count: int) -> list[float]:
    try:
        numbers = [float(part) for part in value.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count or not all(math.isfinite(number) for number in numbers):
        raise ValueError(f"{key} = {value} is not {count} finite number{'s' * (count > 1)}")
    return numbers


def from_viewer(state: State, given: Any) -> State:
    """The state with the viewer's own settings as the component reports them; what is not legal is left out."""
    ui: dict[str, Any] = {}
    for key, value in (given if isinstance(given, Mapping) else {}).items():
        try:
            if value is None or (isinstance(value, list) and not value):
                continue
            if isinstance(value, list):
                value = ",".join(map(str, value))
            ui[key] = _ui(key, str(int(value)) if isinstance(value, bool) else str(value))
        except ValueError:
            continue
    plain: dict[str, Any] = dict.fromkeys(FLAGS, False) | {"quality": True, "variation": True, "follow": True}
    plain |= {"layout": "two", "speed": 1.0}
    kept = {key: value for key, value in ui.items() if key not in plain or value != plain[key]}
    return replace(state, ui=tuple(sorted(kept.items())))
