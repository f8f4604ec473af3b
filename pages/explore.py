"""Explore: two methods side by side, moving."""

from toy.ui.engine import is_ready
from toy.ui.live import EXPLORE, mount
from toy.ui.shell import asks_for_methods
from toy.ui.startup import await_engine
from toy.viewer.packing import DEFAULT_PACK

shipped = not is_ready() and DEFAULT_PACK.exists() and not asks_for_methods()
if shipped:
    mount(EXPLORE, DEFAULT_PACK.read_bytes())
await_engine(drawn=shipped)

from toy.ui import explore  # noqa: E402  imports JAX

explore.page()
