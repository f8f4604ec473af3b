"""Explore: two methods side by side, moving."""

from toy.ui.engine import is_ready
from toy.ui.packing import DEFAULT_PACK
from toy.ui.shell import VIEWER, asks_for_methods, await_engine, viewer

shipped = not is_ready() and DEFAULT_PACK.exists() and not asks_for_methods()
if shipped:
    viewer(DEFAULT_PACK.read_bytes(), VIEWER)
await_engine(drawn=shipped)

from toy.ui import explore  # noqa: E402  imports JAX

explore.page()
