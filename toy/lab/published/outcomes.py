"""Claims about samples: quality, variation, and what CFG does to both."""

import numpy as np

from toy.lab.claims import Effect, Lab, claim
from toy.lab.laboratory import DIVERGENCE
from toy.lab.published.shared import (
    AUTOGUIDANCE,
    CFG,
    KARRAS,
    KYNKAANNIEMI,
    NATS,
    NATS_WHY,
    POINT,
    POINT_WHY,
    SHARE,
    TENTH,
    TENTH_WHY,
    WEIGHTS,
    cfg,
    root_kept,
    root_mass,
)

# --- Quality and variation --------------------------------------------------------------------------------------------


@claim(
    source=f"{KARRAS}, Section 3",
    above=POINT,
    unit=SHARE,
    why=POINT_WHY,
    limits="How many outliers a model leaves depends on its size and training; this is one size.",
)
def small_models_make_outliers(lab: Lab) -> Effect:
    """Without guidance a small denoiser leaves samples outside the data that the exact score does not.

    Share of the samples of A64@4096 outside the true 99% region, less that of the exact score from the same noise.
    """
    return lab.measure("outliers") - lab.measure("outliers", main="exact:A")


@claim(
    source=f"{KARRAS}, Sections 3 and 4, Figure 1",
    above={"fewer outliers": POINT, "smaller branch TV than CFG": TENTH, "root kept": 0.5},
    unit={"fewer outliers": SHARE, "smaller branch TV than CFG": "branch TV", "root kept": "of its true share"},
    why=f"{POINT_WHY} {TENTH_WHY} A branch is kept where more than half of its samples are there.",
    limits="That no branch is thinned: branch TV is held against CFG's, not against no guidance.",
)
def autoguidance_lowers_outliers_and_keeps_branches(lab: Lab) -> Effect:
    """Autoguidance lowers the outliers of a small model and keeps the branches that CFG drops.

    Guides A32@512 at w = 3 and AB32@512 (CFG; with --quick one network for all seeds) at w = 4. Outliers without
    guidance less those with autoguidance; branch TV of CFG less that of autoguidance; and the root branch, whose
    samples should be 25.7% of all, under autoguidance.
    """
    guided = {"w": AUTOGUIDANCE}
    return {
        "fewer outliers": lab.measure("outliers") - lab.measure("outliers", "autoguidance", **guided),
        "smaller branch TV than CFG": lab.measure("branch_tv", "cfg", **cfg(lab))
        - lab.measure("branch_tv", "autoguidance", **guided),
        "root kept": root_kept(lab, "autoguidance", **guided),
    }


@claim(
    source=f"{KARRAS}, Figure 1",
    below=TENTH,
    unit="branch TV",
    why=TENTH_WHY,
    limits="What other weights do, or which of the branches lose.",
)
def autoguidance_does_not_reduce_diversity(lab: Lab) -> Effect:
    """Autoguidance does not reduce the diversity of the samples.

    Branch TV under autoguidance (A32@512) at w = 3, less that without guidance.
    """
    return lab.measure("branch_tv", "autoguidance", w=AUTOGUIDANCE) - lab.measure("branch_tv")


@claim(
    source=f"{KARRAS}, as FID on ImageNet",
    above=0,
    unit="nats",
    why="Any improvement would do: the paper's is large, and the divergence charges for quality and variation at once.",
    limits="FID compares features of images by their mean and covariance; nothing in the plane is the same thing.",
)
def autoguidance_improves_the_distribution(lab: Lab) -> Effect:
    """Autoguidance brings the distribution of the samples nearer to the truth.

    KL(q || p) of the density q that the sampler draws from the true one, without guidance, less that under autoguidance
    (A32@512) at the best of w = 1.5, 2 and 3, for each seed the best for the others.
    """
    return lab.gain(DIVERGENCE, "autoguidance", WEIGHTS)


@claim(
    source=f"{KARRAS}, Section 4",
    above={"denser than the truth": 0.1, "branches lost": TENTH},
    unit={"denser than the truth": "nats", "branches lost": "branch TV"},
    why=f"0.1 nats of mean log-density are a tenth more density at a typical sample. {TENTH_WHY}",
    limits="What other factors than 1.4 do.",
)
def naive_truncation_collapses_to_the_core(lab: Lab) -> Effect:
    """Multiplying the score collapses the samples to the core of the distribution and loses branches.

    Scores times 1.4, the paper's factor. Mean true log-density of its samples less that of the exact score's samples;
    branch TV less that without truncation.
    """
    cut = ("naive_truncation",)
    return {
        "denser than the truth": lab.measure("mean_logp", *cut, gamma=1.4) - lab.measure("mean_logp", main="exact:A"),
        "branches lost": lab.measure("branch_tv", *cut, gamma=1.4) - lab.measure("branch_tv"),
    }


# --- CFG --------------------------------------------------------------------------------------------------------------


@claim(
    source=f"{KARRAS}, Figure 1",
    above=0.5,
    unit="of the outliers without guidance",
    why="'Eliminates' is meant for most of them at least.",
    limits="What other weights do.",
)
def cfg_eliminates_outliers(lab: Lab) -> Effect:
    """CFG eliminates the outliers of a small model.

    Share of the outliers of A64@4096 that are gone under CFG with AB32@512 (with --quick one network for all seeds) at
    w = 4.
    """
    return 1 - lab.measure("outliers", "cfg", **cfg(lab)) / lab.measure("outliers")


@claim(
    source="Wu et al. 2024, arXiv:2403.01639; with learned scores " + f"{KARRAS}, Section 3",
    above={"branches lost": TENTH, "root lost": 0.5},
    unit={"branches lost": "branch TV", "root lost": "of its true share"},
    exact=True,
    why=f"{TENTH_WHY} A branch is dropped where more than half of its samples are missing.",
    limits="That network errors add nothing to it in learned models.",
)
def cfg_drops_branches_with_exact_scores(lab: Lab) -> Effect:
    """CFG drops branches even where every score is exact.

    CFG at w = 4. Branch TV less that of the exact score without guidance; and the share of the root branch's samples
    that is missing.
    """
    return {
        "branches lost": lab.measure("branch_tv", "cfg", w=CFG) - lab.measure("branch_tv"),
        "root lost": 1 - root_kept(lab, "cfg", w=CFG),
    }


@claim(
    source="Chidambaram et al. 2024, arXiv:2409.13074; Bradley and Nakkiran 2024, arXiv:2408.09000",
    above={"CFG": NATS},
    below={"control: no guidance": NATS},
    unit="nats",
    exact=True,
    why=NATS_WHY,
    limits="How far the flow of infinitely many steps is from the tilted density: 32 steps are part of the sampler.",
)
def cfg_does_not_sample_the_tilted_density(lab: Lab) -> Effect:
    """CFG does not sample the tilted density whose score its formula is.

    KL(q || tilt) of the density q that the sampler itself draws, by the Jacobian of its steps, from the normalised
    p(x|A)^w p(x)^(1 − w) at w = 4, for a quarter of the samples of other claims. The control is KL(q || p) at w = 1,
    where CFG is no guidance: the error of the sampler alone.
    """
    return {
        "CFG": lab.divergence("tilt", "cfg", w=CFG),
        "control: no guidance": lab.divergence("truth", "cfg", w=1.0),
    }


@claim(
    source=KYNKAANNIEMI,
    above={"branch TV recovered": TENTH, "outliers not raised": -POINT},
    unit={"branch TV recovered": "branch TV", "outliers not raised": SHARE},
    why=f"{TENTH_WHY} Quality counts as kept where outliers rise by less than a point: {POINT_WHY}",
    limits="Which interval is best, or that guidance in an interval beats none.",
)
def limited_interval_recovers_diversity(lab: Lab) -> Effect:
    """Applying CFG in a limited interval of noise levels recovers the diversity that it costs, at the same quality.

    CFG with AB32@512 (with --quick one network for all seeds) at w = 4 at all noise levels, against the same for
    0.05 < σ ≤ 0.3 alone: by how much branch TV and outliers are smaller.
    """
    always = cfg(lab)
    limited = {**always, "schedule": "interval", "lo": 0.05, "hi": 0.3}
    return {
        "branch TV recovered": lab.measure("branch_tv", "cfg", **always) - lab.measure("branch_tv", "cfg", **limited),
        "outliers not raised": lab.measure("outliers", "cfg", **always) - lab.measure("outliers", "cfg", **limited),
    }


@claim(
    source="Skreta et al. 2025, arXiv:2503.02819",
    above={"w = 2": 0.5, "w = 4": 0.5},
    unit="of what CFG lost of the root branch",
    exact=True,
    why="Restored means most of it: more than half of the samples that CFG takes from the root branch.",
    limits="Anything about learned scores, whose noise levels contradict each other and mislead the weights.",
)
def smc_restores_what_cfg_drops(lab: Lab) -> Effect:
    """Weighting and resampling the particles of a guided diffusion restores the branches that CFG drops.

    Samples on the root branch by Feynman-Kac SMC less those by CFG's flow, over what CFG's flow lacks there.
    """

    def restored(w: float) -> np.ndarray:
        flow, weighted = (lab.measure("root_share", "cfg", w=w, integrator=name) for name in ("heun", "smc"))
        return (weighted - flow) / (root_mass() - flow)

    return {"w = 2": restored(2.0), "w = 4": restored(4.0)}
