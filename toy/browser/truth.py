"""What is known exactly of a target, as numbers: what the browser measures samples against."""

from typing import Any

from toy import distributions, metrics
from toy.browser.traced import SHOWN


def truth_of(target: str, counts: tuple[int, ...]) -> dict[str, Any]:
    """``both``: the name of the density of all its classes; ``prior``: the target's among them; ``threshold``, ``tail``
    and ``far``: of log p, in nats; ``mode`` of each group; ``mass`` and ``level`` of each mode, -1 without levels;
    ``names`` of the measures that it has; ``regions``: the edge of the 99% region at noise levels; ``floors``: by
    number of samples, what the measures give for true ones.
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
        "floors": {n: metrics.floor(target, n, names) for n in counts},
    }
