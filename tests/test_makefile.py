"""What the Makefile lists is there, and is what it says."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LISTED = re.compile(r"^GPU_TESTS := \$\(patsubst %,tests/test_%\.py,([\w\s\\]+)\)$", re.M)
BROWSER = re.compile(r"mark\.browser|browser_|page_runner|site_guests|playwright")


def gpu_tests() -> list[str]:
    (found,) = LISTED.findall((ROOT / "Makefile").read_text(encoding="utf-8"))
    return found.replace("\\", " ").split()


def test_what_runs_on_a_gpu_is_listed_once():
    listed = gpu_tests()
    assert len(listed) > 12
    assert listed == sorted({*listed})
    assert {"densities", "guidance", "sampling", "training"} <= {*listed}


@pytest.mark.parametrize("name", gpu_tests())
def test_what_runs_on_a_gpu_is_there_and_needs_no_browser(name):
    text = (ROOT / "tests" / f"test_{name}.py").read_text(encoding="utf-8")
    assert "def test_" in text
    assert not BROWSER.findall(text)
