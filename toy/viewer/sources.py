"""The live views as text: modules of JavaScript in one, with their page and sheets."""

import base64
import html
import json
import re
from functools import cache
from pathlib import Path

from toy.inputs import Json
from toy.languages import LANGUAGES

VIEWER = Path(__file__).parent / "web"
ENTRY = "main.js"
SHEETS = ("theme", "chips", "panels", "pictures", "card", "transport", "sizes")  # of both views, in this order

# Of each byte, as here.js reads them. Compressed, on the wire, they are fewer bytes than base64: equal bytes stay equal
# letters, and of two kernels the second is near enough to the first to be told as a copy of it.
LETTERS = [letter for letter in map(chr, range(40, 400)) if not re.match(r"[<\\`\x7f-\xa0]", letter)][:256]
_IMPORT = re.compile(r"^import\s+(?P<names>[^;]*?)\s*from\s+[\"'](?P<path>[^\"']+)[\"'];[ \t]*\n", re.M)
_JSON = re.compile(r"^import (?P<name>\w+) from \"(?P<path>[^\"]+\.json)\" with \{ type: \"json\" \};[ \t]*\n", re.M)
_WHOLE = re.compile(
    r"^import (?P<name>\w+) from \"(?P<path>[^\"]+)\" with \{ type: \"(?P<type>text|bytes)\" \};[ \t]*\n", re.M
)
_EXPORT = re.compile(r"^export (?!default\b)", re.M)
_BLOCK = re.compile(r"^ */\*\*.*?\*/$", re.M | re.S)
_BEHIND = re.compile(r" // [^\"'`]*$")  # what has no quotation mark is within no text
_TOP_LEVEL = re.compile(
    r"^(?:export )?(?:default )?(?:async )?(?:function\*?|class|const|let|var) +([A-Za-z_$][\w$]*)", re.M
)


def _source(path: Path) -> str:
    """A module's text, the JSON, modules as text and files as letters that it imports written into it."""

    def written(found: re.Match) -> str:
        data = json.loads((path.parent / found["path"]).read_text(encoding="utf-8"))
        return f"const {found['name']} = {json.dumps(data, ensure_ascii=False)};\n"

    def whole(found: re.Match) -> str:
        file = path.parent / found["path"]
        text = bare(bundle(file)) if found["type"] == "text" else "".join(LETTERS[byte] for byte in file.read_bytes())
        return f"const {found['name']} = {json.dumps(text, ensure_ascii=False)};\n"

    return _WHOLE.sub(whole, _JSON.sub(written, path.read_text(encoding="utf-8")))


def bundle(entry: Path = VIEWER / ENTRY) -> str:
    """The viewer's modules as one inline ES module: dependencies first, no imports, only the default export kept.

    Raises:
        ValueError: what concatenation cannot express - a cycle, a renamed import, one top-level name in two modules.
    """
    order: list[Path] = []
    open_modules: list[Path] = []
    owner: dict[str, str] = {}

    def visit(path: Path) -> None:
        if path in order:
            return
        if path in open_modules:
            raise ValueError(f"import cycle through {path.name}")
        open_modules.append(path)
        text = _source(path)
        for found in _IMPORT.finditer(text):
            if not re.fullmatch(r"\{[\w\s,$]*\}", found["names"]) or " as " in found["names"]:
                raise ValueError(f"{path.name}: only plain named imports can be bundled, not {found['names']!r}")
            visit((path.parent / found["path"]).resolve())
        for name in _TOP_LEVEL.findall(text):
            if name in owner:
                raise ValueError(f"{name} is declared in {owner[name]} and in {path.name}")
            owner[name] = path.name
        order.append(open_modules.pop())

    visit(entry.resolve())
    texts = (_EXPORT.sub("", _IMPORT.sub("", _source(path))).strip() for path in order)
    return "\n\n".join(texts) + "\n"


def bare(script: str) -> str:
    """A script without comments on lines of their own or behind code, and without indentation: no browser needs them.

    Raises:
        ValueError: a text goes over several lines, whose spaces would be lost.
    """
    lines = [_BEHIND.sub("", line).strip() for line in _BLOCK.sub("", script).splitlines()]
    if broken := next((line for line in lines if line.count("`") % 2), None):
        raise ValueError(f"a text goes over several lines: {broken[:80]}")
    return "".join(f"{line}\n" for line in lines if line and not line.startswith("//"))


@cache
def words(language: str) -> Json:
    """What the views say in a language: ``labels``, ``meanings`` and, but for English, ``stories``, by key."""
    return json.loads((VIEWER / f"words.{language}.json").read_text(encoding="utf-8"))


def taught() -> str:
    """Lines that teach a script every language that it does not bring along."""
    others = [language for language in LANGUAGES if language != "en"]
    lines = (f"teach({json.dumps(name)}, {json.dumps(words(name), ensure_ascii=False)});\n" for name in others)
    return "".join(lines)


@cache
def viewer_sources(entry: str = "viewer") -> dict[str, str]:
    """`html`, `css` and `js` as `streamlit.components.v2.component` takes them; Fields has a sheet of its own."""
    sheets = SHEETS if entry == "viewer" else (*SHEETS, entry)
    return {
        "html": (VIEWER / f"{entry}.html").read_text(encoding="utf-8"),
        "css": "\n".join((VIEWER / f"{sheet}.css").read_text(encoding="utf-8") for sheet in sheets),
        "js": bundle(VIEWER / (ENTRY if entry == "viewer" else f"{entry}.js")) + taught(),
    }


def standalone_html(pack_bytes: bytes, title: str, living: bytes = b"") -> str:
    """One self-contained page that plays a pack offline in any browser.

    With ``living``, a pack by which the browser computes, its knobs, layers and probes work too.
    """
    sources = viewer_sources()
    js = sources["js"].replace("</script", "<\\/script")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{html.escape(title)}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0; padding: 12px; background: light-dark(#ffffff, #0e1117); }}
{sources["css"]}
</style>
</head>
<body>
{sources["html"]}
<script type="text/plain" id="toy-pack">{base64.b64encode(pack_bytes).decode("ascii")}</script>
<script type="text/plain" id="toy-living">{base64.b64encode(living).decode("ascii")}</script>
<script type="module">
{js}
{{
  const bytesIn = (id) => Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0));
  const root = document.querySelector("[data-toy-viewer]");
  window.toyViewer = mountAlone(root, bytesIn("toy-pack"), bytesIn("toy-living"));
}}
</script>
</body>
</html>
"""
