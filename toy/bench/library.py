"""Benchmarks of the library: the yardstick, training, sampling, fields on a grid, memory."""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

import psutil

from toy.bench.rows import Measured, benchmark
from toy.bench.server import MB, ROOT, Visitor, serving
from toy.compare import methods


@cache
def device() -> str:
    """Name of what JAX computes on."""
    import jax

    if jax.default_backend() != "cpu":
        return jax.devices()[0].device_kind
    cpuinfo = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", cpuinfo.read_text()) if cpuinfo.exists() else []
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{names[0] if names else 'CPU'}, {cores} cores"


def timed(call: Callable[[], object], repeats: int) -> list[float]:
    """Milliseconds of each call, after one that compiles."""
    import jax

    jax.block_until_ready(call())
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        jax.block_until_ready(call())
        times.append(1e3 * (time.perf_counter() - began))
    return times


@benchmark("yardstick", "GFLOP/s")
def yardstick(size: int = 2048, repeats: int = 20) -> Measured:
    """A float32 matrix product of 2048^3, the machine's speed that budgets are scaled by."""
    a, product = _product(size)
    return Measured([2 * size**3 / ms / 1e6 for ms in timed(lambda: product(a, a), repeats)])


@cache
def _product(size: int) -> tuple[object, Callable]:
    import jax
    import jax.numpy as jnp

    return jax.random.normal(jax.random.key(0), (size, size)), jax.jit(
        lambda a, b: jnp.matmul(a, b, precision="highest")
    )


@benchmark("training", "ms", budget=15, scaled=True)
def training(iterations: int = 64, width: int = 64, batch: int = 4096, repeats: int = 5, target: str = "A") -> Measured:
    """One training iteration, width 64, batch 4096, true scores of the batch included."""
    return Measured([ms / iterations for ms in timed(_chunks(iterations, width, batch, target), repeats)])


@benchmark("training-main", "s", gpu_budget=3, only_gpu=True)
def training_main(repeats: int = 3, target: str = "A") -> Measured:
    """The main model's 4096 iterations, compiled before."""
    chunk = _chunks(256, 64, 4096, target)
    return Measured([ms / 1e3 for ms in timed(lambda: [chunk() for _ in range(16)][-1], repeats)])


@benchmark("ensemble", "of single", budget=0.5)
def ensemble(trainings: int = 64, iterations: int = 512, singles: int = 4) -> Measured:
    """64 trainings of width 32 on one stream of data, 512 iterations, as a share of the time of 64 single ones."""
    from models.ensemble import train as together
    from models.mlp import Spec
    from models.training import Recipe
    from models.training import train as alone

    recipes = [Recipe(Spec("A", 32), iterations=iterations, seed=seed, data_seed=0) for seed in range(trainings)]

    def seconds(run: Callable[[], object]) -> float:
        began = time.perf_counter()
        run()
        return time.perf_counter() - began

    for warm in (recipes[:1], recipes):  # one chunk of each, to compile
        next(together(warm))
    next(alone(recipes[0]))
    single = [seconds(partial(_last_of, alone, recipe)) for recipe in recipes[:singles]]
    whole = seconds(partial(_last_of, together, recipes))
    per_single = sum(single) / len(single)
    note = f"{whole:.1f} s for {trainings}, {per_single:.2f} s for one alone, mean of {singles}"
    return Measured([whole / (trainings * per_single)], note=note)


@benchmark("ensemble-main", "s a model", only_gpu=True)
def ensemble_main(trainings: int = 256, iterations: int = 4096) -> Measured:
    """256 main models of width 64, 4096 iterations, as one program: seconds for each."""
    from models.ensemble import train as together
    from models.mlp import Spec
    from models.training import Recipe

    recipes = [Recipe(Spec("A", 64), iterations=iterations, seed=seed, data_seed=0) for seed in range(trainings)]
    next(together(recipes))
    began = time.perf_counter()
    _last_of(together, recipes)
    return Measured([(time.perf_counter() - began) / trainings])


def _last_of(steps: Callable[..., Iterator[object]], *given: object) -> object:
    """What an iterator gives at its end."""
    *_, last = steps(*given)
    return last


def _chunks(iterations: int, width: int, batch: int, target: str) -> Callable[[], object]:
    import jax
    import jax.numpy as jnp

    from models import training
    from models.mlp import Spec
    from toy import distributions

    recipe = training.Recipe(Spec(target, width), batch=batch)
    state = jax.tree.map(jnp.copy, training.start(recipe))  # its buffers are given away in every chunk

    def chunk() -> object:
        nonlocal state
        state, losses = training.chunk(training.in_common(recipe), distributions.mixture(target), state, iterations)
        return losses

    return chunk


@benchmark("sampling-2048", "ms", budget=70, scaled=True)
def sampling_2048(n: int = 2048, repeats: int = 20, target: str = "A") -> Measured:
    """Autoguided sampling of 2048 points, A64@4096 with A32@512, 32 Heun steps, whole trajectory."""
    import models
    from toy import scenes
    from toy.scene import Scene

    scene = Scene.of("autoguidance", target=target, w=3, n=n)
    cast = models.cast(scene.cast)
    return Measured(timed(lambda: scenes.sample(scene, cast), repeats))


@benchmark("sampling-16384", "ms", budget=650, scaled=True, gpu_budget=10)
def sampling_16384(repeats: int = 7, target: str = "A") -> Measured:
    """The same of 16384 points."""
    return sampling_2048(16384, repeats, target)


def _method(name: str) -> Callable[..., Measured]:
    def measure(n: int = 4096, repeats: int = 5, target: str = "A") -> Measured:
        import models
        from toy import scenes
        from toy.compare import methods

        scene = methods()[name].scene(n=n, target=target)
        cast = models.cast(scene.cast)
        return Measured(timed(lambda: scenes.sample(scene, cast, keep=False), repeats))

    measure.__doc__ = f"Sampling 4096 points by the method {name}, its usual cast, 32 steps."
    return measure


for _name in methods():
    benchmark(f"method-{_name}", "ms")(_method(_name))


@benchmark("logp-grid", "ms", budget=300, scaled=True)
def logp_grid(resolution: int = 400, repeats: int = 7, target: str = "A") -> Measured:
    """Exact log-density of class A on a grid of 400 x 400."""
    import jax.numpy as jnp

    from toy import distributions, views

    grid = jnp.asarray(views.VIEWS["both"].grid(resolution))
    return Measured(timed(lambda: views.logp_on(distributions.mixture(target), grid, jnp.float32(0.03)), repeats))


@benchmark("logp-grid-AB", "ms")
def logp_grid_both(repeats: int = 7, target: str = "A") -> Measured:
    """The same of all classes."""
    from toy import distributions

    return logp_grid(repeats=repeats, target=distributions.of(target).all.name)


@benchmark("score-4096", "ms")
def score_4096(n: int = 4096, repeats: int = 20, target: str = "A") -> Measured:
    """Exact score of 4096 points, each at its own noise level: the target of one training batch."""
    import jax
    import jax.numpy as jnp

    from toy import distributions, views

    density = distributions.mixture(target)
    sigma = jnp.exp(-2.3 + 1.5 * jax.random.normal(jax.random.key(1), (n,)))
    x = density.sample(jax.random.key(2), n, sigma)
    return Measured(timed(lambda: views.score_on(density, x, sigma), repeats))


@benchmark("compile", "s")
def compile_(repeats: int = 3) -> Measured:
    """Load, compile and run the default scene in a new process with no compilation cache, imports not counted."""
    source = "from toy.bench import library; print(library.default_scene())"
    return Measured([float(child(source, JAX_ENABLE_COMPILATION_CACHE="false")) for _ in range(repeats)])


def default_scene(n: int = 2048) -> float:
    """Compute both sides of the default scene; seconds."""
    import models
    from toy.scene import Scene
    from toy.scenes import compute

    began = time.perf_counter()
    for scene in (Scene.of("cfg", w=4, n=n), Scene.of("autoguidance", w=3, n=n)):
        compute(scene, models.cast(scene.cast), floor=False)
    return time.perf_counter() - began


@benchmark("memory-training", "MB", budget=1500)
def memory_training(iterations: int = 16) -> Measured:
    """Peak memory of a process that trains 16 iterations of the main model."""
    return Measured([float(child(f"from toy.bench import library; print(library.trained_memory({iterations}))"))])


def trained_memory(iterations: int, batch: int = 4096) -> float:
    """Train in this process; its peak memory in MB."""
    from models import training

    for _ in training.train(training.Recipe(iterations=iterations, batch=batch), every=iterations):
        pass
    return peak_memory()


@benchmark("memory-app", "MB", budget=800)
def memory_app() -> Measured:
    """Memory of the app's server after one visitor has loaded the Explore page."""

    async def visit(url: str) -> None:
        async with Visitor.at(url) as visitor:
            await visitor.ready()

    with serving() as server:
        asyncio.run(visit(server.url))
        return Measured([server.memory()])


def peak_memory() -> float:
    """Peak memory of this process in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage: on Linux a new process starts from the peak of the one that started it.
        return int(re.findall(r"VmHWM:\s*(\d+) kB", status.read_text())[0]) * 1024 / MB
    info = psutil.Process().memory_info()
    return getattr(info, "peak_wset", info.rss) / MB


def child(source: str, **environment: str) -> str:
    """What a new Python process prints; ValueError with its last line where it fails."""
    environment = {**os.environ, "XLA_PYTHON_CLIENT_PREALLOCATE": "false", **environment}
    command = [sys.executable, "-c", source]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"a benchmark's process failed: {(done.stderr.strip() or 'no message').splitlines()[-1]}")
    return done.stdout.strip()
