"""Figures: the paper's figures with any cast, to look at, to download, and as a command line."""

from toy.ui.shell import awaited, style

style()
if awaited():
    from toy.ui import gallery

    gallery.page()
