"""A token's text: made, read, compared."""

import hashlib
import re

import pytest

from app.auth import InvalidTokenError, TokenText, read_authorization

TOKEN = "vs_0123456789ab_" + "c" * 64


def test_a_new_one_is_random_and_says_what_it_is() -> None:
    made = [TokenText.generate() for _ in range(100)]
    assert all(re.fullmatch(r"vs_[0-9a-f]{12}_[0-9a-f]{64}", text.reveal()) for text in made)
    assert len({text.token_id for text in made}) == len({text.secret for text in made}) == 100
    assert TokenText.parse(made[0].reveal()) == made[0]


def test_its_secret_is_not_in_what_is_logged() -> None:
    text = TokenText.generate()
    assert text.secret not in f"{text} {text!r}"


def test_its_hash_is_sha_256_of_the_secret() -> None:
    text = TokenText.generate()
    assert text.hash == hashlib.sha256(text.secret.encode()).digest()


def test_only_the_hash_of_its_own_secret_matches() -> None:
    text, other = TokenText.generate(), TokenText.generate()
    assert text.matches(text.hash)
    assert not text.matches(other.hash)
    assert not text.matches(bytes(32))


def test_a_token_that_does_not_exist_is_compared_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []

    def compare(_left: bytes, right: bytes) -> bool:
        compared.append(len(right))
        return True

    monkeypatch.setattr("app.auth.token_text.hmac.compare_digest", compare)
    text = TokenText.generate()
    assert text.matches(text.hash)
    # not even a comparison that says yes lets it pass
    assert not text.matches(None)
    assert compared == [32, 32]


@pytest.mark.parametrize("value", [f"Bearer {TOKEN}", f"bearer {TOKEN}", f"BEARER   {TOKEN}", f" Bearer {TOKEN} \t"])
def test_headers_that_are_read(value: str) -> None:
    text = read_authorization([value])
    assert isinstance(text, TokenText)
    assert text.reveal() == TOKEN


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "Bearer",
        "Bearer ",
        TOKEN,
        f"Basic {TOKEN}",
        f"Bearer: {TOKEN}",
        f"Bearer\t{TOKEN}",
        f"Bearer{TOKEN}",
        f"Bearer {TOKEN} {TOKEN}",
        f"Bearer {TOKEN}, Bearer {TOKEN}",
        f"Bearer {TOKEN}\n",
        f"Bearer\u00a0{TOKEN}",
        f"Bearer {TOKEN}\u00e9",
        f"Bearer {TOKEN.upper()}",
        f"Bearer {TOKEN}0",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN[:-1]}\u0661",
        f"Bearer vs__{'c' * 64}",
        "Bearer " + "vs_" * 30_000,
        " " * 60_000 + "Bearer",
        "Bearer" + " " * 60_000,
    ],
    ids=range(22),
)
def test_headers_that_are_refused(value: str) -> None:
    with pytest.raises(InvalidTokenError) as refused:
        read_authorization([value])
    assert len(str(refused.value)) < 100
    assert "ccc" not in str(refused.value), "a secret is quoted"


def test_two_headers_are_refused_even_if_they_are_alike() -> None:
    with pytest.raises(InvalidTokenError, match="several"):
        read_authorization([f"Bearer {TOKEN}"] * 2)
