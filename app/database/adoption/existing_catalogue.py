"""What an application's own catalogue has of what search needs, and what is to be added beside it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import psycopg
from psycopg.rows import class_row

from app.database.adoption.catalogue_columns import CATALOGUE, INDEXES, NEEDED_TABLES, TYPES, UNIQUE, WRITTEN, Column
from app.database.adoption.row_visibility import (
    RowVisibility,
    read_row_visibility,
    refuse_groups,
    suggest_ready_rules,
)
from app.database.adoption.rules import RuledColumn, Rules
from app.database.sql_files import load_statement, trigger_scripts

Connection = psycopg.Connection[tuple[object, ...]]


@dataclass(frozen=True)
class ExistingTable:
    """A table of the application, as search sees it.

    Attributes:
        name: What it is called, in schema public.
        columns: SQL of each column that search reads, in the order of ``CATALOGUE``; ``t`` is the table.
        defaults: SQL of what search writes into columns that it does not read and that must not be empty.
        unfilled: Such columns for which it has nothing to write: it can insert no row.
        visibility: The function that says who may find a row; None where its column ``visibility`` does, or all may.
    """

    name: str
    columns: Mapping[str, str]
    defaults: Mapping[str, str]
    unfilled: tuple[str, ...]
    visibility: RowVisibility | None = None

    @property
    def needs_view(self) -> bool:
        """Whether search sees it through a view, since it lacks something."""
        seen_otherwise = any(sql != f"t.{name}" for name, sql in self.columns.items())
        return bool(self.defaults) or seen_otherwise or self.visibility is not None


@dataclass
class ExistingCatalogue:
    """What was found.

    Attributes:
        tables: Those that are there.
        missing: Those that are not, which search makes for itself.
        album_id: Type of ``albums.id``.
        playlist_id: Type of ``playlists.id``.
        indexes: Definitions that are missing, by the name they get: table, and what follows ``using``.
        problems: Why it cannot be adopted, each as a sentence that says what to do.
        limits: What will not work, each as a sentence.
        rules: What its owner says about who may find its rows.
    """

    tables: dict[str, ExistingTable] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    album_id: str = "bigint"
    playlist_id: str = "bigint"
    indexes: dict[str, tuple[str, str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
    rules: Rules = field(default_factory=Rules)


@dataclass(frozen=True)
class _TableRow:
    """A row of the query `adoption_tables`."""

    name: str
    kind: str
    owned: bool
    owner: str
    hides_rows: bool
    foreign_triggers: list[str]
    unique_columns: list[str]
    indexes: list[str]


@dataclass(frozen=True)
class _ColumnRow:
    """A row of the query `adoption_columns`."""

    table_name: str
    name: str
    type: str
    declared: str
    required: bool
    filled: bool
    names_artist: bool


def read_existing_catalogue(connection: Connection, rules: Rules) -> ExistingCatalogue:
    """Look at the tables of schema public; nothing is changed."""
    found = ExistingCatalogue(rules=rules)
    triggers = [name for script in trigger_scripts() for name in _TRIGGER.findall(script.read_text(encoding="utf-8"))]
    with connection.cursor(row_factory=class_row(_TableRow)) as cursor:
        cursor.execute(load_statement("adoption_tables"), {"tables": list(CATALOGUE), "triggers": triggers})
        tables = {row.name: row for row in cursor}
    columns: dict[str, dict[str, _ColumnRow]] = {name: {} for name in CATALOGUE}
    with connection.cursor(row_factory=class_row(_ColumnRow)) as cursor:
        for row in cursor.execute(load_statement("adoption_columns"), {"tables": list(CATALOGUE)}):
            columns[row.table_name][row.name] = row
    found.missing = [name for name in CATALOGUE if name not in tables]
    if lacking := [name for name in NEEDED_TABLES if name in found.missing]:
        # vibe-search's own tables have these names too
        makes = (
            f"its {' and '.join(tables)} is of something else: give vibe-search a database of its own"
            if tables
            else "vibe-search db migrate makes one"
        )
        none = " and none called ".join(lacking)
        found.problems.append(f"schema public has no table {none}: there is no catalogue to adopt. {makes}")
        return found
    found.album_id = _key_type(columns["albums"])
    found.playlist_id = _key_type(columns["playlists"])
    ruled = {
        name: {row.name: RuledColumn(row.name, row.type, row.declared) for row in columns[name].values()}
        for name in tables
    }
    unexplained = False
    for name, table in ((name, tables[name]) for name in CATALOGUE if name in tables):
        visibility = RowVisibility()
        if table.kind == "r":
            visibility = read_row_visibility(connection, name, ruled[name], rules)
        unexplained |= visibility.unexplained
        found.tables[name] = _read_columns(name, columns[name], visibility)
        found.problems += [*_problems(table, columns[name], found), *visibility.problems]
        found.limits += _limits(table, found.tables[name])
    if unexplained:
        found.problems.append(_suggestion(connection, ruled))
    found.problems += refuse_groups(connection, rules)
    found.limits += [_LIMITS_OF_MISSING[name] for name in found.missing if name in _LIMITS_OF_MISSING]
    found.indexes = {
        name: (table, definition)
        for name, (table, definition) in INDEXES.items()
        if table in tables and definition not in map(_plain, tables[table].indexes)
    }
    return found


def _suggestion(connection: Connection, columns: Mapping[str, Mapping[str, RuledColumn]]) -> str:
    ready = suggest_ready_rules(connection, columns)
    if ready is not None:
        return f"these columns are those of {ready}, for which there are ready rules: add --rules {ready}"
    return "write the rules into a file and add --rules FILE (docs/how-to/adopt.md)"


_TRIGGER = re.compile(r"create or replace trigger (\w+)")


def _plain(definition: str) -> str:
    """An index of a varchar has casts in its definition."""
    return re.sub(r"\((\w+)\)::text", r"\1", definition)


def _key_type(columns: Mapping[str, _ColumnRow]) -> str:
    """Numbers of any width compare with each other; what is no number is taken as it is."""
    found = columns["id"].type if "id" in columns else "bigint"
    return "bigint" if found in TYPES["number"] else found


def _read_columns(name: str, columns: Mapping[str, _ColumnRow], visibility: RowVisibility) -> ExistingTable:
    seen: dict[str, str] = {}
    given: set[str] = set()
    defaults: dict[str, str] = {}
    unfilled: list[str] = []
    for column in CATALOGUE[name]:
        row = _find(columns, column)
        seen[column.name] = f"t.{row.name}" if row is not None else column.otherwise or "null"
        if row is not None and column.initial is None and column.name != "id":
            given.add(row.name)
    for row in columns.values() if name in WRITTEN else ():
        if not row.required or row.filled or row.name in given:
            continue
        known = next((column.initial for column in CATALOGUE[name] if column.name == row.name), None)
        default = known or _default(row)
        if default is None:
            unfilled.append(row.name)
        else:
            defaults[row.name] = default
    said = visibility if visibility.expression or visibility.wants_jobs or visibility.hidden else None
    return ExistingTable(name, seen, defaults, tuple(unfilled), said)


def _find(columns: Mapping[str, _ColumnRow], column: Column) -> _ColumnRow | None:
    return columns.get(column.name) or columns.get(column.also or "")


def _default(column: _ColumnRow) -> str | None:
    """What search writes into a column of which it knows nothing but that it must have a value."""
    if column.type in TYPES["time"]:
        return "now()"
    if column.names_artist:
        return "search.acting_artist()"
    if column.name == "id" and column.type == "uuid":
        return "gen_random_uuid()"
    if column.name == "id" and column.type in TYPES["text"]:
        return "gen_random_uuid()::text"
    return None


def _problems(table: _TableRow, columns: Mapping[str, _ColumnRow], found: ExistingCatalogue) -> Iterator[str]:
    name = table.name
    if table.kind != "r":
        yield f"{name} is no plain table: search follows changes by triggers, which need one"
        return
    yield from _table_problems(table, columns)
    for column in CATALOGUE[name]:
        row = _find(columns, column)
        if row is not None:
            yield from _column_problems(name, column, row)
        elif column.addition is not None:
            addition = column.addition.format(album_id=found.album_id)
            yield f"{name} has no column {column.name}: alter table {name} add column {column.name} {addition}"
        elif column.otherwise is None:
            yield f"{name} has no column {column.name}, which search cannot do without"
    if name == "tracks" and "album_id" in columns and _key_type({"id": columns["album_id"]}) != found.album_id:
        yield f"tracks.album_id is of type {columns['album_id'].type}, and albums.id of type {found.album_id}"


def _table_problems(table: _TableRow, columns: Mapping[str, _ColumnRow]) -> Iterator[str]:
    name, key = table.name, UNIQUE.get(table.name)
    if not table.owned:
        yield f"table {name} belongs to {table.owner}: run this as {table.owner}, or as a superuser"
    if table.hides_rows:
        yield f"table {name} hides rows from its owner too: alter table {name} no force row level security"
    for trigger in table.foreign_triggers:
        rename = f"alter trigger {trigger} on {name} rename to ..."
        yield f"table {name} has a trigger {trigger}, by a name that search uses: {rename}"
    if key in columns and f"{{{key}}}" not in table.unique_columns:
        yield f"{name}.{key} is not unique: create unique index concurrently on {name} ({key})"


def _column_problems(table: str, column: Column, row: _ColumnRow) -> Iterator[str]:
    allowed = TYPES[column.kind]
    if row.type not in allowed:
        yield f"{table}.{row.name} is of type {row.type}: search reads {', '.join(allowed)}"
    if not row.required and not column.nullable:
        yield f"{table}.{row.name} may be null: alter table {table} alter column {row.name} set not null"


def _limits(table: _TableRow, seen: ExistingTable) -> Iterator[str]:
    if seen.unfilled:
        columns = " and ".join(f"{table.name}.{column}" for column in seen.unfilled)
        yield f"{columns} must have a value, and search does not know which: {_CONSEQUENCES[table.name]}"
    if table.name == "albums" and "{artist_did,slug}" not in table.unique_columns:
        yield "albums (artist_did, slug) is not unique: uploads to search cannot name an album"


_CONSEQUENCES = {
    "artists": "vibe-search token create makes no new artist",
    "albums": "uploads to search name albums that are there already",
    "tracks": "search takes no uploads, only the application does",
    "tags": "no new tag is made, neither by uploads to search nor of genres",
    "track_tags": "search puts no tags on tracks",
}
_LIMITS_OF_MISSING = {
    "playlist_tracks": (
        "there is no playlist_tracks: playlists are found by name, and hold what is written to search.playlist_tracks"
    ),
    "feature_flags": "there is no feature_flags: where a flag is required, search.feature_flags says who has it",
}
