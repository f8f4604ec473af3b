"""Some classes of a distribution by name: what is sampled, trained on and measured against.

A target is ``FAMILY/CLASSES``, as ``moons/A``, where classes are letters in order and ``moons/AB`` is all there is of
two. Knobs follow the family: ``gaussians:distance=2:classes=5/AC``. The paper's tree is meant where no family is named,
and its name is never written: ``A``.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np

from toy.densities import GaussianMixture
from toy.distributions.distribution import DISTRIBUTIONS, LETTERS, Distribution
from toy.distributions.keeping import number, path_of, text_of
from toy.registry import Entry
from toy.settings import Choice, Refused, text

USUAL = "tree"
CLASSES = re.compile(rf"[{LETTERS}]{{1,{len(LETTERS)}}}")
REGION_SIGMAS = np.geomspace(1e-3, 100, 24)  # the edge of the 99% region is worked out at these, and between them read
LARGE = 1024  # Gaussians: of so many a threshold takes seconds, and is kept
DRAWN = 1  # another number where samples for thresholds are drawn in another way
FEWER_SIGMAS = np.append(REGION_SIGMAS[:-1:2], REGION_SIGMAS[-1])  # or, where that is not done before, at these


@dataclass(frozen=True, eq=False)
class Target:
    """Some ``classes`` of a distribution, by the whole ``name``; ``on`` names the distribution, '' is the tree."""

    on: str
    classes: str
    distribution: Distribution

    @property
    def name(self) -> str:
        """As it is written."""
        return f"{self.on}/{self.classes}" if self.on else self.classes

    @cached_property
    def groups(self) -> np.ndarray:
        """Mask of the distribution's groups of these classes, [groups]."""
        return self.distribution.of(self.classes)

    @cached_property
    def modes(self) -> np.ndarray:
        """Indices of the distribution's modes of these classes, [modes]."""
        return np.asarray(np.unique(self.distribution.modes[self.groups]))

    @cached_property
    def mode_of_group(self) -> np.ndarray:
        """For each of the target's groups the index of its mode among ``modes``, [groups of the target]."""
        return np.asarray(np.searchsorted(self.modes, self.distribution.modes[self.groups]))

    @cached_property
    def mass(self) -> np.ndarray:
        """Share of each mode, [modes], summing to one."""
        weight = self.distribution.weights[self.groups].sum(axis=1)
        by_mode = np.zeros(len(self.modes))
        np.add.at(by_mode, self.mode_of_group, weight)
        return np.asarray(by_mode / by_mode.sum())

    @cached_property
    def level(self) -> np.ndarray | None:
        """Depth of each mode, [modes], where there is a hierarchy."""
        level = self.distribution.level
        return None if level is None else level[self.modes]

    @cached_property
    def prior(self) -> float:
        """Probability of these classes among all."""
        weights = self.distribution.weights.sum(axis=1)
        return float(weights[self.groups].sum() / weights.sum())

    @cached_property
    def thinnest(self) -> float:
        """Least standard deviation of its Gaussians in any direction, in lengths."""
        variances = np.linalg.eigvalsh(self.distribution.covariances[self.groups])
        return float(np.sqrt(variances.min()))

    @property
    def words(self) -> str:
        """The classes for people: 'A', 'A and B', or the words that the distribution has for them."""
        words = [self.distribution.words.get(letter, letter) for letter in self.classes]
        return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))

    @property
    def called(self) -> str:
        """The classes in short: the words that the distribution has for them, or 'AB'."""
        return self.words if self.distribution.words else self.classes

    @property
    def all(self) -> "Target":
        """All classes of the same distribution."""
        return of(replace(self, classes=self.distribution.classes).name)

    @property
    def rest(self) -> "Target | None":
        """The other classes; None where there are none."""
        others = "".join(letter for letter in self.distribution.classes if letter not in self.classes)
        return of(replace(self, classes=others).name) if others else None

    def density(self) -> GaussianMixture:
        """The exact density, made anew: in double precision where that is switched on. See ``mixture``."""
        d, chosen = self.distribution, self.groups
        labels = [replace(self, classes=label).name for label, keep in zip(d.labels, chosen, strict=True) if keep]
        return GaussianMixture.of(d.weights[chosen], d.means[chosen], d.covariances[chosen], labels)


@lru_cache(maxsize=256)
def of(name: str) -> Target:
    """The target of a name: some classes of a distribution.

    Args:
        name: As in 'A', 'moons/AB' or 'gaussians:distance=2/A'.

    Returns:
        What is known of it: its groups, modes, masses, prior, words.

    Raises:
        ValueError: The class, the distribution or a knob is not known; the sentence says what is.

    Example:
        >>> moons = distributions.of("moons/A")
        >>> moons.all.name, moons.rest.name, float(moons.prior)
        ('moons/AB', 'moons/B', 0.5)
    """
    on, slash, classes = name.rpartition("/")
    on = canonical(on) if slash else ""
    found = distribution_of(on or USUAL)
    if not (CLASSES.fullmatch(classes) and list(classes) == sorted(set(classes) & set(found.classes))):
        raise Refused(f"unknown class {classes!r}{f' of {on}' if on else ''}; have: {_have(found)}", "class")
    return Target(on, classes, found)


def is_target(name: str) -> bool:
    """Whether there is a target of that name."""
    try:
        return bool(of(name))
    except ValueError:
        return False


def _have(found: Distribution) -> str:
    letters = found.classes
    return ", ".join([*letters, *[letters] * (len(letters) > 1)])


@lru_cache(maxsize=64)
def distribution_of(on: str) -> Distribution:
    """The distribution of a name without classes: ``moons:width=0.1``. ValueError as ``of``."""
    name, values = _parsed(on)
    entry = entry_of(name)
    made: Distribution = entry(*([text_of(name)] if entry.inputs else []), **values)
    return made


def families(*, data: bool = False) -> list[str]:
    """Names of the distributions that are so by themselves, or of those that are made of ``data`` that are kept."""
    return [name for name, entry in DISTRIBUTIONS.items() if bool(entry.inputs) == data]


def entry_of(on: str) -> Entry:
    """The family that a distribution's name is of. ValueError as ``of``."""
    name = on.partition(":")[0]
    family = name.partition("-")[0]
    return DISTRIBUTIONS[family if family in families(data=True) else name]


def canonical(on: str) -> str:
    """The name of a distribution without what is usual; the tree's is empty. ValueError as ``of``."""
    name, values = _parsed(on)
    knobs = entry_of(name).knobs
    changed = [f"{knob}={text(value)}" for knob, value in values.items() if value != knobs[knob].default]
    return "" if name == USUAL else ":".join([name, *changed])


def knobs_of(on: str) -> Mapping[str, float]:
    """The value of each knob of a distribution by name. ValueError as ``of``."""
    return _parsed(on)[1]


def _parsed(on: str) -> tuple[str, Mapping[str, float]]:
    """A name without its knobs, and these."""
    family, *items = on.split(":")
    entry, values = entry_of(family), {}
    if entry.inputs:
        path_of(family)
    for item in items:
        name, _, value = item.partition("=")
        if name not in entry.knobs or name in values:
            have = ", ".join(entry.knobs) or "no knobs"
            raise Refused(f"{item!r} does not go with distribution {family!r}; it takes: {have}", "distribution")
        values[name] = entry.knobs[name].check(value)
    return family, {name: values.get(name, knob.default) for name, knob in entry.knobs.items()}


def counterpart(classes: str, target: str) -> str:
    """What classes of the tree are for another target than A: 'A' is the target, 'AB' all, 'B' the rest.

    Where nothing is left, 'B' is the last class. Other classes stay what they are.

    >>> counterpart("B", "gaussians/A")
    'gaussians/BC'
    """
    found = of(target)
    if classes == "B":
        last = replace(found, classes=found.distribution.classes[-1])
        return (found.rest or last).name
    return {"A": target, "AB": found.all.name}.get(classes, classes)


def targets(on: str = "") -> list[str]:
    """What menus offer: the classes of a distribution one by one, and all of them.

    Args:
        on: A distribution, by default the tree.

    Returns:
        Names of targets.

    Raises:
        ValueError: As by ``of``.

    Example:
        >>> distributions.targets("gaussians")
        ['gaussians/A', 'gaussians/B', 'gaussians/C', 'gaussians/ABC']
    """
    on = canonical(on or USUAL)
    letters = distribution_of(on or USUAL).classes
    return [f"{on}/{classes}" if on else classes for classes in (*letters, *[letters] * (len(letters) > 1))]


@dataclass(frozen=True)
class TargetChoice(Choice):
    """A target by name, written in one way; ``options`` are those of the tree."""

    @property
    def legal(self) -> str:
        """The tree's, and how others are named."""
        return f"{', '.join(map(text, self.options))}, or of another distribution, such as moons/A"

    def check(self, value: object) -> str:
        """Return the target's name."""
        if not isinstance(value, str):
            raise self.refused(value, "a word")
        try:
            return of(value).name
        except Refused as error:
            raise Refused(str(error), self.name) from None


# --- What is known of a target, by its name ---------------------------------------------------------------------------


@lru_cache(maxsize=64)
def mixture(target: str) -> GaussianMixture:
    """The exact density of a target; one object a name, made once.

    Args:
        target: Its name.

    Returns:
        Its Gaussians, weights adding up to 1.

    Raises:
        ValueError: As by ``of``.

    Example:
        >>> A = distributions.mixture("A")
        >>> A.log_weights.shape, round(float(jnp.exp(A.log_weights).sum()), 4)  # branches, Gaussians of each
        ((127, 8), 1.0)
    """
    return of(target).density()


def prior(target: str) -> float:
    """Probability of the target's classes among all of its distribution.

    Args:
        target: Its name.

    Returns:
        From 0 to 1.

    Raises:
        ValueError: As by ``of``.

    Example:
        >>> round(distributions.prior("A"), 4)
        0.477
    """
    return of(target).prior


@lru_cache(maxsize=1024)
def threshold(target: str, mass: float = 0.99, sigma: float = 0.0) -> float:
    """Log-density that bounds a highest-density region of p(x; sigma).

    The (1 - mass) quantile of log p over 2^17 samples of a fixed seed: standard error about 0.025 at mass 0.99.

    Args:
        target: Its name.
        mass: Of the region.
        sigma: Noise level.

    Returns:
        In nats.

    Raises:
        ValueError: As by ``of``.

    Source:
        After Karras et al. 2024, arXiv:2406.02507, Section 4: outliers are what lies outside.

    Example:
        >>> distributions.threshold("A"), distributions.threshold("A", 0.999)
        (-1.8748, -3.9343)
    """
    known = of(target).distribution.thresholds
    return known[target, mass] if sigma == 0 and (target, mass) in known else quantile(target, mass, sigma)


def region_thresholds(target: str, sigmas: np.ndarray | float) -> np.ndarray:
    """``threshold`` at mass 0.99 for any noise levels, interpolated in log sigma: for pictures, within 0.3 nats.

    The tree's are within 0.03.
    """
    sigmas = np.asarray(sigmas, float)
    levels, edges = regions(target)
    table = np.interp(np.log(np.maximum(sigmas, levels[0])), np.log(levels), edges)
    return np.where(sigmas == 0, threshold(target), table)


@lru_cache(maxsize=64)
def regions(target: str) -> tuple[np.ndarray, np.ndarray]:
    """Noise levels, and the edge of the 99% region at each, in nats: what ``region_thresholds`` reads between."""
    known = of(target).distribution.regions
    if target in known:
        return REGION_SIGMAS, np.array(known[target])
    return FEWER_SIGMAS, np.array([quantile(target, 0.99, float(sigma), 2**12) for sigma in FEWER_SIGMAS])


def quantile(target: str, mass: float, sigma: float, n: int = 2**17) -> float:
    """``threshold``, worked out with ``n`` samples; of a large mixture kept in the user's data folder."""

    def work() -> float:
        return float(np.quantile(_logp(target, sigma, n), 1 - mass))

    density = mixture(target)
    if density.log_weights.size < LARGE:
        return work()
    address = hashlib.sha256(repr((DRAWN, mass, sigma, n)).encode())
    for leaf in jax.tree.leaves(density):
        address.update(np.asarray(leaf).tobytes())
    return number(address.hexdigest()[:24], work)


@lru_cache(maxsize=4)  # one for thresholds at several masses
def _logp(target: str, sigma: float, n: int) -> np.ndarray:
    """Log-density of ``n`` samples at a noise level, [n], in order."""
    return np.sort(_logp_of(mixture(target), jnp.float32(sigma), n=n))


@partial(jax.jit, static_argnames="n")
def _logp_of(density: GaussianMixture, sigma: jax.Array, *, n: int) -> jax.Array:
    return density.logp(density.sample(jax.random.key(0), n, sigma), sigma)


def far(target: str) -> float:
    """Where a sample is far from everything.

    Args:
        target: Its name.

    Returns:
        The log-density below which it is so, in nats.

    Raises:
        ValueError: As by ``of``.

    Example:
        >>> distributions.far("A")
        -10.0
    """
    known = of(target).distribution.far
    return threshold(target) - 8 if known is None else known
