"""A density that is asked where a program runs: stands in for it while a function is traced.

What it is asked are primitives of JAX, which the browser's interpreter answers from its kernel: nothing is computed
here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad
from jax.typing import ArrayLike
from jaxtyping import Array

from toy.densities import Points
from toy.guidance.rules import Memory

score_p = Primitive("score")
logp_p = Primitive("logp")
score_jvp_p = Primitive("score_jvp")
posterior_p = Primitive("posterior")
field_p = Primitive("field")
observe_p = Primitive("observe")
field_p.multiple_results = True

score_p.def_abstract_eval(lambda x, sigma, *, role: ShapedArray(x.shape, x.dtype))
logp_p.def_abstract_eval(lambda x, sigma, *, role: ShapedArray(x.shape[:-1], x.dtype))
score_jvp_p.def_abstract_eval(lambda x, sigma, along, *, role: ShapedArray(x.shape, x.dtype))
posterior_p.def_abstract_eval(lambda x, sigma, *, role, groups: ShapedArray((*x.shape[:-1], groups), x.dtype))
field_p.def_abstract_eval(lambda x, sigma, memory, *step: [ShapedArray(x.shape, x.dtype), memory])
observe_p.def_abstract_eval(lambda x, memory, *step: memory)


def _logp_jvp(primals: Sequence[Array], tangents: Sequence[Array], *, role: str) -> tuple[Array, Array]:
    """Along x alone, since no function here differentiates by the noise level: the score is the gradient."""
    logp = logp_p.bind(*primals, role=role)
    score = score_p.bind(*primals, role=role)
    return logp, jnp.sum(score * tangents[0], axis=-1)


def _score_jvp(primals: Sequence[Array], tangents: Sequence[Array], *, role: str) -> tuple[Array, Array]:
    """Along x alone: a primitive of its own, which is not differentiated further."""
    score = score_p.bind(*primals, role=role)
    return score, score_jvp_p.bind(*primals, tangents[0], role=role)


ad.primitive_jvps[logp_p], ad.primitive_jvps[score_p] = _logp_jvp, _score_jvp


@dataclass(frozen=True)
class Remote:
    """The density of a role; ``groups`` is the number of a mixture's groups, any integer or symbol."""

    role: str
    groups: object = None

    def score(self, x: Points, sigma: ArrayLike) -> Array:
        """The score, in 1/length: asked, not computed."""
        score: Array = score_p.bind(x, jnp.asarray(sigma, x.dtype), role=self.role)
        return score

    def logp(self, x: Points, sigma: ArrayLike) -> Array:
        """The log-density in nats."""
        logp: Array = logp_p.bind(x, jnp.asarray(sigma, x.dtype), role=self.role)
        return logp

    def responsibilities(self, x: Points, sigma: ArrayLike) -> Array:
        """Posterior probability of each group of a mixture."""
        level = jnp.asarray(sigma, x.dtype)
        posterior: Array = posterior_p.bind(x, level, role=self.role, groups=self.groups)
        return posterior


def field(x: Array, sigma: Array, memory: Memory, step: Sequence[Array]) -> tuple[Array, Memory]:
    """The guided score and the rule's memory after it, in a step (sigma, sigma_next, progress)."""
    score, moved_on = field_p.bind(x, sigma, memory, *step)
    return score, moved_on


def observe(x: Array, memory: Memory, step: Sequence[Array]) -> Memory:
    """The rule's memory where a step begins."""
    return observe_p.bind(x, memory, *step)
