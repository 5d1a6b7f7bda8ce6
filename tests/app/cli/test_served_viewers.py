"""A real `vibe-search serve` that asks an application, and verifies its tokens, over real connections."""

import socket
from pathlib import Path
from urllib.parse import urlsplit

import httpx2

from tests.support.catalogue import Catalogue
from tests.support.served import SECONDS, served_search
from tests.support.session_app import session_app
from tests.support.signing import AUDIENCE, ISSUER, SigningKey, key_set

SEARCH = "/search/?q=secret&type=tracks"


def titles(answer: httpx2.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return sorted(result["title"] for result in answer.json()["results"])


def ask_raw(address: str, head: bytes) -> bytes:
    """The whole answer to a request whose head is sent as it is."""
    parts = urlsplit(address)
    with socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=SECONDS) as client:
        client.sendall(b"GET " + SEARCH.encode() + b" HTTP/1.1\r\nhost: test\r\nconnection: close\r\n" + head + b"\r\n")
        return b"".join(iter(lambda: client.recv(65_536), b""))


def test_cookies_and_signed_tokens_tell_the_viewer(database: str, tmp_path: Path, catalogue: Catalogue) -> None:
    me = catalogue.artist("me.example", "Me")
    catalogue.track("Secret Mine", artist=me, visibility="private")
    catalogue.track("Secret Of All")
    key = SigningKey.generate("RS256", "rsa-1")
    with session_app({"mine": me}) as application:
        application.documents["/jwks.json"] = key_set(key.public())
        settings = {
            "VIEWER_URL": application.url,
            "VIEWER_COOKIE": "session_id",
            "VIEWER_TIMEOUT_SECONDS": "60",
            "VIEWER_JWT_KEYS": f"{application.address}/jwks.json",
            "VIEWER_JWT_ISSUER": ISSUER,
            "VIEWER_JWT_AUDIENCE": AUDIENCE,
        }
        with (
            served_search(database, tmp_path, settings) as address,
            httpx2.Client(base_url=address, timeout=SECONDS) as client,
        ):
            mine, of_all = ["Secret Mine", "Secret Of All"], ["Secret Of All"]
            assert titles(client.get(SEARCH, headers={"cookie": "theme=dark; session_id=mine"})) == mine
            assert titles(client.get(SEARCH, headers={"authorization": f"Bearer {key.sign(me)}"})) == mine
            assert titles(client.get(SEARCH, headers={"cookie": "session_id=signed-out"})) == of_all
            assert titles(client.get(SEARCH, headers={"cookie": "theme=dark"})) == of_all
            refused = client.get(SEARCH, headers={"authorization": f"Bearer {key.sign(me, aud='shop')}"})
            assert (refused.status_code, refused.json()) == (401, {"detail": "the token is for another audience"})

            # several headers, and bytes that are no ASCII
            assert b"Secret Mine" in ask_raw(address, b"cookie: n=\xe9\r\ncookie: session_id=mine\r\n")
            # two sessions: the application reads both, and decides
            both = ask_raw(address, b"cookie: session_id=mine; session_id=signed-out\r\n")
            assert b"Secret Of All" in both
            assert b"Secret Mine" not in both
        # three sets of cookies were asked for once each, and the keys were read once
        asked = [dict(headers).get("cookie") for headers in application.asked]
        two = "session_id=mine; session_id=signed-out"
        assert asked == ["session_id=mine", None, "session_id=signed-out", two]
