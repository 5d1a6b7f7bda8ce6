"""Searching by a clip, and by what the microphone hears."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pgvector import HalfVector
from playwright.sync_api import Page, expect

from app.database import connect
from app.measure.sample import load_library
from tests.support.looking import BOX, HITS, search, titles
from tests.support.recordings import sample
from tests.web.conftest import HEARD, Site

DROP = """([bytes, name]) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([new Uint8Array(bytes)], name));
    for (const type of ["dragover", "drop"]) {
        const box = document.getElementById("box");
        box.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: transfer }));
    }
}"""


@pytest.fixture
def title(site: Site) -> Iterator[str]:
    """Of the recording that is heard; its vector is its sound's own for once."""
    title = next(track.title for track in load_library().tracks if Path(track.file).stem == HEARD)
    with connect(site.database) as connection:
        connection.autocommit = True
        where = "where track_id = (select id from tracks where title = %s)"
        before = connection.execute(
            f"select embedding::text from search.embeddings {where}".encode(), [title]
        ).fetchone()
        with sample(HEARD).open("rb") as audio:
            vector = HalfVector(site.providers.embedding.embed_audio(audio)).to_text()
        change = f"update search.embeddings set embedding = %s::halfvec {where}".encode()
        connection.execute(change, [vector, title])
        yield title
        assert before is not None
        connection.execute(change, [before[0], title])


def test_a_clip_that_is_dropped_on_the_box_is_searched_by(page: Page, title: str) -> None:
    search(page, "calm")
    page.evaluate(DROP, [list(sample(HEARD).read_bytes()), "mine.opus"])
    expect(page.locator("#results h2")).to_have_text(["Sounds like “mine.opus”"])
    assert titles(page)[0] == title
    expect(page.locator(HITS).first).to_contain_text("same recording")
    expect(page.locator(BOX)).to_have_value("")
    expect(page).to_have_url(re.compile("/$"))
    page.go_back()
    expect(page.locator(BOX)).to_have_value("calm")
    expect(page.locator("#results h2").first).not_to_contain_text("mine.opus")


def test_a_clip_can_be_chosen_by_keyboard(page: Page, title: str) -> None:
    # long before the dialog comes: Chromium is told in the background who answers it
    page.on("filechooser", lambda chooser: chooser.set_files(sample(HEARD)))
    page.locator(BOX).focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Choose a clip, and search by it")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(f"{HITS} .hit").first).to_have_text(title)


def test_what_is_no_clip_is_refused_in_words(page: Page) -> None:
    page.expected_errors = ["422"]  # type: ignore[attr-defined]  # read by the fixture
    page.evaluate(DROP, [[1, 2, 3], "notes.txt"])
    expect(page.locator("#status")).to_contain_text("“notes.txt” cannot be searched by: ")
    expect(page.locator("#status")).to_have_class(re.compile("problem"))


def test_what_the_microphone_hears_is_searched_by(page: Page, title: str) -> None:
    record = page.get_by_role("button", name="Record ten seconds, and search by them")
    record.click()
    expect(page.locator("#status")).to_contain_text(re.compile(r"^Recording: \d+ s$"))
    stop = page.get_by_role("button", name="Stop recording, and search")
    expect(stop).to_have_attribute("aria-pressed", "true")
    page.wait_for_timeout(4000)
    stop.click()
    expect(page.locator("#results h2")).to_have_text(["Sounds like the recording"], timeout=20_000)
    assert title in titles(page)[:3]
    expect(record).to_be_visible()


def test_a_microphone_that_is_refused_says_so(page: Page) -> None:
    page.context.clear_permissions()
    page.get_by_role("button", name="Record ten seconds, and search by them").click()
    expect(page.locator("#status")).to_contain_text("The microphone cannot be used")
