"""Statements of the version before go on while its processes are restarted."""

from typing import Any

import psycopg

from app.database import connect
from app.database.qualified_names import SAFE_PATH, read_homes
from app.database.sql_files import SQL_DIR, repeatable_script, run_script
from tests.support.catalogue import Catalogue

Connection = psycopg.Connection[Any]

_MIGRATION = SQL_DIR / "migrations" / "versions" / "0012_internal.sql"

_AS_BEFORE = """do $$
declare
    moved constant text := current_setting('test.moved');
    found record;
begin
    for found in
        select p.oid, p.oid::regprocedure as signature, p.proname as name
        from pg_proc p where p.pronamespace = 'search_internal'::regnamespace
    loop
        -- dropped with a newer function that its body calls
        continue when not exists (select from pg_proc p where p.oid = found.oid);
        -- what the migration does not move is newer
        execute format(
            case when position('' || found.name || '' in moved) > 0
                 then 'alter function %s set schema search' else 'drop function %s cascade' end, found.signature);
    end loop;
    alter type search_internal.signal set schema search;
    drop schema search_internal;
end;
$$"""
"""Functions are where they were before 0012."""

_CALLS = (
    "select search.add_tags({track}, array['tin'])",
    "select search.draw_calibration_tracks(id, 10) from search.models where serving",
    "select search.fold_track_counts()",
    "select * from search.mirror_documents('none', array[{track}]::bigint[])",
    "select search.mirror_serves('none', '1 minute')",
    "select search.note_mirror_changes(array[{track}]::bigint[])",
    "select * from search.queue_counts() order by priority desc, task",
    "select search.raise_mirror_version(0)",
    "select search.store_genre_predictions({track}, 'f', '[]')",
    "select * from search.take_unused_audio('1 hour')",
    "select search.unmirrored_tracks()",
)
"""What the named statements and workers of that version call."""


def functions(connection: Connection) -> set[str]:
    rows = connection.execute("select proname from pg_proc where pronamespace = 'search'::regnamespace").fetchall()
    return {row[0] for row in rows}


def test_former_names_go_on_until_they_are_dropped(catalogue: Catalogue, database: str, connection: Connection) -> None:
    for_people = functions(connection)
    track = catalogue.track("Rain on Tin")
    moved = _MIGRATION.read_text(encoding="utf-8").partition("moved constant")[2].partition("];")[0]
    connection.execute("select set_config('test.moved', %s, false)", [moved])
    connection.execute(_AS_BEFORE)
    with connect(database) as other:
        run_script(other, _MIGRATION.read_text(encoding="utf-8"))
        other.execute(f"set local search_path = {SAFE_PATH}".encode())
        run_script(other, read_homes(other).bind(repeatable_script()))
    with connect(database) as other:
        for call in _CALLS:
            other.execute(call.format(track=track).encode())
        assert functions(other) - for_people == {call.partition("search.")[2].partition("(")[0] for call in _CALLS}
        assert other.execute("select search_internal.drop_former_names()").fetchone() == (len(_CALLS),)
        assert functions(other) == for_people
    # triggers still call what was moved
    catalogue.track("Rain on Slate")
    assert set(catalogue.labels("rain")) == {"Rain on Tin", "Rain on Slate"}
