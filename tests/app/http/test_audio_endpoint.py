"""GET /audio/{file_id}."""

import io
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from app.providers import Providers
from tests.support.catalogue import Catalogue

Get = Callable[..., httpx2.Response]
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
