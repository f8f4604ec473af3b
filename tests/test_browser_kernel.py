"""The kernels that are shipped are what the sources give, and have what is asked of them."""

import json
import os
import re
import shutil
import subprocess

import pytest
from kernel_helpers import flags, node

from toy.browser import kernel


def unreachable():
    """Why a build cannot be tried here, or nothing."""
    npm = shutil.which("npm")
    if npm is None:
        return "npm is not installed"
    ask = [npm, "view", kernel.COMPILER, "version", "--fetch-retries=0", "--fetch-timeout=20000"]
    done = subprocess.run(ask, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 and done.stdout.strip() else "npm's registry cannot be reached"


def test_a_build_gives_the_shipped_bytes():
    reason = unreachable()
    if reason and os.environ.get("REQUIRE_KERNEL") != "1":
        pytest.skip(reason)
    assert not reason
    for file, content in kernel.built().items():
        assert content == (kernel.WEB / file).read_bytes(), f"{file} is not what python -m toy.browser.kernel writes"


@pytest.mark.parametrize("file", kernel.KERNELS)
def test_a_kernel_is_valid_and_exports_what_densities_ask_for(file):
    script = (
        "const bytes = require('fs').readFileSync(process.argv[1]);"
        "if (!WebAssembly.validate(bytes)) throw new Error('not valid here');"
        "const module = new WebAssembly.Module(bytes);"
        "const names = (list) => list.map(({ name }) => name);"
        "const { exports, imports } = WebAssembly.Module;"
        "console.log(JSON.stringify([names(exports(module)), names(imports(module))]))"
    )
    exports, imports = json.loads(node(*flags(file), "-e", script, kernel.WEB / file))
    asking = (kernel.WEB / "densities.js").read_text(encoding="utf-8")
    asked = set(re.findall(r"this\.#kernel\.(\w+)", asking))
    for names in re.findall(r"const \{([^}]*)\} = this\.#kernel;", asking):
        asked |= set(re.findall(r"\w+", names))
    assert asked == set(exports)
    assert not imports


def test_relaxed_simd_is_in_one_kernel_alone():
    contents = [(kernel.WEB / file).read_bytes() for file in kernel.KERNELS]
    assert contents[0] != contents[1]
    script = "console.log(WebAssembly.validate(require('fs').readFileSync(process.argv[1])))"
    assert node("-e", script, kernel.WEB / "kernel.wasm").strip() == "true"


def test_every_source_is_named():
    assert {path.name for path in kernel.WEB.glob("*.ts")} == set(kernel.SOURCES)
