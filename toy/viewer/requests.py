"""What a live view asks for. It comes from a browser: nothing is taken on trust."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from toy import distributions
from toy.distributions.strokes import MOST_POINTS, MOST_STROKES, Stroke, store
from toy.scene import knobs_of
from toy.settings import Knob
from toy.state import LAYERS, SLOTS, State, of_link

Box = tuple[float, float, float, float]  # left, right, bottom, top
Place = tuple[float, float]
PHASES = ("drag", "release", "draw", "field", "probe", "tell")
LONGEST_LINK = 4000  # characters of a link that is to be opened
SIGMA = Knob(0.002, 100, 0.001, "σ", "noise level of the layers", log=True, default=0.03)
FAR = 1000.0  # from the origin; nothing is asked of beyond


def numbers(value: object, count: int) -> tuple[float, ...] | None:
    """A list of so many finite numbers; None where it is not that."""
    if not isinstance(value, list | tuple) or len(value) != count:
        return None
    if not all(isinstance(v, int | float) and not isinstance(v, bool) and abs(v) <= 1e300 for v in value):
        return None  # also NaN and huge integers
    return tuple(float(v) for v in value)


def mapping(value: object) -> Mapping:
    """A mapping, empty where the value is none."""
    return value if isinstance(value, Mapping) else {}


def names(value: object, known: Sequence[str]) -> tuple[str, ...]:
    """Those of the known names that a list has, in their order."""
    return tuple(name for name in known if name in value) if isinstance(value, list) else ()


def sequence(value: object) -> int:
    """The number of a request; 0 where it has none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else 0


def box_of(value: object, least: float = 0.0) -> Box | None:
    """A box whose sides are positive and at least so long."""
    box = numbers(value, 4)
    if not box or max(map(abs, box)) > FAR:
        return None
    left, right, bottom, top = box
    return (left, right, bottom, top) if min(right - left, top - bottom) >= max(least, 1e-300) else None


def place(value: object) -> Place | None:
    """A point on the plane."""
    found = numbers(value, 2)
    return (found[0], found[1]) if found and max(map(abs, found)) <= FAR else None


def drawing(value: object) -> tuple[Stroke, ...]:
    """A drawing: strokes of a class, a width, and coordinates x, y, x, y, ...; empty where it is none."""
    found = []
    for given in map(mapping, value[: MOST_STROKES + 1] if isinstance(value, list) else []):
        at, width = given.get("at"), numbers([given.get("width")], 1)
        at = numbers(at, len(at)) if isinstance(at, list) and 2 <= len(at) <= 2 * MOST_POINTS + 2 else None
        if at is None or len(at) % 2 or width is None:
            return ()
        found.append(Stroke(str(given.get("label"))[:1], width[0], np.reshape(at, (-1, 2))))
    return tuple(found)


@dataclass(frozen=True)
class Request:
    """What Explore's view asks for; made by ``Request.of``."""

    seq: int = 0
    have: str = ""
    phase: str = "release"
    knobs: tuple[tuple[str, str, float], ...] = ()  # (slot, name, value)
    sigma: float = 0.03
    box: Box | None = None
    layers: tuple[str, ...] = ()
    probe: Place | None = None
    curve: bool = False  # over the weight
    drawing: bool = False  # the visitor draws
    strokes: tuple[Stroke, ...] = ()  # what was drawn since
    made: bool = False  # of what was drawn the browser has made all that its engine needs
    local: bool = False  # the browser has an engine of its own
    anew: bool = False  # which knows nothing of what it was told
    beside: int = 0  # how often something was changed beside the view when the knobs were those of its scene
    open: str | None = None  # the link, or its query, of what is to be shown instead

    @classmethod
    def of(cls, given: object, state: State) -> "Request":
        """A request from the component's value; what is missing or not legal falls back to nothing asked."""
        if not isinstance(given, Mapping):
            return cls()
        knobs = []
        for slot in SLOTS:
            wanted = dict(mapping(mapping(given.get("knobs")).get(slot)))
            interval = numbers(mapping(given.get("interval")).get(slot), 2)
            if interval and state.scene(slot).schedule == "interval":
                wanted |= {"lo": interval[0], "hi": interval[1]}
            known = {name: knob for name, knob in knobs_of(state.scene(slot).entries).items() if not knob.size}
            for name, value in wanted.items():
                number = numbers([value], 1)
                if name in known and number:
                    knobs.append((slot, name, known[name].within(number[0])))
        sigma = numbers([given.get("sigma")], 1)
        return cls(
            seq=sequence(given.get("seq")),
            have=str(given.get("have") or "")[:64],
            phase=str(given.get("phase")) if given.get("phase") in PHASES else "release",
            knobs=tuple(knobs),
            sigma=SIGMA.within(sigma[0]) if sigma else SIGMA.default,
            box=box_of(given.get("box")),
            layers=names(given.get("layers"), [name for group in LAYERS for name in group]),
            probe=place(given.get("probe")),
            curve=given.get("curve") is True,
            drawing=given.get("drawing") is True,
            strokes=drawing(given.get("strokes")),
            made=given.get("made") is True,
            local=given.get("local") is True,
            anew=given.get("anew") is True,
            beside=sequence(given.get("beside")),
            open=given["open"][:LONGEST_LINK] if isinstance(given.get("open"), str) else None,
        )

    def after(self, before: State | None, state: State) -> "Request":
        """The request without knobs that a change beside the view has moved: it was made ``before`` that change.

        Without that state no knob is heeded.
        """

        def stands(slot: str, name: str) -> bool:
            if before is None:
                return False
            was, now = before.scene(slot), state.scene(slot)
            return was.rule == now.rule and dict(was.knobs).get(name) == dict(now.knobs).get(name)

        return replace(self, knobs=tuple(knob for knob in self.knobs if stands(*knob[:2])))

    def apply(self, state: State) -> State:
        """The state with the knobs as they are on the viewer, and what was drawn there in the distribution's place.

        The target is then the same class of it, or the first there is. Where a link is to be opened it is the link's.
        ValueError where a drawing is no distribution, and for a link of which something is not legal.
        """
        if self.open is not None:
            return of_link(self.open)
        for slot in SLOTS:
            values = {name: value for side, name, value in self.knobs if side == slot}
            if values:
                state = state.change(slot, **values)
        if self.strokes:
            drawn = distributions.distribution_of(name := store(self.strokes))
            before = distributions.of(state.left.target).classes
            classes = before if set(before) <= set(drawn.classes) else drawn.classes[0]
            state = state.change("left", target=f"{name}/{classes}")
        return state
