"""What can happen between a store and its server: here one that answers as a test wants."""

import io
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from botocore.auth import S3SigV4QueryAuth  # type: ignore[import-untyped]  # its stubs are a package of their own
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]  # as above
from botocore.credentials import Credentials  # type: ignore[import-untyped]  # as above
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from services.audio_store import (
    AudioStore,
    AudioStoreError,
    Bucket,
    PublicAddress,
    PublicAudioStore,
    ReadOnlyStoreError,
    S3AudioStore,
    StoreRefusedError,
    StoreUnavailableError,
)
from tests.services.audio_store.conftest import uses
from tests.support.serving import serving

CONTENT = bytes(range(256)) * 100


@dataclass
class Moody:
    """A server that answers what a test wants.

    Attributes:
        failures: How many requests it still answers with 503.
        answers: What GET and HEAD are answered with.
        seen: Methods and paths of the requests.
    """

    failures: int = 0
    answers: Callable[[Request], Response] = field(default=lambda _: Response(status_code=404))
    seen: list[str] = field(default_factory=list)

    def create(self) -> FastAPI:
        """The application."""
        api = FastAPI()

        @api.api_route("/{path:path}", methods=["GET", "HEAD", "PUT", "POST", "DELETE"])
        def answer(request: Request) -> Response:
            self.seen.append(f"{request.method} {request.url.path}")
            if self.failures:
                self.failures -= 1
                return Response(status_code=503)
            return self.answers(request)

        return api


def give_content(request: Request) -> Response:
    """As a bucket does that holds CONTENT under each name."""
    if request.method == "HEAD":
        return Response(headers={"content-length": str(len(CONTENT))})
    start, end = (int(place) for place in request.headers["range"].removeprefix("bytes=").split("-"))
    headers = {"content-range": f"bytes {start}-{end}/{len(CONTENT)}"}
    return Response(CONTENT[start : end + 1], status_code=206, headers=headers)


@pytest.fixture
def moody() -> Moody:
    return Moody()


@pytest.fixture(params=["s3", "public"])
def asking(request: pytest.FixtureRequest, moody: Moody) -> Iterator[S3AudioStore | PublicAudioStore]:
    """A store that asks the moody server, three times at most."""
    with serving(moody.create()) as server:
        public = PublicAddress.parse(server)
        with closing(
            PublicAudioStore(public, attempts=3)
            if request.param == "public"
            else S3AudioStore(Bucket(server, "songs", "auto", "key-id", "secret"), attempts=3)
        ) as store:
            yield store


def test_a_failure_that_passes_is_not_noticed(asking: AudioStore, moody: Moody) -> None:
    moody.failures, moody.answers = 2, give_content
    assert asking.locate("abc", "mp3").size == len(CONTENT)
    audio = asking.open("abc", "mp3")
    moody.failures = 2
    assert audio.read() == CONTENT


def test_a_failure_that_stays_is_reported_after_three_attempts(asking: AudioStore, moody: Moody) -> None:
    moody.failures = 1000
    for use in [asking.locate, asking.open]:
        moody.seen.clear()
        with pytest.raises(StoreUnavailableError, match="answers 503"):
            use("abc", "mp3")
        assert len(moody.seen) == 3
    if asking.writable:
        moody.seen.clear()
        with pytest.raises(StoreUnavailableError, match="answers 503"):
            asking.put(io.BytesIO(CONTENT), "mp3")
        assert len(moody.seen) == 3


def test_redirects_are_not_followed(asking: AudioStore, moody: Moody) -> None:
    elsewhere = Moody(answers=give_content)
    with serving(elsewhere.create()) as other:
        moody.answers = lambda _: RedirectResponse(f"{other}/x")
        for use in [asking.locate, asking.open]:
            with pytest.raises(StoreRefusedError, match=r"R2_(ENDPOINT|PUBLIC_BUCKET)_URL.*answers 307"):
                use("abc", "mp3")
    assert elsewhere.seen == []


def give_everything(_: Request) -> Response:
    """As a server does that knows no ranges."""
    return Response(CONTENT)


def give_less(request: Request) -> Response:
    """As a server does whose file has become shorter."""
    return give_content(request) if request.method == "HEAD" else Response(CONTENT[:10], status_code=206)


@pytest.mark.parametrize(
    ("answers", "message"), [(give_everything, "does not answer range requests"), (give_less, "another range")]
)
def test_ranges_that_are_not_what_was_asked_for(
    asking: AudioStore, moody: Moody, answers: Callable[[Request], Response], message: str
) -> None:
    moody.answers = answers
    with asking.open("abc", "mp3") as audio, pytest.raises(AudioStoreError, match=message):
        audio.read()


@pytest.mark.parametrize("key", ["audio/abc.mp3", "ü/My Song 100%.mp3"])
def test_reading_is_signed_as_the_owner_of_the_protocol_signs(moody: Moody, key: str) -> None:
    """The server of the other tests does not look at a signature in an address."""
    addresses: list[str] = []

    def note(request: Request) -> Response:
        path = request.scope["raw_path"].decode()
        addresses.append(f"{request.method} {server}{path}?{request.scope['query_string'].decode()}")
        return give_content(request)

    moody.answers = note
    with serving(moody.create()) as server:
        bucket = Bucket(server, "songs", "auto", "key-id", "secret", PublicAddress.parse("https://cdn.example.org"))
        with closing(S3AudioStore(bucket)) as store:
            store.open("abc", "mp3", address=f"https://cdn.example.org/{quote(key)}").read(1)
    assert [address.partition(" ")[0] for address in addresses] == ["HEAD", "GET"]
    for address in addresses:
        method, _, url = address.partition(" ")
        given = dict(parse_qsl(urlsplit(url).query))
        theirs = AWSRequest(method, url.partition("&X-Amz-Signature=")[0])
        theirs.context["timestamp"] = given["X-Amz-Date"]
        signer = S3SigV4QueryAuth(Credentials("key-id", "secret"), "s3", "auto")
        expected = signer.signature(signer.string_to_sign(theirs, signer.canonical_request(theirs)), theirs)
        assert given["X-Amz-Signature"] == expected


def test_a_public_bucket_is_only_read() -> None:
    store = PublicAudioStore(PublicAddress.parse("https://cdn.example.org"))
    assert not store.writable
    for use in (
        lambda: store.put(io.BytesIO(CONTENT), "mp3"),
        lambda: store.remove("abc", "mp3"),
        store.files,
    ):
        with pytest.raises(ReadOnlyStoreError, match="R2_ACCESS_KEY_ID"):
            use()
    assert store.remove_unfinished(datetime.now(UTC)) == 0
    store.close()


def test_reading_with_a_key_that_is_wrong(moody: Moody) -> None:
    body = "<Error><Code>InvalidAccessKeyId</Code><Message>no</Message></Error>"
    moody.answers = lambda request: Response("" if request.method == "HEAD" else body, status_code=403)
    with (
        serving(moody.create()) as server,
        closing(S3AudioStore(Bucket(server, "songs", "auto", "key-id", "secret"))) as store,
    ):
        for use in uses(store):
            with pytest.raises(StoreRefusedError, match="R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY: not allowed"):
                use()


@pytest.mark.parametrize("status", [401, 403])
def test_a_bucket_that_is_not_public(moody: Moody, status: int) -> None:
    moody.answers = lambda _: Response(status_code=status)
    with serving(moody.create()) as server, closing(PublicAudioStore(PublicAddress.parse(server))) as store:
        for use in (store.locate, store.open):
            with pytest.raises(StoreRefusedError, match=f"R2_PUBLIC_BUCKET_URL: not allowed .* answers {status}"):
                use("abc", "mp3")
