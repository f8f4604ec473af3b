"""The site's documents: what a browser is given before any of its JavaScript runs."""

import base64
import hashlib
import html
from collections.abc import Mapping

TITLE = "Guidance explorer"
PAGES = {  # a file's name, its script's, and its title
    "index.html": ("main", "Explore"),
    "fields.html": ("fieldsite", "Fields"),
    "learn.html": ("learnsite", "Learn"),
    "claims.html": ("reading", "Claims"),
}
AHEAD = ("catalogue.json", "programs/others/measures.json")  # that Explore reads whatever its link says
SELF = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src blob:; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:"
)
OWN_SHEETS = {"fields.html": "fieldview", "learn.html": "learn"}  # of a page that has one besides the site's
WAITS = (
    '<p class="ts-start">Loading … If this stays, the page was opened from a folder: it needs a web server, such as '
    "<code>python -m http.server</code>, or the version in one file.</p>"
)


def document(file: str, version: str, content: str = "") -> str:
    """A page of the folder, which loads its sheet and scripts from beside it; ``content`` is there before they run."""
    script, title = PAGES[file]
    sheets = ["site", *filter(None, [OWN_SHEETS.get(file)])]
    styles = "\n".join(f'<link rel="stylesheet" href="{sheet}.css?v={version}">' for sheet in sheets)
    ahead = AHEAD if file == "index.html" else ()
    fetched = "".join(f'\n<link rel="preload" as="fetch" href="{name}?v={version}" crossorigin>' for name in ahead)
    head = f"""<meta http-equiv="Content-Security-Policy" content="{SELF}">
<link rel="icon" href="icon.svg?v={version}">
{styles}
<script type="module" src="{script}.js?v={version}"></script>{fetched}"""
    links = "".join(
        f'<a href="{name}"{" aria-current=" + chr(34) + "page" + chr(34) if name == file else ""}>{title}</a>'
        for name, (_, title) in PAGES.items()
    )
    nav = f'<nav class="ts-pages" aria-label="Pages">{links}</nav>'
    return _whole(title, head, nav, content or WAITS, f'data-version="{version}"')


def alone(script: str, style: str, icon: str, files: Mapping[str, bytes]) -> str:
    """Explore in one file, with all that it reads written into it; it runs no script but its own."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}' 'wasm-unsafe-eval'; worker-src blob:; "
        "style-src 'unsafe-inline'; img-src data: blob:"
    )
    image = base64.b64encode(icon.encode()).decode()
    head = f"""<meta http-equiv="Content-Security-Policy" content="{policy}">
<link rel="icon" href="data:image/svg+xml;base64,{image}">
<style>
{style}</style>"""
    inlined = "\n".join(
        f'<script type="text/plain" data-file="{html.escape(name)}">{base64.b64encode(data).decode()}</script>'
        for name, data in files.items()
    )
    page = _whole("Explore", head, "", '<p class="ts-start">Loading …</p>', "data-single")
    return page.replace("</body>", f'{inlined}\n<script type="module">{script}</script>\n</body>')


def _whole(title: str, head: str, nav: str, content: str, data: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="python -m toy site">
<title>{html.escape(f"{title} - {TITLE}")}</title>
{head}
</head>
<body class="toy-page" {data}>
<header class="ts-bar"><h1 class="ts-name">{TITLE}</h1>{nav}</header>
<main class="ts-main">{content}</main>
<noscript><p class="ts-start">This page computes in your browser, which needs JavaScript.</p></noscript>
</body>
</html>
"""
