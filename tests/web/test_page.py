"""The page as people use it."""

import json
import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.sync_api import Page, Route, expect

from app.routes.page import WEB_DIR
from tests.web.conftest import DESKTOP, PHONE

BOX = "#box"
HITS = ".hits > li"


def search(page: Page, text: str) -> None:
    """Type, and wait for the answer."""
    with page.expect_response(re.compile(r"/search/\?")):
        page.locator(BOX).fill(text)
    expect(page.locator("#results")).to_have_attribute("aria-busy", "false")


def titles(page: Page) -> list[str]:
    return page.locator(f"{HITS} .hit").all_inner_texts()


def answer(*titles: str, **fields: Any) -> str:
    """An answer of the endpoint, as JSON."""
    results = [
        {
            "type": "track",
            "id": number,
            "title": title,
            "artist_handle": "a.example",
            "artist_display_name": "A",
            "image_url": None,
            "file_id": "f",
            "album_title": None,
            "relevance": 1,
            "tier": "exact",
            "matched": ["title"],
            "similarity": None,
            "confidence": None,
        }
        for number, title in enumerate(titles)
    ]
    return json.dumps({"results": results, "query": "q", "available": True, "took_ms": 1.0, "counts": {}} | fields)


def test_typing_finds_by_name_and_by_sound_in_groups(page: Page) -> None:
    search(page, "calm acoustic")
    expect(page.locator("#results h2")).to_have_text(["Tracks"])
    expect(page.locator(".badges .sound").first).to_contain_text("sounds like")
    search(page, "ottol")
    expect(page.locator("#results h2")).to_have_text(["Artists", "Tracks"])
    assert "Ottoline Hebden" in titles(page)
    expect(page.locator("mark").first).to_have_text("Ottol")
    expect(page.locator("#status")).to_contain_text(re.compile(r"\d+ results in [\d.]+ ms"))


def test_each_entity_is_shown_once(page: Page) -> None:
    """It matches by its title, through its tags and by its sound."""
    search(page, "acoustic")
    names = [row.get_attribute("data-name") for row in page.locator("li[data-file]").all()]
    assert len(names) == len(set(names)) > 3


def test_one_request_for_a_pause_of_typing(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/search/" in request.url else None)
    with page.expect_response(re.compile(r"/search/\?")):
        page.locator(BOX).press_sequentially("theodolite", delay=20)
    page.wait_for_timeout(300)
    assert len(asked) == 1
    assert "q=theodolite" in asked[0]


def test_a_stale_answer_is_dropped(page: Page) -> None:
    """The answer to what was typed first comes last."""
    kept: list[Route] = []

    def delay(route: Route) -> None:
        if "q=first" in route.request.url:
            kept.append(route)
        else:
            route.fulfill(body=answer("Second"), content_type="application/json")

    page.route(re.compile(r"/search/\?"), delay)
    page.locator(BOX).fill("first")
    page.wait_for_timeout(400)
    page.locator(BOX).fill("second")
    expect(page.locator(f"{HITS} .hit")).to_have_text(["Second"])
    assert len(kept) == 1
    kept[0].fulfill(body=answer("First"), content_type="application/json")
    page.wait_for_timeout(200)
    assert titles(page) == ["Second"]


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    page.locator("body").press("/")
    expect(page.locator(BOX)).to_be_focused()
    with page.expect_response(re.compile(r"/search/\?")):
        page.keyboard.type("theodolite")
    page.keyboard.press("ArrowDown")
    expect(page.locator(f"{HITS} .hit").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#player")).to_be_visible()
    expect(page.locator("#now-title")).to_have_text("Theodolite")
    page.keyboard.press("Escape")
    expect(page.locator(BOX)).to_be_focused()
    expect(page.locator(BOX)).to_have_value("")
    expect(page.locator("#examples")).to_be_visible()


def test_playing_goes_on_while_searching(page: Page) -> None:
    search(page, "theodolite")
    page.locator(f"{HITS} .hit").first.click()
    expect(page.locator("#clock")).to_contain_text(re.compile(r"^0:0[1-9] / 0:\d\d$"))
    search(page, "calm")
    assert page.evaluate("!document.getElementById('audio').paused")
    expect(page.locator("#toggle")).to_have_attribute("aria-label", "Pause")


def test_the_query_is_in_the_address(page: Page) -> None:
    search(page, "theodolite")
    expect(page).to_have_url(re.compile(r"\?q=theodolite$"))
    page.reload()
    expect(page.locator(f"{HITS} .hit").first).to_have_text("Theodolite")
    page.go_back()
    expect(page.locator("#examples")).to_be_visible()


def test_without_sound_it_says_so(page: Page) -> None:
    body = answer("By name", available=False)
    page.route(re.compile(r"/search/\?"), lambda route: route.fulfill(body=body, content_type="application/json"))
    search(page, "anything")
    expect(page.locator("#status")).to_contain_text("sound search is not available")
    assert titles(page) == ["By name"]


def test_nothing_found_says_so(page: Page) -> None:
    body = answer(query="zzyzx")
    page.route(re.compile(r"/search/\?"), lambda route: route.fulfill(body=body, content_type="application/json"))
    search(page, "zzyzx")
    expect(page.locator("#status")).to_contain_text("No good match for “zzyzx”")


def test_a_server_that_is_gone_says_so(page: Page) -> None:
    page.expected_errors = ["net::ERR_FAILED"]  # type: ignore[attr-defined]  # read by the fixture
    page.route(re.compile(r"/search/\?"), lambda route: route.abort())
    page.locator(BOX).fill("anything")
    expect(page.locator("#status")).to_have_text("The server cannot be reached. Check the connection and try again.")


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
    """Without audio."""
    paths = ["/", *(f"/web/{file.name}" for file in WEB_DIR.iterdir() if file.suffix in {".js", ".css"})]
    sizes = {path: len(page.request.get(path).body()) for path in paths}
    assert sum(sizes.values()) <= 60_000, sizes


@pytest.mark.parametrize("theme", ["light", "dark"], indirect=True)
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"], indirect=True)
def test_nobody_is_kept_out(page: Page) -> None:
    """axe-core finds nothing: on the start page, among results, and with the player."""
    views = {}
    views["start"] = Axe().run(page)
    search(page, "calm acoustic")
    views["results"] = Axe().run(page)
    page.locator(f"{HITS} .hit").first.click()
    expect(page.locator("#player")).to_be_visible()
    views["player"] = Axe().run(page)
    page.locator(".more").first.click()
    expect(page.get_by_role("dialog").locator(".hits > li")).to_have_count(6)
    views["track"] = Axe().run(page)
    page.goto("/?map=1")
    expect(page.get_by_role("list", name="Tracks in the middle").get_by_role("listitem")).to_have_count(5)
    views["map"] = Axe().run(page)
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


def open_track(page: Page, title: str) -> None:
    page.get_by_role("button", name=re.compile(f"^About {title}")).first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()


def test_a_track_says_what_it_is_and_why_it_was_found(page: Page) -> None:
    search(page, "theodolite")
    open_track(page, "Theodolite")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Why it was found for “theodolite”")).to_be_visible()
    expect(dialog.get_by_role("meter", name="title exactly")).to_have_attribute("value", "1")
    expect(dialog.get_by_role("list", name="Tags").get_by_role("link").first).to_be_visible()
    expect(dialog.locator(".hits > li")).to_have_count(6)


def test_more_like_it_can_be_played_and_looked_at(page: Page) -> None:
    search(page, "theodolite")
    open_track(page, "Theodolite")
    dialog = page.get_by_role("dialog")
    neighbour = dialog.locator(".hits .hit").first
    title = neighbour.inner_text()
    neighbour.click()
    expect(page.locator("#now-title")).to_have_text(title)
    dialog.locator(".hits .more").first.click()
    expect(dialog.get_by_role("heading", name=title, exact=True)).to_be_visible()


def test_a_track_has_an_address(page: Page) -> None:
    search(page, "theodolite")
    open_track(page, "Theodolite")
    expect(page).to_have_url(re.compile(r"\?q=theodolite&track=\d+$"))
    page.reload()
    expect(page.get_by_role("heading", name="Theodolite", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page).to_have_url(re.compile(r"\?q=theodolite$"))
    expect(page.locator(BOX)).to_have_value("theodolite")
    open_track(page, "Theodolite")
    page.go_back()
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_the_view_of_a_track_works_by_keyboard(page: Page) -> None:
    search(page, "theodolite")
    page.keyboard.press("ArrowDown")
    for _ in range(2):
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name=re.compile("^About Theodolite"))).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Theodolite", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name=re.compile("^About Theodolite"))).to_be_focused()


def test_a_tag_of_a_track_is_a_search(page: Page) -> None:
    search(page, "theodolite")
    open_track(page, "Theodolite")
    tag = page.get_by_role("list", name="Tags").get_by_role("link").first
    name = tag.inner_text().removeprefix("#")
    tag.click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator(BOX)).to_have_value(name)


def test_a_track_that_is_gone_says_so(page: Page) -> None:
    page.expected_errors = ["404"]  # type: ignore[attr-defined]  # as above
    page.goto("/?track=999999")
    expect(page.get_by_role("dialog")).to_contain_text("There is no such track.")


def open_map(page: Page) -> None:
    page.get_by_role("button", name="See the library as a map").click()
    expect(page.get_by_role("dialog", name="Map of the library")).to_be_visible()
    expect(page.locator("#map-note")).to_contain_text("28 tracks")


def points(page: Page) -> dict[str, list[int]]:
    found: dict[str, list[int]] = page.request.get("/map").json()
    return found


def on_canvas(page: Page, place: int) -> tuple[float, float]:
    """Where a point of the map is drawn, at first."""
    box = page.locator("#map-canvas").bounding_box()
    assert box is not None
    found, side = points(page), min(box["width"], box["height"]) * 0.92
    return (
        box["width"] / 2 + (found["x"][place] / 65535 - 0.5) * side,
        box["height"] / 2 + (found["y"][place] / 65535 - 0.5) * side,
    )


def test_the_map_names_what_is_pointed_at_and_plays_it(page: Page) -> None:
    open_map(page)
    x, y = on_canvas(page, 3)
    page.locator("#map-canvas").hover(position={"x": x, "y": y})
    track = page.request.get(f"/tracks/{points(page)['ids'][3]}").json()
    expect(page.locator("#map-label")).to_contain_text(track["title"])
    page.locator("#map-canvas").click(position={"x": x, "y": y})
    expect(page.locator("#now-title")).to_have_text(track["title"])


def test_the_map_can_be_used_by_keyboard(page: Page) -> None:
    open_map(page)
    listed = page.get_by_role("list", name="Tracks in the middle").get_by_role("listitem")
    expect(listed).to_have_count(5)
    before = listed.all_inner_texts()
    page.locator("#map-canvas").focus()
    for key in ("+", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    expect(listed.first).not_to_have_text(before[0])
    expect(listed).to_have_count(5)
    page.get_by_role("button", name=re.compile("^Play ")).last.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#player")).to_be_visible()


def test_the_map_has_an_address_and_a_track_opens_on_it(page: Page) -> None:
    open_map(page)
    expect(page).to_have_url(re.compile(r"\?map=1$"))
    page.locator("#map-nearby .more").first.click()
    expect(page).to_have_url(re.compile(r"\?map=1&track=\d+$"))
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Map of the library")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page).to_have_url(re.compile(r"/$"))
    page.goto("/?map=1")
    expect(page.locator("#map-note")).to_contain_text("28 tracks")


def test_a_hundred_thousand_points_are_drawn_at_once(page: Page) -> None:
    """What is asserted is that they are there; no time is."""
    count = 100_000
    many = {
        "ids": list(range(1, count + 1)),
        "x": [(number * 7919) % 65536 for number in range(count)],
        "y": [(number * 104729) % 65536 for number in range(count)],
        "genre": [number % 9 for number in range(count)],
        "genres": [f"genre {number}" for number in range(9)],
        "drawn_at": None,
    }
    page.route("**/map", lambda route: route.fulfill(body=json.dumps(many), content_type="application/json"))
    page.expected_errors = ["404"]  # type: ignore[attr-defined]  # names of tracks that are not there
    page.get_by_role("button", name="See the library as a map").click()
    expect(page.locator("#map-note")).to_contain_text("100,000 tracks")
    expect(page.locator("#map-legend li")).to_have_count(8)
    painted = page.evaluate(
        """() => {
            const canvas = document.getElementById("map-canvas");
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            let found = 0;
            for (let i = 3; i < data.length; i += 4) found += data[i] > 0;
            return found / (canvas.width * canvas.height);
        }"""
    )
    assert painted > 0.2
