"""What tests of sweeps share: small ones, their tables and what a store has of them."""

import sqlite3
from contextlib import closing
from pathlib import Path

from toy.lab import sweep as sweeps
from toy.lab.grid import Sweep

QUICK = 'n = 64\nsteps = 8\nmain = "exact:A"\n'
SMALL = f"""
metrics = ["branch_tv", "outliers", "mass_by_depth"]
[scene]
{QUICK}
unconditional = "exact:AB"
[axes]
rule = ["cfg", "none"]
w = [1, 2.5]
seed = {{ from = 0, to = 1, count = 2 }}
"""


def long(count: int, n: int = 64) -> str:
    """A sweep of so many trials of one program."""
    return f"""
    metrics = ["outliers", "branch_tv"]
    [scene]
    rule = "none"
    n = {n}
    steps = 8
    main = "A32@512"
    [axes]
    rho = [5, 6, 7, 8]
    seed = {{ from = 0, to = {count // 4 - 1}, count = {count // 4} }}
    """


def table(sweep: Sweep, path: Path) -> list[dict]:
    """All rows but for when and how fast."""
    return [{k: v for k, v in row.items() if k not in ("seconds", "at")} for row in sweeps.look(sweep, path).rows]


def stored(path: Path) -> dict[str, float]:
    """When each result was stored, by address."""
    if not path.exists():
        return {}
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as connection:
        return dict(connection.execute("SELECT address, at FROM results").fetchall())
