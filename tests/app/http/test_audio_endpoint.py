"""GET /audio/{file_id}."""

import io
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.providers import Providers
from tests.app.conftest import Issue, bearer
from tests.support.catalogue import Catalogue

Get = Callable[..., httpx2.Response]
ROOT = Path(__file__).resolve().parents[3]
CONTENT = bytes(range(256)) * 8


@pytest.fixture
def file_id(providers: Providers) -> str:
    return providers.audio_store.put(io.BytesIO(CONTENT), "opus").file_id


def test_whole_file(get: Get, catalogue: Catalogue, file_id: str) -> None:
    catalogue.track("Played", file_id=file_id, file_type="opus")
    response = get(f"/audio/{file_id}")
    assert (response.status_code, response.content) == (200, CONTENT)
    assert response.headers["content-type"] == "audio/ogg"
    assert response.headers["accept-ranges"] == "bytes"
    assert response.headers["x-content-type-options"] == "nosniff"


def test_head(with_client: Callable[..., Any], catalogue: Catalogue, file_id: str) -> None:
    catalogue.track("Played", file_id=file_id, file_type="opus")

    async def steps(client: httpx2.AsyncClient) -> list[httpx2.Response]:
        return [await client.head(f"/audio/{file_id}"), await client.head("/")]

    audio, page = with_client(steps)
    assert (audio.status_code, audio.headers["content-length"], audio.content) == (200, str(len(CONTENT)), b"")
    assert page.status_code == 200


@pytest.mark.parametrize(
    ("asked", "status", "content"),
    [("bytes=0-9", 206, CONTENT[:10]), ("bytes=2000-", 206, CONTENT[2000:]), ("bytes=-5", 206, CONTENT[-5:]),
     ("bytes=99999-", 416, None)],
)  # fmt: skip
def test_ranges(get: Get, catalogue: Catalogue, file_id: str, asked: str, status: int, content: bytes | None) -> None:
    catalogue.track("Played", file_id=file_id, file_type="opus")
    response = get(f"/audio/{file_id}", headers={"range": asked})
    assert response.status_code == status
    if content is not None:
        assert response.content == content


def shared_audio() -> list[tuple[str, ...]]:
    """The table of tracks that have the same audio."""
    lines = (ROOT / "docs" / "reference" / "authorisation.md").read_text(encoding="utf-8").splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("| First track |"))
    body = itertools.takewhile(lambda line: line.startswith("|"), lines[first + 2 :])
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in body]


@pytest.mark.parametrize("row", shared_audio(), ids=" ".join)
def test_tracks_that_share_audio(
    with_client: Callable[..., Any], catalogue: Catalogue, issue: Issue, file_id: str, row: tuple[str, ...]
) -> None:
    visibility, (whose, other), uploaders, *statuses = row[0], row[1].rsplit(" ", 1), *row[2:]
    one, another = catalogue.artist("one.example"), catalogue.artist("another.example")
    if uploaders != "neither":
        register(catalogue, file_id)
    tracks = [catalogue.track("First", artist=one, file_id=file_id, file_type="opus", visibility=visibility)]
    artist = another if whose == "another's" else one
    tracks.append(catalogue.track("Second", artist=artist, file_id=file_id, file_type="opus", visibility=other))
    for track in tracks[: {"neither": 0, "the first": 1, "both": 2}[uploaders]]:
        catalogue.connection.execute("select search_internal.note_audio_upload(%s)", [track])

    asking = [{}, bearer(issue(one)), bearer(issue(another))]

    async def steps(client: httpx2.AsyncClient) -> list[str]:
        return [str((await client.get(f"/audio/{file_id}", headers=headers)).status_code) for headers in asking]

    assert with_client(steps) == statuses


def register(catalogue: Catalogue, file_id: str) -> None:
    """As an upload does before it stores a file."""
    catalogue.connection.execute("insert into search.stored_audio (file_id, file_type) values (%s, 'opus')", [file_id])


def test_an_artist_whose_track_was_there_before_any_upload_keeps_their_audio(
    get: Get, catalogue: Catalogue, issue: Issue, file_id: str
) -> None:
    """As in an adopted catalogue, where another artist later uploads the same recording here."""
    one, another = catalogue.artist("one.example"), catalogue.artist("another.example")
    catalogue.track("First", artist=one, file_id=file_id, file_type="opus", visibility="private")
    register(catalogue, file_id)
    second = catalogue.track("Second", artist=another, file_id=file_id, file_type="opus", visibility="private")
    catalogue.connection.execute("select search_internal.note_audio_upload(%s)", [second])
    assert get(f"/audio/{file_id}", headers=bearer(issue(one))).status_code == 200
    assert get(f"/audio/{file_id}", headers=bearer(issue(another))).status_code == 200
    assert get(f"/audio/{file_id}").status_code == 404


@pytest.mark.parametrize("visibility", ["private", "supporters"])
def test_audio_that_not_everybody_may_play_looks_absent(
    get: Get, catalogue: Catalogue, file_id: str, visibility: str
) -> None:
    catalogue.track("Kept Back", file_id=file_id, file_type="opus", visibility=visibility)
    assert get(f"/audio/{file_id}").status_code == 404
    catalogue.track("Also Public", file_id=file_id, file_type="opus")
    assert get(f"/audio/{file_id}").status_code == 200


def test_unknown_and_missing_audio(get: Get, catalogue: Catalogue) -> None:
    assert get("/audio/0123abcd").status_code == 404
    catalogue.track("File Lost", file_id="0123abcd", file_type="opus")
    assert get("/audio/0123abcd").json() == {"detail": "the audio file is missing from the store"}


@pytest.mark.parametrize("path", ["/audio/..%2F..%2Fetc%2Fpasswd", "/audio/a.b", "/audio/%00", "/audio/" + "a" * 129])
def test_odd_ids_are_refused(get: Get, path: str) -> None:
    assert get(path).status_code in {404, 422}
