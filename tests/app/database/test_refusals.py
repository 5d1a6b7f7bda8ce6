"""What a database is refused for: each message is provoked, done as it says, and then all is well."""

import re
from collections.abc import Callable

import psycopg
import pytest

from app.database import ROLES, EmbeddedPostgres, adopt, connect, grant_roles, load_rules, migrate, require_schema
from app.errors import UserError
from app.providers import Providers
from tests.app.database.adoption.conftest import SCHEMA
from tests.support.databases import new_database, sibling
from tests.support.plain_owner import IN_PUBLIC, as_role, database_of_a_plain_owner


def refused(attempt: Callable[..., object], *given: object, **named: object) -> str:
    with pytest.raises(UserError) as error:
        attempt(*given, **named)
    return str(error.value)


def run(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@pytest.mark.parametrize("options", ["encoding 'SQL_ASCII' locale 'C'", "encoding 'LATIN1' locale 'C'", "locale 'C'"])
def test_a_database_that_cannot_hold_all_titles(server: EmbeddedPostgres, providers: Providers, options: str) -> None:
    with new_database(server, options=options) as url:
        message = refused(migrate, url, providers.embedding.card)
    (statement,) = re.findall(r"\((create database [^)]*)\)", message)
    assert "titles" in message, "the reason"
    try:
        run(server.url, statement.replace("...", "spelt_right"))
        assert migrate(sibling(server.url, "spelt_right"), providers.embedding.card)
    finally:
        run(server.url, "drop database if exists spelt_right with (force)")


def test_a_server_without_pgvector(server: EmbeddedPostgres, providers: Providers, empty_database: str) -> None:
    """The server's own setting hides the files of extensions, as if they were not installed."""
    name = psycopg.conninfo.conninfo_to_dict(empty_database)["dbname"]
    run(server.url, f"alter database {name} set extension_control_path = '/nowhere'")
    message = refused(migrate, empty_database, providers.embedding.card)
    assert "lacks the extensions vector, pg_trgm" in message
    assert "apt-get install postgresql-18-pgvector" in message
    assert "docs/how-to/use-your-own-postgres.md" in message
    run(server.url, f"alter database {name} reset extension_control_path")
    assert migrate(empty_database, providers.embedding.card)


OLD_PGVECTOR = [
    *(f"alter extension vector drop cast ({kind}[] as sparsevec)" for kind in ("integer", "real", "float8", "numeric")),
    *(f"drop cast ({kind}[] as sparsevec)" for kind in ("integer", "real", "float8", "numeric")),
    *(
        f"alter extension vector drop function array_to_sparsevec({kind}[], integer, boolean)"
        for kind in ("integer", "real", "float8", "numeric")
    ),
    *(
        f"drop function array_to_sparsevec({kind}[], integer, boolean)"
        for kind in ("integer", "real", "float8", "numeric")
    ),
    "update pg_extension set extversion = '0.7.4' where extname = 'vector'",
]
"""What 0.8.0 added is taken away: the database is as 0.7.4 left it, beside newer files."""


@pytest.mark.parametrize("adopting", [False, True])
def test_a_pgvector_that_was_not_updated(empty_database: str, providers: Providers, *, adopting: bool) -> None:
    run(empty_database, "create extension vector", *OLD_PGVECTOR, *([SCHEMA] if adopting else []))
    bring = adopt if adopting else migrate
    message = refused(bring, empty_database, providers.embedding.card)
    assert "pgvector 0.7.4 is too old: 0.8.0 is the first whose index scans" in message
    statement = message.rpartition(": ")[2]
    assert statement == "alter extension vector update"
    run(empty_database, statement)
    if adopting:
        assert adopt(empty_database, providers.embedding.card, rules=load_rules("plyr.fm"))
    else:
        assert migrate(empty_database, providers.embedding.card)


def test_a_plain_owner_without_extensions(server: EmbeddedPostgres, providers: Providers) -> None:
    with database_of_a_plain_owner(server, {}) as owned:
        message = refused(migrate, owned.url, providers.embedding.card)
        assert "permission denied to create extension" in message
        statements = message.rpartition(": ")[2].split("; ")
        assert len(statements) == 4
        run(owned.superuser, *statements)
        assert migrate(owned.url, providers.embedding.card)


def test_a_role_that_does_not_own_the_database(server: EmbeddedPostgres, providers: Providers) -> None:
    with database_of_a_plain_owner(server) as owned:
        run(owned.superuser, f"alter database {owned.name} owner to postgres")
        message = refused(migrate, owned.url, providers.embedding.card)
        (statement,) = re.findall(r"\((alter database [^)]*)\)", message)
        for name in (owned.name, owned.owner):
            statement = statement.replace("...", name, 1)
        run(owned.superuser, statement)
        assert migrate(owned.url, providers.embedding.card)


def test_a_catalogue_in_the_way_can_be_adopted(empty_database: str, providers: Providers) -> None:
    run(empty_database, SCHEMA)
    assert "vibe-search db adopt" in refused(migrate, empty_database, providers.embedding.card)
    assert adopt(empty_database, providers.embedding.card, rules=load_rules("plyr.fm"))


def test_a_table_in_the_way_that_is_no_catalogue(
    empty_database: str, server: EmbeddedPostgres, providers: Providers
) -> None:
    """Neither command sends to the other one."""
    run(empty_database, "create table playlists (id int)")
    assert "a database of its own" in refused(migrate, empty_database, providers.embedding.card)
    message = refused(adopt, empty_database, providers.embedding.card)
    assert "no table artists" in message
    assert "a database of its own" in message
    assert "db migrate" not in message
    with new_database(server) as own:
        assert migrate(own, providers.embedding.card)


def test_no_catalogue_to_adopt(empty_database: str, providers: Providers) -> None:
    message = refused(adopt, empty_database, providers.embedding.card)
    assert message.endswith("vibe-search db migrate makes one")
    assert migrate(empty_database, providers.embedding.card)


def test_a_schema_of_that_name_in_the_way(empty_database: str, providers: Providers) -> None:
    run(empty_database, SCHEMA, "create schema search")
    message = refused(adopt, empty_database, providers.embedding.card)
    (statement,) = re.findall(r"\((alter schema [^)]*)\)", message)
    run(empty_database, statement.replace("...", "theirs"))
    assert adopt(empty_database, providers.embedding.card, rules=load_rules("plyr.fm"))


def test_an_owner_who_may_not_make_roles(server: EmbeddedPostgres, providers: Providers) -> None:
    with database_of_a_plain_owner(server, roles=ROLES) as owned:
        migrate(owned.url, providers.embedding.card)
        run(owned.superuser, f"alter role {owned.owner} nocreaterole")
        message = refused(grant_roles, owned.url, dict.fromkeys(ROLES, "secret"))
        (statement,) = re.findall(r"\((alter role [^)]*)\)", message)
        run(owned.superuser, statement)
        assert grant_roles(owned.url, dict.fromkeys(ROLES, "secret"))


def test_extensions_in_a_closed_schema(server: EmbeddedPostgres, providers: Providers) -> None:
    """First the owner is refused, then the roles."""
    elsewhere = dict.fromkeys(IN_PUBLIC, "Extensions-1")
    with database_of_a_plain_owner(server, elsewhere, roles=ROLES) as owned:
        run(owned.superuser, f'revoke usage on schema "Extensions-1" from {owned.owner}')
        message = refused(migrate, owned.url, providers.embedding.card)
        (statement,) = re.findall(r"\((grant usage [^)]*)\)", message)
        run(owned.superuser, statement)
        assert migrate(owned.url, providers.embedding.card)
        message = refused(grant_roles, owned.url, dict.fromkeys(ROLES, "secret"))
        run(owned.superuser, *(f"create role {role} login" for role in ROLES))
        (statement,) = re.findall(r"\((grant usage [^)]*)\)", message)
        run(owned.superuser, statement, f"grant {', '.join(ROLES)} to {owned.owner} with admin option")
        assert grant_roles(owned.url, {})
        require_schema(as_role(owned.superuser, ROLES[0]))


def test_roles_that_another_owner_has_made(server: EmbeddedPostgres, providers: Providers) -> None:
    """Roles are of the whole server, and two databases of different owners share them."""
    passwords = dict.fromkeys(ROLES, "secret")
    with database_of_a_plain_owner(server, roles=ROLES) as first, database_of_a_plain_owner(server) as second:
        for owned in (first, second):
            migrate(owned.url, providers.embedding.card)
        grant_roles(first.url, passwords)
        message = refused(grant_roles, second.url, passwords)
        (statement,) = re.findall(r"\((grant [^)]*)\)", message)
        run(second.superuser, statement)
        assert grant_roles(second.url, passwords)
        require_schema(as_role(second.superuser, ROLES[0]))


def test_a_role_without_grants(server: EmbeddedPostgres, providers: Providers) -> None:
    with database_of_a_plain_owner(server, roles=ROLES) as owned:
        migrate(owned.url, providers.embedding.card)
        run(owned.superuser, *(f"create role {role} login" for role in ROLES))
        message = refused(require_schema, as_role(owned.superuser, ROLES[0]))
        assert "vibe-search db roles" in message
        grant_roles(owned.superuser, {})
        require_schema(as_role(owned.superuser, ROLES[0]))


def test_an_empty_database(empty_database: str, providers: Providers) -> None:
    assert refused(require_schema, empty_database) == "the database is empty: run vibe-search db migrate"
    migrate(empty_database, providers.embedding.card)
    require_schema(empty_database)


def test_a_queue_whose_migrations_are_unknown(database: str, providers: Providers) -> None:
    with connect(database) as connection:
        rows = connection.execute("delete from search.queue_migrations returning name").fetchall()
    message = refused(migrate, database, providers.embedding.card)
    (statement,) = re.findall(r"\((insert into .*)\)", message)
    for (name,) in rows:
        run(database, statement.replace("...", str(name)))
    assert migrate(database, providers.embedding.card) == []
