"""The one door to Postgres: connections, the embedded server, migrations and the statements of sql/."""

from app.database.adoption.plan import AdoptionPlan
from app.database.adoption.release import ReleasePlan, release, write_release
from app.database.adoption.rules import Rules, load_rules
from app.database.adoption.run import adopt, preview_adoption, write_script
from app.database.connection import (
    connect,
    connect_arguments,
    connect_session,
    normalise_url,
    require_writable,
)
from app.database.embedded import EmbeddedPostgres, grant_embedded, open_database, open_embedded, open_for_application
from app.database.engine import call_function, run_with_database
from app.database.halfvec import read_halfvec
from app.database.migrate import migrate
from app.database.poolers import (
    open_past_pooler,
    open_sessions,
    prepares_in_vain,
    read_direct_url,
    require_same_database,
)
from app.database.postgres_server import find_program
from app.database.retry import retry_read
from app.database.roles import ROLES, grant_roles
from app.database.schema import SchemaReport, inspect_schema, is_adopted, require_schema
from app.database.session import Database, HeldConnection, Session, Transaction
from app.database.sql_files import load_query, load_statement

__all__ = [
    "ROLES",
    "AdoptionPlan",
    "Database",
    "EmbeddedPostgres",
    "HeldConnection",
    "ReleasePlan",
    "Rules",
    "SchemaReport",
    "Session",
    "Transaction",
    "adopt",
    "call_function",
    "connect",
    "connect_arguments",
    "connect_session",
    "find_program",
    "grant_embedded",
    "grant_roles",
    "inspect_schema",
    "is_adopted",
    "load_query",
    "load_rules",
    "load_statement",
    "migrate",
    "normalise_url",
    "open_database",
    "open_embedded",
    "open_for_application",
    "open_past_pooler",
    "open_sessions",
    "prepares_in_vain",
    "preview_adoption",
    "read_direct_url",
    "read_halfvec",
    "release",
    "require_same_database",
    "require_schema",
    "require_writable",
    "retry_read",
    "run_with_database",
    "write_release",
    "write_script",
]
