"""Networks trained on the toy, and the names under which densities are found."""

from models.zoo import cast, load, names

__all__ = ["cast", "load", "names"]
