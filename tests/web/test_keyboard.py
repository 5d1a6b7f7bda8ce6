"""The page by its keys alone."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.looking import BOX, HITS, answered, open_track, search, titles

ACTIVE = ".hit.active"


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    with answered(page, "theodolite"):
        page.keyboard.type("theodolite")
    expect(page.locator(f"{HITS} .hit").first).to_have_text("Theodolite")
    page.keyboard.press("ArrowDown")
    expect(page.locator(ACTIVE)).to_have_text("Theodolite")
    page.keyboard.press("Enter")
    expect(page.locator("#now-title")).to_have_text("Theodolite")
    page.keyboard.press("Escape")
    expect(page.locator(BOX)).to_have_value("")
    expect(page.locator("#examples")).to_be_visible()


def test_the_arrow_keys_move_through_the_grid_while_the_box_keeps_the_focus(page: Page) -> None:
    search(page, "calm acoustic")
    box = page.locator(BOX)
    names = titles(page)
    expect(box).to_have_attribute("aria-expanded", "true")
    assert box.get_attribute("aria-activedescendant") is None

    def chosen() -> str:
        expect(box).to_be_focused()
        expect(box).to_have_attribute("aria-activedescendant", "active-result")
        expect(page.locator("[aria-selected=true]")).to_have_count(1)
        return page.locator("#active-result").inner_text()

    for key, name in [("ArrowDown", 0), ("ArrowDown", 1), ("ArrowUp", 0), ("End", -1), ("Home", 0)]:
        page.keyboard.press(key)
        assert chosen() == names[name], key
    page.keyboard.press("ArrowUp")
    assert box.get_attribute("aria-activedescendant") is None, "above the first row is the box"
    page.keyboard.press("ArrowUp")
    assert chosen() == names[-1]
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(page.locator("#active-result")).to_have_attribute("aria-label", re.compile("^About "))
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    assert chosen() == names[-1]


def test_home_and_end_are_the_boxs_own_where_no_row_is_chosen(page: Page) -> None:
    search(page, "calm acoustic")
    page.keyboard.press("Home")
    assert page.locator(BOX).evaluate("(box) => box.selectionStart") == 0
    page.keyboard.press("End")
    assert page.locator(BOX).evaluate("(box) => box.selectionStart") == len("calm acoustic")


def test_typing_leaves_the_grid(page: Page) -> None:
    search(page, "calm acoustic")
    page.keyboard.press("ArrowDown")
    expect(page.locator(ACTIVE)).to_be_visible()
    page.keyboard.type(" guitar")
    expect(page.locator(ACTIVE)).to_have_count(0)
    expect(page.locator(BOX)).to_have_value("calm acoustic guitar")


@pytest.mark.parametrize("keys", ["Control+k", "Meta+k", "/"])
def test_the_search_comes_in_front_of_what_is_looked_at(page: Page, keys: str) -> None:
    search(page, "theodolite")
    open_track(page, "Theodolite")
    page.keyboard.press(keys)
    overlay = page.get_by_role("dialog", name="Search")
    expect(overlay).to_be_visible()
    expect(page.locator(BOX)).to_be_focused()
    with answered(page, "calm acoustic"):
        page.keyboard.type("calm acoustic")
    expect(overlay.locator(".badges .sound").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#now-title")).to_have_text(titles(page)[0])
    page.keyboard.press("Escape")
    expect(overlay).to_be_hidden()
    expect(page.get_by_role("dialog")).to_be_visible()


def test_the_overlay_closes_to_where_it_came_from(page: Page) -> None:
    page.keyboard.press("Control+k")
    with answered(page, "theodolite"):
        page.keyboard.type("theodolite")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator("#home #box")).to_be_focused()
    expect(page.locator(BOX)).to_have_value("theodolite")
    expect(page.locator(f"{HITS} .hit").first).to_have_text("Theodolite")


def test_a_track_opens_in_front_of_the_overlay(page: Page) -> None:
    page.keyboard.press("Control+k")
    search(page, "theodolite")
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_role("heading", name="Theodolite", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator(BOX)).to_have_value("theodolite")


def test_space_pauses_and_writes(page: Page) -> None:
    search(page, "theodolite")
    page.locator(f"{HITS} .hit").first.click()
    toggle = page.locator("#toggle")
    expect(toggle).to_have_attribute("aria-label", "Pause")
    page.get_by_role("heading", name="vibe-search").click()
    page.keyboard.press("Space")
    expect(toggle).to_have_attribute("aria-label", "Play")
    page.keyboard.press("Space")
    expect(toggle).to_have_attribute("aria-label", "Pause")
    page.locator(BOX).focus()
    page.keyboard.press("Space")
    expect(toggle).to_have_attribute("aria-label", "Pause")
    expect(page.locator(BOX)).to_have_value("theodolite ")
