"""Guidance rules: each combines its roles, at one (x, sigma), into the score that is followed."""
# ruff: noqa: F401

from toy.guidance.rules import P_B, RULES, Points, Rule, Score, Step, Weight, dot, norm, rule

# isort: off
# Rules are listed everywhere in the order in which their files are read: the simpler first.
from toy.guidance import unguided, extrapolation, negatives, classifier_free
from toy.guidance import predictions, self_guided, two_guides, corrections
