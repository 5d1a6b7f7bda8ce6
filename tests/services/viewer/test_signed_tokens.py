"""Tokens that an application has signed with real keys, which it publishes at a real address."""

import asyncio
import base64
import json
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from services.viewer import (
    ASYMMETRIC,
    Credentials,
    CredentialsRefusedError,
    NoViewers,
    TokenRules,
    ViewerUnavailableError,
)
from services.viewer.key_set import KeyTimes, RemoteKeySet, SharedSecret, VerificationKeys, file_key_set
from services.viewer.signed_tokens import SignedTokenViewers
from tests.support.session_app import SessionApp, session_app
from tests.support.signing import AUDIENCE, ISSUER, SigningKey, key_set

ANN = "did:plc:ann"
RSA, EC = SigningKey.generate("RS256", "rsa-1"), SigningKey.generate("ES256", "ec-1")
ED, OTHER = SigningKey.generate("EdDSA", "ed-1"), SigningKey.generate("RS256", "rsa-1")
SECRET = b"a secret of thirty-two bytes or more"
RULES = TokenRules(frozenset({"RS256", "PS256", "ES256", "EdDSA"}), ISSUER, (AUDIENCE,))

PATIENT = KeyTimes(wait_seconds=60)

Steps = Callable[[SignedTokenViewers], Coroutine[Any, Any, Any]]


class AtOtherTimes:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Elsewhere(NoViewers):
    """Takes down what it is asked."""

    def __init__(self) -> None:
        self.asked: list[Credentials] = []

    async def find(self, credentials: Credentials) -> str | None:
        self.asked.append(credentials)
        return "did:plc:elsewhere"


@pytest.fixture
def published() -> Iterator[SessionApp]:
    """An application that publishes its keys."""
    with session_app({}) as opened:
        keys = key_set(RSA.public(), EC.public(), ED.public())
        opened.answer = lambda: (200, {}, keys)
        yield opened


def run(keys: Callable[[], VerificationKeys], steps: Steps, rules: TokenRules = RULES, **options: Any) -> Any:
    """Run an async function with what verifies tokens by these keys."""

    async def session() -> Any:
        viewers = SignedTokenViewers(keys(), rules, options.get("otherwise") or NoViewers())
        try:
            return await steps(viewers)
        finally:
            await viewers.close()

    return asyncio.run(session())


def find(keys: Callable[[], VerificationKeys], token: str, rules: TokenRules = RULES, **options: Any) -> str | None:
    async def steps(viewers: SignedTokenViewers) -> str | None:
        return await viewers.find(Credentials(cookie="session_id=x", bearer=token))

    found: str | None = run(keys, steps, rules, **options)
    return found


def at(published: SessionApp) -> Callable[[], VerificationKeys]:
    return lambda: RemoteKeySet(published.url, PATIENT)


@pytest.mark.parametrize("key", [RSA, EC, ED], ids=lambda key: key.algorithm)
def test_a_valid_token_names_its_viewer(published: SessionApp, key: SigningKey) -> None:
    assert find(at(published), key.sign(ANN)) == ANN
    assert (
        find(at(published), key.sign("user 7", did=ANN), TokenRules(RULES.algorithms, ISSUER, (AUDIENCE,), "did"))
        == ANN
    )
    assert all("cookie" not in dict(headers) and "authorization" not in dict(headers) for headers in published.asked)


def test_a_key_that_does_not_say_its_algorithm_or_id_is_used(published: SessionApp) -> None:
    keys = key_set(RSA.public(alg=None, kid=None, use=None), EC.public(alg=None, kid=None))
    published.answer = lambda: (200, {}, keys)
    unnamed = jwt.encode({"sub": ANN, "iss": ISSUER, "aud": AUDIENCE, "exp": 2**32}, RSA.private, "PS256")
    assert find(at(published), unnamed) == ANN


def unsigned(**claims: Any) -> str:
    payload = {"sub": ANN, "iss": ISSUER, "aud": AUDIENCE, "exp": 2**32} | claims
    return jwt.encode(payload, None, "none")  # type: ignore[arg-type]  # there is no key


def confused() -> str:
    """Signed by HS256, with the text of a public key as the secret."""
    head, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "HS256", "kid": "rsa-1"}, {"sub": ANN, "iss": ISSUER, "aud": AUDIENCE, "exp": 2**32})
    )
    secret = json.dumps(RSA.public()).encode()
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
        f"{head}.{body}".encode(), secret
    )
    return f"{head}.{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


REFUSED = {
    "expired": RSA.sign(ANN, exp=int(time.time()) - 60),
    "without an end": RSA.sign(ANN, exp=None),
    "not yet valid": RSA.sign(ANN, nbf=int(time.time()) + 3_600),
    "another audience": RSA.sign(ANN, aud="shop"),
    "no audience": RSA.sign(ANN, aud=None),
    "another key of the same id": OTHER.sign(ANN),
    "an unknown key": SigningKey(RSA.private, "RS256", "rsa-2").sign(ANN),
    "the key of another algorithm": jwt.encode(
        {"sub": ANN, "iss": ISSUER, "aud": AUDIENCE, "exp": 2**32}, RSA.private, "RS256", headers={"kid": "ec-1"}
    ),
    "an algorithm that is not allowed": SigningKey(RSA.private, "RS512", "rsa-1").sign(ANN),
    "an algorithm that the key is not for": SigningKey(RSA.private, "PS256", "rsa-1").sign(ANN),
    "not signed": unsigned(),
    "a public key as a secret": confused(),
    "no subject": RSA.sign(None),
    "a subject that is no DID": RSA.sign("two words"),
    "an empty subject": RSA.sign(""),
    "a changed signature": RSA.sign(ANN)[:-8] + "AAAAAAAA",
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_invalid_token_is_refused(published: SessionApp, name: str) -> None:
    with pytest.raises(CredentialsRefusedError) as refused:
        find(at(published), REFUSED[name])
    assert REFUSED[name].split(".")[1] not in str(refused.value)


def segment(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


HEAD = segment(json.dumps({"alg": "RS256"}))

NOT_OURS = {
    "opaque": "0123456789abcdef",
    "another issuer": RSA.sign(ANN, iss="https://other.example"),
    "no issuer": RSA.sign(ANN, iss=None),
    "three parts": "a.b.c",
    "deep": f"{segment('[' * 20_000)}.{segment('[' * 20_000)}.x",
    "deep claims": f"{HEAD}.{segment('[' * 20_000)}.x",
    "a list": f"{HEAD}.{segment('[]')}.x",
    "encrypted": "a.b.c.d.e",
    "an unknown critical header": RSA.sign(ANN, head={"crit": ["x"], "x": 1}),
}


@pytest.mark.parametrize("name", NOT_OURS)
def test_another_token_is_left_to_the_application(published: SessionApp, name: str) -> None:
    elsewhere = Elsewhere()
    assert find(at(published), NOT_OURS[name], otherwise=elsewhere) == "did:plc:elsewhere"
    assert [asked.bearer for asked in elsewhere.asked] == [NOT_OURS[name]]
    assert published.asked == []


def test_an_audience_is_not_overlooked(published: SessionApp) -> None:
    anyone = TokenRules(RULES.algorithms, ISSUER)
    assert find(at(published), RSA.sign(ANN, aud=None), anyone) == ANN
    with pytest.raises(CredentialsRefusedError, match="audience"):
        find(at(published), RSA.sign(ANN), anyone)
    assert (
        find(at(published), RSA.sign(ANN, aud=["shop", "web"]), TokenRules(RULES.algorithms, None, ("x", "web"))) == ANN
    )


def test_clocks_may_differ_a_little(published: SessionApp) -> None:
    late = RSA.sign(ANN, exp=int(time.time()) - 5)
    assert find(at(published), late, TokenRules(RULES.algorithms, ISSUER, (AUDIENCE,), leeway_seconds=60)) == ANN


def test_a_shared_secret_verifies_where_it_is_given() -> None:
    rules = TokenRules(frozenset({"HS256"}))
    claims = {"sub": ANN, "exp": 2**32}
    assert find(lambda: SharedSecret(SECRET), jwt.encode(claims, SECRET, "HS256"), rules) == ANN
    for token in (jwt.encode(claims, SECRET + b"x", "HS256"), RSA.sign(ANN, aud=None), unsigned(aud=None)):
        with pytest.raises(CredentialsRefusedError):
            find(lambda: SharedSecret(SECRET), token, rules)


def test_keys_that_do_not_verify_are_left_alone(published: SessionApp) -> None:
    assert isinstance(RSA.private, RSAPrivateKey)
    private = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(RSA.private)) | {"kid": "rsa-1"}
    secret = {"kty": "oct", "kid": "rsa-1", "k": "c2VjcmV0"}
    wrong = [
        private,
        secret,
        RSA.public(use="enc"),
        RSA.public(key_ops=["encrypt"]),
        RSA.public(n=7),
        RSA.public(n="!"),
        5,
    ]
    for key in wrong:
        body = key_set(key)
        published.answer = partial(_publish, body)
        with pytest.raises(CredentialsRefusedError, match="not known"):
            find(at(published), RSA.sign(ANN))


def _publish(body: bytes) -> tuple[int, dict[str, str], bytes]:
    return 200, {}, body


def test_es256_takes_no_key_of_another_curve(published: SessionApp) -> None:
    other = SigningKey.generate("ES384", "ec-1")
    published.answer = lambda: (200, {}, key_set(other.public(alg=None)))
    with pytest.raises(CredentialsRefusedError):
        find(at(published), EC.sign(ANN))


def test_keys_are_read_once_for_many_and_unknown_ids_cannot_ask_often(published: SessionApp) -> None:
    clock = AtOtherTimes()
    times = KeyTimes(fresh_seconds=300, retry_seconds=10, stale_seconds=3_600, wait_seconds=60, clock=clock)
    new = SigningKey.generate("ES256", "ec-2")

    async def refused(viewers: SignedTokenViewers, key: SigningKey) -> bool:
        try:
            return await viewers.find(Credentials(bearer=key.sign(ANN))) is None
        except CredentialsRefusedError:
            return True

    async def steps(viewers: SignedTokenViewers) -> None:
        tokens = [Credentials(bearer=RSA.sign(ANN)) for _ in range(20)]
        assert await asyncio.gather(*map(viewers.find, tokens)) == [ANN] * 20
        assert len(published.asked) == 1
        for _ in range(20):
            assert await refused(viewers, new)
        assert len(published.asked) == 1
        clock.now = 10
        assert await refused(viewers, new)
        assert len(published.asked) == 2
        keys = key_set(RSA.public(), new.public())
        published.answer = lambda: (200, {}, keys)
        clock.now = 20
        assert await viewers.find(Credentials(bearer=new.sign(ANN))) == ANN
        assert await refused(viewers, EC), "it was withdrawn"
        assert len(published.asked) == 3

    run(lambda: RemoteKeySet(published.url, times), steps)


def test_keys_outlive_an_outage_for_a_while(published: SessionApp) -> None:
    clock = AtOtherTimes()
    times = KeyTimes(fresh_seconds=300, retry_seconds=10, stale_seconds=3_600, wait_seconds=60, clock=clock)
    token = Credentials(bearer=RSA.sign(ANN))

    async def steps(viewers: SignedTokenViewers) -> None:
        assert await viewers.find(token) == ANN
        published.answer = lambda: (500, {}, b"")
        clock.now = 3_599
        assert await viewers.find(token) == ANN
        clock.now = 3_620
        for _ in range(2):
            with pytest.raises(ViewerUnavailableError, match="cannot be read"):
                await viewers.find(token)
        keys = key_set(RSA.public())
        published.answer = lambda: (200, {}, keys)
        clock.now = 3_640
        assert await viewers.find(token) == ANN

    run(lambda: RemoteKeySet(published.url, times), steps)


def test_keys_that_come_late_are_waited_for_shortly_and_used_afterwards(published: SessionApp) -> None:
    published.held = threading.Event()
    token = Credentials(bearer=RSA.sign(ANN))

    async def steps(viewers: SignedTokenViewers) -> None:
        for _ in range(3):
            with pytest.raises(ViewerUnavailableError, match="in time"):
                await viewers.find(token)
        assert published.held is not None
        published.held.set()
        found = None
        while found is None:
            with suppress(ViewerUnavailableError):
                found = await viewers.find(token)
        assert found == ANN
        assert len(published.asked) == 1

    try:
        run(lambda: RemoteKeySet(published.url, KeyTimes(wait_seconds=0.05)), steps)
    finally:
        published.held.set()


@pytest.mark.parametrize(
    "answer",
    [
        (302, {"location": "/keys"}, b""),
        (404, {}, b""),
        (200, {}, b"<html>"),
        (200, {}, b"[]"),
        (200, {}, b'{"keys":{}}'),
        (200, {}, b'{"keys":[], "x":"' + b"x" * 300_000 + b'"}'),
    ],
    ids=range(6),
)
def test_what_is_no_set_of_keys_says_nothing_of_tokens(published: SessionApp, answer: Any) -> None:
    published.answer = lambda: answer
    with pytest.raises(ViewerUnavailableError):
        find(at(published), RSA.sign(ANN))


def test_keys_are_read_from_a_file_and_again_when_it_changes(tmp_path: Path) -> None:
    file, clock = tmp_path / "keys.json", AtOtherTimes()
    file.write_bytes(key_set(RSA.public()))
    times = KeyTimes(retry_seconds=10, wait_seconds=60, clock=clock)

    async def steps(viewers: SignedTokenViewers) -> None:
        assert await viewers.find(Credentials(bearer=RSA.sign(ANN))) == ANN
        file.write_bytes(key_set(ED.public()))
        clock.now = 10
        assert await viewers.find(Credentials(bearer=ED.sign(ANN))) == ANN

    run(lambda: file_key_set(file, times), steps)
    file.unlink()
    with pytest.raises(ViewerUnavailableError):
        find(lambda: file_key_set(file, PATIENT), RSA.sign(ANN))


def test_only_asymmetric_algorithms_have_public_keys() -> None:
    assert {name for name in ASYMMETRIC if name.startswith(("HS", "none"))} == set()
