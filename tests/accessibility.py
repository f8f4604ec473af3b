"""What axe finds wrong with a page."""

import pytest
from browser_visitor import RESTS
from ui_helpers import until


def violations(page) -> list[str]:
    """Each rule that is broken, with the element that breaks it, once what moves has come to rest."""
    from axe_playwright_python.base import AXE_SCRIPT

    page.evaluate(RESTS)
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    told = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
    return [f"{each['id']}: {node['html'][:200]}" for each in told for node in each["nodes"]]


def accessible(page, what: str = "", seconds: float = 20) -> None:
    """Fail unless axe finds nothing; what is being drawn anew may be faint for a moment."""
    found: list[str] = []

    def none() -> bool:
        found[:] = violations(page)
        return not found

    try:
        until(none, seconds)
    except AssertionError:
        pytest.fail(f"{what}: {found}")
