"""Figures as files: the same bytes for the same figure, with its parameters in the metadata."""

import io
import json
from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from toy.figures.panels import DPI, style
from toy.files import put

FORMATS = ("png", "pdf", "svg")


def check_format(kind: str) -> None:
    """ValueError unless there is such a format."""
    if kind not in FORMATS:
        raise ValueError(f"unknown format {kind!r}; have: {', '.join(FORMATS)}")


def _metadata(kind: str, caption: Mapping[str, str]) -> dict[str, object]:
    title = caption.get("title", "")
    text = json.dumps(dict(caption))
    if kind == "png":
        return {"Title": title, "Description": text, "Software": "toy.figures"}
    if kind == "pdf":
        return {"Title": title, "Subject": text, "Creator": "toy.figures", "CreationDate": None}
    return {"Title": title, "Description": text, "Creator": "toy.figures", "Date": None}


def encode(figure: Figure, kind: str, caption: Mapping[str, str]) -> bytes:
    """The file's bytes, the same for the same figure: png, pdf or svg, with the caption as JSON in its metadata."""
    check_format(kind)
    buffer = io.BytesIO()
    with style():
        figure.savefig(buffer, format=kind, dpi=DPI, metadata=_metadata(kind, caption))
    return buffer.getvalue()


def encode_small(figure: Figure, *, pixels: int = 800, colours: int = 32) -> bytes:
    """A PNG of a page's width in pixels with a palette of few colours: some 40 kB where ``encode`` makes 400."""
    buffer, small = io.BytesIO(), io.BytesIO()
    with style():
        figure.savefig(buffer, format="png", dpi=pixels / figure.get_figwidth())
    Image.open(buffer).convert("RGB").quantize(colours, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()


def save(figure: Figure, path: str | Path, *, caption: Mapping[str, str]) -> Path:
    """Write the figure, whole or not at all, in the format of the path's suffix; returns the path."""
    path = Path(path)
    data = encode(figure, path.suffix.removeprefix(".").lower(), caption)
    return put(path, data)
