"""Bringing a database to the schema of this version, while others search it and write to it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import psycopg

from app.database.adoption.run import adopt
from app.database.documents import documents_version, fill_steps, index_steps, read_documents_version
from app.database.qualified_names import Homes, read_homes
from app.database.queue_schema import find_queue_schema
from app.database.requirements import check_extensions
from app.database.schema import (
    head,
    is_adopted,
    note_state,
    pending_migrations,
    read_revision,
    read_state,
    refuse_older_program,
)
from app.database.schema_steps import (
    lacks_triggers,
    note_functions,
    prepare_steps,
    queue_steps,
    trigger_steps,
    write_functions,
    write_migrations,
)
from app.database.sql_files import repeatable_digest, repeatable_script
from app.database.steps import CATALOGUE_FIRST, Show, Step, alone, run_steps

if TYPE_CHECKING:
    from models.registry import ModelCard

Connection = psycopg.Connection[tuple[object, ...]]

_FIRST_ONLINE = "0003"
"""Older schemas have no index of words: what they have is made anew in one transaction, as in an empty database."""


def migrate(url: str, model: "ModelCard", show: Show | None = None) -> list[str]:
    """Bring a database to this version's schema.

    An empty one in one transaction. Any other step by step, each a transaction that waits for no lock longer than
    ``LOCK_TIMEOUT_MS`` and is tried again instead: others go on searching and writing. Interrupted, it goes on where it
    ended. Safe to repeat, and to run twice at once: the second waits, then finds nothing to do.

    A database that was adopted is brought there as it was adopted.

    Args:
        url: libpq URL of the database.
        model: The model that is to serve when none does yet.
        show: Is told about each step.

    Returns:
        What was done, one line a thing; empty where all was of this version.

    Raises:
        UserError: The server or an extension is too old, the role may not do it, or a lock could not be had.
        DatabaseUnavailableError: The server does not answer.
    """
    with alone(url) as connection:
        adopted = is_adopted(connection)
        done = [] if adopted else run_steps(connection, _plan(connection, model), show)
    return adopt(url, model, show) if adopted else done


def _plan(connection: Connection, model: "ModelCard") -> list[Step]:
    revision = read_revision(connection)
    refuse_older_program(connection)
    homes = replace(read_homes(connection), queue=find_queue_schema(connection))
    if revision is None or revision < _FIRST_ONLINE:
        return [_whole(connection, homes, revision, model)]
    return list(_upgrade(connection, homes, revision, model))


def _whole(connection: Connection, homes: Homes, revision: str | None, model: "ModelCard") -> Step:
    """Everything in one transaction: nothing can be half there, and there is nothing to search meanwhile."""
    queue = list(queue_steps(connection, homes))
    titles = [_title(revision), *(step.title for step in queue)]
    if revision is None:
        titles.append(f"model: {model.identity}, {model.dimensions} dimensions")
    parts = [
        write_migrations(connection, revision),
        *(f"set local search_path = {step.path};\n{step.sql}" for step in queue),
        write_functions(repeatable_script(), homes, model),
        *(step.sql for step in trigger_steps(homes, ())),
        "select search.rebuild_documents();" if revision is not None else "select search_internal.index_documents();",
        note_functions(connection, homes),
        note_state("documents", documents_version()),
    ]
    return Step("\n".join(titles), "\n".join(parts), homes.path(*CATALOGUE_FIRST), check=check_extensions)


def _upgrade(connection: Connection, homes: Homes, revision: str, model: "ModelCard") -> Iterator[Step]:
    """Migrations and functions in one transaction, since functions read the tables; the rest one by one."""
    yield from prepare_steps(connection, homes, revision)
    yield from queue_steps(connection, homes)
    applied = read_state(connection, "functions") == repeatable_digest()
    migrations = [write_migrations(connection, revision)] if pending_migrations(revision) else []
    # applied again in any case: what is missing after a restore comes back
    functions = "\n".join([*migrations, write_functions(repeatable_script(), homes, model)])
    title = _title(revision) if migrations else "functions and views"
    yield Step(
        title, functions, homes.path(*CATALOGUE_FIRST), check=check_extensions, told=bool(migrations) or not applied
    )
    if migrations or not applied or lacks_triggers(connection):
        for step in trigger_steps(homes, ()):
            yield replace(step, told=False)
    yield Step("note of the version", note_functions(connection, homes), told=False)
    yield from index_steps(connection)
    if read_documents_version(connection) != documents_version():
        yield from fill_steps(connection, documents_version())


def _title(revision: str | None) -> str:
    return f"{revision or 'empty'} -> {head()}"
