"""What the words mean, one sentence each: the same on the viewer, in the settings and in their help."""

from functools import cache

from toy.viewer.sources import words


@cache
def glossary() -> dict[str, str]:
    """The sentence of every word."""
    return words("en")["meanings"]


def meaning(*words: str) -> str:
    """The sentences of some words; KeyError where there is none."""
    return " ".join(glossary()[word] for word in words)
