"""Pictures of every view of the page, as wide as a phone and as a desktop.

Example:
    python -m scripts.measure.page.screenshots
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from playwright.sync_api import Browser, Page, ViewportSize, expect
from rich.console import Console

from app.cli.exit_status import run_to_exit
from app.measure.browser import open_browser
from scripts.measure.page.demo import Demo, open_demo

SIZES: dict[str, ViewportSize] = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 860}}

THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

README = {"search-desktop-light.png": "search.png", "map-desktop-dark.png": "map.png"}
"""Those that the README shows, and what they are called in docs/images."""

IMAGES = Path(__file__).resolve().parents[3] / "docs" / "images"


def main(
    folder: Annotated[Path, typer.Option(help="Where the pictures go.")] = Path("build/screenshots"),
    address: Annotated[str | None, typer.Option(help="A server that is running, instead of the demo.")] = None,
    readme: Annotated[bool, typer.Option("--readme", help="Replace the README's pictures as well.")] = False,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port for the demo.")] = 8765,
) -> None:
    """Serve the demo, look at each view in Chromium, and keep what is seen.

    Examples:
      python -m scripts.measure.page.screenshots

      python -m scripts.measure.page.screenshots --address http://127.0.0.1:8000
    """
    folder.mkdir(parents=True, exist_ok=True)
    console = Console()
    with open_demo(address, port) as demo, open_browser() as browser:
        for size in SIZES:
            for theme in THEMES:
                for name, view in VIEWS.items():
                    path = folder / f"{name}-{size}-{theme}.png"
                    with _opened(browser, demo, size, theme) as page:
                        view(page, demo)
                        # letters and covers fade in no longer than this
                        page.wait_for_timeout(400)
                        page.screenshot(path=path, animations="disabled")
                    console.print(path)
    if readme:
        for name, image in README.items():
            shutil.copyfile(folder / name, IMAGES / image)


@contextmanager
def _opened(browser: Browser, demo: Demo, size: str, theme: Literal["light", "dark"]) -> Iterator[Page]:
    phone = size == "phone"
    context = browser.new_context(
        base_url=demo.address,
        viewport=SIZES[size],
        color_scheme=theme,
        locale="en-GB",
        is_mobile=phone,
        has_touch=phone,
    )
    page = context.new_page()
    page.goto("/")
    yield page
    context.close()


def _start(page: Page, _demo: Demo) -> None:
    page.evaluate("""localStorage.setItem("vibe-search.recent", '["tributeries of the elde", "calm acoustic"]')""")
    page.reload()
    expect(page.locator("#results .hit")).to_have_count(2)


def _search(page: Page, _demo: Demo) -> None:
    page.goto("/?q=calm+acoustic+guitar")
    expect(page.locator("#results .sound").first).to_be_visible()
    page.locator("#results .hit").first.click()
    expect(page.locator("#clock")).to_contain_text("/")
    page.locator("#toggle").click()


def _names(page: Page, _demo: Demo) -> None:
    page.goto("/?q=mari")
    expect(page.locator("#results .hit").first).to_be_visible()


def _nothing(page: Page, _demo: Demo) -> None:
    page.goto("/?q=theodolite+qqqqqq+zzzzzz")
    expect(page.locator("#status")).to_contain_text("ms")


def _overlay(page: Page, _demo: Demo) -> None:
    page.goto("/?q=theodolite")
    expect(page.locator("#results .hit").first).to_be_visible()
    page.keyboard.press("Control+k")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("dialog", name="Search")).to_be_visible()


def _track(page: Page, _demo: Demo) -> None:
    page.goto("/?q=tributeries+elde")
    page.locator("#results .more").first.click()
    expect(page.get_by_role("dialog").locator(".hits .row").first).to_be_visible()


def _map(page: Page, _demo: Demo) -> None:
    page.goto("/?map=1")
    expect(page.locator("#map-nearby li").first).to_be_visible()


def _upload(page: Page, demo: Demo) -> None:
    if demo.token:
        page.evaluate("(token) => sessionStorage.setItem('vibe-search.token', token)", demo.token)
    page.goto("/?upload=1")
    expect(page.locator("#token-form:visible, #upload-form:visible")).to_have_count(1)
    if demo.token:
        page.get_by_label("Title").fill("Zither on the Quay")
        page.get_by_label("Tags, with commas").fill("zither, cartog")
        expect(page.locator("#tags-offered li").first).to_be_visible()


VIEWS: dict[str, Callable[[Page, Demo], None]] = {
    "start": _start,
    "search": _search,
    "names": _names,
    "nothing": _nothing,
    "overlay": _overlay,
    "track": _track,
    "map": _map,
    "upload": _upload,
}
"""How each view is reached."""


if __name__ == "__main__":
    run_to_exit(lambda: typer.run(main))
