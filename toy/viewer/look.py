"""What a visitor of the Fields page looks at: noise level, window, panels, arrows; in the URL and from the view."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from toy.languages import LANGUAGES
from toy.settings import Choice, Flag, Knob, Numbers, Several, declared, from_query, to_query
from toy.viewer.requests import numbers
from toy.views import VIEWS, View

OWN = ("sigma", "view", "panels", "arrows", "language")
PANELS = ("p1", "p0", "ratio", "truth", "error")
SHOWN = ("p1", "p0", "ratio")
SIGMA_MIN, SIGMA_MAX = 0.005, 5.0
MARGIN = 1.1  # of the grid around what is seen, so that a small pan uncovers no blank
HALF_MIN, HALF_MAX = 0.003, 40.0  # as far as the viewer zooms
WITHIN = ((-100, 100), (-100, 100), (HALF_MIN, HALF_MAX))
FORM = f"or X,Y,HALF within 100 and half-width {HALF_MIN:g} to {HALF_MAX:g}"
NAMED = {name: (view.x, view.y, view.half) for name, view in VIEWS.items()}


@dataclass(frozen=True)
class Look:
    """Noise level, window, panels, arrows, and the language of the words; ``view`` None is the rule's own window."""

    sigma: Annotated[float, Knob(SIGMA_MIN, SIGMA_MAX, 0.001, "σ", "noise level", log=True)] = 0.03
    view: Annotated[tuple[float, float, float] | None, Numbers(WITHIN, FORM, "view", "the window", NAMED)] = None
    panels: Annotated[tuple[str, ...], Several(PANELS, "panels", "what is shown", "panel", ordered=True)] = SHOWN
    arrows: Annotated[bool, Flag("arrows", "scores as arrows")] = True
    language: Annotated[str, Choice(LANGUAGES, "language", "of the words around the pictures")] = "en"

    @classmethod
    def of(cls, values: Mapping[str, object]) -> "Look":
        """The Look of legal values, to the digits that a link has."""
        digits: dict[str, Any] = {"panels": tuple, "arrows": bool, "language": str}
        digits["sigma"] = lambda v: float(f"{v:.4g}")
        digits["view"] = lambda view: tuple(float(f"{v:.5g}") for v in view)
        return cls(**{name: digits[name](value) for name, value in values.items()})

    def query(self) -> dict[str, str]:
        """What differs from the default, as URL parameters."""
        return to_query(declared(Look), self.flat())

    def flat(self) -> dict[str, object]:
        """As the component takes it."""
        view = list(self.view) if self.view else None
        return {
            "sigma": self.sigma,
            "view": view,
            "panels": list(self.panels),
            "arrows": self.arrows,
            "language": self.language,
        }

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
    look = before
    sigma = numbers([given.get("sigma")], 1)
    if sigma:
        look = replace(look, sigma=float(f"{min(max(sigma[0], SIGMA_MIN), SIGMA_MAX):.4g}"))
    view = given.get("view", False)
    place = numbers(view, 3)
    if view is None:
        look = replace(look, view=None)
    elif place and max(map(abs, place[:2])) <= 100 and HALF_MIN <= place[2] <= HALF_MAX:
        look = replace(look, view=tuple(float(f"{v:.5g}") for v in place))  # type: ignore[arg-type]
    panels = given.get("panels")
    if isinstance(panels, list) and panels and all(name in PANELS for name in panels):
        look = replace(look, panels=tuple(name for name in PANELS if name in panels))
    if isinstance(given.get("arrows"), bool):
        look = replace(look, arrows=given["arrows"])
    if given.get("language") in tuple(LANGUAGES):
        look = replace(look, language=given["language"])
    return look
