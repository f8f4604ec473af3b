"""One colour a role on every page, in figures, charts and the viewer: ``palette.json``, light and dark.

Roles: ``ink`` particles inside the true 99% region, and the guided score; ``outside`` those outside; ``target`` the
target class and its true samples; ``other`` the other class; ``lost``, ``gained`` branch mass; ``main``, ``guide`` the
two models, their densities and scores; ``ratio``, ``ratioLow`` their ratio and the difference of scores; ``tilt``,
``drawn``, ``truth`` densities; ``correction`` the main model's score error, whose arrow is the true correction;
``quality``, ``task`` the parts of a guide's pull; ``pin``, ``hover`` what is pointed at; ``accent`` controls, and
nothing that is data. ``SERIES`` tells methods apart where several are drawn, each beside a shape of its own.
"""

import json
from pathlib import Path

_TABLE = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
ROLES: dict[str, tuple[str, str]] = {role: (light, dark) for role, (light, dark) in _TABLE["roles"].items()}
PAGES = ("#ffffff", "#12161c")  # what is behind: a light page, a dark one
SERIES: tuple[str, ...] = tuple(_TABLE["series"])


def colour_of(role: str, dark: bool = False) -> str:
    """The colour of a role as '#rrggbb'; KeyError where there is no such role."""
    return ROLES[role][dark]
