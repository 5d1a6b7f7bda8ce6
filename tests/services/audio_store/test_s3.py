"""A bucket behind a real server of S3's protocol."""

import io
import tempfile
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import boto3  # type: ignore[import-untyped]  # its stubs are a package of their own
import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from services.audio_store import AudioMissingError, Bucket, S3AudioStore, StoreRefusedError, StoreUnavailableError
from tests.services.audio_store.conftest import uses
from tests.support.loopback_bucket import new_bucket, requiring_keys

CONTENT = bytes(range(256)) * 100


@pytest.fixture
def bucket(s3_server: str) -> Bucket:
    return new_bucket(s3_server, public="https://cdn.example.org/songs")


def test_objects_say_what_they_are(bucket: Bucket) -> None:
    with closing(S3AudioStore(bucket)) as store:
        stored = store.put(io.BytesIO(CONTENT), "opus")
    assert stored.url == f"https://cdn.example.org/songs/audio/{stored.file_id}.opus"
    found = _boto(bucket).get_object(Bucket=bucket.name, Key=f"audio/{stored.file_id}.opus")
    assert found["Body"].read() == CONTENT
    assert found["ContentType"] == "audio/ogg"
    assert found["CacheControl"] == "public, max-age=300"


@pytest.mark.parametrize("size", [10, 12_000_000])
def test_a_file_is_sent_from_where_it_lies(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    # the server is in this process, and would write what it gets to a temporary file too
    monkeypatch.setenv("MOTO_S3_DEFAULT_KEY_BUFFER_SIZE", "100000000")
    with closing(S3AudioStore(bucket)) as store, tempfile.SpooledTemporaryFile(1_000_000) as spooled:
        spooled.write(bytes(size))
        spooled.seek(0)
        with monkeypatch.context() as patched:
            patched.setattr(tempfile, "tempdir", str(tmp_path / "there is no such folder"))
            with store.stage(cast("BinaryIO", spooled), "wav") as staged:
                stored = staged.keep()
        with store.open(stored.file_id, "wav") as audio:
            assert audio.read() == bytes(size)


def _boto(bucket: Bucket) -> Any:
    """The client that S3's owner makes."""
    return boto3.client(
        "s3",
        endpoint_url=bucket.endpoint,
        region_name=bucket.region,
        aws_access_key_id=bucket.access_key_id,
        aws_secret_access_key=bucket.secret_access_key,
    )


def test_objects_of_others_are_left_alone(bucket: Bucket) -> None:
    for key in ("audio/notes", "audio/a/b.mp3", "audio/a.tar.gz", "images/a.mp3"):
        _put_directly(bucket, key)
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
        for use in uses(store)[2:4] + uses(store)[5:]:
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
