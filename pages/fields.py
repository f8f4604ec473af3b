"""Fields: densities, ratio and scores at one noise level."""

from toy.ui.startup import await_engine

await_engine()

from toy.ui import fields  # noqa: E402  imports JAX

fields.page()
