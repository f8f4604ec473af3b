"""The site's files, made and written: the folder, and the single file."""

import hashlib
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from toy import distributions, lessons
from toy.browser import traced
from toy.browser.told import WHOLE
from toy.files import put
from toy.inputs import Json
from toy.languages import LANGUAGES
from toy.progress import Report, each
from toy.site import claims, packed, pages
from toy.site.catalogue import catalogue
from toy.state import SLOTS, State
from toy.viewer import sources

HERE = Path(__file__).parent
WEB = HERE / "web"
ICON = HERE.parent / "viewer" / "web" / "icon.svg"
BOARD = "claims"  # what is written into the page of claims
READ = (".bin", ".json")  # what Explore reads ends like this
MARK = "site.json"  # says that a folder is a site's, which may be written again

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
    written = {"claims.html": files.pop(BOARD).decode()} if BOARD in files else {}
    for name in pages.PAGES:
        files[name] = pages.document(name, version, written.get(name, "")).encode()
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
    every = contents((distributions.USUAL,))
    files = made({name: make for name, make in every.items() if name.endswith(READ) and name != "lessons.json"}, report)
    script = script_of("main").decode().replace("</script", "<\\/script")
    put(path, pages.alone(script, style(), ICON.read_text(encoding="utf-8"), files))
    return Path(path)


def check_place(out: Path) -> None:
    """ValueError unless a site may be written there: to be asked before long work."""
    if out.is_file():
        raise ValueError(f"cannot write {str(out)!r}: it is a file")
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).is_file():
        raise ValueError(f"{str(out)!r} holds something else than a site: name a folder that is empty, or a new one")


def made(contents: dict[str, Making], report: Report | None) -> dict[str, bytes]:
    """The bytes of every file."""
    return {name: make() for name, make in each(contents.items(), "files", report, note=lambda item: item[0])}


def contents(on: tuple[str, ...] | None = None) -> dict[str, Making]:
    """The files by name, each with what makes its bytes; of some distributions, or of all."""
    everything = catalogue(on)
    found: dict[str, Making] = {
        **{f"{script}.js": partial(script_of, script) for script, _ in pages.PAGES.values()},
        **{f"{board}.svg": partial(claims.figure, board) for board in claims.BOARDS},
        BOARD: lambda: claims.page({name for own in everything["densities"].values() for name in own}).encode(),
        "site.css": lambda: style().encode(),
        **{f"{sheet}.css": partial(sheet_of, sheet) for sheet in pages.OWN_SHEETS.values()},
        "icon.svg": ICON.read_bytes,
        "lessons.json": lambda: as_json(shelf()),
        **{f"words/{name}.json": partial(spoken, name) for name in LANGUAGES if name != "en"},
        "catalogue.json": lambda: as_json(everything),
    }
    for (kind, name), make in programs().items():
        found[f"programs/{kind}/{name}.json"] = make
    for name in (name for names in everything["densities"].values() for name in names):
        found[f"densities/{packed.slug(name)}.bin"] = lambda name=name: packed.density(name)  # type: ignore[misc]
    for name in everything["whole"]["networks"]:
        found[f"densities/{packed.slug(name + WHOLE)}.bin"] = lambda name=name: packed.density(name + WHOLE)  # type: ignore[misc]
    for name in everything["targets"]:
        found[f"targets/{packed.slug(name)}.bin"] = lambda name=name: packed.target(name)  # type: ignore[misc]
    return found


def spoken(language: str) -> bytes:
    """The words of a language, which a page reads when it is asked for."""
    return as_json(sources.words(language))


def shelf() -> dict[str, object]:
    """The lessons by language, each list in its order, in English where there is no other."""
    numbers = lessons.numbers()
    english = {lesson.name: lesson for lesson in lessons.lessons("en", numbers)}
    found: Json = {"languages": LANGUAGES, "shelf": {}}
    for language in LANGUAGES:
        own = english | {lesson.name: lesson for lesson in lessons.lessons(language, numbers)}
        ordered = [own[name] for name in english]
        flat = {lesson.name: lesson.flat() for lesson in ordered}
        found["shelf"][language] = {"cards": [lesson.card() for lesson in ordered], "lessons": flat}
    return found


def programs() -> dict[tuple[str, str], Making]:
    """What makes the program of each rule, schedule and integrator that the browser can run, and of the measures."""
    lacking = traced.needs_server()
    found: dict[tuple[str, str], Making] = {}
    for kind, (registry, _) in traced.KINDS.items():
        for name in registry:
            if f"{kind.removesuffix('s')} {name}" not in lacking:
                found[kind, name] = lambda kind=kind, name=name: as_json(traced.traced(kind, name))  # type: ignore[misc]
    return found | {("others", "measures"): lambda: as_json(traced.measures_program())}


def script_of(entry: str) -> bytes:
    """The JavaScript of a page as one module."""
    return sources.bare(sources.bundle(WEB / f"{entry}.js")).encode()


def style() -> str:
    """The sheets of Explore's view, and the site's own."""
    return _short([*(sources.VIEWER / f"{name}.css" for name in sources.SHEETS), WEB / "site.css"])


def sheet_of(view: str) -> bytes:
    """What another view has besides."""
    return _short([sources.VIEWER / f"{view}.css"]).encode()


def _short(sheets: list[Path]) -> str:
    """Sheets without comments and indentation."""
    whole = re.sub(r"/\*.*?\*/", "", "\n".join(sheet.read_text(encoding="utf-8") for sheet in sheets), flags=re.S)
    return "".join(f"{line.strip()}\n" for line in whole.splitlines() if line.strip())


def as_json(value: object) -> bytes:
    """Short JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def first() -> Iterator[str]:
    """Names of the files that the default page reads before its first picture."""
    yield from ("index.html", "main.js", "site.css", "icon.svg", "catalogue.json")
    scenes = [State().scene(slot) for slot in SLOTS]
    needed = {f"{kind}/{getattr(scene, kind[:-1])}" for scene in scenes for kind in traced.KINDS}
    yield from (f"programs/{name}.json" for name in sorted({*needed, "others/measures"}))
    names = dict.fromkeys([*(name for scene in scenes for _, name in scene.cast), "exact:A", "exact:AB"])
    yield from (f"densities/{packed.slug(name)}.bin" for name in names)
    yield "targets/A.bin"
