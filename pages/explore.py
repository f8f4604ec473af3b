"""Explore: two methods side by side, moving."""

from toy.ui.packing import DEFAULT_PACK
from toy.ui.shell import awaited, style, viewer

style()
if awaited():
    from toy.ui import explore

    explore.page()
elif DEFAULT_PACK.exists():
    viewer(DEFAULT_PACK.read_bytes(), "viewer-while-starting")
