"""The tables and functions of procrastinate's queue, and keeping them at the version of the library."""

from dataclasses import dataclass
from importlib import resources

import psycopg

from app.database.qualified_names import read_homes
from app.database.schema import exists, read_state
from app.errors import UserError

Connection = psycopg.Connection[tuple[object, ...]]


@dataclass(frozen=True)
class QueueUpgrade:
    """What a database lacks of the queue.

    Attributes:
        scripts: SQL to run, in this order.
        names: Migrations that it has afterwards, for search.queue_migrations.
        done: What to say about it, one line a step.
    """

    scripts: list[str]
    names: list[str]
    done: list[str]


def find_queue_schema(connection: Connection) -> str:
    """The schema of vibe-search's queue, which may not be made yet; ``read_homes`` tells where one is.

    It is public, or search where an application has a queue of its own in public.

    A queue that an earlier version has made in public stays there; search.queue_migrations tells it from another's.
    """
    if read_homes(connection).queue == "search":
        return "search"
    if not exists(connection, "to_regclass", "public.procrastinate_jobs") or _known_migrations(connection):
        return "public"
    # functions are made after the queue that they name: where there are some, this is theirs, and its notes are lost
    functions = any(read_state(connection, key) is not None for key in ("functions", "repeatable"))
    return "public" if functions else "search"


def plan_queue_upgrade(connection: Connection, schema: str = "public") -> QueueUpgrade:
    """Find what is missing: the whole schema, or those migrations that came with a newer release.

    procrastinate ships migrations without tracking them; search.queue_migrations does.

    Args:
        connection: To the database.
        schema: Where the queue is. An adopted catalogue may have one of its own in public, which is none of ours.

    Raises:
        UserError: There are tables, and nothing says of which version.
    """
    folder = resources.files("procrastinate.sql")
    names = sorted(entry.name for entry in (folder / "migrations").iterdir() if entry.name.endswith(".sql"))
    known = _known_migrations(connection)
    if not exists(connection, "to_regclass", f"{schema}.procrastinate_jobs"):
        script = (folder / "schema.sql").read_text(encoding="utf-8")
        return QueueUpgrade([script], names, [f"procrastinate: schema with {len(names)} migrations"])
    if not known:
        raise UserError(
            "procrastinate's tables are there but nothing says which of its migrations they have. Note each of them "
            "(insert into search.queue_migrations (name) values ('...')), then migrate again"
        )
    pending = [name for name in names if name not in known]
    scripts = [(folder / "migrations" / name).read_text(encoding="utf-8") for name in pending]
    return QueueUpgrade(scripts, pending, [f"procrastinate: {name}" for name in pending])


def _known_migrations(connection: Connection) -> set[str]:
    if not exists(connection, "to_regclass", "search.queue_migrations"):
        return set()
    return {str(row[0]) for row in connection.execute("select name from search.queue_migrations").fetchall()}
