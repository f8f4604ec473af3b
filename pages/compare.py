"""Compare: methods over strength, with error bars."""

from toy.ui.startup import await_engine

await_engine()

from toy.ui import compare  # noqa: E402  imports JAX

compare.page()
