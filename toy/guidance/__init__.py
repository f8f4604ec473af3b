"""Guidance rules: each combines its roles, at one (x, sigma), into the score that is followed."""
# ruff: noqa: F401

from toy.guidance.rules import KARRAS_2024, P_B, RULES, Points, Prior, Rule, Score, Step, Weight, dot, norm, rule

# isort: off
# Rules are listed everywhere in the order in which they are registered: the simpler first.
from toy.guidance.unguided import naive_truncation, none, temporal_score_rescaling
from toy.guidance.extrapolation import autoguidance, cfg
from toy.guidance.negatives import (
    answer,
    composed_negation,
    contrastive_cfg,
    diffusion_negative_prompting,
    diffusion_negative_sampling,
    dynamic_negative_guidance,
    negative_prompt,
    perp_neg,
)
from toy.guidance.classifier_free import (
    SUREST,
    Posterior,
    adaptive_projected_guidance,
    cads,
    cfg_plus_plus,
    classifier_guidance,
    feedback_guidance,
    power_law_cfg,
    rescaled_cfg,
)
from toy.guidance.predictions import (
    adaptive_guidance,
    angle_domain_guidance,
    cfg_zero_star,
    magnitude_aware_guidance,
    tangential_cfg,
)
from toy.guidance.self_guided import (
    blur_guidance,
    independent_condition_guidance,
    self_guidance,
    time_step_guidance,
)
from toy.guidance.two_guides import cfg_autoguidance, segmented_guidance
from toy.guidance.corrections import characteristic_guidance, optimal_weight
