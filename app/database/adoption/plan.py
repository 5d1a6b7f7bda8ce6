"""The steps by which search comes beside a catalogue that an application already has, each short where others wait."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from app.database.adoption.catalogue_columns import CATALOGUE, TYPES
from app.database.adoption.existing_catalogue import ExistingCatalogue, read_existing_catalogue
from app.database.adoption.guarded_triggers import guard_triggers
from app.database.adoption.rules import Rules, read_rules
from app.database.adoption.views import adopted_homes, drop_former_functions, rule_functions, write_views
from app.database.qualified_names import SAFE_PATH, Homes
from app.database.queue_schema import plan_queue_upgrade
from app.database.requirements import EXTENSIONS
from app.database.schema import (
    VERSION_TABLE,
    documents_digest,
    head,
    is_adopted,
    pending_migrations,
    read_revision,
    read_state,
)
from app.database.sql_files import SQL_DIR, load_statement, repeatable_digest, repeatable_script, trigger_scripts

if TYPE_CHECKING:
    from models.registry import ModelCard

Connection = psycopg.Connection[tuple[object, ...]]

KINDS = ("artist", "album", "tag", "playlist", "track")
"""In the order in which their documents are made: a track's take over what is normalised in the others."""

BATCH = 100
"""Entities whose documents are made in one transaction: as long as it takes, writers of the same rows wait."""

_FOUNDED = "0001"
"""The revision of a catalogue that was adopted and has no migration yet: the first one would make the catalogue."""

_CATALOGUE_FIRST = "public, search"
_SEARCH_FIRST = "search, public"


@dataclass(frozen=True)
class Step:
    """Statements that run together.

    Attributes:
        title: What they do.
        sql: The statements.
        path: search_path of their transaction; None where they run outside of one, as a concurrent index has to.
        locks: Tables of the application whose writers wait until the transaction ends.
        kind: Not None where ``sql`` is to be run again and again, until all documents of that kind are made.
        size: For a progress bar: how many entities that are; else 1.
    """

    title: str
    sql: str
    path: str | None = _SEARCH_FIRST
    locks: tuple[str, ...] = ()
    kind: str | None = None
    size: int = 1


@dataclass(frozen=True)
class AdoptionPlan:
    """What was found, and what is to be done about it; nothing, where it was done before."""

    catalogue: ExistingCatalogue
    steps: list[Step]


def plan_adoption(connection: Connection, model: "ModelCard", rules: Rules | None = None) -> AdoptionPlan:
    """Look at a database, and change nothing.

    Args:
        connection: To the database.
        model: The model that is to serve when none does yet.
        rules: Who may find a row; None for the rules of the last adoption.

    Raises:
        UserError: A queue that is there already cannot be used.
    """
    if rules is None:
        rules = read_rules(_state(connection, "rules") or "", "the rules of the last adoption")
    catalogue = read_existing_catalogue(connection, rules)
    catalogue.problems += [*_in_the_way(connection), *_superseded(connection, catalogue)]
    if catalogue.problems:
        return AdoptionPlan(catalogue, [])
    _take_track_count(connection, catalogue)
    steps = list(_foundation(connection, catalogue))
    founded = bool(steps)
    homes = adopted_homes(connection, catalogue)
    steps += _schema(connection, homes, rules, founded=founded)
    current = not steps
    if not current:
        steps.append(Step(f"model {model.identity}", _model(connection, model)))
    steps += _indexes(connection, catalogue)
    if not current:
        steps += map(partial(_triggers, catalogue, homes), trigger_scripts())
        noted = "\n".join([drop_former_functions(catalogue), _notes(connection, catalogue, founded=founded)])
        steps.append(Step("note of the version", noted))
    documents = _documents_digest(catalogue)
    if founded or _state(connection, "documents") != documents:
        steps += _documents(connection, documents)
    return AdoptionPlan(catalogue, steps)


def _take_track_count(connection: Connection, catalogue: ExistingCatalogue) -> None:
    """Show the count in the table of playlists, where the application keeps their tracks elsewhere."""
    if "playlist_tracks" not in catalogue.missing or "playlists" not in catalogue.tables:
        return
    rows = connection.execute(load_statement("adoption_columns"), {"tables": ["playlists"]}).fetchall()
    if any(name == "track_count" and kind in TYPES["number"] for _, name, kind, *_ in rows):
        playlists = catalogue.tables["playlists"]
        seen = {**playlists.columns, "own_track_count": "t.track_count"}
        catalogue.tables["playlists"] = replace(playlists, columns=seen)


def _notes(connection: Connection, catalogue: ExistingCatalogue, *, founded: bool) -> str:
    """What a later run reads; where search sees the tables anew, also that all names are to be read again."""
    notes = {"repeatable": repeatable_digest(), "adopted": _adopted_digest(connection, catalogue)}
    if founded and _state(connection, "documents") is not None:
        notes["documents"] = "stale"
    noted = [_note(connection, key, value) for key, value in notes.items()]
    # what the former triggers could not follow is read again; this waits for their transactions
    forgotten = ["delete from search.stale_notes;"] if founded else []
    forgotten.append("delete from search.schema_state where key = 'released';")
    return "\n".join([*forgotten, *noted])


def _in_the_way(connection: Connection) -> Iterator[str]:
    if _exists(connection, "to_regclass", f"public.{VERSION_TABLE}"):
        yield "this database was made by vibe-search db migrate, which brings it up to date: it needs no adoption"
    elif _exists(connection, "to_regnamespace", "search") and not is_adopted(connection):
        yield "schema search is there already, and not of this project: rename it (alter schema search rename to ...)"


def _superseded(connection: Connection, catalogue: ExistingCatalogue) -> Iterator[str]:
    """Tables that were made because there were none, and now there are."""
    names = list(catalogue.tables)
    for (name,) in connection.execute(load_statement("adoption_superseded"), {"tables": names}).fetchall():
        yield (
            f"there is a table {name} now, in the place of which search.{name} was made: move its rows, "
            f"then drop it: select search.release_table('{name}')"
        )


def _documents_digest(catalogue: ExistingCatalogue) -> str:
    """By which a later run tells whether names were read by the same functions and rules."""
    rules = rule_functions(catalogue) + catalogue.rules.unlisted
    return f"{documents_digest()} {hashlib.sha256(rules.encode()).hexdigest()}"


def _state(connection: Connection, key: str) -> str | None:
    return read_state(connection, key) if _exists(connection, "to_regclass", "search.schema_state") else None


def _is_stale(connection: Connection) -> bool:
    """Whether a trigger has noted rows that it could not follow."""
    if not _exists(connection, "to_regclass", "search.stale_notes"):
        return False
    return connection.execute("select from search.stale_notes limit 1").fetchone() is not None


def _foundation(connection: Connection, catalogue: ExistingCatalogue) -> Iterator[Step]:
    """The schema, the tables that are missing, and views of those that lack something."""
    missing, views = _missing_tables(catalogue), write_views(connection, catalogue)
    if _state(connection, "adopted") == _adopted_digest(connection, catalogue) and not _is_stale(connection):
        return
    extensions = [f"create extension if not exists {name} with schema public;" for name in EXTENSIONS]
    domains = [
        f"create domain search.{name} as {base};"
        for name, base in (("album_id", catalogue.album_id), ("playlist_id", catalogue.playlist_id))
        if not _exists(connection, "to_regtype", f"search.{name}")
    ]
    # of what they show nothing is known here but that it is to be shown otherwise
    dropped = [f"drop view if exists search.{name} cascade;" for name in catalogue.tables]
    statements = [
        "create schema if not exists search;",
        *extensions,
        *domains,
        (SQL_DIR / "adoption" / "version.sql").read_text(encoding="utf-8"),
        (SQL_DIR / "functions" / "index" / "acting_artist.sql").read_text(encoding="utf-8"),
        missing,
        *dropped,
        rule_functions(catalogue),
        views,
    ]
    referred = set(re.findall(r"references (\w+)", missing))
    locks = tuple(name for name in catalogue.tables if name in referred)
    yield Step("schema search, and what the catalogue lacks", "\n".join(statements), _CATALOGUE_FIRST, locks)


def _missing_tables(catalogue: ExistingCatalogue) -> str:
    return "\n".join((SQL_DIR / "adoption" / f"{name}.sql").read_text(encoding="utf-8") for name in catalogue.missing)


def _adopted_digest(connection: Connection, catalogue: ExistingCatalogue) -> str:
    """By which a later run tells whether the application's tables lack the same as before.

    A view follows a column that is renamed: another column may have its name by then, hence their numbers.
    """
    read = sorted({column.name for columns in CATALOGUE.values() for column in columns})
    places = connection.execute(
        load_statement("adoption_places"), {"tables": list(catalogue.tables), "columns": read}
    ).fetchall()
    text = _missing_tables(catalogue) + rule_functions(catalogue) + write_views(connection, catalogue) + repr(places)
    text += catalogue.rules.unlisted
    return hashlib.sha256(text.encode()).hexdigest()


def _schema(connection: Connection, homes: Homes, rules: Rules, *, founded: bool) -> Iterator[Step]:
    """Migrations, the queue, functions and views; nothing, where all of them are of this version.

    Args:
        connection: To the database.
        homes: Where functions find what they name.
        rules: To be kept for later adoptions.
        founded: Whether something else is being changed, of which functions and views want to know.
    """
    revision = read_revision(connection) if is_adopted(connection) else None
    noted = _note(connection, "rules", rules.source)
    functions = Step("functions and views", f"{homes.bind(guard_triggers(repeatable_script()))}\n{noted}", SAFE_PATH)
    queue = list(_queue(connection, homes))
    pending = pending_migrations(revision or _FOUNDED)
    if pending and revision not in {None, _FOUNDED}:
        # an update: a migration drops functions that come back with other columns, and no search may look in between
        migrations = _migrations(connection, homes, revision or _FOUNDED)
        together = f"{migrations.sql}\nset local search_path = {SAFE_PATH};\n{functions.sql}"
        yield from [*queue, replace(migrations, title=f"{migrations.title}, {functions.title}", sql=together)]
        return
    if pending:
        yield _migrations(connection, homes, _FOUNDED)
    yield from queue
    if pending or queue or founded or _state(connection, "repeatable") != repeatable_digest():
        yield functions


def _migrations(connection: Connection, homes: Homes, revision: str) -> Step:
    version = SQL("update search.{} set version_num = {};").format(Identifier(VERSION_TABLE), Literal(head()))
    scripts = [f"-- {name}\n{sql}" for name, sql in pending_migrations(revision)]
    sql = "\n".join([*scripts, version.as_string(connection)])
    return Step(f"migrations {revision} -> {head()}", sql, homes.path("public", "search"), ("artists", "tracks"))


def _queue(connection: Connection, homes: Homes) -> Iterator[Step]:
    queue = plan_queue_upgrade(connection, "search")
    if queue.scripts:
        noted = SQL("insert into search.queue_migrations (name) select unnest({}::text[]);").format(
            Literal(queue.names)
        )
        # until the functions come: who changes a job by hand has another search_path
        pinned = homes.bind((SQL_DIR / "functions" / "jobs" / "queue_functions.sql").read_text(encoding="utf-8"))
        yield Step("; ".join(queue.done), "\n".join([*queue.scripts, pinned, noted.as_string(connection)]))


def _model(connection: Connection, model: "ModelCard") -> str:
    statement = """do $$
begin
    if exists (select from search.models where serving) then
        perform search_internal.bind_nearest_tracks();
    else
        perform search.register_model({}, {}, {});
        perform search.serve_model({});
    end if;
end;
$$;"""
    values = [Literal(value) for value in (model.name, model.identity, model.dimensions, model.identity)]
    return SQL(statement).format(*values).as_string(connection)


def _indexes(connection: Connection, catalogue: ExistingCatalogue) -> Iterator[Step]:
    for name, (table, definition) in catalogue.indexes.items():
        # left behind by a run that was interrupted, it would be in the way
        if _exists(connection, "to_regclass", f"public.{name}"):
            yield Step(f"broken index {name}", f"drop index concurrently public.{name};", None)
        yield Step(f"index {name}", f"create index concurrently {name} on public.{table} using {definition};", None)


def _triggers(catalogue: ExistingCatalogue, homes: Homes, script: Path) -> Step:
    locks = (script.stem,) if script.stem in catalogue.tables else ()
    # on the table itself, where functions read a view
    own = replace(homes, tables=dict.fromkeys(catalogue.missing, "search"))
    return Step(f"triggers of {script.stem}", own.bind(script.read_text(encoding="utf-8")), SAFE_PATH, locks)


def _documents(connection: Connection, digest: str) -> Iterator[Step]:
    yield Step("indexes of names", "select search_internal.index_documents();")
    yield Step("words of listed names", "select search_internal.count_words();")
    for kind in KINDS:
        sql = f"select search_internal.fill_documents('{kind}', :after, {BATCH});"
        yield Step(f"names of {kind}s", sql, kind=kind, size=_count(connection, f"{kind}s"))
    yield Step("names of what is gone", "do $$ begin perform search_internal.forget_deleted(); end $$;")
    counted = "analyze search.documents;\nselect search.refresh_common_words();"
    yield Step("statistics", "\n".join([counted, _note(connection, "documents", digest)]))


def _note(connection: Connection, key: str, value: str) -> str:
    statement = (
        "insert into search.schema_state values ({}, {}) on conflict (key) do update set value = excluded.value;"
    )
    return SQL(statement).format(Literal(key), Literal(value)).as_string(connection)


def _count(connection: Connection, table: str) -> int:
    if not _exists(connection, "to_regclass", f"public.{table}"):
        return 0
    row = connection.execute(SQL("select count(*)::integer from {}").format(Identifier("public", table))).fetchone()
    return 0 if row is None else int(str(row[0]))


def _exists(connection: Connection, function: str, name: str) -> bool:
    row = connection.execute(SQL("select {}(%s) is not null").format(Identifier(function)), [name]).fetchone()
    return row is not None and row[0] is True
