"""The command line called within the process, and what it printed."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from toy.__main__ import main
from toy.guidance import RULES

ROOT = Path(__file__).parents[1]
TINY = ("--n", "256", "--steps", "8")
EULER = ("--integrator", "euler")  # asks a rule once a step: half as much to compile
EXACT = {"main": "exact:A", "unconditional": "exact:AB", "weak": "exact:A"}


def run(*args: object) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(main, [str(arg) for arg in args], prog_name="python -m toy")


def good(*args: object) -> str:
    """Standard output of a command that succeeds."""
    result = run(*args)
    assert result.exit_code == 0, result.output
    return result.stdout


def strict_json(text: str):
    """JSON as the standard has it: no NaN, no infinity."""

    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


def exact_cast(rule: str) -> list[str]:
    """Flags that give every role of the rule an exact density."""
    return [part for role in RULES[rule].roles for part in (f"--{role}", EXACT.get(role, "exact:A"))]


def listing(folder: Path) -> dict[str, int]:
    """All that is in a folder, hidden files too, with sizes."""
    return {str(path.relative_to(folder)): path.stat().st_size * path.is_file() for path in folder.rglob("*")}
