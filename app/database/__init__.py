"""The one door to Postgres: connections, the embedded server, migrations and the statements of sql/."""

from app.database.connection import connect, create_engine, guard_connection, normalise_url
from app.database.embedded import EmbeddedPostgres, find_program, open_database
from app.database.halfvec import read_halfvec
from app.database.migrate import SchemaReport, inspect_schema, migrate, require_schema
from app.database.roles import ROLES, grant_roles
from app.database.sql_files import load_query, load_statement

__all__ = [
    "ROLES",
    "EmbeddedPostgres",
    "SchemaReport",
    "connect",
    "create_engine",
    "find_program",
    "grant_roles",
    "guard_connection",
    "inspect_schema",
    "load_query",
    "load_statement",
    "migrate",
    "normalise_url",
    "open_database",
    "read_halfvec",
    "require_schema",
]
