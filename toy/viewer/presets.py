"""Stories: the paper's figures and the cases that a lecture needs, each with one sentence that its numbers bear out."""

from dataclasses import astuple, dataclass, field, replace
from typing import Any

from toy.scene import Scene
from toy.state import DEFAULTS, State
from toy.views import VIEWS


@dataclass(frozen=True)
class Preset:
    """Two scenes, the viewer's settings, and what to look at.

    ``shows`` is what the sentence claims, as comparisons of what the panels show: ``left`` and ``right`` have the
    panels' own measures, ``trunk`` (share of samples on the first branch over the true one), ``emptied`` (branches
    with less than a quarter of their true share) and ``window`` (share of samples in the window of the story). The
    tests measure every one of them, with the story's own seed and with another.
    """

    title: str
    sentence: str
    left: dict[str, object]
    right: dict[str, object]
    shows: tuple[str, ...]
    ui: dict[str, object] = field(default_factory=dict)

    def state(self, hide: tuple[str, ...] = (), story: str = "") -> State:
        """The State that shows it."""
        sides: dict[str, Any] = {name: Scene.of(**DEFAULTS, **getattr(self, name)) for name in ("left", "right")}
        return replace(State(hide=hide, ui=tuple(sorted(self.ui.items())), story=story), **sides)


def opened(name: str, hide: tuple[str, ...] = ()) -> State:
    """The State of a story, which says which story it is."""
    return PRESETS[name].state(hide, name)


def told(state: State) -> Preset | None:
    """The story that a State names, if its scenes are still those of the story: else the sentence is not of them."""
    preset = PRESETS.get(state.story)
    if preset is None:
        return None
    own = preset.state()
    return preset if (own.left, own.right) == (state.left, state.right) else None


CLOSE_UP = {"view": list(astuple(VIEWS["closeup"]))}

PRESETS = {
    "cfg-or-autoguidance": Preset(
        "CFG against autoguidance (figures 1c, 1e)",
        "CFG (left) loses whole branches, the trunk first, and here puts more dots outside than autoguidance does. "
        "Autoguidance (right) keeps the trunk, but thins small twigs.",
        {"rule": "cfg", "w": 4},
        {"rule": "autoguidance", "w": 3},
        (
            "left.branch_tv > right.branch_tv + 0.3",
            "left.trunk < 0.15",
            "left.outliers > right.outliers + 0.04",
            "0.8 < right.trunk < 1.3",
            "right.emptied > 30",
        ),
    ),
    "truth": Preset(
        "Truth against no guidance (figures 1a, 1b)",
        "The exact score (left) keeps the dots on the tree; the trained model (right) spills between the branches, "
        "but loses none of the big ones.",
        {"rule": "none", "main": "exact:A"},
        {"rule": "none"},
        ("left.outliers < 0.02", "right.outliers > left.outliers + 0.06", "0.8 < right.trunk < 1.3"),
    ),
    "truncation": Preset(
        "Naive truncation (figure 1d)",
        "A score multiplied by 1.4 (left) leaves almost no dot outside, and almost no branch but the big ones.",
        {"rule": "naive_truncation", "gamma": 1.4},
        {"rule": "none"},
        ("left.outliers < 0.005", "left.emptied > 100", "left.branch_tv > right.branch_tv + 0.3", "left.trunk > 1.3"),
    ),
    "close-up": Preset(
        "Close-up: where CFG sends the dots (figure 2)",
        "CFG (right) climbs the ratio p₁/p₀, the tint: more than four times as many dots end in this window as without "
        "guidance (left).",
        {"rule": "none"},
        {"rule": "cfg", "w": 4},
        ("right.window > 4 * left.window",),
        {**CLOSE_UP, "layers": ["ratio"], "paths": True},
    ),
    "exact-cfg": Preset(
        "CFG even with exact scores",
        "No network, no error, hardly a dot outside, and the trunk is still lost (left): dropping branches is what "
        "CFG's flow does.",
        {"rule": "cfg", "w": 4, "main": "exact:A", "unconditional": "exact:AB"},
        {"rule": "none", "main": "exact:A"},
        ("left.outliers < 0.03", "left.trunk < 0.15", "right.trunk > 0.8", "left.branch_tv > right.branch_tv + 0.3"),
    ),
    "interval": Preset(
        "CFG in an interval",
        "Guided only at middle noise levels (right), CFG keeps the trunk, which it loses when it acts all the way "
        "(left), and leaves fewer dots outside.",
        {"rule": "cfg", "w": 4},
        {"rule": "cfg", "w": 4, "schedule": "interval", "lo": 0.05, "hi": 0.3},
        (
            "right.trunk > 0.8",
            "left.trunk < 0.15",
            "right.branch_tv < left.branch_tv - 0.3",
            "right.outliers < left.outliers - 0.03",
        ),
    ),
    "poor-guide": Preset(
        "A bad guide",
        "Steered away from a network of width 16 after only 256 iterations (left), more than twice as many dots end "
        "outside as with the usual guide, width 32 after 512 (right).",
        {"rule": "autoguidance", "w": 3, "weak": "A16@256"},
        {"rule": "autoguidance", "w": 3},
        ("left.outliers > 2 * right.outliers", "left.branch_tv > right.branch_tv"),
    ),
    "good-guide": Preset(
        "A guide that is too good",
        "A guide close to the main model, as wide and half as long trained (left), changes less than the usual one "
        "(right): branches keep more of their share, and more dots stay outside.",
        {"rule": "autoguidance", "w": 3, "weak": "A64@2048"},
        {"rule": "autoguidance", "w": 3},
        ("left.branch_tv < right.branch_tv - 0.04", "left.emptied < right.emptied", "left.outliers > right.outliers"),
    ),
}
