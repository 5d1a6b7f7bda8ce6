"""Clients that hang up while their audio is decoded."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from app.auth import IssuedToken, Scope
from app.http.application import create_api
from app.providers import Providers
from app.settings import Settings
from tests.support.catalogue import Catalogue
from tests.support.decoders import STUCK, decoding_by, running_decoders, wait_until
from tests.support.recordings import excerpt
from tests.support.serving import serving

BOUNDARY = "a-boundary"


def body(field: str, fields: dict[str, str]) -> bytes:
    """A form with a recording."""
    parts = [
        f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in fields.items()
    ]
    head = f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{field}"; filename="a.opus"\r\n\r\n'
    return b"".join(
        [*parts, head.encode(), excerpt("calm_acoustic_1").read_bytes(), f"\r\n--{BOUNDARY}--\r\n".encode()]
    )


@contextmanager
def asking(address: str, path: str, token: str, content: bytes) -> Iterator[None]:
    """A client that has sent a request, and that hangs up at the end."""
    host, _, port = address.removeprefix("http://").partition(":")
    head = (
        f"POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\ncontent-length: {len(content)}\r\n"
        f"content-type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    )
    with socket.create_connection((host, int(port))) as client:
        client.sendall(head.encode() + content)
        yield


@pytest.mark.parametrize(
    ("path", "content"),
    [("/search/by-audio", body("file", {})), ("/tracks", body("audio", {"title": "Gone"}))],
    ids=["clip", "upload"],
)
def test_the_decoder_of_a_client_that_hangs_up_is_ended(
    settings: Settings,
    providers: Providers,
    catalogue: Catalogue,
    issue: Callable[..., IssuedToken],
    path: str,
    content: bytes,
) -> None:
    token = issue(catalogue.artist("anna.example", "Anna"), Scope.UPLOAD).token
    patient = settings.model_copy(update={"clip_deadline_seconds": 300.0})
    api = create_api(str(settings.database_url), patient, providers)
    with decoding_by(STUCK), serving(api) as address:
        with asking(address, path, token, content):
            wait_until(lambda: bool(running_decoders(STUCK)))
        wait_until(lambda: not running_decoders(STUCK))
    assert not [path for path in settings.audio_dir.rglob("*") if path.is_file()]
