"""The states of the mirror's namespaces, and two processes that change them at once."""

import threading
from typing import Any

import psycopg

Connection = psycopg.Connection[Any]

BEGIN = "select search_internal.begin_mirror_namespace('tracks')"
STATES = "select name, state from search.mirror_namespaces order by generation"
_IS_WAITING = "select exists (select from pg_stat_activity where pid = %s and wait_event_type = 'Lock')"


def test_a_namespace_takes_the_place_of_the_one_that_serves(connection: Connection) -> None:
    assert connection.execute(BEGIN).fetchone() == ("tracks",)
    assert connection.execute(BEGIN).fetchone() == (None,)
    assert _serve(connection, 1)
    assert connection.execute(BEGIN).fetchone() == ("tracks-2",)
    assert _serve(connection, 2)
    assert not _serve(connection, 1), "it has retired"
    assert not _serve(connection, 2), "it serves already"
    assert connection.execute(STATES).fetchall() == [("tracks", "retired"), ("tracks-2", "serving")]


def test_no_namespace_begins_while_no_model_serves(connection: Connection) -> None:
    connection.execute("update search.models set serving = false")
    assert connection.execute(BEGIN).fetchone() == (None,)


def test_all_namespaces_retire_with_their_changes(connection: Connection) -> None:
    connection.execute(BEGIN)
    _serve(connection, 1)
    connection.execute(BEGIN)
    connection.execute("select search_internal.note_mirror_changes(array[1, 2])")
    connection.execute("select search_internal.retire_mirror_namespaces()")
    assert connection.execute(STATES).fetchall() == [("tracks", "retired"), ("tracks-2", "retired")]
    assert connection.execute("select count(*) from search.mirror_changes").fetchone() == (0,)


def test_of_two_that_begin_at_once_one_does(database: str, connection: Connection) -> None:
    """The second starts while the first has written and not yet committed."""
    found: list[Any] = []
    with psycopg.connect(database) as first, psycopg.connect(database, autocommit=True) as second:
        assert first.execute(BEGIN).fetchone() == ("tracks",)
        other = threading.Thread(target=lambda: found.append(second.execute(BEGIN).fetchone()))
        other.start()
        while connection.execute(_IS_WAITING, [second.info.backend_pid]).fetchone() != (True,):
            assert other.is_alive()
        first.commit()
        other.join()
    assert found == [(None,)]
    assert connection.execute(STATES).fetchall() == [("tracks", "filling")]


def _serve(connection: Connection, generation: int) -> bool:
    row = connection.execute("select search_internal.serve_mirror_namespace(%s)", [generation]).fetchone()
    assert row is not None
    return bool(row[0])
