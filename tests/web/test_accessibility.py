"""Nobody is kept out, nothing moves, and little is loaded."""

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import Page, expect

from app.http.routes.page import WEB_DIR
from tests.support.depth import DEEP, only_deep
from tests.support.looking import HITS, search
from tests.web.conftest import DESKTOP, PHONE, Site


def test_nothing_is_loaded_from_elsewhere(page: Page) -> None:
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.reload()
    search(page, "calm acoustic")
    address = page.url.split("/?")[0]
    assert [url for url in loaded if not url.startswith((address, "data:"))] == []
    policy = page.request.get("/").headers["content-security-policy"]
    assert policy.startswith("default-src 'self'")


def test_it_is_small(page: Page) -> None:
    """What opening it takes, without audio; the map and the upload are fetched by whoever wants them."""
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.goto("/?", wait_until="networkidle")
    sizes = {url.split("/", 3)[3]: len(page.request.get(url).body()) for url in loaded if not url.startswith("data:")}
    assert {"?", "web/page.js", "web/style.css", "web/search.js"} <= set(sizes)
    assert not {"web/map.js", "web/upload.js"} & set(sizes)
    assert sum(sizes.values()) <= 60_000, sizes


def test_every_file_of_the_page_is_used(page: Page) -> None:
    used = [page.url]
    page.on("request", lambda request: used.append(request.url))
    page.goto("/?map=1")
    page.goto("/?upload=1")
    expect(page.get_by_role("dialog")).to_be_visible()
    there = {file.name for file in WEB_DIR.iterdir()} - {"index.html"}
    assert there == {url.rsplit("/", 1)[1] for url in used if "/web/" in url}


@DEEP
@pytest.mark.parametrize(
    ("size", "theme"),
    [
        pytest.param(DESKTOP, "light", id="desktop-light"),
        pytest.param(PHONE, "dark", id="phone-dark"),
        pytest.param(DESKTOP, "dark", id="desktop-dark", marks=only_deep("its colours are seen on the phone")),
        pytest.param(PHONE, "light", id="phone-light", marks=only_deep("its colours are seen on the desktop")),
    ],
    indirect=True,
)
def test_nobody_is_kept_out(page: Page, site: Site) -> None:
    """axe-core finds nothing in any view."""
    views = {}
    views["start"] = Axe().run(page)
    search(page, "calm acoustic")
    views["results"] = Axe().run(page)
    page.locator(f"{HITS} .hit").first.click()
    expect(page.locator("#player")).to_be_visible()
    views["player"] = Axe().run(page)
    page.locator(".more").first.click()
    expect(page.get_by_role("dialog").locator(".hits > .row")).to_have_count(6)
    views["track"] = Axe().run(page)
    page.keyboard.press("Control+k")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("dialog", name="Search")).to_be_visible()
    views["overlay"] = Axe().run(page)
    page.goto("/?map=1")
    expect(page.get_by_role("list", name="Tracks in the middle").get_by_role("listitem")).to_have_count(5)
    views["map"] = Axe().run(page)
    page.goto("/?upload=1")
    expect(page.locator("#token-form")).to_be_visible()
    views["token"] = Axe().run(page)
    page.evaluate("(token) => sessionStorage.setItem('vibe-search.token', token)", site.token())
    page.reload()
    page.get_by_label("Tags, with commas").fill("one, theodo")
    expect(page.locator("#upload-form")).to_be_visible()
    views["upload"] = Axe().run(page)
    page.goto("/")
    page.evaluate("localStorage.setItem('vibe-search.recent', '[\"one\", \"two\"]')")
    page.reload()
    expect(page.locator(HITS)).to_have_count(2)
    views["recent searches"] = Axe().run(page)
    assert {name: found.generate_report() for name, found in views.items() if found.violations_count} == {}


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"], indirect=True)
def test_nothing_moves_when_results_come(page: Page) -> None:
    page.evaluate(
        """() => {
            window.shifted = 0;
            new PerformanceObserver((list) => {
                for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
            }).observe({ type: "layout-shift", buffered: true });
        }"""
    )
    search(page, "calm acoustic")
    page.locator(f"{HITS} .hit").first.click()
    page.wait_for_timeout(300)
    assert page.evaluate("window.shifted") < 0.02
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "it scrolls sideways"


@pytest.mark.parametrize("size", [PHONE], ids=["phone"], indirect=True)
@pytest.mark.parametrize("address", ["/?q=calm", "/?track=1", "/?map=1", "/?upload=1"])
def test_no_view_is_wider_than_a_phone(page: Page, site: Site, address: str) -> None:
    page.evaluate("(token) => sessionStorage.setItem('vibe-search.token', token)", site.token())
    page.goto(address, wait_until="networkidle")
    too_wide = """() => [document.documentElement, ...document.querySelectorAll("dialog[open]")]
        .filter((view) => view.scrollWidth > view.clientWidth).map((view) => view.id || "page")"""
    assert page.evaluate(too_wide) == []


def test_who_wants_no_motion_gets_none(page: Page) -> None:
    moving = """() => [...document.querySelectorAll("*")].filter((element) => {
        const style = getComputedStyle(element);
        return [style.transitionDuration, style.animationDuration].some((time) => parseFloat(time) > 0);
    }).map((element) => element.id)"""
    assert page.evaluate(moving) == ["results"]
    page.emulate_media(reduced_motion="reduce")
    assert page.evaluate(moving) == []
