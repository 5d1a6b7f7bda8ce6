"""What a server, its database and the role must have before a schema can be made."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.errors import DependentObjectsStillExist, DuplicateTable, InsufficientPrivilege
from psycopg.sql import SQL, Identifier
from sqlalchemy.exc import DBAPIError

from app.database.setting_in_use import DIRECT_URL, setting_in_use
from app.errors import UserError

MINIMUM_SERVER = 150000
"""The oldest major version that the tests run on."""

MINIMUM_PGVECTOR = (0, 8, 0)
"""The first with iterative index scans, without which a search by sound misses what others' hidden tracks displace."""

EXTENSIONS = ("vector", "pg_trgm", "unaccent", "fuzzystrmatch")

_HOW_TO = "docs/how-to/use-your-own-postgres.md"

Connection = psycopg.Connection[tuple[object, ...]]


def check_server(connection: Connection) -> None:
    """Refuse a server that is too old, an encoding without all letters, and missing or old extensions.

    Raises:
        UserError: What is wrong, and what to do.
    """
    version = connection.info.server_version
    if version < MINIMUM_SERVER:
        raise UserError(
            f"PostgreSQL {version // 10000} is too old: vibe-search is tested on 15 and newer. "
            f"Let {setting_in_use()} name a newer server, or unset DATABASE_URL to use the embedded one"
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise UserError(
            f"the database is encoded in {encoding}, which cannot hold the titles of all languages. {_new_database()}"
        )
    lacking = connection.execute(
        "select name from unnest(%s::text[]) name where name not in (select e.name from pg_available_extensions e)",
        [list(EXTENSIONS)],
    ).fetchall()
    if lacking:
        raise UserError(_lacking_extensions([str(row[0]) for row in lacking], version // 10000))
    _check_pgvector(connection)
    _check_schemas(connection)


def check_extensions(connection: Connection) -> None:
    """Refuse a pgvector that is too old, and a locale that knows ASCII letters only.

    Raises:
        UserError: What is wrong, and what to do.
    """
    _check_pgvector(connection)
    if not knows_letters(connection):
        raise UserError(locale_message())


def knows_letters(connection: Connection) -> bool:
    """Whether pg_trgm keeps letters that are not ASCII: under the C locale it drops them, and nothing finds them.

    Raises:
        UserError: The extension is missing.
    """
    home = connection.execute(
        "select n.nspname::text from pg_extension e join pg_namespace n on n.oid = e.extnamespace "
        "where e.extname = 'pg_trgm'"
    ).fetchone()
    if home is None:
        raise UserError("the database has no extension pg_trgm, which search reads names by: create extension pg_trgm")
    trigrams = SQL("select cardinality({}('музыка')) > 0").format(Identifier(str(home[0]), "show_trgm"))
    row = connection.execute(trigrams).fetchone()
    return row is not None and row[0] is True


def locale_message() -> str:
    """What to do about a database whose locale knows ASCII letters only."""
    return (
        "the database's locale knows ASCII letters only: pg_trgm drops all other letters under it, "
        f"and titles written with them could not be found. {_new_database()}"
    )


def _new_database() -> str:
    return (
        "Neither can be changed later. Create a database with a UTF-8 locale (create database ... template template0 "
        "encoding 'UTF8' locale 'C.UTF-8'), restore your dump into it where there are data, and name it in DATABASE_URL"
    )


def _lacking_extensions(names: list[str], major: int) -> str:
    said = [f"the server lacks the extensions {', '.join(names)}. Install them on the machine of the server"]
    if "vector" in names:
        said.append(
            f"pgvector: apt-get install postgresql-{major}-pgvector; "
            f"where Debian has no such package, {_HOW_TO} builds it"
        )
    if names != ["vector"]:
        said.append("the others: apt-get install postgresql-contrib")
    return ". ".join(said)


def _check_pgvector(connection: Connection) -> None:
    """Refuse what the database has, or would get, where it is too old.

    Raises:
        UserError: It is.
    """
    row = connection.execute(
        "select installed_version, default_version from pg_available_extensions where name = 'vector'"
    ).fetchone()
    installed, offered = (None, None) if row is None else row
    version = str(installed or offered or "none")
    if _numbers(version) >= MINIMUM_PGVECTOR:
        return
    wanted = ".".join(map(str, MINIMUM_PGVECTOR))
    reason = (
        f"pgvector {version} is too old: {wanted} is the first whose index scans go on until they have found enough "
        "tracks that the viewer may see"
    )
    update = "as its owner or a superuser, run in this database: alter extension vector update"
    if installed is not None and _numbers(str(offered)) >= MINIMUM_PGVECTOR:
        raise UserError(f"{reason}. The server has {offered} already: {update}")
    then = f", then, {update}" if installed is not None else ""
    raise UserError(f"{reason}. Install a newer one on the machine of the server ({_HOW_TO}){then}")


def _check_schemas(connection: Connection) -> None:
    """Refuse extensions where the role may not look: Postgres would say that they are missing.

    Raises:
        UserError: There are some.
    """
    closed = connection.execute(
        "select distinct e.extnamespace::regnamespace::text from pg_extension e "
        "where e.extname = any (%s) and not has_schema_privilege(e.extnamespace, 'usage')",
        [list(EXTENSIONS)],
    ).fetchall()
    for (schema,) in closed:
        user = Identifier(connection.info.user).as_string(None)
        raise UserError(
            f"the role of {setting_in_use()} may not use schema {schema}, which has extensions that search needs. "
            f"The owner of the schema lets it in (grant usage on schema {schema} to {user})"
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", version)))


@contextmanager
def explaining_refusals() -> Iterator[None]:
    """Say what to do where the role may not do something, or where there are tables already.

    Raises:
        UserError: Instead of these errors of Postgres.
    """
    try:
        yield
    except (psycopg.Error, DBAPIError) as error:
        refused = error.orig if isinstance(error, DBAPIError) else error
        message = str(refused).partition("\n")[0]
        if isinstance(refused, DuplicateTable):
            raise UserError(
                f"the database holds tables of the same names already: {message}. Give vibe-search a database of its "
                "own; or, where artists and tracks are an application's, let it search them: vibe-search db adopt"
            ) from error
        if isinstance(refused, DependentObjectsStillExist):
            raise UserError(f"{message}. Drop that, run this again, and make it anew") from error
        if not isinstance(refused, InsufficientPrivilege):
            raise
        raise UserError(f"the role of {setting_in_use()} may not migrate: {message}. {_right_role(message)}") from error


def _right_role(message: str) -> str:
    """What gives a role the right that a message says it lacks."""
    if "create extension" in message:
        create = "; ".join(f"create extension if not exists {name}" for name in EXTENSIONS)
        return f"A superuser creates the extensions once, in this database: {create}"
    if "must be owner of" in message:
        return f"Run it as that owner{_for_once()}"
    owner = "the owner of the database (alter database ... owner to ...), who may create schemas in it"
    return f"Run it as {owner}{_for_once()}"


def _for_once() -> str:
    """How to name the owner where the setting is another role's, for what serves and works."""
    name = setting_in_use()
    return f", and give {name} that role for this command alone" if name == DIRECT_URL else ""
