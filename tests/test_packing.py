"""A pack comes back as it went in, damage is one clear error, and the bundle is one module."""

import json
import re
import struct

import numpy as np
import pytest
from kernel_helpers import node

from toy.browser.kernel import KERNELS, WEB
from toy.viewer import packing, sources

RNG = np.random.default_rng(0)
ARRAYS = {
    "bytes": RNG.integers(0, 255, (3, 5), dtype=np.uint8),
    "codes": RNG.integers(0, 65535, (2, 7, 2), dtype=np.uint16),
    "starts": np.arange(3, dtype=np.uint32),
    "floats": RNG.normal(size=(4, 2)).astype(np.float32),
    "doubles": RNG.normal(size=3),
    "empty": np.zeros((0, 2), np.float32),
    "scalar": np.float32(2.5),
}


def test_round_trip():
    blob = packing.pack({"version": 1, "note": "p₁ʷ · σ"}, ARRAYS)
    header, arrays = packing.unpack(blob)
    assert header["version"] == 1
    assert header["note"] == "p₁ʷ · σ"
    assert list(arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == np.asarray(array).dtype
        assert arrays[name].shape == np.shape(array)
        np.testing.assert_array_equal(arrays[name], array)


def test_every_array_is_aligned_to_eight():
    blob = packing.pack({"note": "odd"}, ARRAYS)
    (length,) = struct.unpack_from("<I", blob, 4)
    start = 8 + length + (-(8 + length) % 8)
    assert start % 8 == 0
    assert all(entry["offset"] % 8 == 0 for entry in packing.unpack(blob)[0]["arrays"].values())


def test_strided_and_big_endian_arrays_keep_their_values():
    strided, big = np.arange(12, dtype=np.float32).reshape(3, 4)[:, ::2], np.arange(3, dtype=">f4")
    arrays = packing.unpack(packing.pack({}, {"strided": strided, "big": big}))[1]
    np.testing.assert_array_equal(arrays["strided"], strided)
    np.testing.assert_array_equal(arrays["big"], big)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_quantise_is_within_half_a_code(scale):
    x = RNG.normal(size=(50, 2)) * scale
    codes, lo, hi = packing.quantise(x)
    assert codes.dtype == np.uint16
    assert codes.min() == 0
    assert codes.max() == 65535
    assert np.abs(codes / 65535 * (hi - lo) + lo - x).max() <= 0.5001 * (hi - lo) / 65535


def test_quantise_survives_what_a_field_holds():
    codes, lo, hi = packing.quantise(np.array([-np.inf, 0.0, 1.0, np.inf, np.nan]))
    assert (lo, hi) == (0.0, 1.0)
    assert codes.tolist() == [0, 0, 65535, 65535, 0]
    for empty in (np.full(3, 2.0), np.full(3, np.nan), np.zeros(0)):
        codes, lo, hi = packing.quantise(empty)
        assert lo == hi
        assert not codes.any()
    assert packing.quantise(np.full(3, 2.0))[1] == 2.0


def test_a_quantised_array_keeps_its_range_in_the_table():
    header, _ = packing.unpack(packing.pack({}, {"field": packing.quantise(np.array([-2.0, 3.0]))}))
    assert (header["arrays"]["field"]["lo"], header["arrays"]["field"]["hi"]) == (-2.0, 3.0)


def test_what_the_viewer_cannot_read_is_refused():
    with pytest.raises(ValueError, match="complex128"):
        packing.pack({}, {"z": np.zeros(2, complex)})
    with pytest.raises(ValueError, match="JSON"):
        packing.pack({"value": float("nan")}, {})


def _damaged():
    blob = packing.pack({"version": 1}, ARRAYS)
    table = {"a": {"dtype": "float32", "shape": [10**12, 10**12], "offset": 0}}
    yield b""
    yield b"TOYV"
    yield b"PNG!" + blob[4:]
    yield blob[:-1000] if len(blob) > 1000 else blob[:20]
    yield blob[:8] + b"\xff" + blob[9:]
    for entry in (
        table["a"],
        {"dtype": "object", "shape": [1], "offset": 0},
        {"dtype": "uint8", "shape": [-1], "offset": 0},
        {},
    ):
        text = json.dumps({"arrays": {"a": entry}}).encode()
        yield b"TOYV" + struct.pack("<I", len(text)) + text
    for text in (b"[]", b"{}", b'{"arrays": 3}'):
        yield b"TOYV" + struct.pack("<I", len(text)) + text


@pytest.mark.parametrize("blob", list(_damaged()))
def test_damage_is_one_clear_error(blob):
    with pytest.raises(ValueError, match="not a viewer pack"):
        packing.unpack(blob)


def test_the_bundle_is_one_module():
    js = sources.bundle()
    assert not re.search(r"^import\b", js, re.M)
    assert re.findall(r"^export\b.*", js, re.M) == [
        line for line in re.findall(r"^export\b.*", js, re.M) if "default" in line
    ]
    assert len(re.findall(r"^export default\b", js, re.M)) == 1
    assert "function mount(" in js


def test_what_cannot_be_concatenated_is_refused(tmp_path):
    def write(**texts):
        for name, text in texts.items():
            (tmp_path / f"{name}.js").write_text(text)
        return tmp_path / "main.js"

    assert sources.bundle(
        write(main='import { a } from "./b.js";\nexport default a;\n', b="export const a = 1;\n")
    ) == ("const a = 1;\n\nexport default a;\n")
    with pytest.raises(ValueError, match="cycle"):
        sources.bundle(write(main='import { b } from "./b.js";\n', b='import { a } from "./main.js";\n'))
    with pytest.raises(ValueError, match="declared in"):
        sources.bundle(write(main='import { b } from "./b.js";\nconst a = 2;\n', b="export const a = 1;\n"))
    with pytest.raises(ValueError, match="plain named imports"):
        sources.bundle(write(main='import { a as c } from "./b.js";\n', b="export const a = 1;\n"))


def test_the_kernel_comes_out_of_the_bundle_as_it_went_in(tmp_path):
    js = sources.bare(sources.bundle())
    texts = re.findall(r"^const (?:KERNEL|KERNEL_RELAXED) = .*$", js, re.M)
    reading = js[js.index("const WRITTEN =") : js.index("function open()")]
    out = "process.stdout.write(JSON.stringify([KERNEL, KERNEL_RELAXED].map((text) => [...bytesOf(text)])))"
    (tmp_path / "read.mjs").write_text("\n".join([*texts, reading, out]), encoding="utf-8")
    found = json.loads(node(tmp_path / "read.mjs"))
    assert [bytes(each) for each in found] == [(WEB / name).read_bytes() for name in KERNELS]


def test_the_page_stands_alone():
    blob = packing.pack({"version": 1}, {})
    page = sources.standalone_html(blob, "a < b </title>")
    assert "a &lt; b &lt;/title&gt;" in page
    assert not re.search(r"""(?:src|href)=["']|@import|https?://(?!www\.w3\.org)""", page)
    assert page.count("</script>") == 3


@pytest.mark.parametrize("entry", ["viewer", "fieldview", "learn"])
def test_every_view_is_one_module(entry):
    """No two of its modules name alike what they declare."""
    assert "export default" in sources.viewer_sources(entry)["js"]
