"""What can happen between a store and its server."""

import io
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import httpx2
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from services.audio_store import (
    AudioMissingError,
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
from tests.loopback_bucket import new_bucket, requiring_keys
from tests.services.serving import serving

CONTENT = bytes(range(256)) * 100


@pytest.fixture
def bucket(s3_server: str) -> Bucket:
    return new_bucket(s3_server, public="https://cdn.example.org/songs")


def uses(store: AudioStore) -> list[Callable[[], object]]:
    """Everything that asks the server."""
    return [
        lambda: store.locate("abc", "mp3"),
        lambda: store.open("abc", "mp3"),
        lambda: store.put(io.BytesIO(CONTENT), "mp3"),
        lambda: store.put(io.BytesIO(bytes(6_000_000)), "mp3"),
        lambda: store.remove("abc", "mp3"),
        lambda: list(store.files()),
    ]


# --- the bucket


def test_objects_say_what_they_are(bucket: Bucket) -> None:
    with closing(S3AudioStore(bucket)) as store:
        stored = store.put(io.BytesIO(CONTENT), "opus")
    assert stored.url == f"https://cdn.example.org/songs/audio/{stored.file_id}.opus"
    answer = httpx2.get(f"{bucket.endpoint}/{bucket.name}/audio/{stored.file_id}.opus")
    assert answer.content == CONTENT
    assert answer.headers["content-type"] == "audio/ogg"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


def test_objects_of_others_are_left_alone(bucket: Bucket) -> None:
    for key in ("audio/notes", "audio/a/b.mp3", "audio/a.tar.gz", "images/a.mp3"):
        httpx2.put(f"{bucket.endpoint}/{bucket.name}/{key}", content=b"x").raise_for_status()
    with closing(S3AudioStore(bucket)) as store:
        stored = store.put(io.BytesIO(CONTENT), "opus")
        assert list(store.files()) == [stored]
        assert store.remove_unfinished(datetime.now(UTC)) == 0


def test_more_files_than_one_page(bucket: Bucket) -> None:
    for number in range(1100):
        # the server in this process does not need to be asked over HTTP so often
        _put_directly(bucket, f"audio/{number}.mp3")
    with closing(S3AudioStore(bucket)) as store:
        assert {stored.file_id for stored in store.files()} == {str(number) for number in range(1100)}


def _put_directly(bucket: Bucket, key: str) -> None:
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(bucket.name, key, b"x")


@pytest.mark.parametrize("key", ["legacy/My Song 100%.mp3", "ü/ñ+[1]~'.mp3"])
def test_an_adopted_catalogue_has_other_keys(bucket: Bucket, key: str) -> None:
    assert bucket.public is not None
    address = bucket.public.of_key(key)
    _put_directly(bucket, key)
    with closing(S3AudioStore(bucket)) as store:
        stored = store.locate("no/safe name", "", address=address)
        assert (stored.size, stored.url) == (1, address)
        with store.open("no/safe name", "", address=address) as audio:
            assert audio.read() == b"x"
    with closing(S3AudioStore(replace(bucket, public=None))) as store, pytest.raises(AudioMissingError):
        store.locate("abc", "mp3", address=address)


def test_the_environment_of_other_tools_changes_nothing(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9", "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_REGION": "x",
        "AWS_ACCESS_KEY_ID": "other", "AWS_SESSION_TOKEN": "other", "AWS_SKIP_SIGNATURE": "true",
        "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true", "AWS_BUCKET": "other",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    with closing(S3AudioStore(bucket)) as store:
        stored = store.put(io.BytesIO(CONTENT), "mp3")
        assert [found.file_id for found in store.files()] == [stored.file_id]


def test_a_bucket_that_is_not_there(s3_server: str) -> None:
    with closing(S3AudioStore(Bucket(s3_server, "nowhere", "auto", "key-id", "secret"))) as store:
        for use in uses(store):
            with pytest.raises(StoreRefusedError, match="R2_BUCKET: there is no such bucket"):
                use()


def test_a_key_that_is_wrong(bucket: Bucket, s3_server: str) -> None:
    with requiring_keys(s3_server), closing(S3AudioStore(bucket)) as store:
        for use in uses(store):
            with pytest.raises(StoreRefusedError, match="R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY: not allowed"):
                use()


def test_the_secret_is_not_shown(bucket: Bucket) -> None:
    assert "secret'" not in repr(bucket)


def test_a_server_that_is_not_there() -> None:
    bucket = Bucket("http://127.0.0.1:1", "songs", "auto", "key-id", "secret")
    with closing(S3AudioStore(bucket, attempts=2)) as store:
        for use in uses(store):
            with pytest.raises(StoreUnavailableError, match="cannot be reached"):
                use()


# --- a server with moods


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


def give_everything(request: Request) -> Response:
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


def test_a_public_bucket_is_only_read() -> None:
    store = PublicAudioStore(PublicAddress.parse("https://cdn.example.org"))
    assert not store.writable
    for use in (
        lambda: store.put(io.BytesIO(CONTENT), "mp3"),
        lambda: store.remove("abc", "mp3"),
        lambda: store.files(),
    ):
        with pytest.raises(ReadOnlyStoreError, match="R2_ACCESS_KEY_ID"):
            use()
    assert store.remove_unfinished(datetime.now(UTC)) == 0
    store.close()


@pytest.mark.parametrize("status", [401, 403])
def test_a_bucket_that_is_not_public(moody: Moody, status: int) -> None:
    moody.answers = lambda _: Response(status_code=status)
    with serving(moody.create()) as server, closing(PublicAudioStore(PublicAddress.parse(server))) as store:
        for use in (store.locate, store.open):
            with pytest.raises(StoreRefusedError, match=f"R2_PUBLIC_BUCKET_URL: not allowed .* answers {status}"):
                use("abc", "mp3")
