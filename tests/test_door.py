"""The door of all command lines: any environment, and whatever goes wrong is one sentence with the right status."""

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from models import command as zoo_command
from toy import __main__ as program
from toy import api, docs, door
from toy.browser import kernel
from toy.lab.commands import optimise
from toy.lessons import __main__ as measured_lessons
from toy.ui import picture
from toy.viewer import default

ROOT = Path(__file__).parents[1]
PROGRAMS = {
    "toy": program.main,
    "models.zoo": zoo_command.main,
    "toy.api": api.main,
    "toy.docs": docs.main,
    "toy.browser.kernel": kernel.main,
    "toy.lessons": measured_lessons.main,
    "toy.lab.commands.optimise": optimise.main,
    "toy.viewer.default": default.main,
    "toy.ui.picture": picture.main,
}


def failing(error: BaseException) -> Result:
    """What becomes of a command that ends with an error."""

    @click.command(cls=door.Command)
    def main() -> None:
        raise error

    return CliRunner().invoke(main, [])


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (ValueError("w = 9 is not a number"), 2, "Error: w = 9 is not a number"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "Error: cannot read or write: No space left on device"),
        (FileNotFoundError(2, "No such file", "a.toml"), 2, "Error: [Errno 2] No such file: 'a.toml'"),
        (MemoryError(), 2, "Error: there is not enough memory: ask for fewer samples or steps"),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory"), 2, "Error: there is not enough memory: RESOURCE"),
        (OverflowError("int too large to convert to float"), 2, "Error: a number is too large: int too large"),
        (RecursionError("maximum recursion depth"), 2, "Error: what was given is nested too deeply"),
        (ModuleNotFoundError("No module named 'x'"), 2, "Error: No module named 'x': pip install -r"),
        (ValueError(f"w = {'9' * 400} is not"), 2, f"Error: w = {'9' * 40}… (400 characters) is not\n"),
        (ValueError("word " * 10**6), 2, "Error: word word"),
        (KeyboardInterrupt(), 130, "Interrupted: nothing was written."),
        (BrokenPipeError(32, "Broken pipe"), 141, ""),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_what_a_user_can_bring_about_is_one_sentence(error, status, words) -> None:
    found = failing(error)
    assert found.exit_code == status
    assert isinstance(found.exception, SystemExit)
    assert found.stderr.strip().startswith(words.strip())
    assert len(found.stderr) < 4000
    assert len(found.stderr.strip().splitlines()) <= 1


def test_a_fault_of_the_program_is_not_hidden() -> None:
    assert isinstance(failing(ZeroDivisionError()).exception, ZeroDivisionError)
    assert isinstance(failing(RuntimeError("tracer leaked")).exception, RuntimeError)


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_has_help_and_knows_its_flags(name: str) -> None:
    main = PROGRAMS[name]
    helped = CliRunner().invoke(main, ["--help"])
    assert helped.exit_code == 0
    assert "Usage: " in helped.stdout
    refused = CliRunner().invoke(main, ["--unheard-of"])
    assert refused.exit_code == 2
    assert "--unheard-of" in refused.stderr
    assert refused.stdout == ""


def test_a_module_that_is_a_program_comes_through_the_door() -> None:
    """Also the next one: whatever asks whether it is the program calls the door before it imports anything."""
    asking = [path for room in ("toy", "models") for path in (ROOT / room).rglob("*.py")]
    asking = [path for path in asking if '\nif __name__ == "__main__":' in path.read_text(encoding="utf-8")]
    assert len(asking) == len(PROGRAMS)
    for path in asking:
        before, _, after = path.read_text(encoding="utf-8").partition('if __name__ == "__main__":')
        assert "import jax" not in before
        assert "import toy" not in before
        assert "from toy" not in before
        assert "door.enter(" in after.partition("\nimport ")[0].partition("\nfrom models")[0], path


@pytest.mark.parametrize("names", [("--force", "A8@20")])
def test_what_does_not_go_together_is_refused(names) -> None:
    found = CliRunner().invoke(zoo_command.main, names)
    assert found.exit_code == 2
    assert "--force does not go with 'A8@20'" in found.stderr


# --- Streams ----------------------------------------------------------------------------------------------------------


def test_a_legacy_encoding_takes_everything(monkeypatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="latin-1"))
    monkeypatch.setattr(sys, "stderr", None)  # closed
    door.streams()
    print("σ ≤ 0.3 \udc80")
    sys.stdout.flush()
    assert raw.getvalue() == "σ ≤ 0.3 ?\n".encode()


def test_a_terminal_keeps_its_encoding(monkeypatch) -> None:
    class Terminal(io.BytesIO):
        def isatty(self) -> bool:
            return True

    raw = Terminal()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="latin-1"))
    door.streams()
    print("é σ")
    sys.stdout.flush()
    assert raw.getvalue() == b"\xe9 ?\n"


# --- Environment ------------------------------------------------------------------------------------------------------


def start(module: str, *args: str, folder: Path, stdout: int = subprocess.PIPE, **environment: str):
    return subprocess.run(
        [sys.executable, "-m", module, *args],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=stdout,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


def test_nobody_reads_and_the_encoding_is_old_and_the_folder_has_a_package_of_our_name(tmp_path: Path) -> None:
    """All of it at once, in one process: silence, the status of a broken pipe, our package and not the other."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "__init__.py").write_text("raise SystemExit('the wrong one')")
    reading, writing = os.pipe()
    os.close(reading)
    found = start("toy", "list", folder=tmp_path, stdout=writing, PYTHONIOENCODING="ascii")
    os.close(writing)
    assert (found.returncode, found.stderr) == (141, "")


def test_the_other_package_of_our_name_is_not_taken_by_the_zoo_either(tmp_path: Path) -> None:
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "__init__.py").write_text("raise SystemExit('the wrong one')")
    found = start("models.zoo", "A1@7~magic=2", folder=tmp_path, JAX_ENABLE_X64="1")
    assert found.returncode == 2
    assert "unknown degradation 'magic'" in found.stderr


def test_another_package_that_comes_first_is_named(monkeypatch, tmp_path: Path) -> None:
    place = str(tmp_path / "models" / "__init__.py")

    class Found:
        origin = place

    monkeypatch.setattr(door, "find_spec", lambda name: Found if name == "models" else sys.modules["toy"].__spec__)
    with pytest.raises(ValueError, match="another package is called 'models'") as caught:
        door.environment()
    assert place in str(caught.value)


def test_double_precision_is_not_asked_of_what_is_written_for_single(monkeypatch) -> None:
    for name in door.NOT_OURS:
        monkeypatch.setenv(name, "1")
    door.environment()
    assert not set(door.NOT_OURS) & set(os.environ)


@pytest.mark.parametrize("error", [AssertionError(), RuntimeError("Unable to initialize backend 'cuda': none")])
def test_a_device_that_is_not_there_is_one_sentence(monkeypatch, error) -> None:
    import jax

    def devices():
        raise error

    monkeypatch.setattr(jax, "devices", devices)
    monkeypatch.delenv("JAX_PLATFORM_NAME", raising=False)
    monkeypatch.delenv("JAX_PLATFORMS", raising=False)
    door.device()
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    with pytest.raises(ValueError, match="JAX_PLATFORMS = cuda names no device of this machine"):
        door.device()
