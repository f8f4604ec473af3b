"""Mechanism: what a guide pulls towards, and what the sampler really draws."""

from toy.ui.startup import await_engine

await_engine()

from toy.ui import mechanism  # noqa: E402  imports JAX

mechanism.page()
