"""Every snippet and every command of the README runs, in an empty folder."""

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from cli_runner import good

from toy.guidance import RULES

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


# Every figure is drawn in test_figures.py: here one stands for all. Fewer samples, steps, seeds and iterations do.
FEWER = {
    r"figure all": "figure fig2 --n 256 --steps 8",
    r"right\.rule=none": "right.rule=none&n=512&steps=8",
    r"--n \d+": "--n 256",
    r"--seeds \d+": "--seeds 2",
    r"toy (metrics|table)(?!.* --n )": r"\g<0> --n 256",
    r"toy (metrics|sample)": r"\g<0> --steps 8",
    r"toy compare": r"\g<0> --strengths 1,2",
    r"--iters 512": "--iters 16",
    r"iterations=32,64": "iterations=4,8",
    r" docs/sweeps/example": " example",
}
SWEEP = "docs/sweeps/example.toml"


@pytest.mark.usefixtures("coarse_outlines")
@pytest.mark.parametrize(
    "command",
    [pytest.param(line, marks=[pytest.mark.computes] * ("--logq" in line)) for line in COMMANDS],
)
def test_command(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path / "models"))
    if SWEEP in command:
        (tmp_path / "example.toml").write_text((ROOT / SWEEP).read_text().replace("n = 2048", "n = 256\nsteps = 8"))
    for written, done in FEWER.items():
        command = re.sub(written, done, command)
    words = shlex.split(command)[1:]
    # What computes does so in this process, where one command's programs serve the next.
    assert run(words, tmp_path) if words[-1] == "list" else good(*words[2:])


@pytest.mark.usefixtures("coarse_outlines")
@pytest.mark.parametrize("snippet", blocks("python"))
def test_snippet(
    snippet: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    exec(snippet.replace("n=4096", "n=256"), {"__name__": "snippet"})
    if "print" in snippet:
        assert "true samples" in capsys.readouterr().out
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


# --- The path of a weight ---------------------------------------------------------------------------------------------

PATH = [
    match.groups()
    for match in re.finditer(r"^( *)(toy/\S+\.(?:py|js)): ([\w.]+)", (ROOT / "README.md").read_text(), re.MULTILINE)
]


def caller_of(i: int) -> int:
    """The line that calls a line of the path: the last one before it that is indented less; -1 for a first one."""
    indent = len(PATH[i][0])
    return next((j for j in reversed(range(i)) if len(PATH[j][0]) < indent), -1)


def python_function(file: str, name: str) -> ast.AST:
    """A function, or ``Class.method``, of a file."""
    found: ast.AST = ast.parse((ROOT / file).read_text())
    for part in name.split("."):
        found = next(node for node in ast.iter_child_nodes(found) if getattr(node, "name", "") == part)
    return found


def python_names(tree: ast.AST) -> set[str]:
    """All names in a tree, those behind a dot too."""
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return names | {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def python_imports(file: str) -> set[str]:
    """What a file imports, at its top or within a function: modules, and what is taken out of modules."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def script_function(file: str, name: str) -> str:
    """The text of a function or method of a script: to the next line that is indented as little as its own."""
    text = (ROOT / file).read_text()
    return re.search(rf"^( *)(?:export )?(?:function )?{name}\(.*?\) \{{\n.*?^\1\}}", text, re.MULTILINE | re.DOTALL)[0]


def test_the_path_of_a_weight_is_complete():
    files = [file for _, file, _ in PATH]
    assert files[0] == "toy/ui/shell.py"
    assert PATH[-1][1:] == ("toy/viewer/web/dots.js", "stampAt")
    rooms = ["toy/scene.py", "toy/settings.py", "toy/scenes.py", "toy/guidance/extrapolation.py", "toy/viewer/packs.py"]
    assert set(rooms) <= set(files)


@pytest.mark.parametrize("i", range(len(PATH)), ids=[f"{file}:{name}" for _, file, name in PATH])
def test_the_path_of_a_weight_is_walked_by_the_code(i):
    _, file, name = PATH[i]
    if file.endswith(".js"):
        assert script_function(file, name)
    else:
        assert python_function(file, name)
    if (above := caller_of(i)) < 0:
        return
    _, caller_file, caller = PATH[above]
    if file.endswith(".js"):
        assert f"{name}(" in script_function(caller_file, caller)
        imports = [(ROOT / one).read_text() for one in (caller_file, file)]  # or what extends it
        assert (
            file == caller_file
            or f'"./{Path(file).name}"' in imports[0]
            or f'"./{Path(caller_file).name}"' in imports[1]
        )
    elif name in RULES:  # called by its name
        assert "rule" in python_names(python_function(caller_file, caller))
        assert "toy.guidance.RULES" in python_imports(caller_file)
    else:
        assert name.split(".")[-1] in python_names(python_function(caller_file, caller))
        module = file.removesuffix(".py").replace("/", ".")
        package = module.rpartition(".")[0]
        assert file == caller_file or python_imports(caller_file) & {module, package, f"{package}.{name}"}
