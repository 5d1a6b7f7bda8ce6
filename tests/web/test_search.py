"""Searching by typing."""

import json
import re
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, Route, expect

from tests.support.looking import BOX, HITS, answer, search, titles


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
    names = [row.get_attribute("data-name") for row in page.locator(".row[data-file]").all()]
    assert len(names) == len(set(names)) > 3


def test_one_request_for_a_pause_of_typing(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/search/" in request.url else None)
    page.locator(BOX).focus()
    page.clock.install()
    page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))
    for letter in "theodolite":
        page.clock.run_for(149)
        page.keyboard.press(letter)
    page.clock.run_for(149)
    assert asked == []
    with page.expect_response(re.compile(r"/search/\?")):
        page.clock.run_for(1)
    page.clock.run_for(1000)
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


def test_what_found_nothing_is_searched_for_with_fewer_words(page: Page) -> None:
    """The words that find something by themselves are named; so are the examples."""
    body = answer(query="zzyzx theodolite")
    page.route(
        re.compile(r"q=zzyzx\+theodolite"), lambda route: route.fulfill(body=body, content_type="application/json")
    )
    search(page, "zzyzx theodolite")
    expect(page.locator("#results h2")).to_have_text(["Fewer words find something"])
    expect(page.locator(HITS)).to_have_count(1)
    expect(page.locator(HITS)).to_contain_text("as in Theodolite")
    expect(page.locator("#examples")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(BOX)).to_have_value("theodolite")
    expect(page.locator("#examples")).to_be_hidden()


def test_both_ways_of_matching_are_shown(page: Page) -> None:
    body = json.loads(answer("Calm Acoustic"))
    body["results"][0] |= {"matched": ["title", "sound"], "similarity": 0.41, "confidence": 0.87}
    page.route(
        re.compile(r"/search/\?"), lambda route: route.fulfill(body=json.dumps(body), content_type="application/json")
    )
    search(page, "calm acoustic")
    expect(page.locator(".badges span")).to_have_text(["title", "sounds like 87 %"])


def test_recent_searches_are_kept_here(page: Page) -> None:
    """Those that led somewhere; what was merely typed is not."""
    search(page, "calm acoustic")
    search(page, "theodolite")
    page.locator(f"{HITS} .hit").first.click()
    search(page, "ottol")
    page.keyboard.press("Enter")
    page.locator(BOX).fill("")
    expect(page.locator("#results h2")).to_have_text(["Recent searches"])
    expect(page.locator(f"{HITS} .hit")).to_have_text(["ottol", "theodolite"])
    page.reload()
    expect(page.locator(f"{HITS} .hit")).to_have_text(["ottol", "theodolite"])
    page.get_by_role("button", name="Forget ottol").click()
    expect(page.locator(f"{HITS} .hit")).to_have_text(["theodolite"])
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator(f"{HITS} .hit").first).to_have_text("Theodolite")
    expect(page.locator(BOX)).to_have_value("theodolite")


def test_what_the_browser_keeps_may_be_anything(page: Page) -> None:
    page.evaluate("localStorage.setItem('vibe-search.recent', '{\"not\": [\"a list\"')")
    page.reload()
    search(page, "theodolite")
    page.locator(f"{HITS} .hit").first.click()
    page.locator(BOX).fill("")
    expect(page.locator(f"{HITS} .hit")).to_have_text(["theodolite"])


def test_a_browser_that_keeps_nothing_can_search(page: Page) -> None:
    """As when its user forbids pages to store anything."""
    page.add_init_script(
        """for (const name of ["localStorage", "sessionStorage"]) {
            Object.defineProperty(window, name, { get() { throw new DOMException("no", "SecurityError"); } });
        }"""
    )
    page.reload()
    search(page, "theodolite")
    page.locator(f"{HITS} .hit").first.click()
    expect(page.locator("#now-title")).to_have_text("Theodolite")
