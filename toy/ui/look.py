"""What a visitor of the Fields page looks at: noise level, window, panels, arrows; in the URL and from the view."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from toy.ui.requests import numbers
from toy.views import VIEWS, View, view_of

OWN = ("sigma", "view", "panels", "arrows")
PANELS = ("p1", "p0", "ratio", "truth", "error")
SHOWN = ("p1", "p0", "ratio")
SIGMA_MIN, SIGMA_MAX = 0.005, 5.0
HALF_MIN, HALF_MAX = 0.003, 40.0  # as far as the viewer zooms


@dataclass(frozen=True)
class Look:
    """Noise level, window, panels and arrows; ``view`` None is the rule's own window."""

    sigma: float = 0.03
    view: tuple[float, float, float] | None = None
    panels: tuple[str, ...] = SHOWN
    arrows: bool = True

    def query(self) -> dict[str, str]:
        """What differs from the default, as URL parameters."""
        out = {}
        if self.sigma != Look.sigma:
            out["sigma"] = f"{self.sigma:g}"
        if self.view:
            out["view"] = ",".join(f"{v:g}" for v in self.view)
        if self.panels != SHOWN:
            out["panels"] = ",".join(self.panels)
        if not self.arrows:
            out["arrows"] = "false"
        return out

    def flat(self) -> dict[str, Any]:
        """As the component takes it."""
        view = list(self.view) if self.view else None
        return {"sigma": self.sigma, "view": view, "panels": list(self.panels), "arrows": self.arrows}

    def window(self, home: View) -> View:
        """The view, or ``home``."""
        return View(*self.view) if self.view else home


def _sigma(text: str) -> float:
    value = float(text)
    if not SIGMA_MIN <= value <= SIGMA_MAX:
        raise ValueError
    return float(f"{value:.4g}")


def _view(text: str) -> tuple[float, float, float]:
    view = view_of(text)
    if not (HALF_MIN <= view.half <= HALF_MAX):
        raise ValueError
    return tuple(float(f"{v:.5g}") for v in (view.x, view.y, view.half))  # type: ignore[return-value]


def _panels(text: str) -> tuple[str, ...]:
    names = set(text.split(","))
    if not names <= set(PANELS):
        raise ValueError
    return tuple(name for name in PANELS if name in names)


def _flag(text: str) -> bool:
    return {"true": True, "false": False, "1": True, "0": False}[text.lower()]


PARAMETERS: dict[str, tuple[Any, str]] = {
    "sigma": (_sigma, f"a number from {SIGMA_MIN:g} to {SIGMA_MAX:g}"),
    "view": (_view, f"{', '.join(VIEWS)}, or X,Y,HALF within 100 and half-width {HALF_MIN:g} to {HALF_MAX:g}"),
    "panels": (_panels, f"some of {', '.join(PANELS)}"),
    "arrows": (_flag, "true or false"),
}


def parse(query: Mapping[str, str]) -> tuple[Look, list[str]]:
    """The Look that a link asks for, and a note on each value that is not legal."""
    values, notes = {}, []
    for key, (read, legal) in PARAMETERS.items():
        if key in query:
            try:
                values[key] = read(query[key])
            except (ValueError, KeyError):
                notes.append(f"{key} = {query[key][:80]} is not {legal}")
    return Look(**values), notes


def looked(given: Any, before: Look) -> Look:
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
    return look
