"""``python -m toy.browser.kernel`` builds the browser's kernel anew: ``web/kernel.ts`` to WebAssembly, twice."""

if __name__ == "__main__":  # the door, before anything that is slow to import
    from toy import door

    door.enter("toy.browser.kernel")

import shutil
import subprocess
import tempfile
from pathlib import Path

import click

from toy import door
from toy.files import check_writable, put

WEB = Path(__file__).parent / "web"
SOURCES = ("kernel.ts", "lanes.ts", "network.ts", "mixture.ts")
COMPILER = "assemblyscript@0.28.20"  # exactly: another one may give other bytes
SIMD = ("--enable", "simd")
KERNELS = {"kernel.wasm": SIMD, "kernel_relaxed.wasm": (*SIMD, "--enable", "relaxed-simd")}
# At most 1024 pages: 64 MB. No garbage collector, since the memory is the caller's.
OPTIONS = ("-O3", "--runtime", "stub", "--noAssert", "--maximumMemory", "1024")


def built() -> dict[str, bytes]:
    """The kernels' bytes by the names of their files, from AssemblyScript, which npm fetches into a temporary folder.

    ValueError where node or npm is missing, where npm cannot fetch it, and where it does not compile.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if not (node and npm):
        raise ValueError("building the kernel needs node and npm: install Node.js 20 or later")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "package.json").write_text("{}")  # the folder is its own: npm looks no further up
        quiet = ("--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts")
        _run([npm, "install", *quiet, COMPILER], folder, f"npm could not fetch {COMPILER}")
        for source in SOURCES:
            shutil.copy(WEB / source, folder)
        compiler = folder / "node_modules" / "assemblyscript" / "bin" / "asc.js"
        made = {}
        for file, features in KERNELS.items():
            command = [node, str(compiler), "kernel.ts", "-o", file, *OPTIONS, *features]
            _run(command, folder, f"{SOURCES[0]} does not compile")
            made[file] = (folder / file).read_bytes()
        return made


def _run(command: list[str], folder: Path, trouble: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise ValueError(f"{trouble}: {' '.join((done.stderr or done.stdout).split())}")


@click.command(cls=door.Command, context_settings=door.HELP)
def main() -> None:
    """Build the kernel with and without relaxed SIMD, and write both where the browser finds them."""
    paths = [WEB / file for file in KERNELS]
    check_writable(*paths)
    for file, content in built().items():
        put(WEB / file, content)
        click.echo(f"{WEB / file}  {len(content)} bytes")
