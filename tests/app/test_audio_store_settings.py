"""Which audio store the settings choose."""

from pathlib import Path
from typing import Any

import pytest

from app.errors import UserError
from app.providers import build_audio_store
from app.settings import Settings
from services.audio_store import LocalAudioStore, PublicAudioStore, S3AudioStore

WRITING = {
    "r2_endpoint_url": "https://0123abcd.r2.cloudflarestorage.com/",
    "r2_bucket": "songs",
    "r2_access_key_id": "key-id",
    "r2_secret_access_key": "hush",
}
PUBLIC = {"r2_public_bucket_url": "https://cdn.example.org"}


def configured(tmp_path: Path, **values: Any) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path, **values)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({}, LocalAudioStore),
        (WRITING, LocalAudioStore),
        ({"audio_store": "s3"} | WRITING, S3AudioStore),
        ({"audio_store": "s3"} | WRITING | PUBLIC, S3AudioStore),
        ({"audio_store": "s3"} | PUBLIC, PublicAudioStore),
        ({"audio_store": "s3"} | PUBLIC | dict.fromkeys(WRITING, ""), PublicAudioStore),
    ],
)
def test_choice(tmp_path: Path, values: dict[str, str], kind: type) -> None:
    settings = configured(tmp_path, **values)
    store = build_audio_store(settings)
    assert type(store) is kind
    assert store.writable == (kind is not PublicAudioStore)
    assert "hush" not in repr(settings)
    assert "hush" not in repr(store)


@pytest.mark.parametrize("missing", WRITING)
@pytest.mark.parametrize("public", [{}, PUBLIC])
def test_a_setting_is_missing(tmp_path: Path, missing: str, public: dict[str, str]) -> None:
    values = {name: value for name, value in WRITING.items() if name != missing} | public
    with pytest.raises(UserError, match=f"^{missing.upper()}: needed with AUDIO_STORE=s3"):
        build_audio_store(configured(tmp_path, audio_store="s3", **values))


def test_everything_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"R2_ENDPOINT_URL: needed .* to read only, set R2_PUBLIC_BUCKET_URL"):
        build_audio_store(configured(tmp_path, audio_store="s3"))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("r2_endpoint_url", "0123abcd.r2.cloudflarestorage.com", "https:// or http://"),
        ("r2_endpoint_url", "https://0123abcd.r2.cloudflarestorage.com/songs", "without the bucket"),
        ("r2_public_bucket_url", "cdn.example.org", "https:// or http://"),
        ("r2_public_bucket_url", "https://cdn.example.org/?a=b", "without a user name"),
    ],
)
def test_a_setting_is_wrong(tmp_path: Path, name: str, value: str, message: str) -> None:
    with pytest.raises(UserError, match=f"^{name.upper()}: .*{message}"):
        build_audio_store(configured(tmp_path, audio_store="s3", **(WRITING | PUBLIC | {name: value})))
