"""Uploading a track, until it is found."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from app.database import connect
from tests.support.looking import BOX, search, titles
from tests.support.recordings import encode, read_stereo
from tests.web.conftest import Site

TITLE = "Zither on the Quay"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Twelve seconds of a real recording, as a file that the library does not have."""
    path = tmp_path / "Zither_on_the_Quay.flac"
    path.write_bytes(encode(read_stereo("calm_acoustic_s411", 44_100)[:, : 12 * 44_100], "flac"))
    return path


@pytest.fixture
def form(page: Page, site: Site) -> Iterator[Page]:
    """The form for an upload, opened by whoever holds a token."""
    page.get_by_role("button", name="Upload", exact=True).click()
    page.get_by_label("Token with the scope “upload”").fill(site.token())
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#upload-as")).to_contain_text("As ")
    yield page
    with connect(site.database) as connection:
        connection.execute("delete from tracks where title = %s", [TITLE])
        connection.commit()


def chips(page: Page, name: str) -> list[str]:
    return page.get_by_role("list", name=name, exact=True).get_by_role("button").all_inner_texts()


def test_an_upload_is_watched_until_it_is_found(form: Page, site: Site, recording: Path) -> None:
    page = form
    page.locator("#upload-file").set_input_files(recording)
    expect(page.get_by_label("Title")).to_have_value(TITLE)
    page.get_by_label("Tags, with commas").fill("Harbour, ")
    assert chips(page, "Tags") == ["harbour ✕"]
    page.get_by_label("Add the genres that are heard as tags").check()
    page.locator("#upload-send").click()
    expect(page.locator("#upload-state")).to_have_text("Being processed …")
    steps = page.locator("#upload-steps li")
    expect(steps).to_have_text(["Is found by its name", "Waits to be listened to", "Waits for its genres"])
    site.drain()
    expect(page.locator("#upload-state")).to_have_text("Searchable by name and by sound")
    expect(steps).to_have_text(["Is found by its name", "Is found by its sound", "Its genres are named"])
    tags = [text.removesuffix(" ✕") for text in chips(page, "Tags")]
    assert tags[0] == "harbour"
    assert len(tags) > 1, "the genres that were heard are tags"
    page.get_by_role("button", name="Look at it").click()
    shown = page.get_by_role("dialog", name=TITLE).get_by_role("list", name="Tags", exact=True).get_by_role("link")
    expect(shown).to_have_text([f"#{tag}" for tag in sorted(tags)])
    expect(page.get_by_role("dialog", name=TITLE).locator(".hits > .row")).not_to_have_count(0)
    page.goto("/")
    search(page, "zither on the quay")
    assert titles(page)[0] == TITLE
    page.locator("#clip").set_input_files(recording)
    expect(page.locator("#results h2")).to_contain_text("Sounds like")
    assert titles(page)[0] == TITLE


def test_the_view_of_a_track_follows_its_processing(form: Page, site: Site, recording: Path) -> None:
    form.locator("#upload-file").set_input_files(recording)
    form.locator("#upload-send").click()
    form.get_by_role("button", name="Look at it").click()
    view = form.locator("#track")
    expect(view.get_by_role("status")).to_have_text("waiting to be listened to")
    expect(view.locator(".hits > .row")).to_have_count(0)
    site.drain()
    expect(view.locator(".hits > .row")).not_to_have_count(0)
    expect(view.get_by_role("status")).to_have_text("")


def test_genres_that_were_heard_are_suggested(form: Page, site: Site, recording: Path) -> None:
    page = form
    page.locator("#upload-file").set_input_files(recording)
    page.locator("#upload-send").click()
    expect(page.locator("#upload-state")).to_have_text("Being processed …")
    site.drain()
    offered = page.get_by_role("list", name="Suggested tags").get_by_role("button")
    expect(offered).not_to_have_count(0)
    names = [text.removeprefix("+ ") for text in offered.all_inner_texts()]
    assert len(names) > 1
    assert offered.first.evaluate("(chip) => getComputedStyle(chip).borderTopStyle") == "dashed"

    with page.expect_response(re.compile(r"/tracks/\d+$")) as changed:
        offered.first.click()
    assert changed.value.json()["tags"] == [names[0]]
    assert chips(page, "Tags") == [f"{names[0]} ✕"]
    assert f"+ {names[0]}" not in chips(page, "Suggested tags")

    page.get_by_label("Tags, with commas").press_sequentially(names[1].upper())
    assert f"+ {names[1]}" not in chips(page, "Suggested tags"), "what is typed by hand is not suggested any more"
    with page.expect_response(re.compile(r"/tracks/\d+$")) as changed:
        page.keyboard.press("Enter")
    assert changed.value.json()["tags"] == sorted(names[:2])

    with page.expect_response(re.compile(r"/tracks/\d+$")):
        page.get_by_role("button", name=f"Remove {names[0]}").click()
    assert f"+ {names[0]}" in chips(page, "Suggested tags"), "what was taken away may be wanted again"


def test_tags_of_the_library_are_suggested_while_typing(form: Page) -> None:
    form.get_by_label("Tags, with commas").press_sequentially("cartog")
    offered = form.get_by_role("list", name="Suggested tags").get_by_role("button")
    expect(offered.first).to_have_text("+ cartography")
    offered.first.click()
    assert chips(form, "Tags") == ["cartography ✕"]
    expect(form.get_by_label("Tags, with commas")).to_have_value("")


def test_what_is_no_recording_is_refused_in_words(form: Page, tmp_path: Path) -> None:
    form.expected_errors = ["422"]  # type: ignore[attr-defined]  # read by the fixture
    path = tmp_path / "notes.mp3"
    path.write_text("these are words")
    form.locator("#upload-file").set_input_files(path)
    form.locator("#upload-send").click()
    expect(form.locator("#upload-problem")).to_contain_text("Not uploaded: ")
    expect(form.get_by_label("Title")).to_have_value("notes")


def test_a_recording_that_cannot_be_heard_says_why(form: Page, site: Site, recording: Path) -> None:
    """It passes the door; what is wrong is found later."""
    form.locator("#upload-file").set_input_files(recording)
    form.locator("#upload-send").click()
    expect(form.locator("#upload-state")).to_have_text("Being processed …")
    with connect(site.database) as connection:
        row = connection.execute("select file_id from tracks where title = %s", [TITLE]).fetchone()
    assert row is not None
    [path] = site.settings.audio_dir.glob(f"*/{row[0]}.*")
    path.write_bytes(path.read_bytes()[:100])
    site.drain()
    expect(form.locator("#upload-steps .failed").first).to_contain_text("Could not be listened to: ")
    form.get_by_role("button", name="Look at it").click()
    expect(form.locator("#track").get_by_role("status")).to_contain_text("could not be listened to: ")


def test_a_file_can_be_dropped(form: Page) -> None:
    form.evaluate(
        """() => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(9)], "A_Song.mp3"));
            const zone = document.getElementById("upload-zone");
            zone.dispatchEvent(new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: transfer }));
        }"""
    )
    expect(form.locator("#upload-name")).to_have_text("A_Song.mp3")
    expect(form.get_by_label("Title")).to_have_value("A Song")


def test_progress_is_shown(form: Page, recording: Path) -> None:
    form.locator("#upload-file").set_input_files(recording)
    kept: list[Route] = []
    form.route("**/tracks", lambda route: kept.append(route))  # noqa: PLW0108 - Playwright writes to the function
    form.locator("#upload-send").click()
    expect(form.get_by_role("progressbar", name="Uploaded")).to_be_visible()
    expect(form.locator("#upload-send")).to_be_disabled()


def test_a_token_that_is_not_valid_is_refused(page: Page) -> None:
    page.expected_errors = ["401"]  # type: ignore[attr-defined]  # as above
    page.goto("/?upload=1")
    page.get_by_label("Token with the scope “upload”").fill("vs_0123456789ab_nobody")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#token-problem")).to_have_text("This token is not valid.")
    expect(page.locator("#upload-form")).to_be_hidden()


def test_a_server_that_is_gone_says_so(form: Page, recording: Path) -> None:
    form.expected_errors = ["net::ERR_FAILED"]  # type: ignore[attr-defined]  # as above
    form.locator("#upload-file").set_input_files(recording)
    form.route("**/tracks", lambda route: route.abort())
    form.locator("#upload-send").click()
    expect(form.locator("#upload-problem")).to_contain_text("The server cannot be reached")
    form.keyboard.press("Escape")
    expect(form.locator(BOX)).to_be_visible()
