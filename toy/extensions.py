"""Mixtures that hold others, as p(x) holds p(x|A): what they have in common at the same points is worked out once."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import jax
import numpy as np
from cachetools import LRUCache, cached
from jaxtyping import Array, Float

from toy.components import Sums, pull, sums
from toy.densities import Density, GaussianMixture, Level, Points, rounded
from toy.identity import same

SAME = 1e-5  # nats by which single precision rounds the ratios of weights that are equal


@partial(jax.tree_util.register_dataclass, data_fields=["whole", "rest", "log_share"], meta_fields=["part"])
@dataclass(frozen=True)
class Extended:
    """A mixture that holds the one that plays another role, its ``part``.

    ``rest`` are the groups of the ``whole`` that the part lacks, and ``log_share`` is the log of what the part weighs.
    """

    whole: GaussianMixture
    rest: GaussianMixture
    log_share: Float[Array, ""]
    part: str

    def logp(self, x: Points, sigma: Level) -> Float[Array, "*b"]:
        """That of the whole."""
        return self.whole.logp(x, sigma)

    def score(self, x: Points, sigma: Level) -> Float[Array, "*b 2"]:
        """That of the whole."""
        return self.whole.score(x, sigma)


def extended(cast: Mapping[str, Density]) -> dict[str, Density]:
    """The same densities by role, each mixture that holds another one as ``Extended`` by the largest that it holds."""
    mixtures = {role: density for role, density in cast.items() if isinstance(density, GaussianMixture)}
    found = dict(cast)
    for role, whole in mixtures.items():
        for part in sorted(mixtures, key=lambda name: -len(mixtures[name].origins)):
            if (more := _more(whole, mixtures[part])) is not None:
                found[role] = Extended(whole, *more, part)
                break
    return found


@cached(LRUCache(64), key=same, lock=threading.Lock())
def _more(whole: GaussianMixture, part: GaussianMixture) -> tuple[GaussianMixture, Array] | None:
    """The groups of a mixture that another lacks, and the log of what that weighs in it; None where it is no part."""
    if len(part.origins) >= len(whole.origins) or part.parts != whole.parts:
        return None
    at = {row: i for i, row in enumerate(_rows(whole))}
    groups = [at.get(row, -1) for row in _rows(part)]
    if -1 in groups or len(set(groups)) < len(groups):
        return None
    weights = np.asarray(whole.log_weights)
    ratios = weights[groups] - np.asarray(part.log_weights)
    if np.ptp(ratios) > SAME:
        return None
    rest = jax.tree.map(lambda leaf: rounded(np.delete(np.asarray(leaf), groups, axis=0)), whole)
    return rest, rounded(ratios.mean())


def _rows(mixture: GaussianMixture) -> Sequence[bytes]:
    """What each group is but for its weights, bit by bit."""
    leaves = [np.asarray(leaf) for leaf in (mixture.origins, mixture.centres, mixture.axes, mixture.variances)]
    return [row.tobytes() for row in np.concatenate([leaf.reshape(len(leaf), -1) for leaf in leaves], axis=1)]


def scores(cast: Mapping[str, Density], x: Float[Array, "*b 2"], sigma: Array) -> dict[str, Float[Array, "*b 2"]]:
    """The score of each density; what is ``Extended`` goes on from the sums of its part, which is asked here too."""
    parts = {each.part for each in cast.values() if isinstance(each, Extended)}
    known: dict[str, Sums] = {}

    def sums_of(role: str) -> Sums:
        if role not in known:
            density = cast[role]
            if isinstance(density, Extended) and density.part in cast:
                top, total, s1, s2 = sums_of(density.part)
                known[role] = sums(density.rest, x, sigma, (top + density.log_share, total, s1, s2))
            else:
                mixture = density.whole if isinstance(density, Extended) else density
                assert isinstance(mixture, GaussianMixture)
                known[role] = sums(mixture, x, sigma)
        return known[role]

    def score(role: str) -> Array:
        density = cast[role]
        shared = role in parts or (isinstance(density, Extended) and density.part in cast)
        return pull(sums_of(role)) if shared else density.score(x, sigma)

    return {role: score(role) for role in cast}
