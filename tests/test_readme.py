"""Every snippet and every command of the README runs, in an empty folder."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.S)


COMMANDS = [
    line.partition("  #")[0].strip()
    for block in blocks("sh")
    for line in block.splitlines()
    if line.startswith("python -m toy")
]


# How and where programs are compiled, here and there.
COMPILED = {name: value for name, value in os.environ.items() if name.startswith(("JAX_", "XLA_"))}


def run(arguments: list[str], folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=COMPILED
        | {
            "PYTHONPATH": str(ROOT),
            "PATH": "/usr/bin:/bin",
            "HOME": str(Path.home()),
            "GUIDANCE_EXPLORER_MODELS": str(folder / "models"),
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_there_is_something_to_run() -> None:
    assert len(COMMANDS) >= 7
    assert blocks("python")


@pytest.mark.computes
@pytest.mark.parametrize("command", COMMANDS)
def test_command(command: str, tmp_path: Path) -> None:
    # Every figure is drawn in test_figures.py: here one stands for all, which take minutes; and fewer samples do.
    command = re.sub(r"^(python -m toy (?:table|metrics)\b(?!.* --n )(?! --rule.* --logq))", r"\1 --n 1024", command)
    command = command.replace("--n 4096", "--n 1024").replace("--seeds 5", "--seeds 2")
    words = shlex.split(command.replace("figure all", "figure fig2").replace(" docs/", f" {ROOT}/docs/"))
    assert run(words[1:], tmp_path)


@pytest.mark.computes
@pytest.mark.parametrize("snippet", blocks("python"))
def test_snippet(snippet: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    said = run(["-c", snippet], tmp_path)
    if "print" in snippet:
        assert "true samples" in said
    if "savefig" in snippet:
        assert (tmp_path / "out/autoguidance.png").stat().st_size > 1000


def test_what_the_readme_names_exists() -> None:
    """Links, make targets and the rooms of the architecture section."""
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"(?:^|`)make ([a-z-]+)", README, re.M):
        assert re.search(rf"^{target}:", makefile, re.M), target
    for name in re.findall(r"^  (\w+\.py) ", README, re.M):
        assert list(ROOT.glob(f"*/{name}")), name
