"""Numbers as people type them: read the same way on every page, and in the viewer's own fields."""

import math
import re

NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)


def read(typed: str, lo: float, hi: float, name: str, *, whole: bool = False) -> tuple[float | None, str]:
    """The number that was typed, held within ``lo`` to ``hi``, and a sentence where that is not what was typed.

    A decimal comma, an exponent and spaces around are taken; None for what is no number, and for a blank, which is no
    mistake.
    """
    kind = "a whole number" if whole else "a number"
    allowed = f"{name} is {'a whole number ' * whole}from {_short(lo)} to {_short(hi)}"
    text = typed.strip()
    if not text:
        return None, ""
    plain = re.sub(r"^([^.,]*),([^.,]*)$", r"\1.\2", text.replace("−", "-", 1))
    given = float(plain) if NUMBER.fullmatch(plain) else math.nan
    value = min(max(given, lo), hi)
    if math.isnan(given) or (whole and value != int(value)):
        return None, f"“{text[:20]}” is not {kind}: {allowed}"
    return (int(value) if whole else value), "" if value == given else f"{allowed}, not {_short(given)}"


def _short(value: float) -> str:
    return repr(float(f"{value:.6g}")).removesuffix(".0") if abs(value) < 1e6 else f"{value:.10g}"
