"""Benchmarks by name, what they measured, and how it is shown beside what it may take."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from toy.inputs import Json
from toy.registry import Entry, Registry

YARDSTICK = 400.0  # GFLOP/s


@dataclass(frozen=True, kw_only=True)
class Benchmark(Entry):
    """A benchmark in a ``unit``.

    ``budget`` and ``p95_budget`` are its limits, ``gpu_budget`` the one on a GPU; ``scaled`` budgets move with the
    yardstick. ``only_gpu``, ``app`` and ``browser`` say where it runs; ``rerun``: it is compared with an empty rerun.
    One of minutes runs only where it is asked for ``by_name``.
    """

    unit: str
    budget: float | None = None
    p95_budget: float | None = None
    gpu_budget: float | None = None
    scaled: bool = False
    only_gpu: bool = False
    app: bool = False
    browser: bool = False
    rerun: bool = False
    by_name: bool = False

    def on(self, place: str) -> "Benchmark":
        """The same on a distribution, which is in its name; budgets are of the tree, and other mixtures have none."""
        free = dict.fromkeys(("budget", "p95_budget", "gpu_budget"))
        return replace(self, name=f"{self.name} on {place}", **free) if place else self  # type: ignore[arg-type]


BENCHMARKS = Registry("benchmark", Benchmark)


def benchmark(name: str, unit: str, **fields: Any) -> Callable:
    """Register a benchmark."""
    return BENCHMARKS.register(source="measured here", name=name, unit=unit, **fields)


@dataclass(frozen=True)
class Measured:
    """Repeated values of one quantity, what else there is to say, and whether what else was asked for holds."""

    values: list[float]
    note: str = ""
    fine: bool = True


def row(
    entry: Benchmark,
    found: Measured,
    *,
    device: str,
    gpu: bool = False,
    speed: float | None = None,
    empty: float | None = None,
) -> Json:
    """One line of the report. ``speed`` is the yardstick in GFLOP/s, ``empty`` the empty rerun in ms."""
    unscaled = entry.gpu_budget if gpu else entry.budget
    scale = YARDSTICK / speed if speed and entry.scaled and not gpu else 1.0
    budget = None if unscaled is None else unscaled * scale
    median, p95 = (float(np.percentile(found.values, q)) for q in (50, 95)) if found.values else (None, None)
    limits = [(median, budget), (p95, None if gpu else entry.p95_budget)]
    checks = [value <= limit for value, limit in limits if value is not None and limit is not None]
    ratio, to = None, ""
    milliseconds = {"ms": 1.0, "s": 1e3}.get(entry.unit)
    if median is not None and milliseconds and (empty or speed):
        base, to = (empty, "empty rerun") if empty else (2 * 2048**3 / speed / 1e6, "2048^3 product")  # type: ignore[operator]
        ratio = median * milliseconds / base
    return {
        "name": entry.name,
        "what": entry.summary,
        "median": median,
        "p95": p95,
        "min": min(found.values, default=None),
        "count": len(found.values),
        "unit": entry.unit,
        "ratio": ratio,
        "ratio_to": to,
        "budget": budget,
        "p95_budget": None if gpu else entry.p95_budget,
        "unscaled_budget": unscaled,
        "yardstick": speed,
        "ok": found.fine and all(checks) if checks or not found.fine else None,
        "note": found.note,
        "device": device,
    }


def table(rows: list[Json]) -> str:
    """Rows as aligned text, the device above, what each one measures below its numbers."""
    head = ["benchmark", "median", "p95", "unit", "ratio", "budget", "", "unscaled"]
    lines = [head]
    for r in rows:
        ok = {True: "ok", False: "OVER", None: ""}[r["ok"]]
        moved = r["budget"] != r["unscaled_budget"]
        budget = " / ".join(_digits(r[key]) for key in ("budget", "p95_budget") if r[key] is not None)
        ratio = f"{r['ratio']:.2f} x {r['ratio_to']}" if r["ratio"] is not None else ""
        numbers = [_digits(r["median"]), _digits(r["p95"]), r["unit"], ratio, budget, ok]
        lines.append([r["name"], *numbers, _digits(r["unscaled_budget"]) if moved else ""])
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    left = (0, 3, 4, 6)
    out = [" | ".join(dict.fromkeys(r["device"] for r in rows))]
    for i, line in enumerate(lines):
        cells = (c.ljust(w) if k in left else c.rjust(w) for k, (c, w) in enumerate(zip(line, widths, strict=True)))
        out.append("  ".join(cells).rstrip())
        if i > 0:
            what, note = rows[i - 1]["what"], rows[i - 1]["note"]
            out.append(f"    {what} ({note})" if note else f"    {what}")
    return "\n".join(out)


def _digits(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def select(only: str | None, *, app: bool, gpu: bool, elsewhere: bool = False) -> list[Benchmark]:
    """The benchmarks to run here: all, one by its name, or a family ('sampling': sampling-2048, sampling-16384).

    Those that mean something ``elsewhere`` than on the tree are those that take a target.
    """
    if only is not None and not any(_in_family(name, only) for name in BENCHMARKS):
        names = dict.fromkeys("method-NAME" if name.startswith("method-") else name for name in BENCHMARKS)
        raise ValueError(f"unknown benchmark {only!r}; have: {', '.join(names)}")
    return [
        entry
        for name, entry in BENCHMARKS.items()
        if (not entry.by_name if only is None else _in_family(name, only))
        and entry.app == app
        and (gpu or not entry.only_gpu)
        and ("target" in entry.inputs or not elsewhere)
    ]


def _in_family(name: str, only: str) -> bool:
    return name == only or name.startswith(f"{only}-")


Report = Callable[[str], None]


def attempt(entry: Entry, *given: object, **values: object) -> Measured:
    """Measure; what fails is a row that says why, so that it does not take the others' numbers along."""
    try:
        return entry(*given, **values)
    except Exception as error:
        return Measured([], f"failed: {' '.join(str(error).split())[:300] or type(error).__name__}", fine=False)
