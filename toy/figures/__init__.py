"""The paper's figures and the panels that they are made of, as matplotlib Figures; the only room that draws.

``particles(frame)`` draws what a Scene became; ``draw("fig1", load)`` a whole figure, given a loader of densities by
name; ``compare_figure``, ``mechanism_figure``, ``pull_figure`` and ``density_figure`` draw what those rooms measured;
``save`` and ``encode`` write a figure with its parameters in the metadata; ``animation`` makes a GIF.
"""
# ruff: noqa: F401

from toy.figures.animation import animation
from toy.figures.explored import explored
from toy.figures.files import FORMATS, check_format, encode, encode_small, save
from toy.figures.panels import arrows, density_panel, dots, outline, panel, particles, ratio_panel, style
from toy.figures.paper import (
    FIG9_SIGMAS,
    FIGURES,
    SPACING,
    Options,
    caption,
    check,
    draw,
    fields,
    followed,
    side_by_side,
    spread,
    thinned,
)

# These register figures after the paper's, in this order.
from toy.figures.explanation import density_figure, mechanism_figure, pull_figure  # isort: skip
from toy.figures.comparison import compare_figure  # isort: skip
from toy.figures import examples  # isort: skip
