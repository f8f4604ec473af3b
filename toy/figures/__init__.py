"""The paper's figures and the panels that they are made of, as matplotlib Figures; the only room that draws.

``particles(frame)`` draws what a Scene became; ``draw("fig1", load)`` a whole figure, given a loader of densities by
name; ``compare_figure``, ``mechanism_figure``, ``pull_figure`` and ``density_figure`` draw what those rooms measured;
``save`` and ``encode`` write a figure with its parameters in the metadata; ``animation`` makes a GIF.
"""

from toy.figures.animation import animation
from toy.figures.explored import explored
from toy.figures.files import FORMATS, check_format, encode, encode_small, save
from toy.figures.panels import (
    BLUE,
    DARK,
    GREEN,
    GREY,
    ORANGE,
    OUTLINE,
    PURPLE,
    RED,
    arrows,
    density_panel,
    dots,
    outline,
    panel,
    particles,
    ratio_panel,
    style,
    trajectories,
)
from toy.figures.paper import (
    FIG9_SIGMAS,
    FIGURES,
    METHODS,
    SPACING,
    Options,
    caption,
    check,
    draw,
    fields,
    fig1,
    fig2,
    fig9,
    followed,
    overview,
    side_by_side,
    spread,
    thinned,
)

# These register themselves after the paper's, and in this order.
from toy.figures.explanation import density_figure, mechanism_figure, pull_figure  # isort: skip
from toy.figures.comparison import MEASURES, compare_csv, compare_figure  # isort: skip
from toy.figures.examples import boundary, powers, support, training  # isort: skip

__all__ = [
    "BLUE",
    "DARK",
    "FIG9_SIGMAS",
    "FIGURES",
    "FORMATS",
    "GREEN",
    "GREY",
    "MEASURES",
    "METHODS",
    "ORANGE",
    "OUTLINE",
    "PURPLE",
    "RED",
    "SPACING",
    "Options",
    "animation",
    "arrows",
    "boundary",
    "caption",
    "check",
    "check_format",
    "compare_csv",
    "compare_figure",
    "density_figure",
    "density_panel",
    "dots",
    "draw",
    "encode",
    "encode_small",
    "explored",
    "fields",
    "fig1",
    "fig2",
    "fig9",
    "followed",
    "mechanism_figure",
    "outline",
    "overview",
    "panel",
    "particles",
    "powers",
    "pull_figure",
    "ratio_panel",
    "save",
    "side_by_side",
    "spread",
    "style",
    "support",
    "thinned",
    "training",
    "trajectories",
]
