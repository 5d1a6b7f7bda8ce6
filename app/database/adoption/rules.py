"""What the owner of a catalogue says about who may find its rows: a TOML file of SQL expressions."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast, get_args

from app.errors import UserError

READY_RULES = Path(__file__).with_name("ready_rules")
"""Folder of the rules for known applications, a file each."""

TABLES = ("artists", "albums", "tracks", "tags", "playlists")
"""Tables whose rows are found."""

LINKS = ("track_tags", "playlist_tracks", "feature_flags")
"""Tables whose rows only say what belongs together."""

OWNERS = {"artists": "did", "albums": "artist_did", "tracks": "artist_did", "playlists": "owner_did"}
"""The column of a table that names the owner of a row."""

WORDS = ("hidden", "private", "unlisted", "supporters", "public")
"""What a rule can say of a row, in the order in which it is asked: the strictest first."""

Unlisted = Literal["none", "owner", "all"]
"""Who finds an unlisted row: no one, its owner, or everyone."""

_TELLING = re.compile(
    r"(^|_)(access|active|adult|approved|archived|audience|banned|blocked|deactivated|deleted|disabled|discoverable|draft"
    r"|embargo\w*|enabled|expires|explicit|flagged|gate[sd]?|hidden|hide|labels?|listed|locked|moderat\w+|nsfw|pending"
    r"|permissions?|privacy|private|public|publish\w*|quarantined?|rejected|released?|removed|restrict\w+|scheduled|secret"
    r"|sensitive|shadow\w*|state|status|suspended|takedown|taken|trashed|unlisted|visible|visibility)(_|$)"
)
_PRIVATE = ("is_private", "private")
_HIDDEN = ("is_deleted", "deleted", "is_hidden", "hidden")
_HIDDEN_SINCE = ("deleted_at",)


@dataclass(frozen=True)
class TableRules:
    """What is said of one table.

    Attributes:
        clauses: Of each word of `WORDS`, SQL expressions over a row: one that is true gives the row this word.
        only_for: The same of each group of viewers that finds a row, beside its owner.
        no_jobs: SQL expressions: a track for which one is true is neither embedded nor classified. None where nothing
            is said: then these are the tracks that only their artist finds, or no one.
        hides_nothing: Columns that say nothing about who may find a row, though their names suggest it.
    """

    clauses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    hides_nothing: frozenset[str] = frozenset()
    only_for: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    no_jobs: tuple[str, ...] | None = None

    def mentions(self, column: str) -> bool:
        """Whether something is said of a column."""
        named = re.compile(rf"\b{re.escape(column)}\b")
        parts = (*self.clauses.values(), *self.only_for.values(), self.no_jobs or ())
        return column in self.hides_nothing or any(named.search(sql) for part in parts for sql in part)


@dataclass(frozen=True)
class Group:
    """Viewers who find rows that others do not.

    Attributes:
        viewers: SQL condition on ``viewer``: who is in the group. Empty where ``owners`` says it.
        owners: SQL query that gives the owners whose rows ``viewer`` finds: there is a group for each owner.
    """

    viewers: str = ""
    owners: str = ""


@dataclass(frozen=True)
class Rules:
    """A rules file.

    Attributes:
        source: Its text; empty where there is none.
        tables: What is said of each table.
        unlisted: Who finds an unlisted row.
        groups: Groups of viewers, by name.
        skip_missing_columns: Whether a clause is left out where the table lacks one of its columns.
    """

    source: str = ""
    tables: Mapping[str, TableRules] = field(default_factory=dict)
    unlisted: Unlisted = "none"
    skip_missing_columns: bool = False
    groups: Mapping[str, Group] = field(default_factory=dict)

    def of(self, table: str) -> TableRules:
        """What is said of a table; nothing, where it is not named."""
        return self.tables.get(table, TableRules())


def load_rules(name: str) -> Rules:
    """The rules in a file, or the ready ones of an application.

    Args:
        name: Path of a TOML file, or a name of `list_ready_rules`.

    Raises:
        UserError: There is no such file, or it says what is not understood.
    """
    path = READY_RULES / f"{name}.toml" if name in list_ready_rules() else Path(name)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        ready = ", ".join(list_ready_rules())
        raise UserError(f"--rules: cannot read {name}: {error}. Name a file, or ready rules: {ready}") from error
    return read_rules(text, name)


def list_ready_rules() -> list[str]:
    """The applications for which there are ready rules."""
    return sorted(path.stem for path in READY_RULES.glob("*.toml"))


def read_rules(text: str, name: str = "the rules") -> Rules:
    """The rules of a text.

    Raises:
        UserError: It is not TOML, or has a key or value that is not understood.
    """
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{name}: not TOML: {error}") from error
    unlisted, skip = found.pop("unlisted", "none"), found.pop("skip_missing_columns", False)
    if unlisted not in get_args(Unlisted):
        raise UserError(f"{name}: unlisted is {unlisted!r}: it may be none, owner or all")
    if not isinstance(skip, bool):
        raise UserError(f"{name}: skip_missing_columns must be true or false")
    groups = {
        group: _read_group(group, value, f"{name}: groups.{group}")
        for group, value in _table_of(found.pop("groups", {}), f"{name}: groups").items()
    }
    known = (*TABLES, *LINKS)
    if unknown := sorted(set(found) - set(known)):
        raise UserError(f"{name}: {', '.join(unknown)} is not understood: the tables are {', '.join(known)}")
    tables = {table: _read_table(table, value, groups, f"{name}: {table}") for table, value in found.items()}
    return Rules(text, tables, cast("Unlisted", unlisted), skip, groups)


def _read_group(group: str, value: object, where: str) -> Group:
    if re.fullmatch(r"[a-z][a-z0-9_]*", group) is None or group == "did":
        raise UserError(f"{where}: a group's name has lower-case letters, digits and _, and is not did")
    said = _table_of(value, where)
    if len(said) != 1 or not set(said) <= {"viewers", "owners"}:
        raise UserError(f"{where} must have either viewers, a condition, or owners, a query")
    ((kind, text),) = said.items()
    (sql,) = _read_texts([text], f"{where}.{kind}")
    return Group(**{kind: sql})


def _read_table(table: str, value: object, groups: Mapping[str, Group], where: str) -> TableRules:
    said = _table_of(value, where)
    only_for = _table_of(said.pop("only_for", {}), f"{where}.only_for")
    for group in only_for:
        if group not in groups:
            raise UserError(f"{where}.only_for.{group}: there is no groups.{group}")
        if table not in OWNERS:
            raise UserError(f"{where}.only_for: a row of {table} has no owner")
    no_jobs = None
    if table == "tracks" and "no_jobs" in said:
        no_jobs = _read_texts(said.pop("no_jobs"), f"{where}.no_jobs")
    known = rules_of(table)
    if unknown := sorted(set(said) - set(known)):
        raise UserError(f"{where}.{unknown[0]} is not understood: a rule is one of {', '.join(known)}")
    texts = {key: _read_texts(given, f"{where}.{key}") for key, given in said.items()}
    ignored = frozenset(texts.pop("hides_nothing", ()))
    found = {group: _read_texts(given, f"{where}.only_for.{group}") for group, given in only_for.items()}
    return TableRules(texts, ignored, found, no_jobs)


def rules_of(table: str) -> tuple[str, ...]:
    """What can be said of a table, but for ``only_for`` and ``no_jobs``."""
    if table not in LINKS:
        return (*WORDS, "hides_nothing")
    # tags and tracks of playlists are counted as they are written
    return ("hidden", "hides_nothing") if table == "feature_flags" else ("hides_nothing",)


def _table_of(value: object, where: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise UserError(f"{where} must be a table of rules")
    return dict(value)


def _read_texts(value: object, where: str) -> tuple[str, ...]:
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise UserError(f"{where} must be a text or a list of texts")
    return tuple(texts)


@dataclass(frozen=True)
class RuledColumn:
    """A column of a table that rules may be about.

    Attributes:
        name: What it is called.
        type: Its type, without length and domain.
        declared: The same with its schema, for a parameter of a function.
    """

    name: str
    type: str
    declared: str


def certain_clauses(table: str, columns: Mapping[str, RuledColumn], rules: TableRules) -> Iterator[tuple[str, str]]:
    """Word and expression for columns whose meaning is certain, unless the rules mention them."""
    for column in columns.values() if "hidden" in rules_of(table) else ():
        if rules.mentions(column.name):
            continue
        quoted = quote(column.name)
        if column.type == "boolean" and column.name in _PRIVATE:
            # a null is not understood, and never taken for public
            yield "private", f"coalesce({quoted}, true)"
        elif column.type == "boolean" and column.name in _HIDDEN:
            yield "hidden", f"coalesce({quoted}, true)"
        elif column.type.startswith("timestamp") and column.name in _HIDDEN_SINCE:
            yield "hidden", f"{quoted} is not null"


def unexplained_columns(table: str, columns: Mapping[str, RuledColumn], rules: TableRules) -> list[str]:
    """Columns that may say who may find a row, and of which it is not known what they say."""
    certain = {sql for _, sql in certain_clauses(table, columns, rules)}
    return [
        name
        for name in columns
        if name != "visibility"
        and _TELLING.search(name)
        and not rules.mentions(name)
        and not any(quote(name) in sql for sql in certain)
    ]


def quote(name: str) -> str:
    """An identifier as SQL writes it."""
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'
