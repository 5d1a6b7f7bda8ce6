"""Tokens in the database."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import psycopg
import pytest

from app.auth import (
    Caller,
    InvalidTokenError,
    IssuedToken,
    Scope,
    TokenText,
    find_caller,
    list_tokens,
    replace_token,
    revoke_tokens,
)
from app.database import Database
from tests.app.conftest import Issue
from tests.support.catalogue import Catalogue

Result = TypeVar("Result")
Connection = psycopg.Connection[tuple[object, ...]]


@pytest.fixture
def with_database(database: str) -> Callable[[Callable[[Database], Awaitable[Any]]], Any]:
    """Runs an async function with an open database."""

    def run(steps: Callable[[Database], Awaitable[Result]], url: str = database) -> Result:
        async def session() -> Result:
            async with Database.open(url, pool_size=2) as opened:
                return await steps(opened)

        return asyncio.run(session())

    return run


@pytest.fixture
def find(with_database: Callable[..., Any]) -> Callable[..., Caller]:
    """Looks a token up."""

    def look(token: IssuedToken | str, **options: str) -> Caller:
        text = TokenText.parse(token if isinstance(token, str) else token.token)
        caller: Caller = with_database(lambda opened: find_caller(opened, text), **options)
        return caller

    return look


@pytest.fixture
def me(catalogue: Catalogue) -> str:
    return catalogue.artist("me.example", "Me")


def test_a_token_is_its_holder(issue: Issue, find: Callable[..., Caller], me: str) -> None:
    token = issue(me, Scope.UPLOAD, expires_days=2)
    caller = find(token)
    assert (caller.did, caller.token_id) == (me, token.id)
    assert caller.scopes == {Scope.READ, Scope.UPLOAD}
    assert caller.expires_at == token.expires_at
    assert token.expires_at is not None
    assert abs(token.expires_at - datetime.now(UTC) - timedelta(days=2)) < timedelta(minutes=5)


def test_the_database_holds_no_secret(issue: Issue, me: str, connection: Connection) -> None:
    text = TokenText.parse(issue(me, label="laptop").token)
    rows = connection.execute("select t::text, t.hash from search.tokens t").fetchall()
    assert [row[1] for row in rows] == [text.hash]
    assert text.secret not in str(rows[0][0])
    assert text.secret[:16] not in str(rows[0][0])


def test_the_secret_has_to_be_right(issue: Issue, find: Callable[..., Caller], me: str) -> None:
    token, other = issue(me), issue(me)
    wrong = TokenText(token.id, TokenText.parse(other.token).secret).reveal()
    absent = TokenText("0" * 12, TokenText.parse(token.token).secret).reveal()
    refusals = set()
    for text in (wrong, absent):
        with pytest.raises(InvalidTokenError) as refused:
            find(text)
        refusals.add(str(refused.value))
    assert refusals == {"there is no such token"}


def test_only_the_holder_learns_that_it_has_ended(
    issue: Issue, find: Callable[..., Caller], me: str, connection: Connection
) -> None:
    expired, revoked = issue(me, expires_days=1), issue(me)
    assert find(expired).did == find(revoked).did == me
    connection.execute("update search.tokens set expires_at = now() where id = %s", [expired.id])
    connection.execute("update search.tokens set revoked_at = now() where id = %s", [revoked.id])
    for token, words in ((expired, "has expired"), (revoked, "was revoked")):
        with pytest.raises(InvalidTokenError, match=words):
            find(token)
        with pytest.raises(InvalidTokenError, match="no such token"):
            find(f"vs_{token.id}_{'0' * 64}")


def test_use_is_recorded_once_a_minute(
    issue: Issue, find: Callable[..., Caller], me: str, connection: Connection
) -> None:
    token = issue(me)

    def last_used() -> Any:
        return connection.execute("select last_used_at from search.tokens").fetchall()[0][0]

    with pytest.raises(InvalidTokenError):
        find(f"vs_{token.id}_{'0' * 64}")
    assert last_used() is None
    find(token)
    first = last_used()
    assert datetime.now(UTC) - first < timedelta(minutes=1)
    find(token)
    assert last_used() == first
    connection.execute("update search.tokens set last_used_at = last_used_at - interval '61 s'")
    find(token)
    assert last_used() > first


def test_a_role_that_may_only_read_recognises_the_holder(
    issue: Issue, find: Callable[..., Caller], me: str, connection: Connection, database: str
) -> None:
    token = issue(me)
    connection.execute("create role only_reading")
    try:
        connection.execute("grant usage on schema search, public to only_reading")
        connection.execute("grant select on all tables in schema search, public to only_reading")
        reading = f"{database}&options=-crole%3Donly_reading"
        assert find(token, url=reading).did == me
        assert connection.execute("select last_used_at from search.tokens").fetchall() == [(None,)]
        connection.execute("grant update (last_used_at) on search.tokens to only_reading")
        find(token, url=reading)
        assert connection.execute("select last_used_at from search.tokens").fetchall() != [(None,)]
    finally:
        connection.execute("drop owned by only_reading")
        connection.execute("drop role only_reading")


def test_tokens_go_with_their_artist(
    issue: Issue, find: Callable[..., Caller], me: str, connection: Connection
) -> None:
    token = issue(me)
    connection.execute("update artists set did = 'did:plc:moved' where did = %s", [me])
    assert find(token).did == "did:plc:moved"
    connection.execute("delete from artists")
    with pytest.raises(InvalidTokenError, match="no such token"):
        find(token)


def test_listing_and_revoking(issue: Issue, with_database: Callable[..., Any], me: str, catalogue: Catalogue) -> None:
    other = catalogue.artist("other.example", "Other")
    admin, mine, theirs = issue(None, Scope.ADMIN), issue(me, label="laptop"), issue(other)
    assert [token.id for token in with_database(list_tokens)] == [theirs.id, mine.id, admin.id]
    listed = with_database(lambda opened: list_tokens(opened, me))
    assert [(token.id, token.handle, token.label, token.state) for token in listed] == [
        (mine.id, "me.example", "laptop", "valid")
    ]

    async def revoke(opened: Database) -> list[Any]:
        return [
            await revoke_tokens(opened, token_id=admin.id),
            await revoke_tokens(opened, token_id=admin.id),
            await revoke_tokens(opened, did=me),
            await revoke_tokens(opened, token_id="0" * 12),
        ]

    first, again, by_did, unknown = with_database(revoke)
    assert (first.revoked, first.before) == ([admin.id], [])
    assert (again.revoked, again.before) == ([], [admin.id])
    assert (by_did.revoked, by_did.before) == ([mine.id], [])
    assert (unknown.revoked, unknown.before) == ([], [])
    states = {token.id: token.state for token in with_database(list_tokens)}
    assert states == {admin.id: "revoked", mine.id: "revoked", theirs.id: "valid"}


def test_a_replaced_token_leaves_nothing_behind(
    issue: Issue, with_database: Callable[..., Any], find: Callable[..., Caller], me: str
) -> None:
    kept = issue(me, label="laptop")
    first, second = (
        with_database(lambda opened: replace_token(opened, me, [Scope.UPLOAD], label="demo")) for _ in range(2)
    )
    assert {token.id for token in with_database(list_tokens)} == {kept.id, second.id}
    assert find(second).may_change(me)
    with pytest.raises(InvalidTokenError):
        find(first)


@pytest.mark.parametrize(
    ("did", "scopes"), [(None, "{read,upload}"), ("did:plc:me.example", "{}"), ("did:plc:me.example", "{root}"),
                        ("did:plc:me.example", "{read,NULL}")],
)  # fmt: skip
@pytest.mark.usefixtures("me")
def test_the_table_refuses_what_makes_no_sense(connection: Connection, did: str | None, scopes: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(
            "insert into search.tokens (id, did, hash, scopes) values ('0123456789ab', %s, %s, %s)",
            [did, bytes(32), scopes],
        )
