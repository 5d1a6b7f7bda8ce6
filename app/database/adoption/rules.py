"""What the owner of a catalogue says about who may find its rows: a TOML file of SQL expressions."""

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
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
    r"(^|_)(access|active|adult|approved|archived?|audience|available|banned|blocked|censored|deactivated|deleted|delisted"
    r"|disabled|discard\w*|discoverable|draft|embargo\w*|enabled|expire[sd]|explicit|flagged|followers|gate[sd]?|hidden|hide"
    r"|inactive|labels?|listed|locked|mature|members|moderat\w+|nsfw|pending|permissions?|privacy|private|public|publish\w*"
    r"|quarantined?|rejected|released?|removed|restrict\w+|scheduled|secret|sensitive|shadow\w*|state|status|suppressed"
    r"|suspended|takedown|taken|tombstone\w*|trashed|unlisted|unpublish\w*|visible|visibility|withdrawn)(_|$)"
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
    """

    source: str = ""
    tables: Mapping[str, TableRules] = field(default_factory=dict)
    unlisted: Unlisted = "none"
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
    unlisted = found.pop("unlisted", "none")
    if unlisted not in get_args(Unlisted):
        raise UserError(f"{name}: unlisted is {unlisted!r}: it may be none, owner or all")
    groups = {
        group: _read_group(group, value, f"{name}: groups.{group}")
        for group, value in _table_of(found.pop("groups", {}), f"{name}: groups").items()
    }
    known = (*TABLES, *LINKS)
    if unknown := sorted(set(found) - set(known)):
        raise UserError(f"{name}: {', '.join(unknown)} is not understood: the tables are {', '.join(known)}")
    tables = {table: _read_table(table, value, groups, f"{name}: {table}") for table, value in found.items()}
    return Rules(text, tables, cast("Unlisted", unlisted), groups)


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


def certain_clauses(
    table: str, columns: Mapping[str, RuledColumn], explained: Collection[str]
) -> Iterator[tuple[str, str, str]]:
    """Column, word and expression for columns whose meaning is certain, unless they are explained already."""
    for column in columns.values() if "hidden" in rules_of(table) else ():
        name, quoted = _plain(column.name), quote(column.name)
        if column.name in explained:
            continue
        if column.type == "boolean" and name in _PRIVATE:
            # a null is not understood, and never taken for public
            yield column.name, "private", f"coalesce({quoted}, true)"
        elif column.type == "boolean" and name in _HIDDEN:
            yield column.name, "hidden", f"coalesce({quoted}, true)"
        elif column.type.startswith("timestamp") and name in _HIDDEN_SINCE:
            yield column.name, "hidden", f"{quoted} is not null"


def unexplained_columns(table: str, columns: Mapping[str, RuledColumn], explained: Collection[str]) -> list[str]:
    """Columns that may say who may find a row, and of which it is not known what they say."""
    certain = {column for column, _, _ in certain_clauses(table, columns, explained)}
    return [
        name
        for name in columns
        if name != "visibility" and _TELLING.search(_plain(name)) and name not in explained and name not in certain
    ]


def _plain(name: str) -> str:
    """A name in lower case with underscores, as most have it."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def quote(name: str) -> str:
    """An identifier as SQL writes it."""
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'
