"""Which object of a bucket an address means."""

import pytest

from services.audio_store import PublicAddress

BASE = PublicAddress.parse("https://cdn.example.org/songs/")


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("https://cdn.example.org/songs/audio/abc.mp3", "audio/abc.mp3"),
        ("HTTPS://CDN.example.org:443/songs/a.mp3", "a.mp3"),
        ("https://cdn.example.org/songs/My%20Song%20100%25.mp3", "My Song 100%.mp3"),
        ("https://cdn.example.org/songs/m%C3%BCsic/x.mp3", "müsic/x.mp3"),
    ],
)
def test_addresses_of_the_bucket(address: str, key: str) -> None:
    assert BASE.key_in(address) == key
    assert BASE.key_in(BASE.of_key(key)) == key


@pytest.mark.parametrize(
    "address",
    [
        "http://cdn.example.org/songs/a.mp3",
        "https://cdn.example.org:8443/songs/a.mp3",
        "https://cdn.example.org.evil.example/songs/a.mp3",
        "https://evil.example/https://cdn.example.org/songs/a.mp3",
        "https://cdn.example.org@evil.example/songs/a.mp3",
        "https://me:secret@cdn.example.org/songs/a.mp3",
        "https://cdn.example.org/songs",
        "https://cdn.example.org/songs/",
        "https://cdn.example.org/songsters/a.mp3",
        "https://cdn.example.org/other/a.mp3",
        "https://cdn.example.org/songs/../other/a.mp3",
        "https://cdn.example.org/songs/%2e%2e/other/a.mp3",
        "https://cdn.example.org/songs/a%2F..%2Fb.mp3",
        "https://cdn.example.org/songs/a%5Cb.mp3",
        "https://cdn.example.org/songs//a.mp3",
        "https://cdn.example.org/songs/./a.mp3",
        "https://cdn.example.org/songs/a%0Ab.mp3",
        "https://cdn.example.org/songs/a%00.mp3",
        "https://cdn.example.org/songs/%FF.mp3",
        "https://cdn.example.org/songs/a.mp3?x=1",
        "https://cdn.example.org/songs/a.mp3?",
        "https://cdn.example.org/songs/a.mp3#x",
        "https://cdn.example.org/songs/" + "a" * 1025,
        "https://cdn.example.org:x/songs/a.mp3",
        "https://[/songs/a.mp3",
        "/songs/a.mp3",
        "file:///songs/a.mp3",
    ],
)
def test_other_addresses(address: str) -> None:
    assert BASE.key_in(address) is None


@pytest.mark.parametrize(
    "url",
    ["cdn.example.org", "ftp://cdn.example.org", "https://", "https://me@cdn.example.org", "https://c.example/?a=b",
     "https://c.example/#a", "https://c.example;script-src *", "https://c.example/a b", "https://c.example:0"],
)  # fmt: skip
def test_bases_that_are_none(url: str) -> None:
    with pytest.raises(ValueError, match="is needed"):
        PublicAddress.parse(url)


def test_origin() -> None:
    assert BASE.origin == "https://cdn.example.org"
    assert PublicAddress.parse("http://127.0.0.1:9000/a/b").origin == "http://127.0.0.1:9000"
