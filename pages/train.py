"""Train: a network learns the tree while one watches."""

from toy.ui.startup import await_engine

await_engine()

from toy.ui import train  # noqa: E402  imports JAX

train.page()
