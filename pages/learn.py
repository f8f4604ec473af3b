"""Learn: lessons, in which one predicts and then sees."""

from toy.ui.startup import await_engine

await_engine()

from toy.ui import learn  # noqa: E402  imports JAX

learn.page()
