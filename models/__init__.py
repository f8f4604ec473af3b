"""Networks trained on the toy, and the names under which densities are found."""

from importlib import import_module
from typing import Any

__all__ = ["cast", "ensure", "load", "names", "written"]


def __getattr__(name: str) -> Any:
    """Import on first use."""
    if name in __all__:
        return getattr(import_module("models.zoo"), name)
    raise AttributeError(f"module 'models' has no attribute {name!r}")
