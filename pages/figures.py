"""Figures: the paper's figures with any cast, to look at, to download, and as a command line."""

from toy.ui.startup import await_engine

await_engine()

from toy.ui import gallery  # noqa: E402  imports JAX

gallery.page()
