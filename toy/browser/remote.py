"""A density that is asked where a program runs: stands in for it while a function is traced.

What it is asked are primitives of JAX, which the browser's interpreter answers from its kernel: nothing is computed
here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad
from jaxtyping import Array, Float

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


def _logp_jvp(primals: Sequence[Array], tangents: Sequence[Array], *, role: str) -> tuple[Any, Any]:
    """Along x alone, since no function here differentiates by the noise level: the score is the gradient."""
    logp = logp_p.bind(*primals, role=role)
    score = score_p.bind(*primals, role=role)
    return logp, jnp.sum(score * tangents[0], axis=-1)


def _score_jvp(primals: Sequence[Array], tangents: Sequence[Array], *, role: str) -> tuple[Any, Any]:
    """Along x alone: a primitive of its own, which is not differentiated further."""
    score = score_p.bind(*primals, role=role)
    return score, score_jvp_p.bind(*primals, tangents[0], role=role)


ad.primitive_jvps[logp_p], ad.primitive_jvps[score_p] = _logp_jvp, _score_jvp


@dataclass(frozen=True)
class Remote:
    """The density of a role; ``groups`` is the number of a mixture's groups, any integer or symbol."""

    role: str
    groups: Any = None

    def score(self, x: Float[Array, "*b 2"], sigma: Any) -> Any:
        """The score, in 1/length: asked, not computed."""
        return score_p.bind(x, jnp.asarray(sigma, x.dtype), role=self.role)

    def logp(self, x: Float[Array, "*b 2"], sigma: Any) -> Any:
        """The log-density in nats."""
        return logp_p.bind(x, jnp.asarray(sigma, x.dtype), role=self.role)

    def responsibilities(self, x: Float[Array, "*b 2"], sigma: Any) -> Any:
        """Posterior probability of each group of a mixture."""
        level = jnp.asarray(sigma, x.dtype)
        return posterior_p.bind(x, level, role=self.role, groups=self.groups)


def field(x: Any, sigma: Any, memory: Any, step: Sequence[Any]) -> tuple[Any, Any]:
    """The guided score and the rule's memory after it, in a step (sigma, sigma_next, progress)."""
    score, moved_on = field_p.bind(x, sigma, memory, *step)
    return score, moved_on


def observe(x: Any, memory: Any, step: Sequence[Any]) -> Any:
    """The rule's memory where a step begins."""
    return observe_p.bind(x, memory, *step)
