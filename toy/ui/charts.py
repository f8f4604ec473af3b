"""Charts that answer to the pointer, as Vega-Lite specifications; colours are those of the figures."""

from collections.abc import Mapping, Sequence

import streamlit as st

from toy import palette
from toy.inputs import Json
from toy.palette import SERIES as COLOURS

GREY = palette.colour_of("other")
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left")
PERCENTS = (0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)
HOVER = {"name": "hover", "select": {"type": "point", "on": "pointerover", "fields": ["series"], "clear": "pointerout"}}
FAINT = {"condition": {"param": "hover", "value": 1}, "value": 0.25}  # where another series is pointed at

Rows = Sequence[Mapping[str, object]]
Spec = Json  # of Vega-Lite


def colour(role: str) -> str:
    """The role's colour on the page as it is, light or dark."""
    return palette.colour_of(role, dark())


def dark() -> bool:
    """Whether the page is dark."""
    return st.context.theme.type == "dark"


def series(names: Sequence[str], plain: Sequence[str] = ()) -> dict[str, tuple[str, str]]:
    """A colour and a shape for each name; grey for the ``plain`` ones."""
    coloured = [name for name in names if name not in plain]
    found = {name: (COLOURS[i % len(COLOURS)], SHAPES[i % len(SHAPES)]) for i, name in enumerate(coloured)}
    return {name: found.get(name, (GREY, "circle")) for name in names}


def percent(limit: float) -> Spec:
    """A scale for shares: logarithmic above one percent, linear below; up to ``limit``."""
    domain = [0, min(1.0, 1.25 * max(limit, 0.02))]
    ticks = [tick for tick in PERCENTS if tick <= domain[1]]
    return {
        "scale": {"type": "symlog", "constant": 0.01, "domain": domain, "nice": False},
        "axis": {"values": ticks, "format": ".1~%"},
    }


def _told_apart(look: Mapping[str, tuple[str, str]], rows: Rows) -> tuple[Spec, Spec]:
    """The colours and the shapes of the series that there are."""
    names = [name for name in look if any(row["series"] == name for row in rows)]
    series = {"field": "series", "type": "nominal", "title": None, "sort": names, "legend": None}
    colour, shape = ({**series, "scale": {"domain": names, "range": [look[k][part] for k in names]}} for part in (0, 1))
    return colour, shape


def lines(
    rows: Rows,
    look: Mapping[str, tuple[str, str]],
    *,
    x: Mapping[str, object],
    y: Mapping[str, object],
    rules: Mapping[str, float] | None = None,
    dashes: Mapping[str, Sequence[int]] | None = None,
    size: int = 42,
    height: int = 240,
) -> Spec:
    """Curves of ``mean`` over ``x`` in bands of two standard errors, a series a colour; ``rules`` are dashed levels.

    Rows have ``series``, ``x``, ``mean``, ``lo``, ``hi``, and ``text`` for the pointer.
    """
    colour, shape = _told_apart(look, rows)
    across = {"field": "x", "type": "quantitative", **x}
    up = {"field": "mean", "type": "quantitative", **y}
    tips = [
        {"field": "series", "title": "curve"},
        {"field": "x", "title": x.get("title"), "format": ".4~g"},
        {"field": "text", "title": y.get("title") or "value"},
    ]
    lengths = [list((dashes or {}).get(name, ())) or [1, 0] for name in colour["sort"]]
    dash = {"strokeDash": {**colour, "scale": {"domain": colour["sort"], "range": lengths}}} if dashes else {}
    layers: list[Spec] = [
        {
            "mark": {"type": "area", "opacity": 0.16, "clip": True},
            "encoding": {"x": across, "y": {**up, "field": "lo"}, "y2": {"field": "hi"}, "color": colour},
        },
        {
            "mark": {"type": "line", "strokeWidth": 1.8, "clip": True},
            "encoding": {"x": across, "y": up, "color": colour, "opacity": FAINT, **dash},
        },
        {
            "params": [HOVER],
            "mark": {"type": "point", "filled": True, "size": size, "clip": True, "tooltip": True},
            "encoding": {"x": across, "y": up, "color": colour, "opacity": FAINT, "tooltip": tips, "shape": shape},
        },
    ]
    for words, level in (rules or {}).items():
        layers.append({
            "data": {"values": [{"level": level, "words": words}]},
            "mark": {"type": "rule", "strokeDash": [4, 3], "color": GREY, "strokeWidth": 1.2},
            "encoding": {
                "y": {"field": "level", "type": "quantitative", **y},
                "tooltip": [{"field": "words", "title": "level"}, {"field": "level", "format": ".3~g"}],
            },
        })  # fmt: skip
    return {"data": {"values": list(rows)}, "layer": layers, "height": height}


def trade_off(
    rows: Rows, look: Mapping[str, tuple[str, str]], *, x: Mapping[str, object], y: Mapping[str, object],
    truth: tuple[float, float] | None, height: int = 420,
) -> Spec:  # fmt: skip
    """One line a method through its strengths, in their order; dots grow with strength, a star is the truth.

    Rows have ``series``, ``strength``, ``x``, ``y``, ``at_x``, ``at_y`` as texts, and ``last`` at a line's end.
    """
    colour, shape = _told_apart(look, rows)
    place = {"x": {"field": "x", "type": "quantitative", **x}, "y": {"field": "y", "type": "quantitative", **y}}
    tips = [
        {"field": "series", "title": "method"},
        {"field": "strength", "title": "strength"},
        {"field": "at_y", "title": "outliers"},
        {"field": "at_x", "title": "branch TV"},
    ]
    layers: list[Spec] = [
        {
            "mark": {"type": "line", "strokeWidth": 1.8, "clip": True},
            "encoding": {**place, "order": {"field": "strength"}, "color": colour, "opacity": FAINT},
        },
        {
            "params": [HOVER],
            "mark": {"type": "point", "filled": True, "tooltip": True, "clip": True},
            "encoding": {
                **place,
                "color": colour,
                "shape": shape,
                "opacity": FAINT,
                "tooltip": tips,
                "size": {
                    "field": "strength",
                    "type": "quantitative",
                    "legend": None,
                    "scale": {"domain": [1, 4], "range": [25, 150]},
                },
            },
        },
        {
            "transform": [{"filter": "datum.last"}],
            "mark": {"type": "text", "align": "left", "dx": 9, "dy": -7, "fontSize": 12, "fontWeight": 600},
            "encoding": {**place, "text": {"field": "series"}, "color": colour, "opacity": FAINT},
        },
    ]
    if truth:
        star = {"values": [{"x": truth[0], "y": truth[1]}]}
        mark = {"type": "text", "text": "★ truth", "align": "left", "dx": -6, "fontSize": 13, "color": GREY}
        layers.append({"data": star, "mark": mark, "encoding": place})
    return {"data": {"values": list(rows)}, "layer": layers, "height": height}


def strokes(look: Mapping[str, tuple[str, Sequence[int]]]) -> str:
    """The curves' names beside their colours and dashes, as HTML (Streamlit lets no SVG through)."""
    line = (
        '<span aria-hidden="true" style="display:inline-block;width:18px;height:2px;vertical-align:middle;{}"></span>'
    )
    parts = [
        f'<span style="white-space:nowrap">{line.format(_dashed(colour, dashes))} {name}</span>'
        for name, (colour, dashes) in look.items()
    ]
    return _row(parts)


def _dashed(colour: str, dashes: Sequence[int]) -> str:
    stops, at = [], 0
    for i, length in enumerate(dashes or (22,)):
        stops.append(f"{'transparent' if i % 2 else colour} {at}px {at + length}px")
        at += length
    return f"background:repeating-linear-gradient(90deg,{','.join(stops)})"


def legend(look: Mapping[str, tuple[str, str]]) -> str:
    """The series' names beside their colours and shapes, as HTML."""
    signs = dict(zip(SHAPES, "●■▲◆✚▼▶◀", strict=True))
    sign = '<span aria-hidden="true" style="color:{}">{}</span>'
    parts = [
        f'<span style="white-space:nowrap">{sign.format(colour, signs[shape])}&nbsp;{name}</span>'
        for name, (colour, shape) in look.items()
    ]
    return _row(parts)


def _row(parts: Sequence[str]) -> str:
    return f'<div style="display:flex;flex-wrap:wrap;gap:0.1rem 0.7rem;font-size:0.85rem">{"".join(parts)}</div>'
