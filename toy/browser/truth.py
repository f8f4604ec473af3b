"""What is known exactly of a target, as numbers: what the browser measures samples against."""

from functools import lru_cache

from toy import distributions, metrics
from toy.browser.traced import SHOWN
from toy.distributions.targets import FEWER_SIGMAS


@lru_cache(maxsize=64)
def truth_of(target: str) -> dict[str, object]:
    """``both``: the name of the density of all its classes; ``prior``: the target's among them; ``threshold``, ``tail``
    and ``far``: of log p, in nats; ``mode`` of each group; ``mass`` and ``level`` of each mode, -1 without levels;
    ``names`` of the measures that it has; ``regions``: the edge of the 99% region at noise levels.
    """
    known = distributions.of(target)
    names = metrics.defined(SHOWN, target)
    levels, edges = distributions.regions(target)
    level = [-1] * len(known.mass) if known.level is None else known.level
    return {
        "both": f"exact:{known.all.name}",
        "prior": float(known.prior),
        "threshold": distributions.threshold(target),
        "tail": distributions.threshold(target, 0.999),
        "far": distributions.far(target),
        "mode": [int(mode) for mode in known.mode_of_group],
        "mass": [float(mass) for mass in known.mass],
        "level": [int(depth) for depth in level],
        "names": list(names),
        "regions": {"sigmas": [float(s) for s in levels], "edges": [float(edge) for edge in edges]},
    }


def of_drawings() -> dict[str, object]:
    """What is known of any drawing: the measures that need no hierarchy, and the noise levels of its regions' edges."""
    measures = [name for name in SHOWN if not metrics.METRICS[name].levels]
    return {"measures": measures, "sigmas": FEWER_SIGMAS.tolist()}
