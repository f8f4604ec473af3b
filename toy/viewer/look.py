"""What a visitor of the Fields page looks at: noise level, window, panels, arrows; in the URL and from the view."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any

from toy.languages import LANGUAGES
from toy.settings import Choice, Flag, Knob, Several, declared, from_query, to_query
from toy.viewer.requests import numbers
from toy.views import View, view_setting

OWN = ("sigma", "view", "panels", "arrows", "language")
PANELS = ("p1", "p0", "ratio", "truth", "error")
SHOWN = ("p1", "p0", "ratio")
SIGMA = Knob(0.005, 5.0, 0.001, "σ", "noise level", log=True)
MARGIN = 1.1  # of the grid around what is seen, so that a small pan uncovers no blank
HALF_MIN, HALF_MAX = 0.003, 40.0  # as far as the viewer zooms


@dataclass(frozen=True)
class Look:
    """Noise level, window, panels, arrows, and the language of the words; ``view`` None is the rule's own window."""

    sigma: Annotated[float, SIGMA] = 0.03
    view: Annotated[tuple[float, float, float] | None, view_setting(HALF_MIN, HALF_MAX)] = None
    panels: Annotated[tuple[str, ...], Several(PANELS, "panels", "what is shown", "panel", ordered=True)] = SHOWN
    arrows: Annotated[bool, Flag("arrows", "scores as arrows")] = True
    language: Annotated[str, Choice(LANGUAGES, "language", "of the words around the pictures")] = "en"

    @classmethod
    def of(cls, values: Mapping[str, object]) -> "Look":
        """The Look of legal values."""
        return cls(**cls.rounded(values))

    @staticmethod
    def rounded(values: Mapping[str, object]) -> dict[str, Any]:
        """Legal values to the digits that a link has."""
        digits: dict[str, Any] = {"panels": tuple, "arrows": bool, "language": str}
        digits["sigma"] = lambda v: float(f"{v:.4g}")
        digits["view"] = lambda view: tuple(float(f"{v:.5g}") for v in view)
        return {name: digits[name](value) for name, value in values.items()}

    def query(self) -> dict[str, str]:
        """What differs from the default, as URL parameters."""
        return to_query(declared(Look), self.flat())

    def flat(self) -> dict[str, object]:
        """As the component takes it."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    def window(self, home: View) -> View:
        """The view, or ``home``."""
        return View(*self.view) if self.view else home


def parse(query: Mapping[str, str]) -> tuple[Look, list[str]]:
    """The Look that a link asks for, and a note on each value that is not legal."""
    values, notes = from_query(declared(Look), {name: query[name][:200] for name in OWN if name in query})
    return Look.of(values), notes


def looked(given: object, before: Look) -> Look:
    """The Look after what the component says; what is not legal stays as it was."""
    if not isinstance(given, Mapping):
        return before
    said = {name: value for name, value in given.items() if name in OWN and value is not None}
    if sigma := numbers([said.pop("sigma", None)], 1):
        said["sigma"] = SIGMA.within(sigma[0], 4)
    values, _ = from_query(declared(Look), said)
    kept = before if given.get("view", "") is not None else replace(before, view=None)
    return replace(kept, **Look.rounded(values))
