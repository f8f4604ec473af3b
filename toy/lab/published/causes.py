"""Claims about causes: what makes a good guide, the mechanism, negatives, the training."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from models.mlp import Spec
from models.training import Recipe
from toy.lab.claims import Effect, Lab, claim
from toy.lab.laboratory import DIVERGENCE
from toy.lab.published.shared import (
    AUTOGUIDANCE,
    CFG,
    KARRAS,
    LENGTH,
    LENGTH_WHY,
    NATS,
    NATS_WHY,
    POINT,
    POINT_WHY,
    SAME,
    SAME_WHY,
    SHARE,
    TENTH,
    TENTH_WHY,
    WEIGHTS,
    cfg,
    root_kept,
)

# --- What makes a good guide ------------------------------------------------------------------------------------------


@claim(
    source=f"{KARRAS}, on ImageNet: FID 2.56 without guidance, 1.51 and 2.13 with either alone",
    above={"more than by capacity": 0, "more than half of both": 0},
    unit=SHARE,
    why="'Most' is more than the other does, and more than half of what both do together.",
    limits="The shares at other ratios of training and capacity than 1/8 and 1/2 (in width), or in variation.",
    guides=1,
)
def shorter_training_gains_more_than_capacity(lab: Lab) -> Effect:
    """Most of autoguidance's gain comes from the guide's shorter training rather than from its lower capacity.

    The gain of a guide is by how much it lowers outliers at the best of w = 1.5, 2 and 3, for each seed the best for
    the others. Guides: A64@512 (training alone) and A32@4096 (capacity alone), with --quick one network for all seeds,
    and A32@512 (both).
    """

    def gain(guide: str) -> np.ndarray:
        return lab.gain("outliers", "autoguidance", WEIGHTS, weak=guide)

    training, capacity = (gain(f"{guide}#1" if lab.size.small else guide) for guide in ("A64@512", "A32@4096"))
    both = gain("A32@512")
    return {"more than by capacity": training - capacity, "more than half of both": training - both / 2}


SMALL = Recipe(Spec("A", 32), iterations=512, batch=1024, data_seed=0)  # a training of a quick run
DEGRADED = {
    "dropout": ("A64@4096~dropout=0.05~seed={i}", "A64@4096#{i}~dropout=0.1~seed=1{i}"),
    "input noise": ("A64@4096~input_noise=0.1~seed={i}", "A64@4096#{i}~input_noise=0.2~seed=1{i}"),
}


def gain_of_guide(lab: Lab, measure: str, main: str, guide: str, part: str) -> np.ndarray:
    """By how much a guide lowers a measure of a degraded main model at the best w above 1, [seeds]."""
    pair = {"main": DEGRADED[main][0], "weak": DEGRADED[guide][1]}
    return lab.gain(measure, "autoguidance", WEIGHTS, part=part, **pair)


@claim(
    source=KARRAS,
    above={
        "dropout, outliers": POINT,
        "dropout, distance": LENGTH,
        "input noise, outliers": POINT,
        "input noise, distance": LENGTH,
    },
    unit="share of samples; sliced Wasserstein, in lengths",
    why=f"{POINT_WHY} {LENGTH_WHY}",
    limits="Other strengths, or degradations that are trained in.",
    lengths=("dropout, distance", "input noise, distance"),
)
def matched_degradations_help(lab: Lab) -> Effect:
    """A guide helps where it is degraded in the same way as the main model, only more.

    Both are made of A64@4096 of one seed, the main model's degradation less, the guide's more: dropout of 5 and 10% of
    the units, or input noise of 10 and 20%, drawn anew at each point and evaluation. By how much the best of w = 1.5,
    2 and 3, for each seed the best for the others, lowers outliers and the sliced Wasserstein distance below those
    without guidance.
    """
    return {
        f"{kind}, {word}": gain_of_guide(lab, measure, kind, kind, f"{kind}, {word}")
        for kind in DEGRADED
        for word, measure in (("outliers", "outliers"), ("distance", "sw1"))
    }


@claim(
    source=KARRAS,
    below={
        "dropout by input noise, outliers": POINT,
        "dropout by input noise, distance": LENGTH,
        "input noise by dropout, outliers": POINT,
        "input noise by dropout, distance": LENGTH,
    },
    unit="share of samples; sliced Wasserstein, in lengths",
    why=f"Not to help is to gain less than what would count as help: {POINT_WHY} {LENGTH_WHY}",
    limits="Other strengths, or degradations that are trained in.",
    lengths=("dropout by input noise, distance", "input noise by dropout, distance"),
)
def mismatched_degradations_do_not_help(lab: Lab) -> Effect:
    """A guide that is degraded in another way than the main model does not help at any weight.

    As for matched degradations, with the guide of one kind and the main model of the other.
    """
    return {
        f"{main} by {guide}, {word}": gain_of_guide(lab, measure, main, guide, f"{main} by {guide}, {word}")
        for main, guide in (("dropout", "input noise"), ("input noise", "dropout"))
        for word, measure in (("outliers", "outliers"), ("distance", "sw1"))
    }


@claim(
    source=KARRAS,
    below={"outliers": POINT, "divergence": NATS},
    unit={"outliers": SHARE, "divergence": "nats"},
    why=f"Not to help is to gain less than what would count as help: {POINT_WHY} {NATS_WHY}",
    limits="Other intervals.",
    guides=1,
)
def interval_does_not_help_autoguidance(lab: Lab) -> Effect:
    """A limited interval of noise levels does not improve autoguidance.

    Guide A32@512 at the best of w = 1.5, 2 and 3 at all noise levels, less the best of the same weights in the best of
    three intervals, 0.05 < σ ≤ 0.3, σ ≤ 0.3 and σ > 0.05, for each seed the best for the others: outliers, and
    KL(q || p) of the density q that the sampler draws from the true one.
    """
    intervals = ({"lo": 0.05, "hi": 0.3}, {"lo": 0.0, "hi": 0.3}, {"lo": 0.05, "hi": 5.0})
    limited = [{"schedule": "interval", **interval, **weight} for interval in intervals for weight in WEIGHTS]
    return {
        measure: lab.best(measure, "autoguidance", WEIGHTS) - lab.best(measure, "autoguidance", limited)
        for measure in ("outliers", DIVERGENCE)
    }


GUIDES = {
    "dropout": "A64@4096#{i}~dropout=0.1~seed=1{i}",
    "input noise": "A64@4096#{i}~input_noise=0.2~seed=1{i}",
}


@claim(
    source=f"{KARRAS}, Section 5.1",
    below=dict.fromkeys(GUIDES, POINT),
    unit=SHARE,
    why=f"Not to work is to gain less than what would count as help: {POINT_WHY}",
    limits="Other strengths, or other degradations.",
)
def degrading_the_main_model_makes_no_good_guide(lab: Lab) -> Effect:
    """A guide that is made of the main model by degrading it does not help.

    A64@4096, guided by itself with dropout of 10% of the units or with input noise of 20%: by how much the best of
    w = 1.5, 2 and 3, for each seed the best for the others, lowers outliers below those without guidance.
    """
    return {
        kind: lab.gain("outliers", "autoguidance", WEIGHTS, part=kind, weak=guide) for kind, guide in GUIDES.items()
    }


@claim(
    source=f"{KARRAS}, Section 5.1",
    below=POINT,
    unit=SHARE,
    why=f"Not to help is to gain less than what would count as help: {POINT_WHY}",
    limits="Other numbers of points, or guides that are trained longer, which memorise them.",
    guides=1,
)
def less_data_for_the_guide_does_not_help(lab: Lab) -> Effect:
    """Training the guide on less data than the main model does not help.

    By how much the best of w = 1.5, 2 and 3, for each seed the best for the others, lowers outliers with a guide
    A32@512 that was trained on 1024 points, less the same with one that was trained on all. With --quick both see
    1024 points an iteration, of one stream of data.
    """

    def gain(guide: str | Sequence[str]) -> np.ndarray:
        return lab.gain("outliers", "autoguidance", WEIGHTS, weak=guide)

    if lab.size.small:
        few, whole = (lab.trained(replace(SMALL, data=data), guides=True) for data in ("subset=1024", ""))
        return gain(few) - gain(whole)
    return gain("A32@512~subset=1024~seed={i}") - gain("A32@512")


# --- Mechanism --------------------------------------------------------------------------------------------------------

FIGURE_9 = (0.5, 0.25, 0.08, 0.03, 0.01)


PULLS = {"towards the correction": "cosine_outside", "up the true density": "uphill_outside"}


def pulls(lab: Lab, value: str) -> np.ndarray:
    """A value of the pull of A32@512 on samples of A64@4096 that are outside, mean over noise levels, [seeds]."""
    return lab.pull(value, main="A64@4096", guide="A32@512", sigmas=FIGURE_9, at="sampler").mean(axis=1)


@claim(
    source=f"{KARRAS}, Section 4",
    above={**dict.fromkeys(PULLS, 0), "most are raised": 0.5},
    unit={**dict.fromkeys(PULLS, "cosine"), "most are raised": "share of the samples that are outside"},
    why="Above 0 a short step along the pull is an improvement, at 0 it is none; most is more than half.",
    limits="That it helps samples that are not outside, nor by how much: a cosine c can remove c² of a squared error.",
)
def ratio_pulls_outliers_towards_the_data(lab: Lab) -> Effect:
    """The gradient of the log ratio of the main model to its guide pulls samples that are outside towards the data.

    Of samples of A64@4096 on their way, those outside the true 99% region of each noise level of the paper's Figure 9:
    cosine, pooled over them, between s_main − s_guide (A32@512) and the true correction s_true − s_main, and between it
    and s_true; share of them whose true log p it raises. Means over the noise levels.
    """
    return {
        **{part: pulls(lab, value) for part, value in PULLS.items()},
        "most are raised": pulls(lab, "raised_outside"),
    }


@claim(
    source=f"{KARRAS}, Section 4",
    above=dict.fromkeys(PULLS, 0.5),
    unit="cosine",
    why="A direction points at something where the angle between them is less than 60°.",
    limits="That the samples do not improve: they are moved by a long way of such steps.",
)
def ratio_points_outliers_at_the_data(lab: Lab) -> Effect:
    """The gradient of the log ratio of the main model to its guide points samples that are outside at the data.

    The stronger reading of the claim before, from the same numbers.
    """
    return {part: pulls(lab, value) for part, value in PULLS.items()}


# --- Negatives --------------------------------------------------------------------------------------------------------


@claim(
    source="Koulischer et al. 2024, arXiv:2410.14398",
    above={"constant weight": 0.1},
    below={"weighted by the posterior": POINT},
    unit=SHARE,
    exact=True,
    why=f"Leaving is meant for a tenth of the samples at least, ten times what the truth has there. {POINT_WHY}",
    limits="What a posterior that is tracked along the run, as in the paper, does: here it is exact.",
)
def negative_prompting_leaves_the_data_unless_weighted(lab: Lab) -> Effect:
    """A negative prompt of constant weight drives samples off the data; weighted by the posterior it does not.

    Samples outside the true 99% region of class A, less those of the exact score: p(x|A) with the negative p(x|B) at
    w = 1.5, and dynamic negative guidance of p(x) by p(x|B) at strength 1.
    """
    base = lab.measure("outliers")
    return {
        "constant weight": lab.measure("outliers", "negative_prompt", w=1.5) - base,
        "weighted by the posterior": lab.measure("outliers", "dynamic_negative_guidance", strength=1.0) - base,
    }


@claim(
    source="Desai and Vasconcelos 2024, arXiv:2411.05473",
    above=0.9,
    unit="probability",
    exact=True,
    why="Nine samples in ten; by the prior alone 52% of them would be of the other class.",
    limits="That the samples are likely ones of that class.",
)
def dns_finds_the_class_that_obeys_least(lab: Lab) -> Effect:
    """Diffusion-negative sampling ends where the wanted class is least likely.

    DNS away from class A at w = 5, from starting points of class A: mean true probability that a sample is not of
    class A.
    """
    return 1 - lab.measure("alignment", "diffusion_negative_sampling", w=5.0)


# --- Training ---------------------------------------------------------------------------------------------------------


def denoiser(lab: Lab, parametrisation: str = "energy", loss: str = "exact") -> tuple[str, ...]:
    """Networks of class A, one a seed: like the main model, or small ones of one stream of data."""
    if lab.size.small:
        return lab.trained(replace(SMALL, spec=Spec("A", 32, parametrisation=parametrisation), loss=loss))
    return lab.trained(Recipe(Spec("A", 64, parametrisation=parametrisation), loss=loss))


@claim(
    source=f"{KARRAS}, Appendix C",
    within={"score": SAME, "denoiser": SAME},
    unit=SHARE,
    why=SAME_WHY,
    elsewhere=False,
    limits="Anything about guidance by such networks: samples are compared without any.",
)
def parametrisation_does_not_matter(lab: Lab) -> Effect:
    """Whether a network predicts the energy, the score or the denoised point does not matter.

    Outliers without guidance of networks that predict the score or the denoised point, less those of networks that
    predict the energy, of the same seed, data and layers: like A64@4096; with --quick of width 32, after 512 iterations
    of 1024 points, all seeds on one stream of data.
    """
    energy = lab.measure("outliers", main=denoiser(lab))
    return {kind: lab.measure("outliers", main=denoiser(lab, kind)) - energy for kind in ("score", "denoiser")}


@claim(
    source=f"{KARRAS}, Appendix C",
    within=SAME,
    unit=SHARE,
    why=SAME_WHY,
    elsewhere=False,
    limits="Anything about data sets of finite size, on which only denoising score matching can be done.",
)
def denoising_and_exact_score_matching_agree(lab: Lab) -> Effect:
    """Training towards the exact score and towards the noise that was added give the same model.

    Outliers without guidance of networks trained by denoising score matching, less those of networks trained towards
    the exact score, of the same seed: like A64@4096; with --quick of width 32, after 512 iterations of 1024 points, all
    seeds on one stream of data.
    """
    return lab.measure("outliers", main=denoiser(lab, loss="denoising")) - lab.measure("outliers", main=denoiser(lab))


KINDS = ("score", "denoiser")
SHOWN = {"fewer outliers": (POINT, SHARE), "smaller branch TV than CFG": (TENTH, "branch TV"),
         "root kept": (0.5, "of its true share")}  # fmt: skip


@claim(
    source=f"{KARRAS}, Appendix C",
    above={f"{kind}, {part}": least for kind in KINDS for part, (least, _) in SHOWN.items()},
    unit={f"{kind}, {part}": unit for kind in KINDS for part, (_, unit) in SHOWN.items()},
    why="The thresholds are those for networks that predict the energy, for the same reasons. "
    f"{POINT_WHY} {TENTH_WHY} A branch is kept where more than half of its samples are there.",
    elsewhere=False,
    limits="That the effects are of the same size, or that the samples without guidance are as good.",
    guides=1,
)
def figure_1_is_so_with_other_parametrisations(lab: Lab) -> Effect:
    """What Figure 1 shows of autoguidance and CFG is so too of networks that predict the score or the denoised point.

    As for 'autoguidance lowers outliers and keeps branches', at the same weights, where the main model, like A64@4096,
    and its guides, like A32@512 and AB32@512, all predict the score, or the denoised point. With --quick the main model
    is of width 32, after 512 iterations of 1024 points, its guide the same training after 256, and that of CFG one
    network that predicts the energy.
    """
    found: dict[str, np.ndarray] = {}
    for kind in KINDS:
        main, (weak, pushed) = denoiser(lab, kind), _guides(lab, kind)
        guided = {"main": main, "weak": weak, "w": AUTOGUIDANCE}
        turned = lab.measure("branch_tv", "autoguidance", **guided)
        effects = (
            lab.measure("outliers", main=main) - lab.measure("outliers", "autoguidance", **guided),
            lab.measure("branch_tv", "cfg", main=main, **pushed) - turned,
            root_kept(lab, "autoguidance", **guided),
        )
        found |= {f"{kind}, {part}": effect for part, effect in zip(SHOWN, effects, strict=True)}
    return found


def _guides(lab: Lab, parametrisation: str) -> tuple[tuple[str, ...], dict[str, object]]:
    """The weak models of networks of one kind, one a seed, and what CFG is given."""
    if lab.size.small:
        early = Spec("A", 32, parametrisation=parametrisation)
        return lab.trained(replace(SMALL, spec=early, iterations=256)), cfg(lab)
    weak, every = (Recipe(Spec(who, 32, parametrisation=parametrisation), iterations=512) for who in ("A", "AB"))
    return lab.trained(weak, guides=True), {"w": CFG, "unconditional": lab.trained(every, guides=True)}
