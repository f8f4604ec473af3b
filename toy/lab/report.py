"""What became of claims, as text: a table for the terminal, JSON, and a Markdown report with its conditions."""

import math
import os
import platform
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version

import jax
import numpy as np

from toy import distributions, inputs, tables
from toy.figures import FIGURES
from toy.figures.claims import Row
from toy.inputs import Json
from toy.lab.claim import ARXIV, Claim
from toy.lab.claims import FULL, QUICK, Findings, Outcome, parts_of
from toy.lab.laboratory import Size
from toy.lab.verdict import NOTHING, UNDECIDED, Part, judged

PACKAGES = ("jax", "flax", "numpy")
SEEDS = {
    True: "seeds of sampling alone, every score exact",
    False: "repetitions of the whole experiment: seed i is of the main model, its training and the samples",
}


def conditions(size: Size, command: str = "") -> dict[str, object]:
    """What the numbers hold for: command, versions, device, and how much was measured."""
    device = jax.devices()[0]
    count = f"{os.cpu_count()} cores" if device.platform == "cpu" else f"{len(jax.devices())} of them"
    return {
        "command": command,
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        "device": f"{device.device_kind}, {count}",
        "size": size.name,
        "n": size.n,
        "steps": size.steps,
        "seeds with training": size.trainings,
        "guides of each": size.guides,
        "seeds of exact claims": size.draws,
        "looks": size.looks,
    }


def elsewhere(outcomes: Sequence[Outcome]) -> bool:
    """Whether any of them is about another distribution than the tree: the distributions are then named."""
    return any(item.on for item in outcomes)


def place(item: Outcome) -> str:
    """The distribution that an outcome is about."""
    return item.on or distributions.USUAL


def rows(outcomes: Sequence[Outcome]) -> list[Row]:
    """The parts of all outcomes, as they are drawn."""
    named = elsewhere(outcomes)
    return [
        Row(title(item, named), part.name, *part.interval, part.bound.lo, part.bound.hi, part.verdict, item.verdict)
        for item in outcomes
        for part in item.parts
    ]


def number(value: float) -> str:
    """Three digits, or a dash where there is no number."""
    return f"{value:.3g}" if math.isfinite(value) else "–"


def ends(part: Part) -> str:
    """The interval of a part."""
    _, low, high = part.interval
    return f"[{number(low)}, {number(high)}]"


def counts(outcomes: Sequence[Outcome]) -> str:
    """How many claims have which verdict: '12 hold, 3 do not hold, 2 undecided'."""
    found = Counter(item.verdict for item in outcomes)
    idle = f", {found[NOTHING]} with nothing to gain" if found[NOTHING] else ""
    return f"{found['holds']} hold, {found['does not hold']} do not hold, {found['undecided']} undecided{idle}"


def table(outcomes: Sequence[Outcome]) -> str:
    """A line a part, a line more for a claim of several."""
    named = elsewhere(outcomes)
    lines = [("verdict", "claim", "effect", "95% interval", "threshold", "seeds", "power", "needs")]
    for item in outcomes:
        several, whole = len(item.claim.bounds) > 1, item.claim.name + (f" on {place(item)}" if named else "")
        if several:
            lines.append((item.verdict, whole, "", "", "", "", "", ""))
        for part in item.parts:
            name = f"  {part.name}: {part.verdict}" if several else whole
            said = "" if several else item.verdict
            lines.append((said, name, number(part.interval[0]), ends(part), str(part.bound), *certainty(part)))
    return tables.aligned(lines)


def certainty(part: Part) -> tuple[str, str, str]:
    """Repetitions of a part, the power of as many, and how many would have 80%."""
    share = "–" if math.isnan(part.power) else f"{part.power:.0%}"
    return str(len(part.values)), share, f"{part.needed:.0f}" if math.isfinite(part.needed) else "–"


def open_parts(outcomes: Sequence[Outcome]) -> list[str]:
    """A sentence for each part that is undecided: how many repetitions would decide it."""
    named = elsewhere(outcomes)
    found = []
    for item in outcomes:
        for part in item.parts:
            if part.verdict != UNDECIDED:
                continue
            count = f"about {part.needed:.0f} would" if math.isfinite(part.needed) else "no number of them is known to"
            of = f", {part.name}" if part.name else ""
            found.append(f"{title(item, named)}{of}: undecided after {len(part.values)} repetitions; {count} decide it")
    return found


def board(outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    """The verdicts by claim and distribution, a line a claim under a head; '–' where one was not measured."""
    found = {(item.claim.name, place(item)): item.verdict for item in outcomes}
    names = dict.fromkeys(name for name, _ in found)
    whole = max(names, key=lambda name: sum(name == other for other, _ in found), default="")
    places = dict.fromkeys([*(at for name, at in found if name == whole), *(at for _, at in found)])  # as asked for
    return [("claim", *places), *((name, *(found.get((name, at), "–") for at in places)) for name in names)]


def as_json(findings: Findings, command: str = "") -> Json:
    """All numbers, of JSON's types; what is not finite is null."""
    named = elsewhere(findings.outcomes)
    return {
        "conditions": _conditions(findings, command),
        "claims": [_json(item, named) for item in findings.outcomes],
        **({"skipped": list(findings.skipped)} if findings.skipped else {}),
    }


def _conditions(findings: Findings, command: str) -> Json:
    found = dict(findings.conditions) or conditions(findings.size)
    return {**found, "command": command, "seconds": round(findings.seconds, 1)}


def recorded(paths: Sequence[str], have: Sequence[Claim]) -> Findings:
    """What earlier reports' JSON files say was measured of some claims, judged as it is judged now.

    Of a claim that is in several files the last counts; conditions are the first's. ValueError for a file that is no
    report, or of parts that a claim does not have.
    """
    known: list[Json] = []
    skipped: dict[str, None] = {}
    found: dict[tuple[str, str], Outcome] = {}
    for path in paths:
        try:
            data = inputs.plain_json(inputs.text(path))
            known.append(data["conditions"])
            skipped.update(dict.fromkeys(map(str, data.get("skipped", []))))
            looks = {"full": FULL, "quick": QUICK}[data["conditions"]["size"]].looks
            for each in data["claims"]:
                for item in have:
                    if item.name == each["name"]:
                        on = distributions.canonical(each.get("on", distributions.USUAL))
                        one = _outcome(each, item.at(on), on, looks)
                        found[item.name, one.on] = one
        except KeyError as error:
            raise ValueError(f"{path!r} is no report of claims that can be judged again: it lacks {error}") from None
        except (TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{path!r} is no report of claims that can be judged again: {error}") from None
    order = [item.name for item in have]
    outcomes = sorted(found.values(), key=lambda one: order.index(one.claim.name))
    size = {"full": FULL, "quick": QUICK}[known[0]["size"]]
    conditions = {**known[0], "command": "\n".join(dict.fromkeys(str(each["command"]) for each in known))}
    for name, value in (("guides of each", 1), ("looks", size.looks)):  # where they were not counted yet
        conditions.setdefault(name, value)
    return Findings(size, tuple(outcomes), sum(each["seconds"] for each in known), tuple(skipped), conditions)


def _outcome(given: Json, item: Claim, on: str, looks: int) -> Outcome:
    """A claim as a report has it, on a distribution."""
    own = [part for part in given["parts"] if part["part"] in item.bounds]
    values = {part["part"]: np.array([math.nan if v is None else v for v in part["values"]]) for part in own}
    found = []
    for part in own:
        name = part["part"]
        count = len(values[name])
        (whole,) = parts_of(replace(item, bounds={name: item.bounds[name]}), {name: values[name]}, count)
        found.append(replace(whole, looks=looks, idle=part.get("idle", "")))
    return Outcome(item, judged(found), given["seeds"], tuple(given["notes"]), on, given.get("guides", 1))


def _json(item: Outcome, named: bool) -> dict[str, object]:
    parts = [
        {
            "part": part.name,
            "unit": part.unit,
            **dict(zip(("mean", "low", "high"), map(_finite, part.interval), strict=True)),
            "lo": _finite(part.bound.lo),
            "hi": _finite(part.bound.hi),
            "verdict": part.verdict,
            "power": _finite(part.power),
            "needed": _finite(part.needed),
            "idle": part.idle,
            "values": [_finite(value) for value in part.values],
            "note": part.note,
        }
        for part in item.parts
    ]
    facts = {"name": item.claim.name, "statement": item.claim.statement, "source": item.claim.source}
    return {
        **facts,
        **({"on": place(item)} if named else {}),
        "verdict": item.verdict,
        "seeds": item.seeds,
        "guides": item.guides,
        "exact": item.claim.exact,
        "parts": parts,
        "notes": list(item.notes),
    }


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


INTRODUCTION = """\
Each statement is one function (`toy/lab/published`) that returns its effect, one number a seed: a main model with a
training of its own, the mean over its guides. A part **holds** where its interval is within the bounds, **does not
hold** where the whole of it is outside, and is **undecided** otherwise; a claim of several parts holds where all hold,
and does not where one does not, for which each part has its share of the error (Holm). One looks again with twice as
many seeds while a part is undecided, and each of these looks has its share too: at most 5% of the claims get a verdict
that is wrong, half of these in either direction, whenever one stops, and 95% of the time all intervals of a part hold
its effect. Where the numbers without guidance are not told from those of true samples there is **nothing to gain**.
*Power* is the probability that as many seeds decide, and *needs* how many decide with 80%, were effect and spread what
they are here. Thresholds come from what would matter to a reader and are not moved after a measurement. A verdict is
about this toy under these conditions, not about images."""


SAME_EVERYWHERE = "A claim has the same thresholds on every distribution: all of them are as wide as the tree is."
BUT_LENGTHS = " Lengths alone are measured by the thinnest Gaussian of each."


def markdown(findings: Findings, *, command: str, picture: str) -> str:
    """The report: conditions, a summary, the figure ``picture`` beside it, then claim by claim."""
    facts = _conditions(findings, command)
    facts["minutes, trainings included"] = f"{facts.pop('seconds') / 60:.1f}"
    del facts["command"]
    named = elsewhere(findings.outcomes)
    same = SAME_EVERYWHERE + BUT_LENGTHS * any(item.claim.lengths for item in findings.outcomes)
    by_distribution = (
        ["## Verdicts by distribution", "", same, "", tables.markdown(board(findings.outcomes)), ""] if named else []
    )
    skipped = [f"Not measured: {'; '.join(findings.skipped)}.", ""] if findings.skipped else []
    lines = [
        "# Published claims, put to the test",
        "",
        INTRODUCTION,
        "",
        f"Of {len(findings.outcomes)} {'verdicts' if named else 'claims'} {counts(findings.outcomes)}.",
        "",
        "## Conditions",
        "",
        "```sh",
        command,
        "```",
        "",
        tables.markdown([("", ""), *((name, str(value)) for name, value in facts.items())]),
        "",
        *by_distribution,
        *skipped,
        "## Verdicts",
        "",
        "| claim | verdict | effect | 95% interval | threshold | seeds | power | needs |",
        "|---|---|---|---|---|---|---|---|",
        *(line for item in findings.outcomes for line in _cells(item, named)),
        "",
        f"![Effects with their intervals against their thresholds]({picture})",
        "",
        *(line for item in findings.outcomes for line in section(item, named)),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _cells(item: Outcome, named: bool) -> list[str]:
    """The table's lines of a claim: its own, and one a part where there are several."""
    heading = title(item, named)
    link = f"[{heading}](#{re.sub('[^a-z0-9- ]', '', heading.lower()).replace(' ', '-')})"
    cells = [" | ".join((number(p.interval[0]), ends(p), str(p.bound), *certainty(p))) for p in item.parts]
    if len(item.claim.bounds) == 1:
        return [f"| {link} | **{item.verdict}** | {cells[0]} |"]
    own = [f"| – {part.name} | {part.verdict} | {c} |" for part, c in zip(item.parts, cells, strict=True)]
    return [f"| {link} | **{item.verdict}** | | | | | | |", *own]


def title(item: Outcome, named: bool = False) -> str:
    """The claim's name in words, with its distribution where that is ``named``."""
    return item.claim.name.replace("_", " ") + (f" on {place(item)}" if named else "")


def pictures(item: Claim) -> list[str]:
    """Names of the figures of the paper that a claim on a distribution of its own is of."""
    own = ARXIV.findall(item.source) if any(item.on) else []
    return [name for name, entry in FIGURES.items() if entry.on and set(own) & set(ARXIV.findall(entry.source))]


def section(item: Outcome, named: bool = False) -> list[str]:
    """Of one claim: statement, source, how it is measured, threshold, numbers, verdict, what that does not say."""
    claim = item.claim
    facts = {
        "Source": claim.source,
        "Measured": claim.method,
        "Seeds": f"{item.seeds} {SEEDS[claim.exact]}{f', {item.guides} guides each' if item.guides > 1 else ''}.",
        "Threshold": claim.why,
        "Chosen": "; ".join(note for note in item.notes if note.startswith("best by")),
        "Note": "; ".join(note for note in item.notes if not note.startswith("best by")),
        "It does not say": claim.limits,
        "Picture": "; ".join(
            f"[{name}](figures/{name}.png), `python -m toy figure {name}`" for name in pictures(claim)
        ),
    }
    numbers = [
        f"| {part.name or 'effect'} | {number(part.interval[0])} | {ends(part)} | {part.bound} | {part.unit} "
        f"| {', '.join(map(number, part.values))} | {part.verdict}{f' ({part.note})' if part.note else ''} |"
        for part in item.parts
    ]
    return [
        f"## {title(item, named)}",
        "",
        f"{claim.statement} **{item.verdict[0].upper()}{item.verdict[1:]}.**",
        "",
        "| part | mean | 95% interval | threshold | unit | each seed | verdict |",
        "|---|---|---|---|---|---|---|",
        *numbers,
        "",
        *(f"- *{name}:* {text}" for name, text in facts.items() if text),
        "",
    ]
