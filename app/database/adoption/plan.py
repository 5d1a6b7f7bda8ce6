"""The steps by which search comes beside a catalogue that an application already has, each short where others wait."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import psycopg

from app.database.adoption.catalogue_columns import CATALOGUE, TYPES
from app.database.adoption.existing_catalogue import ExistingCatalogue, read_existing_catalogue
from app.database.adoption.guarded_triggers import guard_triggers
from app.database.adoption.rules import Rules, read_rules
from app.database.adoption.views import adopted_homes, drop_former_functions, rule_functions, write_views
from app.database.documents import STALE, documents_version, fill_steps, index_steps, read_documents_version
from app.database.qualified_names import SAFE_PATH, Homes
from app.database.requirements import EXTENSIONS, check_extensions
from app.database.schema import (
    VERSION_TABLE,
    exists,
    head,
    is_adopted,
    note_state,
    pending_migrations,
    read_revision,
    read_state,
    refuse_older_program,
)
from app.database.schema_steps import (
    are_bound,
    note_functions,
    prepare_steps,
    queue_steps,
    trigger_steps,
    write_functions,
    write_migrations,
)
from app.database.sql_files import SQL_DIR, load_statement, repeatable_digest, repeatable_script
from app.database.steps import CATALOGUE_FIRST, Step
from app.errors import UserError

if TYPE_CHECKING:
    from models.registry import ModelCard

Connection = psycopg.Connection[tuple[object, ...]]

_FORGET_PROGRESS = "delete from search.schema_state where key = 'filling';"

_FOUNDED = "0001"
"""The revision of a catalogue that was adopted and has no migration yet: the first one would make the catalogue."""


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
    if is_adopted(connection):
        refuse_older_program(connection)
    if rules is None:
        rules = _last_rules(connection)
    catalogue = read_existing_catalogue(connection, rules)
    catalogue.problems += [*_in_the_way(connection), *_superseded(connection, catalogue)]
    if catalogue.problems:
        return AdoptionPlan(catalogue, [])
    _take_track_count(connection, catalogue)
    foundation = list(_foundation(connection, catalogue))
    homes = adopted_homes(connection, catalogue)
    steps = list(_schema(connection, homes, rules, model, foundation))
    current = not steps
    steps += _indexes(connection, catalogue)
    if not current:
        # on the tables themselves, where functions read a view
        own = replace(homes, tables=dict.fromkeys(catalogue.missing, "search"))
        steps += trigger_steps(own, tuple(catalogue.tables))
        noted = [drop_former_functions(catalogue), _notes(connection, catalogue, homes, founded=bool(foundation))]
        steps.append(Step("note of the version", "\n".join(noted)))
    steps += _documents(connection, _documents_version(catalogue), founded=bool(foundation))
    return AdoptionPlan(catalogue, steps)


def _documents(connection: Connection, version: str, *, founded: bool) -> Iterator[Step]:
    """Indexes and documents, where they are missing or of another version."""
    if exists(connection, "to_regclass", "search.documents"):
        yield from index_steps(connection)
    else:
        yield Step("indexes of names", "select search_internal.index_documents();")
    if founded or read_documents_version(connection) != version:
        yield from fill_steps(connection, version, anew=founded)


def _last_rules(connection: Connection) -> Rules:
    """The rules of the last adoption, which may have been of a version with other words."""
    try:
        return read_rules(read_state(connection, "rules") or "", "the rules of the last adoption")
    except UserError as error:
        raise UserError(
            f"{error}. Give them again, as this version has them: vibe-search db adopt --rules FILE"
        ) from error


def _take_track_count(connection: Connection, catalogue: ExistingCatalogue) -> None:
    """Show the count in the table of playlists, where the application keeps their tracks elsewhere."""
    if "playlist_tracks" not in catalogue.missing or "playlists" not in catalogue.tables:
        return
    rows = connection.execute(load_statement("adoption_columns"), {"tables": ["playlists"]}).fetchall()
    if any(name == "track_count" and kind in TYPES["number"] for _, name, kind, *_ in rows):
        playlists = catalogue.tables["playlists"]
        seen = {**playlists.columns, "own_track_count": "t.track_count"}
        catalogue.tables["playlists"] = replace(playlists, columns=seen)


def _notes(connection: Connection, catalogue: ExistingCatalogue, homes: Homes, *, founded: bool) -> str:
    """What a later run reads; where search sees the tables anew, also that all names are to be read again."""
    noted = [note_functions(connection, homes), note_state("adopted", _adopted_digest(connection, catalogue))]
    if founded and read_state(connection, "documents") is not None:
        noted.append(note_state("documents", STALE))
    # what the former triggers could not follow is read again; this waits for their transactions
    forgotten = ["delete from search.stale_notes;", _FORGET_PROGRESS] if founded else []
    forgotten.append("delete from search.schema_state where key = 'released';")
    return "\n".join([*forgotten, *noted])


def _in_the_way(connection: Connection) -> Iterator[str]:
    if exists(connection, "to_regclass", f"public.{VERSION_TABLE}"):
        yield "this database was made by vibe-search db migrate, which brings it up to date: it needs no adoption"
    elif exists(connection, "to_regnamespace", "search") and not is_adopted(connection):
        yield "schema search is there already, and not of this project: rename it (alter schema search rename to ...)"


def _superseded(connection: Connection, catalogue: ExistingCatalogue) -> Iterator[str]:
    """Tables that were made because there were none, and now there are."""
    names = list(catalogue.tables)
    for (name,) in connection.execute(load_statement("adoption_superseded"), {"tables": names}).fetchall():
        yield (
            f"there is a table {name} now, in the place of which search.{name} was made: move its rows, "
            f"then drop it: select search.release_table('{name}')"
        )


def _documents_version(catalogue: ExistingCatalogue) -> str:
    """By which a later run tells whether names were read by the same functions and rules."""
    rules = rule_functions(catalogue) + catalogue.rules.unlisted
    return documents_version(hashlib.sha256(rules.encode()).hexdigest())


def _is_stale(connection: Connection) -> bool:
    """Whether a trigger has noted rows that it could not follow."""
    if not exists(connection, "to_regclass", "search.stale_notes"):
        return False
    return connection.execute("select from search.stale_notes limit 1").fetchone() is not None


def _foundation(connection: Connection, catalogue: ExistingCatalogue) -> Iterator[Step]:
    """The schema, the tables that are missing, and views of those that lack something."""
    missing, views = _missing_tables(catalogue), write_views(connection, catalogue)
    if read_state(connection, "adopted") == _adopted_digest(connection, catalogue) and not _is_stale(connection):
        return
    extensions = [f"create extension if not exists {name} with schema public;" for name in EXTENSIONS]
    domains = [
        f"create domain search.{name} as {base};"
        for name, base in (("album_id", catalogue.album_id), ("playlist_id", catalogue.playlist_id))
        if not exists(connection, "to_regtype", f"search.{name}")
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
    title = "schema search, and what the catalogue lacks"
    yield Step(title, "\n".join(statements), ", ".join(CATALOGUE_FIRST), locks, check=check_extensions)


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


def _schema(
    connection: Connection, homes: Homes, rules: Rules, model: "ModelCard", foundation: Sequence[Step]
) -> Iterator[Step]:
    """Migrations, the queue, functions and views; nothing, where all of them are of this version.

    Args:
        connection: To the database.
        homes: Where functions find what they name.
        rules: To be kept for later adoptions.
        model: The model that is to serve when none does yet.
        foundation: What else is being changed, of which functions and views want to know.
    """
    revision = read_revision(connection) if is_adopted(connection) else None
    pending = pending_migrations(revision or _FOUNDED)
    queue = list(queue_steps(connection, homes))
    noted = note_state("rules", rules.source)
    functions = f"{write_functions(guard_triggers(repeatable_script()), homes, model)}\n{noted}"
    applied = read_state(connection, "functions") == repeatable_digest() and are_bound(connection, homes)
    path = homes.path(*CATALOGUE_FIRST)
    if revision in {None, _FOUNDED}:
        yield from foundation
        migrations = write_migrations(connection, _FOUNDED, "search")
        yield Step(f"migrations {_FOUNDED} -> {head()}", migrations, path)
        yield from queue
        yield Step("functions and views", functions, SAFE_PATH)
    elif pending or queue or foundation or not applied:
        # an update: a migration drops functions that come back with other columns, and so does a view that another
        # takes the place of; no search may look in between
        yield from prepare_steps(connection, homes, revision)
        yield from queue
        changed = [f"migrations {revision} -> {head()}"] if pending else []
        titles = [*(step.title for step in foundation), *changed, "functions and views"]
        parts = [
            *(step.sql for step in foundation),
            write_migrations(connection, revision, "search") if pending else "",
            functions,
        ]
        locks = ("artists", "tracks") if pending else tuple(name for step in foundation for name in step.locks)
        yield Step("\n".join(titles), "\n".join(parts), path, locks, check=check_extensions)


def _indexes(connection: Connection, catalogue: ExistingCatalogue) -> Iterator[Step]:
    for name, (table, definition) in catalogue.indexes.items():
        # left behind by a run that was interrupted, it would be in the way
        if exists(connection, "to_regclass", f"public.{name}"):
            yield Step(f"broken index {name}", f"drop index concurrently public.{name};", None)
        yield Step(f"index {name}", f"create index concurrently {name} on public.{table} using {definition};", None)
