"""Synthetic scenes for the viewer: a sketch of the tree, caricatures of methods. It knows nothing of the models."""

import json
import math
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
from toy.viewer import packing  # noqa: E402

SIGMA_DATA, SIGMA_MAX, SIGMA_MIN, STEPS = 0.5, 5.0, 0.002, 32


def sigmas():
    i = np.arange(STEPS)
    s = (SIGMA_MAX ** (1 / 7) + i / (STEPS - 1) * (SIGMA_MIN ** (1 / 7) - SIGMA_MAX ** (1 / 7))) ** 7
    return np.append(s, 0.0)


def branches(angle, rng):
    """Depth-first: x0, y0, x1, y1, depth, thickness."""
    scale = np.array([1.3136, 1.3844])
    out = []

    def grow(start, angle, depth):
        length = 0.292 * 0.8**depth * (1 + 0.2 * rng.normal())
        u = np.array([math.cos(angle), math.sin(angle)])
        end = start + u * length
        out.append((*(start * scale), *(end * scale), depth, 0.016 * 0.8**depth))
        if depth < 6:
            for sign in (1, -1):
                grow(end, angle + sign * 0.7**depth * (1 + 0.2 * rng.normal()), depth + 1)

    grow(np.array([0.003, 0.0325]), angle, 0)
    return np.array(out)


class World:
    def __init__(self):
        rng = np.random.default_rng(2)
        self.a, self.b = branches(math.pi / 4, rng), branches(5 * math.pi / 4, rng)
        self.tree = np.concatenate([self.a, self.b])
        self.logp_cache = {}

    def mixture(self, rows, sigma):
        t = np.linspace(0.07, 0.93, 8)
        means = (rows[:, None, :2] * (1 - t)[:, None] + rows[:, None, 2:4] * t[:, None]).reshape(-1, 2)
        lengths = np.hypot(*(rows[:, 2:4] - rows[:, :2]).T)
        weights = np.repeat(lengths * 0.5 ** rows[:, 4], 8)
        var = np.repeat((1.3 * rows[:, 5]) ** 2, 8) + sigma**2
        return means, weights / weights.sum(), var

    def logp_score(self, x, rows, sigma):
        means, weights, var = self.mixture(rows, sigma)
        flat = x.reshape(-1, 2)
        logp, score = np.empty(len(flat)), np.empty_like(flat)
        for k in range(0, len(flat), 2048):
            d = flat[k : k + 2048, None] - means
            e = np.log(weights / (2 * np.pi * var)) - (d**2).sum(-1) / (2 * var)
            top = e.max(1, keepdims=True)
            r = np.exp(e - top)
            logp[k : k + 2048] = top[:, 0] + np.log(r.sum(1))
            r /= r.sum(1, keepdims=True)
            score[k : k + 2048] = -(r[..., None] * d / var[:, None]).sum(1)
        return logp.reshape(x.shape[:-1]), score.reshape(x.shape)

    def sample(self, rows, n, rng, favour=None):
        lengths = np.hypot(*(rows[:, 2:4] - rows[:, :2]).T)
        weights = lengths * 0.5 ** rows[:, 4] * (1 if favour is None else favour)
        k = rng.choice(len(rows), n, p=weights / weights.sum())
        t = rng.uniform(0, 1, (n, 1))
        return rows[k, :2] * (1 - t) + rows[k, 2:4] * t + rng.normal(size=(n, 2)) * rows[k, 5:6], k

    def contour(self, rows, level, box, n=260):
        xs, ys = np.linspace(box[0], box[1], n), np.linspace(box[2], box[3], n)
        logp = self.logp_score(np.stack(np.meshgrid(xs, ys), -1), rows, 0.012)[0]
        out = []
        for j in range(n - 1):
            for i in range(n - 1):
                a, b, c, d = logp[j, i], logp[j, i + 1], logp[j + 1, i + 1], logp[j + 1, i]
                ends = []
                for u, v, p, q in (
                    (a, b, (i, j), (i + 1, j)),
                    (b, c, (i + 1, j), (i + 1, j + 1)),
                    (d, c, (i, j + 1), (i + 1, j + 1)),
                    (a, d, (i, j), (i, j + 1)),
                ):
                    if (u > level) != (v > level):
                        f = (level - u) / (v - u)
                        ends.append(
                            (
                                xs[0] + (p[0] + f * (q[0] - p[0])) * (xs[1] - xs[0]),
                                ys[0] + (p[1] + f * (q[1] - p[1])) * (ys[1] - ys[0]),
                            )
                        )
                out += ends[: len(ends) // 2 * 2]
        return np.array(out, np.float32)

    def scenery(self):
        if not hasattr(self, "_scenery"):
            box = [-1.5, 1.8, -1.5, 1.9]
            self._scenery = {
                "tree.segments": self.tree[:, :4].astype(np.float32),
                "tree.depth": self.tree[:, 4].astype(np.uint8),
                "tree.thickness": self.tree[:, 5].astype(np.float32),
            }
            for name, rows in (("A", self.a), ("B", self.b), ("AB", self.tree)):
                points = self.contour(rows, -1.85, box)
                self._scenery[f"outline.{name}"] = points
                self._scenery[f"outline.{name}.starts"] = np.arange(0, len(points), 2, dtype=np.uint32)
        return self._scenery

    def positions(self, slot, w, n):
        rng = np.random.default_rng(5)
        x0, k = self.sample(self.a, n, rng)
        eps = rng.normal(size=(n, 2))
        s = sigmas()
        strength = (w - 1) / 3
        depth = self.a[:, 4]
        if slot == "left":
            favour = np.exp(-1.6 * strength * np.maximum(0, 3 - depth))
        else:
            favour = np.exp(-0.25 * strength * depth)
        end, branch = self.sample(self.a, n, np.random.default_rng(5), favour)
        stray = np.random.default_rng(9).uniform(size=n) < (0.05 + 0.05 * strength * (slot == "left"))
        end = end + stray[:, None] * np.random.default_rng(10).normal(size=(n, 2)) * 0.07
        blend = (s / SIGMA_MAX)[:, None, None] ** 0.25
        x = blend * (x0 + 0 * k[:, None]) + (1 - blend) * end + s[:, None, None] * eps
        logp = self.logp_score(end, self.a, 0.004)[0]
        outside = np.zeros((STEPS + 1, n), np.uint8)
        outside[STEPS // 2 :] = logp < -1.85
        true = np.hypot(*(self.a[:, 2:4] - self.a[:, :2]).T) * 0.5 ** self.a[:, 4]
        got = np.bincount(branch, minlength=127) / n
        gain = np.clip(np.log2((got + 1e-9) / (true / true.sum())), -3, 3).astype(np.float32)
        return x, outside, gain, x0, float(outside[-1].mean())

    def pack(self, request=None, *, n=4096, ui=None, hide=(), note="", single=False, precomputed=False):
        request = request or {
            "seq": 0,
            "have": None,
            "phase": "release",
            "knobs": {"left": {"w": 4.0}, "right": {"w": 3.0}},
            "layers": [],
            "sigma": 0.03,
        }
        phase = request["phase"]
        n = 512 if phase == "drag" else n
        arrays, panels = {}, []
        s = sigmas()
        ident = json.dumps([request["knobs"], request.get("interval"), n], sort_keys=True)
        slots = ["left"] if single else ["left", "right"]
        for slot in slots:
            w = request["knobs"].get(slot, {}).get("w", 3.0)
            x, outside, gain, x0, share = self.positions(slot, w, n)
            if request["have"] != ident or phase in ("drag", "release"):
                arrays[f"{slot}.positions"] = packing.quantise(x / np.sqrt(s**2 + SIGMA_DATA**2)[:, None, None])
                arrays[f"{slot}.outside"] = outside
                arrays[f"{slot}.branch_gain"] = gain
                arrays["truth.positions"] = x0.astype(np.float32)
            cfg = slot == "left"
            interval = (request.get("interval") or {}).get(slot) or [0.05, 1.0]
            panels.append(
                {
                    "slot": slot,
                    "title": "Classifier-free guidance" if cfg else "Autoguidance",
                    "rule": "cfg" if cfg else "autoguidance",
                    "formula": "s = s_A + (w − 1)(s_A − s_AB)" if cfg else "s = s_A + (w − 1)(s_A − s_A′)",
                    "summary": "Extrapolates away from the unconditional model."
                    if cfg
                    else "Extrapolates from a worse model of the same task.",
                    "knobs": [
                        {
                            "name": "w",
                            "label": "w",
                            "lo": 0.0,
                            "hi": 8.0,
                            "step": 0.05,
                            "value": w,
                            "help": "Guidance weight; 1 is none",
                            "live": True,
                        }
                    ],
                    "schedule": {"name": "interval", "lo": interval[0], "hi": interval[1]}
                    if not cfg
                    else {"name": "constant", "lo": None, "hi": None},
                    "measured": {
                        "values": {"outliers": share, "branch_tv": 0.567 if cfg else 0.213, "alignment": 0.99},
                        "errors": {"outliers": 0.006, "branch_tv": 0.012, "alignment": 0.002},
                        "floor": {"outliers": 0.01, "branch_tv": 0.026, "alignment": 0.993},
                        "called": "A",
                    },
                    "n": n,
                    "ms": 37.4,
                    "stochastic": False,
                }
            )
        if request["have"] is None:
            arrays |= self.scenery()
        field = probe = None
        if request["layers"] and phase != "drag":
            field = self.field(arrays, request, slots)
        if request.get("probe"):
            at, sigma = np.array(request["probe"]), request["sigma"]
            (l1, s1), (l0, s0) = (
                self.logp_score(at[None], self.a, sigma * 1.15 + 0.004),
                self.logp_score(at[None], self.tree, sigma * 1.3 + 0.01),
            )
            lt, st = self.logp_score(at[None], self.a, sigma)
            panel = {
                "s1": s1[0].tolist(),
                "s0": s0[0].tolist(),
                "guided": (s1 + 3 * (s1 - s0))[0].tolist(),
                "truth": st[0].tolist(),
                "logp1": l1[0],
                "logp0": l0[0],
                "logp_true": lt[0],
            }
            probe = {"at": request["probe"], "sigma": sigma, "panels": [panel] * len(slots)}
        header = {
            "version": 1,
            "id": ident,
            "seq": request["seq"],
            "quality": "preview" if phase == "drag" else "full",
            "precomputed": precomputed,
            "busy": False,
            "note": note,
            "sigmas": s.tolist(),
            "sigma_data": SIGMA_DATA,
            "sigma_max": SIGMA_MAX,
            "sigma_min": SIGMA_MIN,
            "layout": {"view": [0.30, 0.30, 1.2]},
            "target": {"name": "A", "classes": "A", "rest": "B", "all": "AB", "mode": "branch", "own": [0, 127]},
            "panels": panels,
            "field": field,
            "probe": probe,
            "ui": ui or {},
            "hide": list(hide),
        }
        return packing.pack(header, arrays)

    def field(self, arrays, request, slots):
        x0, x1, y0, y1 = request["box"]
        ny, nx = 72, 72
        sigma = request["sigma"]
        x = np.stack(np.meshgrid(np.linspace(x0, x1, nx), np.linspace(y0, y1, ny)), -1)
        l1 = self.logp_score(x, self.a, sigma * 1.1 + 0.01)[0]
        lt = self.logp_score(x, self.a, sigma)[0]
        at = np.stack(np.meshgrid(np.linspace(x0, x1, 17)[1:-1], np.linspace(y0, y1, 17)[1:-1]), -1).reshape(-1, 2)
        arrays["arrows.at"] = at.astype(np.float32)
        truth = self.logp_score(at, self.a, sigma)[1]
        arrays["truth.logp"] = packing.quantise(np.maximum(lt, lt.max() - 60))
        arrays["arrows.truth"] = (truth * sigma**2).astype(np.float32)
        for slot in slots:
            rows = self.tree if slot == "left" else self.a
            blur = sigma * 1.3 + 0.03
            l0 = self.logp_score(x, rows, blur)[0]
            s1, s0 = self.logp_score(at, self.a, sigma * 1.1 + 0.01)[1], self.logp_score(at, rows, blur)[1]
            arrays[f"{slot}.logp1"] = packing.quantise(np.maximum(l1, l1.max() - 60))
            arrays[f"{slot}.logp0"] = packing.quantise(np.maximum(l0, l0.max() - 60))
            arrays[f"{slot}.error"] = packing.quantise(np.exp(-((l1 + 3) ** 2) / 8))
            for name, v in (("main", s1), ("guide", s0), ("guided", s1 + 2 * (s1 - s0))):
                arrays[f"{slot}.arrows.{name}"] = (v * sigma**2).astype(np.float32)
        return {"id": "f", "sigma": sigma, "box": request["box"], "shape": [ny, nx]}
