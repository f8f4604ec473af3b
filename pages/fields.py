"""Fields: densities, ratio and scores at one noise level."""

from toy.ui.shell import awaited, style

style()
if awaited():
    from toy.ui import fields

    fields.page()
