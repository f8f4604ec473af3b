"""``python -m toy.ui.picture OUT.png [QUERY]`` photographs the Explore page in a real browser, for the README."""

import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

APP = Path(__file__).parents[2] / "app.py"
CHROMIUM = "/usr/bin/chromium"
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@contextmanager
def served(*flags: str, wait: float = 60.0) -> Iterator[str]:
    """The app on a free port of 127.0.0.1; yields its address. ValueError where it does not start."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(APP), "--server.headless=true", f"--server.port={port}"]
    server = subprocess.Popen([*command, *flags], cwd=APP.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(int(wait * 10)):
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).close()
                break
            except OSError:
                if server.poll() is not None:
                    raise ValueError(f"the app stopped at once with exit code {server.returncode}") from None
                try:
                    server.wait(timeout=0.1)
                except subprocess.TimeoutExpired:
                    continue
        else:
            raise ValueError(f"the app did not answer within {wait:g} s")
        yield address
    finally:
        server.terminate()
        server.wait(timeout=20)


def main() -> None:
    """Start the app, wait for the engine's own frames, take the picture."""
    from playwright.sync_api import sync_playwright

    out, query = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
    out.parent.mkdir(parents=True, exist_ok=True)
    with served() as address, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 810}, device_scale_factor=1.5)
        page.goto(f"{address}/?{query}")
        page.get_by_role("button", name="Reset", exact=True).wait_for(timeout=120_000)
        page.locator("[data-toy-viewer][data-state=idle][data-quality=full]").wait_for(timeout=60_000)
        page.screenshot(path=out)
        browser.close()
    print(out)


if __name__ == "__main__":
    main()
