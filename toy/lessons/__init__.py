"""Lessons: predict, then reveal. Each is one Markdown file ``NAME.LANGUAGE.md`` in this folder, read by ``lessons``.

A file begins with ``title``, ``summary``, ``minutes`` and ``order`` between two lines ``---``; each ``## heading``
after it is a step: its declarations, a line ``key: value`` each, an empty line, then its text. See ``reading``.
"""

from toy.lessons.measuring import NUMBERS, numbers
from toy.lessons.reading import FOLDER, Lesson, Step, lessons, read, shelf

__all__ = ["FOLDER", "NUMBERS", "Lesson", "Step", "lessons", "numbers", "read", "shelf"]
