"""What an integrator is: one function of one step.

It may take ``field``, the guided score ``(x, sigma, memory) -> (score,
memory)``; ``unguided``, the main model's score ``(x, sigma) -> score``; ``field_at``, which makes the ``field`` of
another step and the memory that it begins with; ``logp`` and ``tilt``, the logs of the main density and of the tilted
density that the rule stands for, up to a constant, ``(x, sigma) -> log p``; ``x``, ``sigma``, ``sigma_next``, the
number of ``steps`` and a ``key``. ``memory`` is the rule's and moves on once a step: a rule that observes does so where
the step begins, all evaluations of a step are given the memory that it begins with, and the first one's is handed on.
An integrator that carries something itself takes ``past`` and returns it third. What its decorator may say are the
fields of ``Integrator``.
"""

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Array, Float

from toy.guidance.rules import Memory
from toy.registry import Entry, Registry

Points = Float[Array, "n 2"]
Field = Callable[[Points, Array, Memory], tuple[Points, Memory]]
FieldAt = Callable[[Array, Array, Array, Points, Memory], tuple[Field, Memory]]  # of a step: σ, σ', progress
Score = Callable[[Points, Array], Points]
LogDensity = Callable[[Points, Array], Float[Array, " n"]]

EDM = "Karras et al. 2022, arXiv:2206.00364"


@dataclass(frozen=True, kw_only=True)
class Integrator(Entry):
    """An integrator: its ``order``, whether it is ``stochastic``, and the ``least`` number of particles it takes.

    ``past`` gives what it carries from step to step at the start, given ``x``. ``asks`` gives, given the number of
    steps and its knobs, how often a run asks for the guided score, and how often for the main density's alone.
    """

    order: int
    stochastic: bool = False
    least: int = 1
    past: Callable[[Points], Memory] | None = None
    asks: Callable[..., tuple[float, float]] = lambda steps, **_: (steps, 0)


INTEGRATORS = Registry("integrator", Integrator)
integrator = INTEGRATORS.register
