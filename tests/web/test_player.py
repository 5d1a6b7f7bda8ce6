"""Playing."""

import re

from playwright.sync_api import Page, expect

from tests.support.looking import HITS, open_track, search


def test_playing_goes_on_while_searching(page: Page) -> None:
    search(page, "theodolite")
    page.locator(f"{HITS} .hit").first.click()
    expect(page.locator("#clock")).to_contain_text(re.compile(r"^0:0[1-9] / 0:\d\d$"))
    search(page, "calm")
    assert page.evaluate("!document.getElementById('audio').paused")
    expect(page.locator("#toggle")).to_have_attribute("aria-label", "Pause")


def test_the_position_can_be_moved(page: Page) -> None:
    search(page, "theodolite")
    page.locator(f"{HITS} .hit").first.click()
    position = page.get_by_role("slider", name="Position")
    expect(position).to_be_enabled()
    position.fill("20")
    expect(page.locator("#clock")).to_contain_text(re.compile(r"^0:2\d / "))
    assert page.evaluate("document.getElementById('audio').currentTime") >= 20
    expect(position).to_have_attribute("aria-valuetext", re.compile(r"^0:2\d of 0:\d\d$"))


def test_the_player_can_be_used_in_front_of_a_view(page: Page) -> None:
    """What lies behind a modal dialog cannot."""
    search(page, "theodolite")
    page.locator(f"{HITS} .hit").first.click()
    open_track(page, "Theodolite")
    page.locator("#toggle").click()
    expect(page.locator("#toggle")).to_have_attribute("aria-label", "Play")
    page.locator("#toggle").click()
    expect(page.locator("#toggle")).to_have_attribute("aria-label", "Pause")
    page.keyboard.press("Escape")
    expect(page.locator("body > #player")).to_be_visible()
    assert page.evaluate("!document.getElementById('audio').paused")


def test_audio_that_is_gone_says_so(page: Page) -> None:
    page.expected_errors = ["404"]  # type: ignore[attr-defined]  # read by the fixture
    page.route("**/audio/*", lambda route: route.fulfill(status=404))
    search(page, "theodolite")
    page.locator(f"{HITS} .hit").first.click()
    expect(page.locator("#status")).to_have_text("“Theodolite” cannot be played")
