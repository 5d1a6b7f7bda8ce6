"""A database whose owner is no superuser, as managed services give one."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from tests.support.databases import Server, new_database

IN_PUBLIC = dict.fromkeys(("vector", "pg_trgm", "unaccent", "fuzzystrmatch"), "public")
"""The schema of each extension, as `create extension` puts them."""

_numbers = itertools.count(1)


@dataclass(frozen=True)
class OwnedDatabase:
    """A database of a plain owner.

    Attributes:
        url: Its URL for the owner.
        superuser: Its URL for a superuser.
        owner: The role.
        name: Its name.
    """

    url: str
    superuser: str
    owner: str
    name: str


def as_role(url: str, role: str, password: str = "") -> str:
    """The same database for another role."""
    return f"postgresql://{role}:{password}@{url.partition('@')[2]}"


@contextmanager
def database_of_a_plain_owner(
    server: Server, extensions: Mapping[str, str] = IN_PUBLIC, roles: tuple[str, ...] = ()
) -> Iterator[OwnedDatabase]:
    """A new database, and its owner; both are gone afterwards.

    Args:
        server: Where.
        extensions: What a superuser has created in it: names, and their schemas, which are made.
        roles: Those that the test makes besides, to be dropped.
    """
    owner = f"keeper_{next(_numbers)}"
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(SQL("create role {} login createrole").format(Identifier(owner)))
        try:
            with new_database(server) as url:
                name = str(conninfo_to_dict(url)["dbname"])
                admin.execute(SQL("alter database {} owner to {}").format(Identifier(name), Identifier(owner)))
                with psycopg.connect(url, autocommit=True) as inside:
                    for extension, schema in extensions.items():
                        inside.execute(SQL("create schema if not exists {}").format(Identifier(schema)))
                        inside.execute(
                            SQL("grant usage on schema {} to {} with grant option").format(
                                Identifier(schema), Identifier(owner)
                            )
                        )
                        inside.execute(
                            SQL("create extension {} schema {}").format(Identifier(extension), Identifier(schema))
                        )
                yield OwnedDatabase(as_role(url, owner), url, owner, name)
        finally:
            for role in (*roles, owner):
                admin.execute(SQL("drop role if exists {}").format(Identifier(role)))
