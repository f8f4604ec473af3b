"""``python -m toy.ui.picture OUT.png [QUERY]`` photographs the Explore page in a real browser, for the README."""

import sys
from pathlib import Path

from toy.bench import CHROMIUM_FLAGS, chromium, serving
from toy.bench.browser import Visit


def main() -> None:
    """Start the app, wait for the engine's own frames, take the picture."""
    program = chromium()
    from playwright.sync_api import sync_playwright

    out, query = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
    out.parent.mkdir(parents=True, exist_ok=True)
    with serving() as server, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 810}, device_scale_factor=1.5)
        page.goto(f"{server.url}/?{query}")
        Visit(page).wait_ready()
        page.screenshot(path=out)
        browser.close()
    print(out)


if __name__ == "__main__":
    main()
