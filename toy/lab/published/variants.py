"""Claims about variants of classifier-free guidance: what each promises that the plain form does not do.

Exact scores alone, so that what is seen is guidance's own doing. Of these papers the abstracts were read, and of CFG++
the project's page; their measures are FID and others of images. How a statement is measured here, and strengths where
nothing else is said, are this project's reading; the rules say where they differ from the papers.
"""

from functools import partial

import jax.numpy as jnp
import numpy as np

from toy import distributions
from toy.lab.claims import Effect, Lab, claim
from toy.lab.published.shared import (
    CFG,
    KEPT,
    NATS,
    NATS_WHY,
    POINT,
    POINT_WHY,
    SHARE,
    TENTH,
    TENTH_WHY,
    kept,
    root_mass,
)

# --- CFG++ ------------------------------------------------------------------------------------------------------------

CHUNG = "Chung et al. 2024, arXiv:2406.08070"
PAIRS = {"λ = 0.2, w = 2": (0.2, 2.0), "λ = 0.6, w = 7.5": (0.6, 7.5)}
DDIM: dict[str, object] = {"integrator": "euler", "steps": 50}


@claim(
    source=CHUNG,
    above=dict.fromkeys(PAIRS, TENTH),
    unit="branch TV",
    exact=True,
    why=TENTH_WHY,
    limits="Which scale goes with which weight, or what other numbers of steps do, with which its guidance grows.",
)
def cfg_plus_plus_reduces_mode_collapse(lab: Lab) -> Effect:
    """CFG++ reduces the mode collapse of CFG at scales that go with each other.

    Branch TV under CFG at weight w less that under CFG++ at scale λ, exact scores, 50 Euler steps, which are DDIM's.
    """

    def lost(rule: str, **values: float) -> np.ndarray:
        return lab.measure("branch_tv", rule, **values, **DDIM)

    return {part: lost("cfg", w=w) - lost("cfg_plus_plus", scale=scale) for part, (scale, w) in PAIRS.items()}


def detour(path: np.ndarray, sigmas: np.ndarray, *, target: str, weight: float) -> float:
    """Mean length of the way of the guided denoised points over the distance of its ends, less 1, by exact scores."""
    known = distributions.of(target)
    main, every = (distributions.mixture(name) for name in (target, known.all.name))
    way = []
    for x, sigma in zip(path[:-1], np.asarray(sigmas[:-1], float), strict=True):
        one, other = (np.asarray(each.score(jnp.asarray(x), jnp.float32(sigma)), float) for each in (main, every))
        way.append(x + sigma**2 * (other + weight * (one - other)))
    steps = np.linalg.norm(np.diff(way, axis=0), axis=-1).sum(axis=0)
    return float(steps.mean() / np.linalg.norm(way[-1] - way[0], axis=-1).mean() - 1)


@claim(
    source=CHUNG,
    above=dict.fromkeys(PAIRS, TENTH),
    unit="of CFG's detour",
    exact=True,
    why="A tenth less of a detour is what one sees.",
    limits="That straighter trajectories end nearer to the truth.",
)
def cfg_plus_plus_goes_straighter(lab: Lab) -> Effect:
    """Trajectories of the denoised points are smoother and straighter under CFG++ than under CFG.

    By what share their detour is smaller: the mean length of the way over the mean distance of its ends, less 1. The
    denoised points are the guided ones, of weight w or λ. Exact scores, 50 Euler steps, 1024 samples a seed.
    """

    def way(rule: str, knob: str, weight: float) -> np.ndarray:
        told = partial(detour, target=lab.target, weight=weight)
        return lab.statistic(told, rule, n=1024, **{knob: weight}, **DDIM)

    return {part: 1 - way("cfg_plus_plus", "scale", scale) / way("cfg", "w", w) for part, (scale, w) in PAIRS.items()}


# --- Diversity that is kept -------------------------------------------------------------------------------------------


@claim(
    source="Sadat et al. 2023, arXiv:2310.17347",
    **KEPT,
    exact=True,
    limits="Labels of many classes, or noise on a vector, which has directions that no class has.",
)
def annealing_the_condition_restores_diversity(lab: Lab) -> Effect:
    """Annealing the condition along the run gives back the diversity that guidance costs, at little loss of quality.

    CADS with its usual times and CFG, both at w = 4 with exact scores: by how much branch TV and outliers are smaller,
    and the mean posterior of the class larger.
    """
    return kept(lab, "cads", against={"w": CFG}, w=CFG)


@claim(
    source="Sadat et al. 2024, arXiv:2410.02416",
    **KEPT,
    exact=True,
    limits="Other caps than 0.2, which is this project's: the paper's are for images.",
)
def projected_guidance_keeps_diversity_at_high_scales(lab: Lab) -> Effect:
    """Adaptive projected guidance improves the recall of CFG at high scales and keeps its precision.

    Recall is the branches', precision the outliers'. Both at w = 4 with exact scores, the projection with η = 0,
    r = 0.2 and β = −0.5: by how much branch TV and outliers are smaller, and the mean posterior of the class larger.
    """
    return kept(lab, "adaptive_projected_guidance", against={"w": CFG}, w=CFG)


@claim(
    source="Koulischer et al. 2025, arXiv:2506.06085",
    **KEPT,
    exact=True,
    limits="How it compares to the weight of CFG that is best for each: both are at their usual strengths.",
)
def feedback_keeps_diversity(lab: Lab) -> Effect:
    """Guidance that follows each sample's need keeps the diversity that a constant weight costs.

    Feedback guidance and CFG at w = 4, with exact scores and the stochastic sampler: by how much branch TV and outliers
    are smaller, and the mean posterior of the class larger.
    """
    sampler = {"integrator": "ancestral"}
    return kept(lab, "feedback_guidance", against={"w": CFG, **sampler}, **sampler)


@claim(
    source="Zheng and Lan 2023, arXiv:2312.07586",
    above=0.5,
    unit="of what CFG lost of the root branch",
    exact=True,
    why="Mitigated is most of it: more than half of the samples that CFG takes from the root branch.",
    limits="What the paper's own iteration does: here the equation is solved by Newton's method, where that converges.",
)
def characteristic_guidance_restores_what_cfg_drops(lab: Lab) -> Effect:
    """Corrected to follow the Fokker-Planck equation, guidance keeps what CFG loses at large scales.

    Samples on the root branch of the tree under characteristic guidance less those under CFG, at w = 4 with exact
    scores, over what CFG lacks there. 2048 samples a seed.
    """
    plain, corrected = (lab.measure("root_share", rule, w=CFG, n=2048) for rule in ("cfg", "characteristic_guidance"))
    return (corrected - plain) / (root_mass() - plain)


# --- Nearer to the truth ----------------------------------------------------------------------------------------------


@claim(
    source="Fan et al. 2025, arXiv:2503.18886",
    above={"both": NATS, "scale alone": 0.0},
    unit="nats",
    exact=True,
    why=f"{NATS_WHY} Of the scale alone any gain will do.",
    limits="What standing still does for velocities that are wrong, which exact ones are not.",
)
def a_fitted_scale_improves_on_cfg(lab: Lab) -> Effect:
    """CFG with a fitted scale of the unconditional velocity, and first steps that stand still, improves on CFG.

    KL(q || p) of the density q that the sampler draws from the true one, at w = 4 with exact scores: CFG's less
    CFG-Zero*'s, with the first 4% of the steps standing still, and with none.
    """
    plain = lab.divergence("truth", "cfg", w=CFG)
    return {
        "both": plain - lab.divergence("truth", "cfg_zero_star", w=CFG),
        "scale alone": plain - lab.divergence("truth", "cfg_zero_star", w=CFG, zero=0.0),
    }


@claim(
    source="Kwon et al. 2025, arXiv:2503.18137",
    above=NATS,
    unit="nats",
    exact=True,
    why=NATS_WHY,
    limits="Scores of many coordinates, whose common direction says less of each.",
)
def tangential_damping_improves_on_cfg(lab: Lab) -> Effect:
    """Damping the unconditional score across both scores' common direction brings samples nearer to the truth.

    KL(q || p) of the density q that the sampler draws from the true one, at w = 4 with exact scores: CFG's less that
    with tangential damping.
    """
    return lab.divergence("truth", "cfg", w=CFG) - lab.divergence("truth", "tangential_cfg", w=CFG)


# --- The same for less ------------------------------------------------------------------------------------------------

AGREED = 0.991  # cosine
FINE: dict[str, object] = {"integrator": "euler", "steps": 64}


def saved(path: np.ndarray, sigmas: np.ndarray, *, target: str, agreed: float) -> float:
    """Share of all evaluations, one of either model a step, that are spared: the unconditional ones once they agree."""
    known = distributions.of(target)
    both = [distributions.mixture(name) for name in (target, known.all.name)]
    ended, spared = np.zeros(path.shape[1], bool), 0.0
    for x, sigma in zip(path[:-1], np.asarray(sigmas[:-1], float), strict=True):
        spared += float(ended.mean())
        main, every = (x + sigma**2 * np.asarray(one.score(jnp.asarray(x), jnp.float32(sigma))) for one in both)
        lengths = np.linalg.norm(main, axis=-1) * np.linalg.norm(every, axis=-1)
        ended |= np.sum(main * every, axis=-1) > agreed * lengths
    return spared / (2 * (len(path) - 1))


@claim(
    source="Castillo et al. 2023, arXiv:2312.12487",
    above={"evaluations saved": 0.25},
    within={"outliers": POINT, "branch TV": 0.02},
    unit={"evaluations saved": "of all evaluations", "outliers": SHARE, "branch TV": "branch TV"},
    exact=True,
    why=f"A quarter is the paper's. {POINT_WHY} Two samples in a hundred on other branches are as many as one does not "
    "see.",
    limits="Agreement of predicted noise, by which guidance would end as it begins in two dimensions.",
)
def ending_guidance_at_agreement_saves_a_quarter(lab: Lab) -> Effect:
    """Guidance that ends as soon as both models agree keeps CFG's quality with a quarter fewer evaluations.

    Adaptive guidance at w = 4 with exact scores, a cosine of denoised points of 0.991 and 64 Euler steps: the share of
    both models' evaluations that it spares, and its outliers and branch TV less CFG's.
    """
    spared = partial(saved, target=lab.target, agreed=AGREED)
    adaptive = {"w": CFG, "threshold": AGREED, **FINE}

    def change(measure: str) -> np.ndarray:
        return lab.measure(measure, "adaptive_guidance", **adaptive) - lab.measure(measure, "cfg", w=CFG, **FINE)

    return {
        "evaluations saved": lab.statistic(spared, "adaptive_guidance", n=1024, **adaptive),
        "outliers": change("outliers"),
        "branch TV": change("branch_tv"),
    }


@claim(
    source="Sadat et al. 2024, arXiv:2407.02687",
    within={"outliers": POINT, "branch TV": 0.02},
    unit={"outliers": SHARE, "branch TV": "branch TV"},
    exact=True,
    why=f"{POINT_WHY} Two samples in a hundred on other branches are as many as one does not see.",
    limits="Anything about many classes, or a label that is noise, on which a network says what no density says.",
)
def an_independent_label_guides_as_an_unconditional_model_does(lab: Lab) -> Effect:
    """Guidance by the model itself under an independent label matches classifier-free guidance.

    Independent condition guidance at w = 2 with exact scores, a label drawn at each point and evaluation: outliers and
    branch TV less those of CFG at the same weight.
    """

    def change(measure: str) -> np.ndarray:
        return lab.measure(measure, "independent_condition_guidance", w=2.0) - lab.measure(measure, "cfg", w=2.0)

    return {"outliers": change("outliers"), "branch TV": change("branch_tv")}
