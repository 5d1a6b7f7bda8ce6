"""The view of a track."""

import re

from playwright.sync_api import Page, expect

from tests.support.looking import BOX, open_track, search


def test_a_track_says_what_it_is_and_why_it_was_found(page: Page) -> None:
    search(page, "theodolite")
    open_track(page, "Theodolite")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Why it was found for “theodolite”")).to_be_visible()
    expect(dialog.get_by_role("meter", name="title exactly")).to_have_attribute("value", "1")
    expect(dialog.get_by_role("list", name="Tags").get_by_role("link").first).to_be_visible()
    expect(dialog.locator(".hits > .row")).to_have_count(6)


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
    page.locator(BOX).focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_role("heading", name="Theodolite", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(BOX)).to_be_focused()


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
