"""What the words mean, one sentence each: the same on the viewer, in the settings and in their help."""

import json
from functools import cache

from toy.viewer.sources import VIEWER


@cache
def glossary() -> dict[str, str]:
    """The sentence of every word."""
    return json.loads((VIEWER / "glossary.json").read_text(encoding="utf-8"))


def meaning(*words: str) -> str:
    """The sentences of some words; KeyError where there is none."""
    return " ".join(glossary()[word] for word in words)
