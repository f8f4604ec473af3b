"""What the viewer is sent: a pack of a scene's frames, layers and probes."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from app_states import SMALL

import models
import toy
from toy import distributions, flows, scenes
from toy.guidance import RULES
from toy.state import (
    SLOTS,
    parse,
)
from toy.viewer import computing, packing, packs, requests


@pytest.fixture(scope="module")
def sides():
    return {slot: computing.side(SMALL.scene(slot)) for slot in SLOTS}


def test_a_pack_holds_what_the_viewer_draws(sides):
    header, arrays = packing.unpack(packs.assemble(SMALL, sides, requests.Request(seq=5)))
    assert (header["seq"], header["quality"], header["busy"], header["precomputed"]) == (5, "full", False, False)
    steps, n = SMALL.left.steps + 1, SMALL.left.n
    assert len(header["sigmas"]) == steps
    assert header["sigmas"][-1] == 0
    for slot in SLOTS:
        assert arrays[f"{slot}.positions"].shape == (steps, n, 2)
        assert arrays[f"{slot}.positions"].dtype == np.uint16
        assert header["arrays"][f"{slot}.positions"]["lo"] < header["arrays"][f"{slot}.positions"]["hi"]
        assert arrays[f"{slot}.outside"].shape == (steps, n)
        assert set(np.unique(arrays[f"{slot}.outside"])) <= {0, 1}
        assert arrays[f"{slot}.branch_gain"].shape == (127,)
        assert np.abs(arrays[f"{slot}.branch_gain"]).max() <= 3
    assert arrays["tree.segments"].shape == (254, 4)
    assert arrays["truth.positions"].shape == (n, 2)
    for classes in distributions.targets():
        starts, points = arrays[f"outline.{classes}.starts"], arrays[f"outline.{classes}"]
        assert starts[0] == 0
        assert (np.diff(starts.astype(int)) > 0).all()
        assert starts[-1] < len(points)
    for found, slot in zip(header["panels"], SLOTS, strict=True):
        scene = SMALL.scene(slot)
        assert (found["slot"], found["rule"], found["n"]) == (slot, scene.rule, n)
        assert {knob["name"]: knob["value"] for knob in found["knobs"]} == dict(scene.knobs)
        assert found["formula"] == RULES[scene.rule].formula
        numbers = found["measured"]
        for kind in ("values", "errors", "floor"):
            assert numbers[kind].keys() == set(computing.MEASURES)
        assert numbers["called"] == "A"


def test_positions_are_the_sampled_path(sides):
    from toy import scenes

    scene = SMALL.left
    frame = scenes.compute(scene, models.cast(scene.cast), floor=False)
    codes, lo, hi = sides["left"].arrays["positions"]
    scale = np.sqrt(frame.sigmas**2 + computing.SIGMA_DATA**2)[:, None, None]
    seen = (codes / 65535 * (hi - lo) + lo) * scale
    assert np.abs(seen - frame.path).max() <= 0.51 * (hi - lo) / 65535 * scale.max() + 1e-6
    assert frame.metrics["outliers"] == pytest.approx(sides["left"].arrays["outside"][-1].mean(), abs=1e-6)


def test_frames_that_the_viewer_has_are_not_sent_again(sides):
    whole = packs.assemble(SMALL, sides, requests.Request())
    header, arrays = packing.unpack(whole)
    again, rest = packing.unpack(packs.assemble(SMALL, sides, requests.Request(have=header["id"])))
    assert again["id"] == header["id"]
    assert not any(name.endswith(("positions", "outside", "branch_gain")) for name in rest)
    assert rest.keys() < arrays.keys()
    other = packing.unpack(packs.assemble(SMALL, sides, requests.Request(have="other")))[1]
    assert other.keys() == arrays.keys()


def test_the_name_of_frames_is_their_content(sides):
    def name(state):
        return packs.identity(state.left, state.right)

    assert name(SMALL) == name(parse(SMALL.query())[0])
    others = [
        SMALL.change("left", w=4.5),
        SMALL.change("right", w=4.5),
        SMALL.change("left", seed=1),
        SMALL.change("right", weak="exact:A"),
    ]
    assert len({name(state) for state in (SMALL, *others)}) == 5
    assert name(replace(SMALL, ui=(("trails", True),))) == name(SMALL)


def test_layers_and_probe_are_sent_when_asked_for(sides):
    box, at, sigma = (-1.0, 1.6, -1.0, 1.6), (0.45, 1.22), 0.1
    request = requests.Request(sigma=sigma, box=box, layers=("ratio",), probe=at)
    fields = {slot: computing.field(SMALL.scene(slot), sigma, box) for slot in SLOTS}
    probes = {slot: computing.probe(SMALL.scene(slot), at, sigma) for slot in SLOTS}
    header, arrays = packing.unpack(packs.assemble(SMALL, sides, request, fields=fields, probes=probes))
    assert header["field"]["box"] == list(box)
    assert header["field"]["sigma"] == sigma
    shape = tuple(header["field"]["shape"])
    for slot in SLOTS:
        for name in ("logp1", "logp0", "error"):
            assert arrays[f"{slot}.{name}"].shape == shape
        for name in ("main", "guide", "guided"):
            assert arrays[f"{slot}.arrows.{name}"].shape == arrays["arrows.at"].shape
    assert arrays["truth.logp"].shape == shape
    for entry, slot in zip(header["probe"]["panels"], SLOTS, strict=True):
        w = dict(SMALL.scene(slot).knobs)["w"]
        s1, s0, guided = (np.array(entry[name]) for name in ("s1", "s0", "guided"))
        np.testing.assert_allclose(guided, s1 + (w - 1) * (s1 - s0), rtol=1e-4, atol=1e-3)
    left, right = header["probe"]["panels"]
    assert left["truth"] == right["truth"]


def test_the_drawn_density_is_sent_on_the_true_ones_grid(sides, monkeypatch):
    monkeypatch.setattr(computing, "RESOLUTION", 40)
    monkeypatch.setattr(computing, "COVER", 2048)
    monkeypatch.setattr(flows, "CHUNK", 1024)
    box = (-0.6, 1.4, -0.6, 1.4)
    request = requests.Request.of({"sigma": 0.3, "box": list(box), "layers": ["drawn", "p9", 7]}, SMALL)
    assert request.layers == ("drawn",)
    fields = {slot: computing.field(SMALL.scene(slot), 0.3, box) for slot in SLOTS}
    densities = {"left": computing.drawn(SMALL.scene("left"), 0.3, box), "right": "there is none"}
    header, arrays = packing.unpack(packs.assemble(SMALL, sides, request, fields=fields, densities=densities, note=""))
    assert header["note"] == "there is none"
    assert "right.logq" not in arrays
    logq, low, high = densities["left"]
    assert arrays["left.logq"].shape == arrays["truth.logp"].shape
    values = low + (high - low) * logq / 65535
    cell = np.prod([(box[1] - box[0]), (box[3] - box[2])]) / (computing.RESOLUTION - 1) ** 2
    assert 0.5 < np.exp(values).sum() * cell < 1


def test_a_sampler_without_a_density_says_so_in_one_sentence():
    scene = SMALL.change("left", integrator="ancestral").left
    with pytest.raises(ValueError, match="is stochastic and gives no exact log q"):
        computing.drawn(scene, 0.3, (-1.0, 1.0, -1.0, 1.0))


def test_a_diverged_scene_is_still_a_pack():
    state = parse(
        {"left.rule": "naive_truncation", "left.gamma": "3", "start": "normal", "sigma_max": "80", "n": "512"}
    )[0]
    found = {slot: computing.side(state.scene(slot)) for slot in SLOTS}
    header, _ = packing.unpack(packs.assemble(state, found, requests.Request()))
    json.dumps(header, allow_nan=False)


@pytest.mark.computes
def test_the_shipped_scene_is_what_the_engine_computes():
    header, arrays = packing.unpack(packing.DEFAULT_PACK.read_bytes())
    now, computed = packing.unpack(packs.default_pack())
    assert arrays.keys() == computed.keys()
    for name, array in computed.items():
        shipped = arrays[name]
        assert (shipped.dtype, shipped.shape) == (array.dtype, array.shape), name
        if array.dtype.kind == "f":
            np.testing.assert_allclose(shipped, array, atol=2e-2 if "gain" in name else 1e-5, err_msg=name)
            continue
        differing = np.abs(shipped.astype(int) - array.astype(int)) > (array.dtype == np.uint16)
        # Another processor rounds otherwise, and paths that part at a fork part for good.
        assert differing.mean() < 1e-3, name
    for some in (header, now):
        for entry in some["arrays"].values():
            entry.pop("offset", None)
    same(header, now)
    assert header["precomputed"] is True


def same(one, other, path=""):
    """Equal, numbers within what rounding does."""
    assert type(one) is type(other), path
    if isinstance(one, dict):
        assert one.keys() == other.keys(), path
        for key in one:
            same(one[key], other[key], f"{path}.{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), path
        for k, (a, b) in enumerate(zip(one, other, strict=True)):
            same(a, b, f"{path}[{k}]")
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=1e-3, abs=2e-3), path
    else:
        assert one == other, path


def test_every_number_has_its_error_and_what_is_none_is_null(sides):
    for side in sides.values():
        assert set(side.errors) == set(computing.MEASURES)
        assert all(error > 0 for error in packs.measured(side)["errors"].values())
    lost = replace(sides["left"], metrics=sides["left"].metrics | {"branch_tv": math.nan})
    assert packs.measured(lost)["values"]["branch_tv"] is None


# --- The curve over the weight ----------------------------------------------------------------------------------------


def test_a_curve_holds_the_numbers_of_the_scene_at_each_weight():
    scene = computing.without_weight(SMALL.left)
    found = computing.curve(scene)
    knob = scene.entry.knobs["w"]
    assert (found["w"][0], found["w"][-1], len(found["w"])) == (knob.lo, knob.hi, computing.WEIGHTS)
    for k in (0, computing.WEIGHTS - 1):
        metrics = scenes.compute(scene.change(w=found["w"][k]), models.cast(scene.cast), floor=False).metrics
        assert [found[name][k] for name in ("outliers", "branch_tv")] == pytest.approx(
            [float(metrics[name]) for name in ("outliers", "branch_tv")]
        )


def test_a_curve_is_the_same_whatever_the_weight_and_the_number_of_particles():
    left = SMALL.left
    assert computing.without_weight(left) == computing.without_weight(left.change(w=1, n=2048))
    assert computing.without_weight(left) != computing.without_weight(left.change(seed=left.seed + 1))


def test_what_has_no_curve_says_why():
    with pytest.raises(ValueError, match="has no weight w"):
        computing.curve(computing.without_weight(toy.Scene.of("none", n=512)))
    with pytest.raises(ValueError, match=r"would take about .* s here: ask for fewer steps"):
        computing.curve(
            computing.without_weight(toy.Scene.of("cfg", main="exact:A", unconditional="exact:AB", steps=256))
        )


def test_curves_are_sent_where_they_were_asked_for(sides):
    asked = requests.Request.of({"curve": True}, SMALL)
    assert asked.curve
    assert not requests.Request.of({"curve": "yes"}, SMALL).curve
    curves = {"left": {"w": [0.0, 1.0], "outliers": [0.1, 0.2], "branch_tv": [0.0, 0.5]}, "right": "no weight"}
    panels = packing.unpack(packs.assemble(SMALL, sides, asked, curves=curves))[0]["panels"]
    assert [found["curve"] for found in panels] == [curves["left"], {"lacks": "no weight"}]
    panels = packing.unpack(packs.assemble(SMALL, sides, requests.Request()))[0]["panels"]
    assert not any("curve" in found for found in panels)
