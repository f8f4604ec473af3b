"""Lab: claims with their verdicts, sweeps while they run and afterwards, schedules found by gradient."""

from toy.ui.startup import await_engine

await_engine()

from toy.ui import lab  # noqa: E402  imports JAX

lab.page()
