"""Sweeps on a Dask cluster: the table of one process, whatever dies on the way, and no disk shared with the workers."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import psutil
import pytest

import models
from toy.lab import cluster as clusters
from toy.lab import sweep as sweeps
from toy.lab.store import Store, at_work
from toy.scene import Scene

ROOT = Path(__file__).parents[1]

pytest.importorskip("distributed", reason="Dask is not installed: requirements-cluster.txt")


def spec(count: int, n: int = 64) -> str:
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


def table(sweep: sweeps.Sweep, path: Path) -> list[dict]:
    return [{k: v for k, v in row.items() if k not in ("seconds", "at")} for row in sweeps.look(sweep, path).rows]


@pytest.fixture(scope="module")
def start() -> Iterator:
    """Start a Python program of ours in a process of its own; what still runs is ended with its children."""
    running = []

    def begin(*args: object, **environment: str) -> subprocess.Popen:
        command = [sys.executable, *map(str, args)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        running.append(subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment}, **pipes))
        return running[-1]

    yield begin
    for process in running:
        if process.poll() is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
        process.communicate()


def ended(process: subprocess.Popen) -> str:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return out


@pytest.mark.parametrize(
    "name", ["exact:A", "A32@512", "exact:A~blur=0.05", "A64@4096~dropout=0.1", "A32@512~input_noise=0.1"]
)
def test_densities_survive_the_journey(name: str) -> None:
    density = models.load(name)
    copy = pickle.loads(pickle.dumps(density))
    x = np.random.default_rng(0).normal(size=(32, 2)).astype(np.float32)
    for sigma in (0.05, 1.0):
        np.testing.assert_array_equal(copy.score(x, np.float32(sigma)), density.score(x, np.float32(sigma)))
        np.testing.assert_array_equal(copy.logp(x, np.float32(sigma)), density.logp(x, np.float32(sigma)))


@pytest.mark.slow
def test_a_killed_worker_changes_nothing(start, tmp_path: Path) -> None:
    path, file = tmp_path / "store.sqlite", tmp_path / "spec.toml"
    file.write_text(spec(240))
    sweep = sweeps.read(file)
    with closing(Store(path)) as store, at_work(store) as other:  # keeps some back, so that it is killed in the middle
        store.lease(sweeps.addresses(sweep)[200:], other)
        process = start("-m", "toy", "sweep", file, "--store", path, "--cluster", "local:2")
        while len(sweeps.look(sweep, path).rows) < 1:
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.05)
        workers = [
            child
            for child in psutil.Process(process.pid).children(recursive=True)
            if any("spawn_main" in word for word in child.cmdline())
        ]
        assert len(workers) == 2
        os.kill(workers[0].pid, signal.SIGKILL)
    assert "240 trials: 240 measured now, 0 found" in ended(process)
    sweeps.run(sweep, tmp_path / "alone.sqlite")
    assert table(sweep, path) == table(sweep, tmp_path / "alone.sqlite")


@pytest.mark.slow
def test_workers_need_no_disk_of_the_client(start, tmp_path: Path) -> None:
    """A scheduler and a worker of their own, whose folder of models is empty, and a network that only we have."""
    mine, path = tmp_path / "mine", tmp_path / "store.sqlite"
    mine.mkdir()
    (mine / "own.safetensors").write_bytes((ROOT / "models" / "weights" / "A32@256.safetensors").read_bytes())
    file = tmp_path / "spec.toml"
    file.write_text("""
    metrics = ["outliers"]
    [scene]
    n = 64
    steps = 8
    main = "kept:own"
    [axes]
    seed = [0, 1, 2]
    """)
    info = tmp_path / "scheduler.json"
    options = ("--protocol", "tcp", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", info)
    start("-m", "distributed.cli.dask_scheduler", *options)
    while not info.exists():
        time.sleep(0.05)
    empty = {"GUIDANCE_EXPLORER_MODELS": str(tmp_path / "empty")}
    worker = ("--scheduler-file", info, "--nthreads", "1", "--no-nanny", "--no-dashboard")
    start("-m", "distributed.cli.dask_worker", *worker, **empty)
    address = json.loads(info.read_text())["address"]
    ours = {"GUIDANCE_EXPLORER_MODELS": str(mine)}
    out = ended(start("-m", "toy", "sweep", file, "--store", path, "--cluster", address, **ours))
    assert "3 trials: 3 measured now, 0 found" in out


def test_no_cluster_at_an_address_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "WAITING", 1)
    with (
        pytest.raises(ValueError, match=r"no cluster answers at 'tcp://127.0.0.1:9'") as found,
        clusters.cluster("tcp://127.0.0.1:9"),
    ):
        pass
    assert "\n" not in str(found.value)


def test_without_dask_one_sentence_names_the_requirements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match=r"pip install -r requirements-cluster.txt"):
        clusters.check("local:2")


class Broken:
    """A client whose workers die on every batch ``times`` times."""

    loop = None

    def __init__(self, times: int) -> None:
        self.times, self.sent = times, 0

    def nthreads(self) -> dict[str, int]:
        return {"a": 1}

    def submit(self, function, *given, **options):
        from distributed import KilledWorker

        self.sent += 1
        return Answer(KilledWorker("task", None, 4) if self.sent <= self.times else function(*given))


class Answer:
    """A future that is done."""

    def __init__(self, value) -> None:
        self.value = value

    def result(self):
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


class Completed(list):
    """``as_completed`` of such futures."""

    def __init__(self, loop=None) -> None:
        super().__init__()

    add = list.append

    def next_batch(self):
        found, self[:] = list(self), []
        return found


@pytest.mark.parametrize(("times", "fine"), [(0, True), (1, True), (3, True), (100, False)])
def test_a_batch_whose_workers_die_is_sent_again_but_not_for_ever(
    times: int, fine: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import distributed

    monkeypatch.setattr(distributed, "as_completed", Completed)
    client = Broken(times)
    executor = clusters.Cluster(client, lambda many, densities, measures: sweeps.Outcome(
        [dict.fromkeys(measures, 0.5) for _ in many], 0.1))  # fmt: skip
    sweep, path = sweeps.of_text(spec(4, n=64)), tmp_path / "store.sqlite"
    if fine:
        assert sweeps.run(sweep, path, executor=executor, most=4).computed == 4
        return
    with pytest.raises(ValueError, match=r"the workers that measured rule = none, .* died, again and again"):
        sweeps.run(sweep, path, executor=executor)


def test_a_batch_goes_with_its_densities(monkeypatch: pytest.MonkeyPatch) -> None:
    import distributed

    monkeypatch.setattr(distributed, "as_completed", Completed)
    sent = []

    class Client(Broken):
        def submit(self, function, *given, **options):
            sent.append((given, options))
            return Answer(None)

    executor = clusters.Cluster(Client(0))
    scene = Scene.of("autoguidance", main="exact:A", weak="A32@512", n=64)
    executor.submit(sweeps.Batch((), {"x": scene}), ("outliers",))
    ((flat, densities, measures), options) = sent[0]
    assert (flat, set(densities), measures) == ([scene.flat()], {"exact:A", "A32@512"}, ("outliers",))
    assert options["retries"] == clusters.RETRIES
    assert executor.busy()
    assert executor.room()


# --- Addresses, scripts, losses ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("local:999", "is too many processes for this machine: local:1 to local:"),
        ("inproc://10.0.0.1/1", "is reached by none of: tcp://, tls://"),
        ("magic://host", "is reached by none of: tcp://, tls://"),
        ("local:0", "is neither a scheduler's address"),
        ("host:8786", "is neither a scheduler's address"),
    ],
)
def test_an_address_that_no_cluster_has_is_one_sentence(address: str, words: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]*$") as caught:
        clusters.check(address)
    assert words in str(caught.value)


def test_an_encrypted_address_without_certificates_is_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"^no cluster answers at 'tls://127.0.0.1:9': [^\n]*$"):
        clusters.cluster("tls://127.0.0.1:9").__enter__()


@pytest.mark.parametrize(
    ("source", "refused"),
    [
        ("check()", True),
        ("if True:\n    check()", True),
        ("def main():\n    check()\nmain()", True),
        ("if __name__ == '__main__':\n    check()", False),
        ("def main():\n    check()\nif 'x' and __name__ == '__main__':\n    main()", False),
    ],
)
def test_a_script_without_a_guard_is_told_before_it_runs_again(
    source: str, refused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from types import ModuleType

    path, main = tmp_path / "script.py", ModuleType("__main__")
    path.write_text(source)
    main.__file__, main.check = str(path), clusters._check_guard  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "__main__", main)
    code = compile(source, str(path), "exec")
    if not refused:
        exec(code, vars(main))
        return
    with pytest.raises(
        ValueError, match=r"^line \d of '.*script.py' starts processes that would run it again: [^\n]*$"
    ):
        exec(code, vars(main))


def test_a_cluster_that_is_lost_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import distributed

    monkeypatch.setattr(distributed, "as_completed", Completed)

    class Gone(Broken):
        def nthreads(self):
            raise OSError("Connection reset by peer")

    with pytest.raises(ValueError, match=r"^the cluster was lost \(Connection reset by peer\); what was measured"):
        clusters.Cluster(Gone(0)).room()
