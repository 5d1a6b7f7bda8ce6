"""Where a database has what the SQL files name in schema public.

Functions run without ``public`` in their search_path: other roles may create functions and operators there. Postgres
prefers one that fits the arguments better to its own. So the files in sql/functions, sql/views and sql/triggers write
``public.tracks``, ``public.procrastinate_jobs``, ``public.halfvec`` and ``operator(public.<=>)``. A migration puts the
schemas of its database in place of ``public``. The files in sql/queries and the statements of the program write the
same: a connection puts the schemas there (``app.database.server_connections``), since a search path of the session
would not get through a transaction pooler.

They also write what the owner of an adopted catalogue may have given rules for:

- ``rule.tracks(n)``: the visibility of a row of the table tracks itself, as triggers have it
- ``rule.artists(a)``: that of a row of any other table, as search reads it
- ``rule.listed()``, ``rule.owned()``: the visibilities that everyone finds, and that the owner of a row finds
- ``rule.groups(viewer)``: the groups of a viewer
- ``rule.wants_jobs(n)``, ``rule.jobs_wanted(t)``: whether a track, of either kind of row, is embedded and classified
- ``rule.columns(n)``: the columns of a row of the table tracks on which both depend
- ``rule.stated()``: the column in which the application itself keeps a track's visibility
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import cast

import psycopg

from app.database.sql_files import load_query
from app.errors import UserError

Connection = psycopg.Connection[tuple[object, ...]]

SAFE_PATH = "search, pg_temp"
"""search_path in which functions, views and triggers are made. Postgres looks into pg_catalog before it."""

EXTENSION_OF = {
    "halfvec": "vector",
    "halfvec_cosine_ops": "vector",
    "halfvec_send": "vector",
    "vector_dims": "vector",
    "l2_norm": "vector",
    "<=>": "vector",
    "<>": "vector",
    "show_trgm": "pg_trgm",
    "similarity": "pg_trgm",
    "word_similarity": "pg_trgm",
    "levenshtein": "fuzzystrmatch",
    "unaccent": "unaccent",
}
"""The extension of each type, function and operator that the files name."""

CATALOGUE = ["artists", "albums", "tracks", "tags", "track_tags", "playlists", "playlist_tracks", "feature_flags"]
_QUEUE = "procrastinate_"
_NAMED = re.compile(r"\bpublic\.(\w+|[<>=~@#]+)")
_RULE = re.compile(r"\brule\.(\w+)\((\w*)\)")
_HAVE_VISIBILITY = ("tracks", "playlists")
_WRITABLE = re.compile(r'[a-z_][a-z0-9_]*|"[\w .-]+"')
"""A schema as a script can name it anywhere, in a text in quotes too; one that needs them has its own."""


@dataclass(frozen=True)
class Homes:
    """Schemas of one database; what is not named is in public.

    Args:
        tables: Of tables of the catalogue: ``search`` where a view or a table there stands for one.
        queue: Of the tables and functions of procrastinate.
        extensions: Of extensions.
        rules: Of tables for whose rows there are rules: the columns that ``search.visibility_of_TABLE`` takes.
        unlisted: Who finds an unlisted row: none, owner or all.
        groups: Whether there are groups of viewers, which ``search.groups_of`` tells.
        jobs: The columns that ``search.wants_jobs`` takes; None where every track is embedded and classified.
    """

    tables: Mapping[str, str] = field(default_factory=dict)
    queue: str = "public"
    extensions: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unlisted: str = "none"
    groups: bool = False
    jobs: tuple[str, ...] | None = None

    def path(self, *first: str) -> str:
        """A search_path for scripts that name types and functions of extensions without their schemas.

        Args:
            first: The schemas that stand before those of extensions.
        """
        after = sorted({self.extensions.get(name, "public") for name in EXTENSION_OF.values()})
        return ", ".join(dict.fromkeys([*first, *after]))

    def bind(self, script: str) -> str:
        """A script with the schemas of this database.

        Raises:
            UserError: An extension is in a schema whose name has characters that scripts cannot name.
            ValueError: The script names something in public that is not known to be there.
        """
        named = _NAMED.sub(lambda found: f"{self._schema(found[1])}.{found[1]}", script)
        return _RULE.sub(lambda found: self._rule(found[1], found[2]), named)

    def _rule(self, name: str, row: str) -> str:
        listed, owned = ["public", "supporters"], ["private"]
        {"all": listed, "owner": owned, "none": []}[self.unlisted].append("unlisted")
        meanings = {
            "listed": _words(listed),
            "owned": _words(owned),
            "groups": f"search.groups_of({row})" if self.groups else "'{}'::text[]",
            "stated": "stated_visibility" if "tracks" in self.rules else "visibility",
            "columns": self._columns(row),
            "wants_jobs": "true" if self.jobs is None else _call("search.wants_jobs", row, self.jobs),
            "jobs_wanted": "true" if self.jobs is None else f"{row}.wants_jobs",
        }
        if name in meanings:
            return meanings[name]
        if name not in CATALOGUE:
            raise ValueError(f"rule.{name} is neither a table of the catalogue nor one of {', '.join(meanings)}")
        if name == "tracks" and name in self.rules:
            return _call("search.visibility_of_tracks", row, self.rules[name])
        return f"{row}.visibility" if name in (*_HAVE_VISIBILITY, *self.rules) else "'public'"

    def _columns(self, row: str) -> str:
        read = sorted({*self.rules.get("tracks", ["visibility"]), *(self.jobs or ())})
        # a column may be of a type without equality
        return ", ".join(f"{row}.{column}::text" for column in read)

    def _schema(self, name: str) -> str:
        if name in CATALOGUE:
            return self.tables.get(name, "public")
        if name.startswith(_QUEUE):
            return self.queue
        if name not in EXTENSION_OF:
            raise ValueError(f"public.{name} is neither of the catalogue, the queue nor a known extension")
        extension = EXTENSION_OF[name]
        schema = self.extensions.get(extension, "public")
        if not _WRITABLE.fullmatch(schema):
            raise UserError(
                f"the extension {extension} is in schema {schema}: rename it to a name of letters, digits, spaces and "
                f"_ - . only (alter schema {schema} rename to ...)"
            )
        return schema


def _words(words: Iterable[str]) -> str:
    return f"'{{{','.join(words)}}}'::text[]"


def _call(function: str, row: str, columns: Iterable[str]) -> str:
    return f"{function}({', '.join(f'{row}.{column}' for column in columns)})"


def read_homes(connection: Connection) -> Homes:
    """The schemas of a migrated or adopted database."""
    row = connection.execute(str(load_query("known_server")).encode()).fetchone()
    if row is None:
        raise RuntimeError("the query known_server has one row")
    tables, own_queue, extensions, schemas, _ = cast("tuple[list[str], bool, list[str], list[str], int]", row)
    return homes_of(tables, own_queue=own_queue, extensions=zip(extensions, schemas, strict=True))


def homes_of(tables: Iterable[str], *, own_queue: bool, extensions: Iterable[tuple[str, str]]) -> Homes:
    """The schemas of a database, by what the query ``known_server`` has found.

    Args:
        tables: Tables of the catalogue for which there is a view or a table in search.
        own_queue: Whether there is a queue in search: otherwise it is in public.
        extensions: Each extension with its schema.
    """
    return Homes(dict.fromkeys(tables, "search"), "search" if own_queue else "public", dict(extensions))


def read_extensions(connection: Connection) -> dict[str, str]:
    """The schema of each extension that the database has, in quotes where its name needs them."""
    rows = connection.execute("select extname::text, extnamespace::regnamespace::text from pg_extension").fetchall()
    return {str(name): str(schema) for name, schema in rows}
