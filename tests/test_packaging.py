"""What is imported is declared, and what is said twice is said alike."""

import ast
import re
import sys
import tomllib
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from pathlib import Path

from click.testing import CliRunner

from toy.__main__ import main

ROOT = Path(__file__).parent.parent
DECLARED = {re.split(r"[<>=\[ ]", line)[0].lower() for line in (ROOT / "requirements.txt").read_text().splitlines()}
OPTIONAL = {"playwright"}  # asked for in one sentence where they are missing


def imported() -> dict[str, Path]:
    """Top-level modules of others, and a file that imports each."""
    found = {}
    for room in ("app.py", "toy", "models", "pages"):
        for path in [ROOT / room] if room.endswith(".py") else (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
                found |= {name.partition(".")[0]: path for name in names}
    return {name: path for name, path in found.items() if name not in {*sys.stdlib_module_names, "toy", "models"}}


def test_every_library_that_is_imported_is_required():
    packages = packages_distributions()
    missing = {
        name: path.name
        for name, path in imported().items()
        if not {package.lower() for package in packages[name]} & (DECLARED | OPTIONAL)
    }
    assert not missing


def test_every_requirement_has_both_ends():
    for line in (ROOT / "requirements.txt").read_text().splitlines():
        assert line.startswith("#") or re.fullmatch(r"[a-z]+>=[\d.]+,<[\d.]+", line), line


def test_every_file_that_is_no_module_is_installed_too():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    data = project["tool"]["setuptools"]["package-data"]["*"]
    files = [path for room in ("toy", "models") for path in (ROOT / room).rglob("*") if path.is_file()]
    others = {path.name for path in files if path.suffix not in (".py", ".pyc")}
    assert {"kernel.wasm", "densities.js", "default.pack"} <= others
    assert not {name for name in others if not any(fnmatch(name, pattern) for pattern in data)}


def test_one_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.M)[1] == project
    assert CliRunner().invoke(main, ["--version"]).output.split()[-1] == project
