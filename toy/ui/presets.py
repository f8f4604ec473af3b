"""Stories: the paper's figures and the cases that a lecture needs, each with one sentence."""

from dataclasses import dataclass, field, replace
from typing import Any

from toy.scenes import Scene
from toy.state import DEFAULTS, State


@dataclass(frozen=True)
class Preset:
    """Two scenes, the viewer's settings, and what to look at."""

    sentence: str
    left: dict[str, Any]
    right: dict[str, Any]
    ui: dict[str, Any] = field(default_factory=dict)

    def state(self, hide: tuple[str, ...] = ()) -> State:
        """The State that shows it."""
        sides: dict[str, Any] = {name: Scene.of(**DEFAULTS, **getattr(self, name)) for name in ("left", "right")}
        return replace(State(hide=hide, ui=tuple(sorted(self.ui.items()))), **sides)


CLOSE_UP = {"view": [0.45, 1.22, 0.3]}

PRESETS = {
    "CFG against autoguidance (figures 1c, 1e)": Preset(
        "CFG removes outliers at the price of whole branches, the trunk first; autoguidance keeps the branches.",
        {"rule": "cfg", "w": 4},
        {"rule": "autoguidance", "w": 3},
    ),
    "Truth against no guidance (figures 1a, 1b)": Preset(
        "The exact score fills every twig; the trained model spills between them.",
        {"rule": "none", "main": "exact:A"},
        {"rule": "none"},
    ),
    "Naive truncation (figure 1d)": Preset(
        "A score multiplied by 1.4 removes outliers and most of the tree with them.",
        {"rule": "naive_truncation", "gamma": 1.4},
        {"rule": "none"},
    ),
    "Close-up: why CFG bends paths (figure 2)": Preset(
        "Near the tips the ratio p1/p0 pulls along the branch: particles run to the end and pile up there.",
        {"rule": "none"},
        {"rule": "cfg", "w": 4},
        {**CLOSE_UP, "layers": ["ratio"], "paths": True},
    ),
    "CFG even with exact scores": Preset(
        "No network, no error, and the trunk is still lost: dropping branches is what CFG's flow does.",
        {"rule": "cfg", "w": 4, "main": "exact:A", "unconditional": "exact:AB"},
        {"rule": "none", "main": "exact:A"},
    ),
    "CFG in an interval": Preset(
        "Guided only at middle noise levels, CFG keeps branches that it drops when it acts all the way.",
        {"rule": "cfg", "w": 4},
        {"rule": "cfg", "w": 4, "schedule": "interval", "lo": 0.05, "hi": 0.3},
    ),
    "A bad guide": Preset(
        "A guide after 256 iterations of width 16 says little about the main model's own mistakes.",
        {"rule": "autoguidance", "w": 3, "weak": "A16@256"},
        {"rule": "autoguidance", "w": 3},
    ),
    "A guide that is too good": Preset(
        "A guide close to the main model gives almost no pull: the samples stay as they were.",
        {"rule": "autoguidance", "w": 3, "weak": "A64@2048"},
        {"rule": "autoguidance", "w": 3},
    ),
}
