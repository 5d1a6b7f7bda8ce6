"""The map of the library."""

import json
import re

from playwright.sync_api import Page, expect


def open_map(page: Page) -> None:
    page.get_by_role("button", name="Map").click()
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


def test_nothing_moves_when_the_list_or_the_player_appears(page: Page) -> None:
    open_map(page)
    before = page.locator("#map-canvas").bounding_box()
    listed = page.get_by_role("list", name="Tracks in the middle").get_by_role("listitem")
    expect(listed).to_have_count(5)
    assert page.locator("#map-canvas").bounding_box() == before
    listed.first.get_by_role("button").first.click()
    expect(page.locator("#player")).to_be_visible()
    page.locator("#map").evaluate("dialog => dialog.scrollTo(0, 0)")
    assert page.locator("#map-canvas").bounding_box() == before


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
    middle = page.get_by_role("list", name="Tracks in the middle")
    listed = middle.get_by_role("listitem")
    expect(listed).to_have_count(5)
    before = listed.all_inner_texts()
    page.locator("#map-canvas").focus()
    for key in ("+", "ArrowRight", "ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    expect(listed.first).not_to_have_text(before[0])
    expect(middle).to_have_attribute("aria-busy", "false")
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
    page.get_by_role("button", name="Map").click()
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
