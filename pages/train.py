"""Train: a network learns the tree while one watches."""

from toy.ui.shell import awaited, style

style()
if awaited():
    from toy.ui import train

    train.page()
