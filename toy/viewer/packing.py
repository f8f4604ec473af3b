"""What the viewer is sent.

One pack is one bytes object: magic, header length, JSON header, padding to 8, then little-endian arrays, each aligned
to 8 so that the browser can look at them without copying. Pure NumPy and the standard library.
"""

import json
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from toy.inputs import Json

MAGIC = b"TOYV"
DEFAULT_PACK = Path(__file__).parent / "default.pack"
DTYPES = ("uint8", "uint16", "uint32", "int32", "float32", "float64")

Packed = np.ndarray | tuple[np.ndarray, float, float]  # an array, or its codes with their range

_ALIGN = 8


def _padding(size: int) -> bytes:
    return b"\0" * (-size % _ALIGN)


def quantise(x: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Linear 16-bit codes of `x`: `code / 65535 * (hi - lo) + lo` is within half a code of it.

    Non-finite values are clamped to the finite range. Returns the codes, lo and hi.
    """
    x = np.asarray(x, np.float64)
    finite = x[np.isfinite(x)]
    lo, hi = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if hi <= lo:
        return np.zeros(x.shape, np.uint16), lo, lo
    unit = (np.nan_to_num(x, nan=lo, posinf=hi, neginf=lo) - lo) / (hi - lo)
    return np.rint(unit * 65535).astype(np.uint16), lo, hi


def pack(header: Mapping[str, object], arrays: Mapping[str, Packed]) -> bytes:
    """One blob for the viewer.

    An array given as `quantise` returns it, `(codes, lo, hi)`, keeps its range in the table.
    """
    table: dict[str, dict[str, object]] = {}
    parts: list[bytes] = []
    offset = 0
    for name, given in arrays.items():
        entry: dict[str, object] = {}
        if isinstance(given, tuple):
            given, entry["lo"], entry["hi"] = given
        array = np.ascontiguousarray(given)
        if array.dtype.name not in DTYPES:
            raise ValueError(f"array {name!r} is {array.dtype}; the viewer reads {', '.join(DTYPES)}")
        data = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        # A 0-d array comes back from ascontiguousarray as (1,): the shape that was given is the one to keep.
        table[name] = {"dtype": array.dtype.name, "shape": list(np.shape(given)), "offset": offset} | entry
        parts += [data, _padding(len(data))]
        offset += len(data) + len(parts[-1])
    text = json.dumps({**header, "arrays": table}, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    head = MAGIC + struct.pack("<I", len(text)) + text
    return b"".join([head, _padding(len(head)), *parts])


def unpack(blob: bytes) -> tuple[Json, dict[str, np.ndarray]]:
    """Header and arrays of a pack; 16-bit arrays stay codes, their range is in `header["arrays"][name]`.

    Raises:
        ValueError: the blob is not a pack, is cut short, or its table points outside it.
    """
    try:
        if blob[:4] != MAGIC:
            raise ValueError("does not start with TOYV")
        (length,) = struct.unpack_from("<I", blob, 4)
        if len(blob) < 8 + length:
            raise ValueError("cut short inside the header")
        header = json.loads(blob[8 : 8 + length])
        start = 8 + length + (-(8 + length) % _ALIGN)
        arrays = {}
        for name, entry in header["arrays"].items():
            if entry["dtype"] not in DTYPES:
                raise ValueError(f"array {name!r} has dtype {entry['dtype']!r}")
            shape = tuple(entry["shape"])
            if any(type(side) is not int or side < 0 for side in shape) or entry["offset"] < 0:
                raise ValueError(f"array {name!r} has shape {shape}")
            size = int(np.prod(shape, dtype=object))
            dtype = np.dtype(entry["dtype"]).newbyteorder("<")
            arrays[name] = np.frombuffer(blob, dtype, size, start + entry["offset"]).reshape(shape)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError, struct.error) as error:
        raise ValueError(f"not a viewer pack: {error}") from None
    return header, arrays
