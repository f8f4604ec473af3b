"""Shapes checked at run time in the rooms of arrays, an independent reference, and hypothesis without a clock."""

import os
from pathlib import Path

# Set before JAX is imported, for the processes that tests start too: what one of them compiles no other compiles again.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "programs"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")

import gc
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import jax
import numpy as np
import pytest
from beartype import BeartypeConf, FrozenDict, beartype
from hypothesis import HealthCheck, settings
from jaxtyping import install_import_hook
from scipy.special import logsumexp, softmax

from toy.settings import Setting

pytest_plugins = ["browser_fixtures", "page_runner", "site_guests"]

# A job in the background is started with interrupts ignored, and what it starts inherits that: tests interrupt both.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Tracing makes many objects that stay: looking for garbage among them again and again takes a while.
gc.set_threshold(50_000, 20, 20)

# A number may be Python's, NumPy's or an array without axes: knobs and noise levels come as any.
_numbers = BeartypeConf(hint_overrides=FrozenDict({float: float | int | np.number | jax.Array}))


def checked(function: Callable) -> Callable:
    """A function whose arguments have to be of their types; what declares settings refuses them in its own words."""
    hints = function.__annotations__.values()
    declares = any(isinstance(part, Setting) for hint in hints for part in getattr(hint, "__metadata__", ()))
    return function if declares and function.__name__ == "__init__" else beartype(conf=_numbers)(function)


# Not toy.metrics: the program of its measures has stand-ins in place of the mixtures that a Truth has.
ROOMS = (
    "toy.components",
    "toy.densities",
    "toy.flows",
    "toy.guidance",
    "toy.mechanism",
    "toy.quadrature",
    "toy.sampling",
    "toy.schedules",
    "models.degradations",
    "models.drawn",
    "models.ensemble",
    "models.mlp",
    "models.training",
)
install_import_hook(ROOMS, f"{__name__}.checked")

settings.register_profile("here", deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("here"), derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@dataclass(frozen=True)
class Reference:
    """A Gaussian mixture in NumPy, double precision, by inverting every covariance: slow and plain on purpose.

    ``weights`` [m] summing to one, ``means`` [m, 2], ``covariances`` [m, 2, 2], ``group`` [m] the branch of each.
    """

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray
    group: np.ndarray

    def _logits(self, x: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray]:
        smoothed = self.covariances + sigma**2 * np.eye(2)
        offset = np.asarray(x, np.float64)[:, None] - self.means  # [n, m, 2]
        pull = np.einsum("mij,nmj->nmi", np.linalg.inv(smoothed), offset)
        log_norm = -np.log(2 * np.pi) - 0.5 * np.log(np.linalg.det(smoothed))
        return np.log(self.weights) + log_norm - 0.5 * np.sum(offset * pull, axis=-1), -pull

    def logp(self, x: np.ndarray, sigma: float) -> np.ndarray:
        """Log-density [n] at points [n, 2]."""
        return logsumexp(self._logits(x, sigma)[0], axis=1)

    def score(self, x: np.ndarray, sigma: float) -> np.ndarray:
        """Its gradient, [n, 2]."""
        logits, scores = self._logits(x, sigma)
        return np.einsum("nm,nmi->ni", softmax(logits, axis=1), scores)

    def responsibilities(self, x: np.ndarray, sigma: float) -> np.ndarray:
        """Posterior of each branch, [n, branches]."""
        posterior = softmax(self._logits(x, sigma)[0], axis=1)
        return np.stack([posterior[:, self.group == g].sum(axis=1) for g in range(self.group.max() + 1)], axis=1)

    def moments(self, sigma: float) -> tuple[np.ndarray, np.ndarray]:
        """Mean [2] and covariance [2, 2]."""
        mean = self.weights @ self.means
        offset = self.means - mean
        spread = np.einsum("m,mi,mj->ij", self.weights, offset, offset)
        return mean, spread + np.einsum("m,mij->ij", self.weights, self.covariances) + sigma**2 * np.eye(2)


@lru_cache
def _reference(target: str) -> Reference:
    from toy import distributions

    known = distributions.of(target)
    own, d = known.groups, known.distribution
    parts = d.means.shape[1]
    weights = d.weights[own].ravel()
    covariances, group = np.repeat(d.covariances[own], parts, axis=0), np.repeat(known.mode_of_group, parts)
    return Reference(weights / weights.sum(), d.means[own].reshape(-1, 2), covariances, group)


@pytest.fixture(scope="session")
def reference() -> Callable[[str], Reference]:
    """The reference density of a target, 'A' or 'moons/AB'."""
    return _reference


# Files of tests in which no array changes its type or its rank unasked.
STRICT = ("test_densities", "test_tree", "test_guidance", "test_mechanism", "test_metrics", "test_mlp")


@pytest.fixture(scope="module", autouse=True)
def _strict_promotion(request):
    """NumPy's promotions are refused where numbers are tested."""
    if request.module.__name__ not in STRICT:
        yield
        return
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        yield


@pytest.fixture(scope="module", autouse=True)
def _few_programs():
    """Compiled programs are shared by all files of tests, up to what a process may hold."""
    yield
    from toy.files import spare_maps

    spare_maps()


@pytest.fixture
def compilations(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[str], int]]:
    """How often the jitted function of a name was compiled since the test began, from JAX's own log."""
    with jax.log_compiles():
        yield lambda name: sum(f"Compiling jit({name}) " in record.getMessage() for record in caplog.records)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A file without a mark that is asked for is not even imported."""
    marks = [word for word in config.option.markexpr.split(" and ") if word.isidentifier()]
    if collection_path.suffix != ".py" or not marks:
        return None
    text = collection_path.read_text(encoding="utf-8")
    return True if any(f"mark.{mark}" not in text for mark in marks) else None


@pytest.fixture(scope="module")
def coarse_outlines():
    """The tree's outline, and figures, from few pixels: what they are drawn for is the same, in a moment."""
    from toy.figures.panels import outline
    from toy.figures.paper import Options

    usual = Options.__init__.__defaults__
    few = tuple(100 if value == Options.resolution else value for value in usual)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(outline.__kwdefaults__, "resolution", 100)
        patch.setattr(Options.__init__, "__defaults__", few)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser comes last, since its event loop would be in the way of others'; of its tests the longest first."""
    items.sort(key=lambda item: (item.get_closest_marker("browser") is not None, "browser_training" not in item.nodeid))
