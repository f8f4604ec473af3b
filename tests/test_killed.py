"""A sweep, a table of methods, claims, pages and an optimum that were killed go on where they were, the same way."""

import json
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from killed import command
from sweep_helpers import QUICK

from toy import docs
from toy.lab import store
from toy.lab.store import Store, state_of

CLAIM = '''
from toy.lab.claims import claim

@claim(source="here", above=-1, exact=True)
def so(lab):
    """It is so."""
    return lab.measure("outliers", n=64, steps=8)
'''
OPTIMISE = (
    "optimise --rule cfg --target gaussians/A --main exact:gaussians/A --unconditional exact:gaussians/AB --free w "
    "--n 16 --steps 8 --integrator euler --iterations 4 --batch 16 --seeds 1 --held-out 2 --out optimum.json"
)
WORKS = {  # what is run, and where its results are until it has ended
    "sweep spec.toml --store store.sqlite": "store.sqlite",
    "compare --methods none,cfg --scores exact --n 16 --seeds 1 --strengths 1,2 --out table.csv": "table.csv",
    "claims so --module mine.py --quick --out claims.md": "claims.md",
    "docs pages": "pages/numbers.json",
    OPTIMISE: "optimum.json",
}


def numbers(path: Path) -> dict[str, dict]:
    """What a store has."""
    with closing(Store(path, reading=True)) as found:
        addresses = [row[0] for row in found._connection.execute("SELECT address FROM results")]
        return {key: dict(result.measures) for key, result in found.results(addresses).items()}


def test_killed_it_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path / "models"))
    Path("mine.py").write_text(CLAIM)
    Path("spec.toml").write_text(f"[scene]\n{QUICK}[axes]\nseed = [0, 1, 2, 3]")
    arguments = [work.split() for work in WORKS]
    source = str(Path(__file__).with_name("killed.py"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    ended = subprocess.run([sys.executable, source, json.dumps(arguments)], capture_output=True, text=True)
    assert ended.stdout.split() == [str(-signal.SIGKILL)] * len(WORKS), ended.stderr

    monkeypatch.setattr(docs, "references", docs.references)
    monkeypatch.setattr(docs, "FOLDERS", docs.FOLDERS)
    for args, place in zip(arguments, map(Path, WORKS.values()), strict=True):
        kept = place if place.suffix == ".sqlite" else state_of(place)
        before, after = numbers(kept), {}
        assert before

        def add(self, results, *given, after=after, real=Store.add, **options):
            real(self, results, *given, **options)
            after.update({result.address: dict(result.measures) for result in results})

        with monkeypatch.context() as patch:
            patch.setattr(store.Store, "add", add)
            with pytest.raises(SystemExit, match=r"^0$"):
                command(args)()
        assert after, args
        again = before.keys() & after.keys()  # a descent alone, which is further down now
        assert all(len(after[key]["history"]) > len(before[key]["history"]) for key in again), args
        assert len(again) == (args[0] == "optimise")
        assert place.is_file()
        assert kept.exists() == (args[0] == "sweep")
