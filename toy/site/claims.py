"""The page of claims: what was measured of each, and a link to the scenes that it is about."""

import html
import math
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from itertools import combinations
from pathlib import Path

from toy.figures.claims import claims_figure
from toy.figures.files import encode
from toy.lab import claims, report
from toy.lab.claim import Claim
from toy.lab.claims import QUICK, Findings, Lab, Outcome, Record
from toy.lab.questions import OfScene
from toy.lab.verdict import Part
from toy.names import Name
from toy.scene import Scene
from toy.state import DEFAULTS, SHARED, State

DOCS = Path(__file__).parents[2] / "docs"
BOARDS = {"claims": "Published claims, put to the test", "papers": "Papers on their own distributions"}
MARKS = {"holds": "✓", "does not hold": "✗", "undecided": "?", "nothing to gain": "–"}
HEAD = ("Verdict", "Claim", "Part", "Effect", "95% interval", "Holds if", "Power", "Needs")


@cache
def findings(board: str) -> Findings:
    """What the report that comes with the program says, judged as it is judged now."""
    have = claims.published() | claims.papers()
    return report.recorded([str(DOCS / f"{board}.json")], list(have.values()))


def figure(board: str) -> bytes:
    """The figure of a board as SVG: that of the report."""
    return encode(claims_figure(report.rows(findings(board).outcomes)), "svg", {"title": BOARDS[board]})


def scenes(item: Claim, on: str = "") -> Iterator[Scene]:
    """The scenes that a claim measures, in the order in which it asks for them, as one looks at them on a page."""
    record = Record()
    lab = Lab(QUICK, exact=item.exact, record=record, on=on)
    with suppress(Exception):  # what plans by numbers has none yet: of that no scene is told
        record.plan(lambda: item(lab))
    for asked in record.planned:
        if isinstance(asked, OfScene) and asked.scene.seed == 0:
            found = {role: unseeded(name) for role, name in asked.scene.cast}
            yield replace(asked.scene, cast=tuple(found.items()), n=DEFAULTS["n"])


def unseeded(name: str) -> str:
    """A density's name without the seeds of its networks: the one that a page has."""
    parsed = Name.parse(name)
    return parsed.base.partition("#")[0] if parsed.network and not parsed.items else name


def link(item: Claim, on: str, known: Collection[str]) -> str | None:
    """The query of Explore that shows two scenes of a claim beside each other; None where there are none.

    Only scenes of ``known`` densities are shown. What is claimed of stands left, what it is held against right.
    """
    found = [scene for scene in dict.fromkeys(scenes(item, on)) if {name for _, name in scene.cast} <= set(known)]
    for left, right in combinations(found, 2):
        if all(getattr(left, name) == getattr(right, name) for name in SHARED):
            return State(*((right, left) if left.rule == "none" else (left, right))).link()
    return None


# --- As HTML ----------------------------------------------------------------------------------------------------------


def page(known: Collection[str]) -> str:
    """The whole of it, with links to scenes of the densities that the site has."""
    boards = "\n".join(_board(board, known) for board in BOARDS)
    return f"""<div class="ts-claims">
<p>Each statement is one function that returns its effect, one number for each repetition of the experiment. It holds
where the interval is within the bounds, does not where the whole of it is outside, and is undecided otherwise.
Thresholds were set before anything was measured, and verdicts are about this toy, not about images. <i>Power</i> is the
probability that as many repetitions decide, <i>needs</i> how many decide with 80%.</p>
{boards}
</div>
"""


def _board(board: str, names: Collection[str]) -> str:
    found = findings(board)
    known = found.conditions
    rows = "\n".join(_rows(one, names) for one in found.outcomes)
    head = "".join(f'<th scope="col">{words}</th>' for words in HEAD)
    title = html.escape(BOARDS[board])
    return f"""<section aria-labelledby="{board}">
<h2 id="{board}">{title}</h2>
<p>{html.escape(report.counts(found.outcomes)).capitalize()}. Measured with {known["n"]} samples each, by</p>
<pre tabindex="0"><code>{html.escape(known["command"])}</code></pre>
<div class="ts-scroll" role="region" aria-label="Table: {title}" tabindex="0">
<table>
<thead><tr>{head}</tr></thead>
{rows}
</table>
</div>
<figure>
<img src="{board}.svg" loading="lazy" alt="Effects of the claims with their intervals, and where they must lie">
</figure>
</section>"""


def _rows(one: Outcome, known: Collection[str]) -> str:
    parts = one.parts
    span = f' rowspan="{len(parts)}"' if len(parts) > 1 else ""
    query = link(one.claim, one.on, known)
    opened = f' <a href="index.html?{html.escape(query)}">Open its scenes</a>' if query is not None else ""
    on = f", on {html.escape(one.on)}" if one.on else ""
    verdict = (
        f'<td{span} class="ts-verdict" data-verdict="{one.verdict}"><b>{MARKS[one.verdict]}</b> {one.verdict}</td>'
    )
    words = f"{html.escape(one.claim.statement)}<small>{html.escape(one.claim.source)}{on}.{opened}</small>"
    first = f'{verdict}<th scope="rowgroup"{span}>{words}</th>'
    lines = [f"<tr>{first if i == 0 else ''}{_cells(part)}</tr>" for i, part in enumerate(parts)]
    return "<tbody>" + "".join(lines) + "</tbody>"


def _cells(part: Part) -> str:
    mean = f"{report.number(part.interval[0])} {part.unit}".strip()
    needs = "" if not math.isfinite(part.needed) else f"{part.needed:.0f}"
    power = "" if not math.isfinite(part.power) else f"{part.power:.0%}"
    cells: Sequence[object] = (part.name, mean, report.ends(part), part.bound, power, needs)
    return "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells)
