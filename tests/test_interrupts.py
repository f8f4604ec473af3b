"""Ctrl-C: status 130 within seconds, also in a long compiled step; what is kept is said; a second one ends at once."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from models import command as zoo_command
from models import runs, training, zoo
from toy import __main__ as program
from toy import compare, docs, figures, interrupts, scenes
from toy.lab import run as running

ROOT = Path(__file__).parents[1]

# A command whose main thread is in compiled code for minutes, and lets others run meanwhile, as XLA does.
STUCK = """
import hashlib, sys, time
import click
from toy import door, files, interrupts

@click.command(cls=door.Command)
@click.argument("how")
def main(how):
    if how == "patient":
        interrupts.patient("what was found is written")
    interrupts.keeps("a half is kept.")
    with files.replacing("out.txt") as temporary:
        temporary.write_text("half")
        try:
            print("ready", flush=True)
            while how != "compiled":
                time.sleep(0.01)
            hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)
        except KeyboardInterrupt:
            while how == "deaf":
                hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)
            if how != "patient":
                raise
    print("written")
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Start a program of one command in a process that Ctrl-C reaches, and wait until it is at work."""
    running = []

    def begin(source: str, *args: str) -> subprocess.Popen:
        (tmp_path / "stuck.py").write_text(source)
        enter = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from toy import door; "
        process = subprocess.Popen(
            [sys.executable, "-c", f"{enter} door.enter('stuck')", *args],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen) -> tuple[int, list[str]]:
    out, err = process.communicate(timeout=300)
    assert "Traceback" not in err
    return process.returncode, [line for line in (out + err).splitlines() if line]


@pytest.mark.parametrize("how", ["python", "compiled"])
def test_one_interrupt_ends_python_and_compiled_code(start, how: str, tmp_path: Path) -> None:
    process = start(STUCK, how)
    process.send_signal(signal.SIGINT)
    assert ended(process) == (130, ["Interrupted: a half is kept."])
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["stuck.py"]  # no temporary file


def test_a_second_interrupt_ends_at_once_what_the_first_did_not(start) -> None:
    process = start(f"{STUCK}\ninterrupts.GRACE = 600", "deaf")
    process.send_signal(signal.SIGINT)
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
    assert ended(process) == (130, ["Interrupted: a half is kept."])


def test_a_command_that_ends_by_itself_says_so_and_writes(start, tmp_path: Path) -> None:
    process = start(STUCK, "patient")
    process.send_signal(signal.SIGINT)
    assert ended(process) == (130, ["written", "Interrupted: what was found is written"])
    assert (tmp_path / "out.txt").read_text() == "half"


def test_an_interrupt_while_importing_ends_at_once(start) -> None:
    process = start('print("ready", flush=True)\nimport time\nwhile True: time.sleep(0.01)')
    process.send_signal(signal.SIGINT)
    assert ended(process) == (130, ["Interrupted: nothing was written."])


def test_a_background_job_goes_on(start) -> None:
    """A shell lets its background jobs ignore Ctrl-C, which is for the job in front."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        interrupts.watch()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def alone() -> Iterator[None]:
    """What measures on after an interrupt, which ends no process here, must not meet the next test's patches."""
    yield
    for thread in threading.enumerate():
        if thread.name.startswith(running.THREADS):
            thread.join()


def interrupt(*args: object, **kwargs: object) -> None:
    raise KeyboardInterrupt


def after(count: int, function: Callable) -> Callable:
    """The function, which is interrupted when it is called once more than ``count`` times."""
    calls: list[None] = []

    def called(*args, **kwargs):
        calls.append(None)
        return function(*args, **kwargs) if len(calls) <= count else interrupt()

    return called


SMALL = ("--n", "64", "--steps", "8", "--main", "exact:A")
COMPARE = ("compare", "--methods", "none,naive_truncation", "--strengths", "1", "--seeds", "1", "--n", "64")
TRAIN = ("train", "--width", "8", "--depth", "1", "--iters", "600", "--batch", "16", "--out", "m.safetensors")


@pytest.mark.parametrize(
    ("args", "where", "name", "words"),
    [
        (("metrics", *SMALL), scenes, "compute", "nothing was written."),
        (("table", "--n", "64"), scenes, "compute", "nothing was written."),
        (("sample", *SMALL, "--out", "s.npz"), scenes, "sample", "nothing was written."),
        (("probe", "--density", "exact:A", "--sigma", "1", "--at", "0,0"), zoo, "probe", "nothing was written."),
        (COMPARE, scenes, "measure_seeds", "what was measured is kept in out/compare.csv; the same command goes on"),
        (TRAIN, training, "train", "the training is kept beside m.safetensors; the same command goes on"),
        (
            ("claims", "--quick"),
            runs,
            "train_many",
            "no verdict was written; networks that were trained are kept, and numbers",
        ),
        (("figure", "fig1", "fig2", "--n", "64"), figures, "draw", "nothing was written."),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_every_command_says_what_is_kept(args, where, name, words, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(where, name, interrupt)
    found = CliRunner().invoke(program.main, args)
    assert found.exit_code == 130
    assert f"Interrupted: {words}" in found.stderr.splitlines()[-1]
    assert found.stdout == ""


def test_the_other_programs_say_it_too(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("GUIDANCE_EXPLORER_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(training, "train", interrupt)
    found = CliRunner().invoke(zoo_command.main, ["A8@20~subset=20"])
    assert found.exit_code == 130
    assert "what was trained is kept; the same command goes on from there: python -m models.zoo" in found.stderr
    monkeypatch.setattr(scenes, "measure_seeds", interrupt)
    monkeypatch.setattr(docs, "floor", interrupt)
    found = CliRunner().invoke(docs.main, [str(tmp_path)])
    assert found.exit_code == 130
    assert f"what was measured is kept in {tmp_path}/numbers.json" in found.stderr


def test_what_was_kept_is_gone_on_from(tmp_path, monkeypatch) -> None:
    """The rows that were measured before an interrupt are the ones of the finished table."""
    monkeypatch.chdir(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(running, "WORKERS", 1)
        patch.setattr(scenes, "measure_seeds", after(1, scenes.measure_seeds))
        assert CliRunner().invoke(program.main, COMPARE).exit_code == 130
    (before,) = compare.read("out/compare.csv")
    assert CliRunner().invoke(program.main, COMPARE).exit_code == 0
    rows = compare.read("out/compare.csv")
    assert len(rows) == 2
    assert before in rows
    assert np.isfinite(rows[1]["branch_tv"])
