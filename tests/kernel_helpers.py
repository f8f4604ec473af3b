"""Densities asked in node, and in double precision by NumPy: what the tests of the browser's kernel compare."""

import shutil
import subprocess
import tempfile
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest

from toy.browser import kernel
from toy.browser.numbers import bytes_of
from toy.viewer.packing import pack

SCRIPT = Path(__file__).parent / "ask_densities.mjs"
RELAXED = "--experimental-wasm-relaxed-simd"  # node 20 wants it, later ones do not know it


def node(*arguments):
    """Run node; skip the test where there is none."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("node is not installed")
    done = subprocess.run([found, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def flags(file):
    """What node has to be told so that it takes this kernel."""
    relaxed = "relaxed" in file and RELAXED in node("--v8-options").replace("(", " ").split()
    return [RELAXED] if relaxed else []


def answers(file, densities, asks):
    """What the kernel in this file answers to ``asks``, from one process: a flat float32 array each.

    ``densities`` are numbers by id; an ask names a method of ``Densities`` and what it takes.
    """
    headers, arrays = {}, {}
    for name, numbers in densities.items():
        headers[name], own = bytes_of(numbers)
        arrays |= {f"{name}|{key}": value for key, value in own.items()}
    plain = []
    for i, ask in enumerate(asks):
        given = {name: value for name, value in ask.items() if name in ("x", "along", "levels")}
        arrays |= {f"{name}{i}": np.float32(value).ravel() for name, value in given.items()}
        plain.append({**ask, **{name: f"{name}{i}" for name in given}})
    with tempfile.TemporaryDirectory() as folder:
        asked, told = Path(folder) / "asked.pack", Path(folder) / "told"
        asked.write_bytes(pack({"densities": headers, "asks": plain}, arrays))
        node(*flags(file), SCRIPT, kernel.WEB / file, asked, told)
        everything = np.fromfile(told, np.float32)
    sizes = [_size(ask, densities[ask["id"]]) for ask in asks]
    assert everything.size == sum(sizes)
    return np.split(everything, np.cumsum(sizes)[:-1])


def _size(ask, numbers):
    n = ask["n"] if ask["ask"] == "sample" else np.size(ask["x"]) // 2
    width = {"logp": 1, "scoreAndLogp": 3, "posterior": numbers.get("groups")}
    return n * width.get(ask["ask"], 2)


class Mixture:
    """A Gaussian mixture from its numbers, all components written out."""

    def __init__(self, numbers, sigma):
        """At one noise level, which is the float32 that the kernel is told."""
        own = {k: v.astype(np.float64) for k, v in numbers.items() if isinstance(v, np.ndarray)}
        axes = own["axes"]  # rows are eigenvectors
        self.means = own["origins"][:, None] + np.einsum("gij,gki->gkj", axes, own["centres"])
        variances = own["variances"] + np.float64(np.float32(sigma)) ** 2
        self.precisions = np.einsum("gij,gi,gik->gjk", axes, 1 / variances, axes)
        self.weights = own["log_weights"] - 0.5 * np.log(variances).sum(-1)[:, None] - np.log(2 * np.pi)

    def at(self, x):
        """The same at these points."""
        found = object.__new__(Mixture)
        found.__dict__ |= self.__dict__
        found.apart = np.float64(x)[:, None, None] - self.means  # [n, groups, parts, 2]
        found.pulls = -np.einsum("gij,ngkj->ngki", self.precisions, found.apart)
        return found

    @cached_property
    def logits(self):
        return self.weights + 0.5 * (self.apart * self.pulls).sum(-1)

    @cached_property
    def logp(self):
        top = self.logits.max((1, 2))
        return top + np.log(np.exp(self.logits - top[:, None, None]).sum((1, 2)))

    @cached_property
    def shares(self):
        return np.exp(self.logits - self.logp[:, None, None])

    @cached_property
    def score(self):
        return (self.shares[..., None] * self.pulls).sum((1, 2))

    @cached_property
    def posterior(self):
        return self.shares.sum(-1)

    def jvp(self, along):
        """Hessian times direction: the mean of the parts' own, and the spread of their pulls."""
        centred = self.pulls - self.score[:, None, None]
        spread = np.einsum("ngk,ngki,ngkj,nj->ni", self.shares, centred, centred, along)
        return spread - np.einsum("ng,gij,nj->ni", self.posterior, self.precisions, along)


class Network:
    """A network from its numbers; complex points are allowed, whose imaginary part is a derivative."""

    def __init__(self, numbers, sigma):
        """At one noise level, which is the float32 that the kernel is told."""
        self.sigma = np.float64(np.float32(sigma))
        self.numbers = {k: v.astype(np.float64) if isinstance(v, np.ndarray) else v for k, v in numbers.items()}
        self.variance = self.sigma**2 + 0.25

    def forward(self, x):
        """Before each activation, and at last what comes out of the hidden layers."""
        first, hidden = self.numbers["first"], self.numbers["hidden"]
        h = x / np.sqrt(self.variance) @ first[:2] + np.log(self.sigma) / 4 * first[2] + first[3]
        layers = [h]
        for w in hidden:
            layers.append(layers[-1] / (1 + np.exp(-layers[-1])) / 0.596 @ w)
        return layers

    def logp(self, x):
        last = self.forward(x)[-1]
        gain = abs(self.numbers["gain"]) / self.sigma
        return -gain * (last**2).mean(-1) - (x**2).sum(-1) / self.variance / 2

    def score(self, x):
        layers, numbers = self.forward(x), self.numbers
        if numbers["predicts"] != "energy":
            h = layers[-1]
            out = numbers["gain"] / self.sigma * (h / (1 + np.exp(-h)) / 0.596 @ numbers["last"])
            return out * (0.5 / np.sqrt(self.variance) if numbers["predicts"] == "denoiser" else 1) - x / self.variance
        back = layers[-1] * (-2 * abs(numbers["gain"]) / self.sigma / numbers["units"])
        for w, h in zip(numbers["hidden"][::-1], layers[-2::-1], strict=True):
            s = 1 / (1 + np.exp(-h))
            back = back @ w.T / 0.596 * (s + h * s * (1 - s))
        return back @ numbers["first"][:2].T / np.sqrt(self.variance) - x / self.variance

    def jvp(self, x, along):
        """By a complex step, which subtracts nothing."""
        return self.score(x + 1e-30j * along).imag / 1e-30
