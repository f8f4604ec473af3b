"""What the viewer is sent, and the viewer itself as text.

One pack is one bytes object: magic, header length, JSON header, padding to 8, then little-endian arrays, each aligned
to 8 so that the browser can look at them without copying. Pure NumPy and the standard library.
"""

import base64
import html
import json
import re
import struct
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

MAGIC = b"TOYV"
VIEWER = Path(__file__).parent / "viewer"
DEFAULT_PACK = Path(__file__).parent / "default.pack"
ENTRY = "main.js"
SHEETS = ("theme", "chips", "panels", "pictures", "card", "transport", "sizes")  # of both views, in this order
DTYPES = ("uint8", "uint16", "uint32", "int32", "float32", "float64")

_ALIGN = 8
_IMPORT = re.compile(r"^import\s+(?P<names>[^;]*?)\s*from\s+[\"'](?P<path>[^\"']+)[\"'];[ \t]*\n", re.M)
_JSON = re.compile(r"^import (?P<name>\w+) from \"(?P<path>[^\"]+\.json)\" with \{ type: \"json\" \};[ \t]*\n", re.M)
_EXPORT = re.compile(r"^export (?!default\b)", re.M)
_TOP_LEVEL = re.compile(
    r"^(?:export )?(?:default )?(?:async )?(?:function\*?|class|const|let|var) +([A-Za-z_$][\w$]*)", re.M
)


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


def dequantise(codes: np.ndarray, lo: float, hi: float) -> np.ndarray:
    """The inverse of `quantise`, as float32."""
    return (codes.astype(np.float64) / 65535 * (hi - lo) + lo).astype(np.float32)


def pack(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray | tuple[np.ndarray, float, float]]) -> bytes:
    """One blob for the viewer.

    An array given as `quantise` returns it, `(codes, lo, hi)`, keeps its range in the table.
    """
    table: dict[str, dict[str, Any]] = {}
    parts: list[bytes] = []
    offset = 0
    for name, given in arrays.items():
        entry: dict[str, Any] = {}
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


def unpack(blob: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
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


def _source(path: Path) -> str:
    """A module's text, the JSON that it imports written into it."""

    def written(found: re.Match) -> str:
        data = json.loads((path.parent / found["path"]).read_text(encoding="utf-8"))
        return f"const {found['name']} = {json.dumps(data, ensure_ascii=False)};\n"

    return _JSON.sub(written, path.read_text(encoding="utf-8"))


def bundle(entry: Path = VIEWER / ENTRY) -> str:
    """The viewer's modules as one inline ES module: dependencies first, no imports, only the default export kept.

    Raises:
        ValueError: what concatenation cannot express - a cycle, a renamed import, one top-level name in two modules.
    """
    order: list[Path] = []
    open_modules: list[Path] = []
    owner: dict[str, str] = {}

    def visit(path: Path) -> None:
        if path in order:
            return
        if path in open_modules:
            raise ValueError(f"import cycle through {path.name}")
        open_modules.append(path)
        text = _source(path)
        for found in _IMPORT.finditer(text):
            if not re.fullmatch(r"\{[\w\s,$]*\}", found["names"]) or " as " in found["names"]:
                raise ValueError(f"{path.name}: only plain named imports can be bundled, not {found['names']!r}")
            visit((path.parent / found["path"]).resolve())
        for name in _TOP_LEVEL.findall(text):
            if name in owner:
                raise ValueError(f"{name} is declared in {owner[name]} and in {path.name}")
            owner[name] = path.name
        order.append(open_modules.pop())

    visit(entry.resolve())
    texts = (_EXPORT.sub("", _IMPORT.sub("", _source(path))).strip() for path in order)
    return "\n\n".join(texts) + "\n"


@cache
def viewer_sources(entry: str = "viewer") -> dict[str, str]:
    """`html`, `css` and `js` as `streamlit.components.v2.component` takes them; Fields has a sheet of its own."""
    sheets = SHEETS if entry == "viewer" else (*SHEETS, entry)
    return {
        "html": (VIEWER / f"{entry}.html").read_text(encoding="utf-8"),
        "css": "\n".join((VIEWER / f"{sheet}.css").read_text(encoding="utf-8") for sheet in sheets),
        "js": bundle(VIEWER / (ENTRY if entry == "viewer" else f"{entry}.js")),
    }


def standalone_html(pack_bytes: bytes, title: str) -> str:
    """One self-contained page that plays a pack offline in any browser."""
    sources = viewer_sources()
    js = sources["js"].replace("</script", "<\\/script")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0; padding: 12px; background: light-dark(#ffffff, #0e1117); }}
{sources["css"]}
</style>
</head>
<body>
{sources["html"]}
<script type="text/plain" id="toy-pack">{base64.b64encode(pack_bytes).decode("ascii")}</script>
<script type="module">
{js}
{{
  const bytes = Uint8Array.from(atob(document.getElementById("toy-pack").textContent), (c) => c.charCodeAt(0));
  window.toyViewer = mount(document.querySelector("[data-toy-viewer]"), bytes);
}}
</script>
</body>
</html>
"""
