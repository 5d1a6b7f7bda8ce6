"""What search finds in a catalogue that it adopted, and how it follows what the application writes there."""

import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.database import (
    EmbeddedPostgres,
    adopt,
    connect,
    find_program,
    grant_roles,
    inspect_schema,
    load_rules,
    migrate,
)
from app.providers import Providers
from tests.app.database.adoption.conftest import Connection
from tests.support.databases import new_database

DOCUMENTS = (
    "select kind, key, field, label, normalized, context, popularity, track_count, listed, owner, level, tokens::text "
    "from search.documents order by 1, 2, 3"
)


def find(connection: Connection, q: str, viewer: str | None = None) -> list[tuple[Any, ...]]:
    return connection.execute("select type, label, key from search.unified(%s, null, %s)", [q, viewer]).fetchall()


def labels(connection: Connection, q: str, viewer: str | None = None) -> list[str]:
    return [row[1] for row in find(connection, q, viewer)]


@pytest.fixture
def search(adopted: str) -> Any:
    with connect(adopted) as connection:
        connection.autocommit = True
        yield connection


def require_equal_documents(connection: Connection) -> None:
    """What triggers kept equal is what would be made anew."""
    connection.execute("select search_internal.fold_track_counts()")
    kept = connection.execute(DOCUMENTS).fetchall()
    connection.execute("select search.rebuild_documents()")
    assert kept == connection.execute(DOCUMENTS).fetchall()


def test_everything_that_was_there_is_found(search: Connection) -> None:
    assert find(search, "slow tide") == [("track", "Slow Tide", "1")]
    assert find(search, "vesper")[0] == ("artist", "Anna Vésper", "did:plc:anna")
    assert find(search, "harbours")[0] == ("album", "Harbours", "0b0f6f5e-1111-4aaa-9bbb-000000000001")
    assert find(search, "ambient")[0] == ("tag", "Ambient", "1")
    assert find(search, "rainy") == [("playlist", "Rainy Mornings", "7d1c0000-2222-4bbb-8ccc-000000000001")]
    assert {"Slow Tide", "Night Ferry"} < set(labels(search, "harbours"))
    require_equal_documents(search)


def test_what_is_hidden_stays_hidden(search: Connection) -> None:
    assert (
        labels(search, "unfinished secret")
        == labels(search, "private sketches")
        == labels(search, "field recording")
        == []
    )
    assert labels(search, "unfinished secret", "did:plc:bert") == ["Unfinished Secret"]
    assert labels(search, "private sketches", "did:plc:bert")[0] == "Private Sketches"
    assert labels(search, "kept for later", "did:plc:bert") == []
    # the ready rules say so
    assert labels(search, "only by link") == ["Only By Link"]


def test_flags_are_the_applications(search: Connection, application: Connection) -> None:
    has = "select search.has_flag('did:plc:anna', 'vibe-search'), search.has_flag('did:plc:bert', 'vibe-search')"
    assert search.execute(has).fetchone() == (True, False)
    application.execute(
        "insert into feature_flags (user_did, flag, created_at) values ('did:plc:bert', 'vibe-search', now())"
    )
    assert search.execute(has).fetchone() == (True, True)


def test_what_the_application_writes_is_followed(search: Connection, application: Connection) -> None:
    """By a role that may not even see the schema of search."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        application.execute("select from search.documents")
    row = application.execute(
        "insert into tracks (title, file_id, file_type, created_at, artist_did) "
        "values ('Lantern', '0011223344556677', 'ogg', now(), 'did:plc:bert') returning id"
    ).fetchone()
    assert row is not None
    assert find(search, "lantern") == [("track", "Lantern", str(row[0]))]
    jobs = search.execute("select task_name, args ->> 'track_id' from search.procrastinate_jobs order by 1").fetchall()
    assert jobs == [("classify_genres", str(row[0])), ("embed_track", str(row[0]))]

    application.execute("insert into track_tags (track_id, tag_id) values (%s, 2)", row)
    assert labels(search, "field recording") == ["field recording", "Lantern"]
    application.execute("update artists set display_name = 'Bertram Vale' where did = 'did:plc:bert'")
    assert "Lantern" in labels(search, "bertram lantern")
    application.execute("update albums set title = 'Quays' where slug = 'harbours'")
    assert find(search, "quays")[0][:2] == ("album", "Quays")
    application.execute("update tags set name = 'Drift' where name = 'Ambient'")
    assert "Slow Tide" in labels(search, "drift")
    application.execute("update playlists set name = 'Foggy Mornings'")
    assert labels(search, "foggy") == ["Foggy Mornings"]
    application.execute("update tracks set visibility = 'private' where title = 'Lantern'")
    assert labels(search, "lantern") == []
    application.execute("update tracks set play_count = play_count + 1, publish_state = 'published'")
    require_equal_documents(search)
    application.execute("delete from tracks where title in ('Lantern', 'Slow Tide')")
    application.execute("delete from playlists")
    assert labels(search, "slow tide") == labels(search, "foggy") == []
    require_equal_documents(search)


def test_a_deleted_track_takes_its_vector_along(search: Connection, application: Connection) -> None:
    search.execute(
        "insert into search.embeddings (track_id, model_id, file_id, embedding, listed) "
        "select t.id, m.id, t.file_id, array_fill(0.1, array[m.dimensions])::halfvec, true "
        "from tracks t, search.models m"
    )
    application.execute("update tracks set file_id = '8899aabbccddeeff' where id = 2")
    application.execute("delete from tracks where id = 1")
    kept = search.execute("select track_id from search.embeddings order by 1").fetchall()
    assert kept == [(3,), (4,), (5,), (6,)]


COUNTED = "select details ->> 'track_count' from search.unified('rainy mornings')"


def test_playlists_have_the_count_that_the_table_has(search: Connection, application: Connection) -> None:
    assert search.execute(COUNTED).fetchone() == ("2",)
    for count in (5, 3, 4):
        application.execute("update playlists set track_count = %s", [count])
        assert search.execute(COUNTED).fetchone() == (str(count),)
    search.execute(
        "insert into search.playlist_tracks (playlist_id, position, track_id) select id, 0, 1 from playlists"
    )
    application.execute("update tracks set visibility = 'private' where id = 1")
    assert search.execute(COUNTED).fetchone() == ("4",)
    search.execute("select search_internal.fold_track_counts()")
    assert search.execute(COUNTED).fetchone() == ("4",)
    require_equal_documents(search)


def test_playlists_hold_what_is_written_beside_them(existing: str, owner: Connection, providers: Providers) -> None:
    """Where the table has no count."""
    owner.execute("alter table playlists drop column track_count")
    adopt(existing, providers.embedding.card, rules=load_rules("plyr.fm"))
    with connect(existing) as search:
        search.autocommit = True
        assert search.execute(COUNTED).fetchone() == ("0",)
        owner.execute(
            "insert into search.playlist_tracks (playlist_id, position, track_id) select id, 0, 1 from playlists"
        )
        assert search.execute(COUNTED).fetchone() == ("1",)
        owner.execute("delete from playlists")
        assert owner.execute("select count(*) from search.playlist_tracks").fetchone() == (0,)


def test_the_applications_own_queue_is_left_alone(
    existing: str, owner: Connection, application: Connection, providers: Providers
) -> None:
    """It may use the same library, and a DBA may change a job of search by hand."""
    queue = (resources.files("procrastinate.sql") / "schema.sql").read_text(encoding="utf-8")
    owner.execute(queue.encode())
    owner.execute("insert into procrastinate_jobs (queue_name, task_name) values ('theirs', 'theirs')")
    adopt(existing, providers.embedding.card, rules=load_rules("plyr.fm"))
    application.execute("update tracks set file_id = '0011223344556677' where id = 1")
    owner.execute("update search.procrastinate_jobs set status = 'cancelled'")
    grant_roles(existing, {})
    theirs = owner.execute("select task_name, status from procrastinate_jobs").fetchall()
    assert theirs == [("theirs", "todo")]
    assert owner.execute("select count(*) from procrastinate_events").fetchone() == (1,)
    assert owner.execute("select count(*) from search.procrastinate_jobs").fetchone() == (2,)
    seen = "select has_table_privilege('vibe_app', %s, 'select')"
    assert owner.execute(seen, ["public.procrastinate_jobs"]).fetchone() == (False,)
    assert owner.execute(seen, ["search.procrastinate_jobs"]).fetchone() == (True,)
    owner.execute("drop owned by vibe_app, vibe_reader")
    owner.execute("drop role vibe_app, vibe_reader")


def test_a_dump_is_restored(search: Connection, adopted: str, server: EmbeddedPostgres, tmp_path: Path) -> None:
    dump = tmp_path / "adopted.dump"
    with new_database(server) as url:
        for program, *arguments in (
            ("pg_dump", "-Fc", f"-f{dump}", adopted),
            ("pg_restore", "-e", f"-d{url}", str(dump)),
        ):
            subprocess.run([find_program(program), *arguments], check=True)
        with connect(url) as restored:
            assert inspect_schema(restored).ready
            assert labels(restored, "harbours") == labels(search, "harbours")
            restored.execute("update public.tracks set title = 'Fast Tide' where id = 1")
            assert labels(restored, "fast tide") == ["Fast Tide"]


def test_nothing_else_appears_beside_their_tables(owner: Connection, adopted: str, providers: Providers) -> None:
    rows = owner.execute(
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v', 'S', 'p') "
        "and relname !~ '^(artists|albums|tracks|tags|track_tags|playlists|feature_flags|track_likes)(_id_seq)?$' "
        "and relname not in ('user_preferences', 'private_media_members')"
    ).fetchall()
    assert rows == []
    with connect(adopted) as connection:
        assert inspect_schema(connection).ready
    assert migrate(adopted, providers.embedding.card) == []


def test_what_others_make_in_public_is_not_run(search: Connection, application: Connection) -> None:
    """The application's role may write to the catalogue, and some of its columns are varchar, integer and the like."""
    search.execute("grant create on schema public to streaming_app")
    for arguments in ("integer", "bigint", "varchar", "text"):
        for name in ("ln", "lower", "count", "concat_ws", "md5", "starts_with"):
            application.execute(
                f"create function public.{name}({arguments}) returns text language plpgsql as "
                f"$$ begin raise exception '{name} has run as %', current_user; end $$".encode()
            )
    for left, right in (("varchar", "text"), ("text", "varchar"), ("varchar", "varchar"), ("integer", "bigint")):
        application.execute(
            f"create function public.trap({left}, {right}) returns boolean language plpgsql as "
            "$$ begin raise exception 'an operator has run as %', current_user; end $$".encode()
        )
        for operator in ("=", "<>", "||"):
            operands = f"leftarg = {left}, rightarg = {right}"
            application.execute(f"create operator public.{operator} (function = public.trap, {operands})".encode())
    for statement in (
        "update public.tracks set play_count = 12",
        "update public.tracks set title = 'Slower Tide' where id = 1",
        "update public.tracks set visibility = 'private' where id = 1",
        "update public.tracks set file_id = 'other' where id = 1",
        "update public.tags set name = 'Drone' where id = 1",
        "update public.artists set handle = 'other.example', display_name = 'Other'",
        "update public.albums set title = 'Piers'",
        "update public.playlists set name = 'Dry Mornings'",
        "delete from public.track_tags",
        "delete from public.tracks where id = 1",
    ):
        application.execute("set search_path = pg_catalog")
        application.execute(statement.encode())
    application.execute("reset search_path; drop function public.trap(varchar, text) cascade")
    search.execute("set search_path = pg_catalog")
    assert "Dry Mornings" in [row[0] for row in search.execute("select label from search.unified('dry')").fetchall()]
