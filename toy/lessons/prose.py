"""The text of a step: a subset of Markdown, as blocks of plain parts that need no markup to be drawn.

Paragraphs and lists of ``- `` lines; within them ``**strong**``, ``*emphasis*``, `` `code` `` and links
``[words](target)``. A block is ``["p", part, ...]`` or ``["ul", [part, ...], ...]``, a part is text or ``[kind, text]``
or ``["link", text, target]``. Nothing is nested.
"""

import re
from collections.abc import Iterator
from typing import Any

Block = list[Any]
_PART = re.compile(
    r"\*\*(?P<strong>[^*]+)\*\*|\*(?P<em>[^*]+)\*|`(?P<code>[^`]+)`|\[(?P<link>[^\]]+)\]\((?P<target>[^)\s]+)\)"
)
KINDS = ("strong", "em", "code")


def parts(text: str) -> list[object]:
    """The parts of one paragraph."""
    found: list[object] = []
    at = 0
    for match in _PART.finditer(text):
        if match.start() > at:
            found.append(text[at : match.start()])
        kind = match.lastgroup if match.lastgroup in KINDS else "link"
        found.append([kind, match[kind], match["target"]] if kind == "link" else [kind, match[kind]])
        at = match.end()
    return [*found, text[at:]] if at < len(text) else found


def blocks(text: str) -> list[Block]:
    """The blocks of a text: lines are joined, an empty line or a ``- `` at a line's beginning parts them."""
    found: list[Block] = []
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        if paragraph.startswith("- "):
            items = re.split(r"^- ", paragraph, flags=re.MULTILINE)[1:]
            found.append(["ul", *(parts(_joined(item)) for item in items)])
        elif paragraph:
            found.append(["p", *parts(_joined(paragraph))])
    return found


def links(found: list[Block]) -> Iterator[list[str]]:
    """All links in some blocks, as the parts that they are: ["link", text, target]."""
    for kind, *rest in found:
        for line in rest if kind == "ul" else [rest]:
            yield from (part for part in line if isinstance(part, list) and part[0] == "link")


def _joined(text: str) -> str:
    """Lines as one: with a space, but none between two characters of a script that has none."""
    lines = [line.strip() for line in text.strip().splitlines()]
    joined = lines[0] if lines else ""
    for line in lines[1:]:
        wide = _wide(joined[-1:]) and _wide(line[:1])
        joined += line if wide else f" {line}"
    return joined


def _wide(character: str) -> bool:
    return bool(re.match(r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]", character))
