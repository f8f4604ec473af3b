"""``python -m toy.ui.picture OUT.png [QUERY]`` photographs the Explore page in a real browser, for the README."""

if __name__ == "__main__":  # the door, before anything that is slow to import
    from toy import door

    door.enter("toy.ui.picture")

import click

from toy import door
from toy.bench import CHROMIUM_FLAGS, chromium, serving
from toy.bench.browser import Visit
from toy.files import check_ending, check_writable, put


@click.command(cls=door.Command, context_settings=door.HELP)
@click.argument("out", metavar="OUT.png")
@click.argument("query", default="seed=0")  # without a query the page greets a first visitor
def main(out: str, query: str) -> None:
    """Start the app at what QUERY says, wait for the engine's own frames, take the picture."""
    check_ending(out, ".png", what="the picture")
    check_writable(out)
    program = chromium()
    from playwright.sync_api import sync_playwright

    with serving() as server, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=CHROMIUM_FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 810}, device_scale_factor=1.5)
        page.goto(f"{server.url}/?{query}")
        Visit(page).wait_ready()
        picture = page.screenshot(type="png")
        browser.close()
    click.echo(put(out, picture))
