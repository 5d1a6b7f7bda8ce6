"""Forms that are made to cost much, or that are none: refused in words, with nothing kept of them."""

import asyncio
import json
import socket
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from app.auth import Scope
from app.http.application import create_api
from app.providers import Providers
from app.settings import Settings
from services.audio_store import LocalAudioStore
from tests.app.conftest import Issue, bearer, open_client
from tests.support.catalogue import Catalogue
from tests.support.serving import serving

FORM = "multipart/form-data; boundary=b"
MEGABYTE = 2**20


def part(name: str, content: bytes = b"x", *, more: str = "") -> bytes:
    return f'--b\r\ncontent-disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"


def form(*parts: bytes, end: bytes = b"--b--\r\n") -> bytes:
    return b"".join(parts) + end


BODIES: dict[str, tuple[int, str, bytes]] = {
    "20,000 fields": (400, FORM, form(*[part(f"f{number}") for number in range(20_000)])),
    "20,000 fields of one name": (400, FORM, form(*[part("title")] * 20_000)),
    "5,000 files": (400, FORM, form(*[part("file", more='; filename="a.mp3"')] * 5_000)),
    "a field of 8 MB": (400, FORM, form(part("title", b"x" * 8 * MEGABYTE))),
    "a field's name of 8 MB": (400, FORM, form(part("t" * 8 * MEGABYTE))),
    "a header of 8 MB": (400, FORM, b"--b\r\nx-long: " + b"y" * 8 * MEGABYTE + b"\r\n\r\nx\r\n--b--\r\n"),
    "100,000 headers": (400, FORM, b"--b\r\n" + b"x-many: y\r\n" * 100_000 + b"\r\nx\r\n--b--\r\n"),
    "a header without an end": (422, FORM, b"--b\r\ncontent-disposition: form-data; name="),
    "a part without an end": (422, FORM, form(part("title"), end=b"")),
    "almost the boundary, again and again": (400, FORM, form(part("title", b"\r\n--" * (2 * MEGABYTE)))),
    "no boundary announced": (400, "multipart/form-data", form(part("title"))),
    "another boundary": (400, "multipart/form-data; boundary=c", form(part("title"))),
    "a boundary of 100 kB": (400, f"multipart/form-data; boundary={'b' * 100_000}", form(part("title"))),
    "a charset that is none": (422, "multipart/form-data; boundary=b; charset=nonsense", form(part("title"))),
    "a charset of another kind": (422, "multipart/form-data; boundary=b; charset=base64", form(part("title"))),
    "nothing": (422, FORM, b""),
    "only the end": (422, FORM, form()),
    "100,000 fields, encoded as in an address": (400, "application/x-www-form-urlencoded", b"a=b&" * 100_000),
    "a field of 8 MB, encoded as in an address": (
        400,
        "application/x-www-form-urlencoded",
        b"title=" + b"x" * 8 * MEGABYTE,
    ),
}
"""The status, for what is refused unread is not to be taken for what only lacks a field; content type and body."""


@pytest.mark.parametrize("body", BODIES)
def test_it_is_refused_in_words(
    settings: Settings, providers: Providers, issue: Issue, catalogue: Catalogue, tmp_path: Path, body: str
) -> None:
    store = LocalAudioStore(tmp_path / "audio")
    status, kind, content = BODIES[body]
    headers = {"content-type": kind} | bearer(issue(catalogue.artist(), Scope.UPLOAD))

    async def steps() -> list[httpx2.Response]:
        async with open_client(settings, replace(providers, audio_store=store)) as client:
            return [
                await client.post(path, content=content, headers=headers) for path in ("/tracks", "/search/by-audio")
            ]

    for response in asyncio.run(steps()):
        assert response.status_code == status
        assert response.json()["detail"]
    assert list(store.files()) == []
    assert catalogue.connection.execute("select from tracks").fetchall() == []


def test_an_upload_that_comes_too_slowly_is_given_up(settings: Settings, providers: Providers) -> None:
    """In words, over a real connection, with nothing kept of it."""
    impatient = settings.model_copy(update={"http_body_bytes_per_second": 10**9, "http_body_seconds": 0.2})
    head = f"POST /search/by-audio HTTP/1.1\r\nhost: test\r\ncontent-type: {FORM}\r\ncontent-length: 1000\r\n\r\n"
    with serving(create_api(str(settings.database_url), impatient, providers)) as address:
        host, _, port = address.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=60) as client:
            client.sendall(head.encode() + part("file", more='; filename="a.mp3"'))
            received = b""
            while piece := client.recv(65536):
                received += piece
    status, body = received.split(b"\r\n", 1)[0], received.rpartition(b"\r\n\r\n")[2]
    assert status.startswith(b"HTTP/1.1 408")
    assert json.loads(body)["detail"].startswith(
        "the request's body comes in more slowly than 1000000000 bytes a second"
    )
