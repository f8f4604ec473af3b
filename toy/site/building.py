"""The site's files, made and written: the folder, and the single file."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from toy import distributions
from toy.browser import traced
from toy.browser.told import WHOLE
from toy.files import replacing
from toy.progress import Progress, Report
from toy.scene import default_cast
from toy.site import packed, pages
from toy.site.catalogue import catalogue
from toy.state import SLOTS, State
from toy.viewer import sources

HERE = Path(__file__).parent
WEB = HERE / "web"
BROWSER = HERE.parent / "browser" / "web"
ICON = HERE.parent / "viewer" / "web" / "icon.svg"
MARK = "site.json"  # says that a folder is a site's, which may be written again
SHEETS = (*sources.SHEETS, "fieldview")

Making = Callable[[], bytes]


def build(out: str | Path, report: Report | None = None, *, on: tuple[str, ...] | None = None) -> list[Path]:
    """Write the site into a folder, whole or not at all; returns its files. ``on`` are the distributions, all if None.

    Raises:
        ValueError: the folder holds something else than a site, or cannot be written.
    """
    out = Path(out)
    check_place(out)
    files = made(contents(on), report)
    version = hashlib.sha256(b"".join(hashlib.sha256(data).digest() for data in files.values())).hexdigest()[:12]
    for name in pages.PAGES:
        files[name] = pages.document(name, version).encode()
    files[MARK] = as_json({"made by": "python -m toy site", "version": version})
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name[:32]}-") as folder:
        new = Path(folder) / "site"
        for name, data in files.items():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            (new / name).write_bytes(data)
        if out.exists():
            out.rename(Path(folder) / "before")
        new.rename(out)
    return [out / name for name in files]


def single(path: str | Path, report: Report | None = None) -> Path:
    """Write Explore of the usual distribution as one file, which opens without a server."""
    files = made({name: make for name, make in contents((distributions.USUAL,)).items() if not _asset(name)}, report)
    script = script_of("main").replace("</script", "<\\/script")
    with replacing(path) as temporary:
        temporary.write_text(pages.alone(script, style(), ICON.read_text(encoding="utf-8"), files), encoding="utf-8")
    return Path(path)


def check_place(out: Path) -> None:
    """ValueError unless a site may be written there: to be asked before long work."""
    if out.is_file():
        raise ValueError(f"cannot write {str(out)!r}: it is a file")
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).is_file():
        raise ValueError(f"{str(out)!r} holds something else than a site: name a folder that is empty, or a new one")


def _asset(name: str) -> bool:
    """Whether a file is written into the single one by itself."""
    return name in ("site.js", "site.css", "icon.svg")


def made(contents: dict[str, Making], report: Report | None) -> dict[str, bytes]:
    """The bytes of every file; a file that has no such thing is left out."""
    out = {}
    for i, (name, make) in enumerate(contents.items()):
        if report:
            report(Progress("files", i, len(contents), note=name))
        out[name] = make()
    if report:
        report(Progress("files", len(contents), len(contents)))
    return out


def contents(on: tuple[str, ...] | None = None) -> dict[str, Making]:
    """The files by name, each with what makes its bytes; of some distributions, or of all."""
    everything = catalogue(on)
    found: dict[str, Making] = {
        "site.js": lambda: script_of("main").encode(),
        "site.css": lambda: style().encode(),
        "icon.svg": ICON.read_bytes,
        "worker.js": lambda: plain(sources.bundle(BROWSER / "worker.js")).encode(),
        "kernel.wasm": (BROWSER / "kernel.wasm").read_bytes,
        "kernel_relaxed.wasm": (BROWSER / "kernel_relaxed.wasm").read_bytes,
        "programs.json": lambda: as_json(programs()),
        "catalogue.json": lambda: as_json(everything),
    }
    for name in (name for names in everything["densities"].values() for name in names):
        found[f"densities/{packed.slug(name)}.bin"] = lambda name=name: packed.density(name)  # type: ignore[misc]
    for name in everything["whole"]["networks"]:
        found[f"densities/{packed.slug(name + WHOLE)}.bin"] = lambda name=name: packed.density(name + WHOLE)  # type: ignore[misc]
    for name in everything["targets"]:
        found[f"targets/{packed.slug(name)}.bin"] = lambda name=name: packed.target(name)  # type: ignore[misc]
    return found


def programs() -> dict[str, Any]:
    """The programs of all that the browser can run, by kind and name, and why it cannot run the others."""
    lacking = traced.needs_server()
    made: dict[str, Any] = {
        kind: {
            name: traced.traced(kind, name) for name in registry if f"{kind.removesuffix('s')} {name}" not in lacking
        }
        for kind, (registry, _) in traced.KINDS.items()
    }
    return made | {"others": {"measures": traced.measures_program()}, "lacking": lacking}


def script_of(entry: str) -> str:
    """The site's JavaScript as one module."""
    return plain(sources.bundle(WEB / f"{entry}.js"))


def plain(script: str) -> str:
    """A script without the lines that are comments, which nobody's browser needs."""
    return "".join(f"{line}\n" for line in script.splitlines() if line.strip() and not line.lstrip().startswith("//"))


def style() -> str:
    """The sheets of the views, and the site's own."""
    sheets = [*(sources.VIEWER / f"{name}.css" for name in SHEETS), WEB / "site.css"]
    return "\n".join(sheet.read_text(encoding="utf-8") for sheet in sheets)


def as_json(value: Any) -> bytes:
    """Short JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def first() -> Iterator[str]:
    """Names of the files that the default page reads before its first picture."""
    yield from (
        "index.html",
        "site.js",
        "site.css",
        "icon.svg",
        "catalogue.json",
        "programs.json",
        "worker.js",
        "kernel.wasm",
    )
    yield "kernel_relaxed.wasm"
    casts = [default_cast(State().scene(slot).rule) for slot in SLOTS]
    names = dict.fromkeys([*(name for cast in casts for name in cast.values()), "exact:A", "exact:AB"])
    yield from (f"densities/{packed.slug(name)}.bin" for name in names)
    yield "targets/A.bin"
