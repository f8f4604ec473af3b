"""The site's JavaScript, asked by tests in Python."""

import json
import shutil
import subprocess
from functools import cache
from typing import Any

import pytest
from ui_helpers import ROOT

from toy.site.catalogue import catalogue


@cache
def made() -> dict[str, Any]:
    """The catalogue, through JSON."""
    return json.loads(json.dumps(catalogue(), allow_nan=False))


def in_node(script: str, given: Any) -> Any:
    """What a script of tests/js makes of JSON."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    command = [node, str(ROOT / "tests" / "js" / script), "-"]
    found = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, encoding="utf-8")
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


def said(links: list[str], **more: Any) -> dict[str, Any]:
    """What ``link.js``, ``scene.js`` and ``header.js`` make of links."""
    return in_node("said.mjs", {"catalogue": made(), "links": links, **more})
