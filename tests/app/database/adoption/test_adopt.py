"""How search comes into a database beside an application that goes on."""

import random
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.database import (
    adopt,
    connect,
    find_program,
    inspect_schema,
    load_rules,
    migrate,
    preview_adoption,
    write_script,
)
from app.database.adoption.catalogue_columns import CATALOGUE
from app.database.dump import dump_schema
from app.errors import UserError
from app.providers import Providers
from tests.app.database.adoption.conftest import APPLICATION, Connection
from tests.app.database.adoption.test_adopted_search import labels, require_equal_documents

RULES = load_rules("plyr.fm")


def everything(connection: Connection) -> dict[str, list[Any]]:
    """Each row of the application's, with where it lies: whoever rewrites one moves it."""
    tables = connection.execute("select tablename from pg_tables where schemaname = 'public' order by 1").fetchall()
    return {
        name: connection.execute(f"select ctid, xmin, * from {name} order by 1".encode()).fetchall()
        for (name,) in tables
    }


def definitions(connection: Connection) -> set[str]:
    """What their tables are made of."""
    return {
        row[0]
        for row in connection.execute(
            "select concat_ws(' ', attrelid::regclass, attname, atttypid::regtype, attnotnull, attidentity, "
            "  (select pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = attrelid and adnum = attnum)) "
            "from pg_attribute join pg_class on pg_class.oid = attrelid "
            "where relnamespace = 'public'::regnamespace and relkind = 'r' and attnum > 0 and not attisdropped "
            "union all select concat_ws(' ', conrelid::regclass, conname, pg_get_constraintdef(oid)) "
            "from pg_constraint where connamespace = 'public'::regnamespace "
            "union all select indexdef from pg_indexes where schemaname = 'public' "
            "union all select pg_get_triggerdef(oid) from pg_trigger where not tgisinternal"
        ).fetchall()
    }


def test_nothing_of_theirs_is_changed(existing: str, owner: Connection, providers: Providers) -> None:
    rows, made_of = everything(owner), definitions(owner)
    steps = adopt(existing, providers.embedding.card, rules=RULES)
    assert everything(owner) == rows
    added = definitions(owner) - made_of
    assert made_of < definitions(owner)
    ours = ("EXECUTE FUNCTION search_internal.", "EXECUTE FUNCTION search.procrastinate_", "INDEX search_")
    assert all(any(mark in text for mark in ours) for text in added), added
    # an index that they have already is not made again
    assert not any("(file_id)" in text and "INDEX" in text for text in added)
    assert len(steps) > len([text for text in added if "INDEX" in text]) > 0


def test_again_there_is_nothing_to_do(adopted: str, providers: Providers) -> None:
    before = dump_schema(adopted)
    with connect(adopted) as connection:
        connection.execute("lock table tracks in access share mode")  # a reader, whom nothing may wait for
        assert adopt(adopted, providers.embedding.card) == []
        assert preview_adoption(adopted, providers.embedding.card).steps == []
    assert dump_schema(adopted) == before


def test_a_run_that_was_interrupted_goes_on(existing: str, providers: Providers) -> None:
    class Killed(BaseException):
        pass

    card = providers.embedding.card
    titles = [step.title for step in preview_adoption(existing, card, rules=RULES).steps]
    for place in range(1, len(titles), 4):

        def show(title: str, _done: int, _total: int, last: str = titles[place]) -> None:
            if title == last:
                raise Killed

        with pytest.raises(Killed):
            adopt(existing, card, show, rules=RULES)
        with connect(existing) as connection:
            assert not inspect_schema(connection).ready
    done = adopt(existing, card, rules=RULES)
    assert 0 < len(done) < len(titles)
    with connect(existing) as connection:
        assert inspect_schema(connection).ready
        require_equal_documents(connection)


def test_the_printed_script_does_the_same(existing: str, providers: Providers, tmp_path: Path) -> None:
    before = dump_schema(existing)
    script = tmp_path / "adopt.sql"
    script.write_text(write_script(preview_adoption(existing, providers.embedding.card, rules=RULES)), encoding="utf-8")
    assert dump_schema(existing) == before, "looking changes nothing"
    psql = [str(find_program("psql")), "--no-psqlrc", "--quiet", "--file", str(script), existing]
    finished = subprocess.run(psql, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert adopt(existing, providers.embedding.card, rules=RULES) == []
    scripted = dump_schema(existing)
    with connect(existing) as connection:
        assert labels(connection, "slow tide") == ["Slow Tide"]
        connection.rollback()
        connection.execute("drop schema search, search_internal cascade")
        connection.execute("drop index search_tracks_artist_did_idx, search_tracks_album_id_idx, search_tags_lower_idx")
        connection.execute("drop index search_track_tags_tag_id_idx")
    adopt(existing, providers.embedding.card, rules=RULES)
    assert dump_schema(existing) == scripted


def test_names_that_are_made_otherwise_are_made_anew(adopted: str, providers: Providers) -> None:
    """As after an update of the program, and without anybody waiting for all of it."""
    with connect(adopted) as connection:
        connection.execute("update search.schema_state set value = 'before' where key = 'documents'")
        connection.execute("update search.documents set normalized = 'otherwise' where kind = 'track'")
    assert migrate(adopted, providers.embedding.card)[0] == "words of listed names"
    with connect(adopted) as connection:
        assert labels(connection, "slow tide") == ["Slow Tide"]
        require_equal_documents(connection)


def test_an_update_applies_its_functions(adopted: str, providers: Providers) -> None:
    with connect(adopted) as connection:
        connection.execute("update search.schema_state set value = 'before' where key = 'functions'")
        connection.execute("drop trigger search_insert on public.tracks")
        assert not inspect_schema(connection).ready
    assert "triggers of tracks" in adopt(adopted, providers.embedding.card)
    with connect(adopted) as connection:
        assert connection.execute("select count(*) from pg_trigger where tgname = 'search_insert'").fetchone() == (7,)


def test_no_search_looks_between_migrations_and_functions(adopted: str, providers: Providers) -> None:
    """A migration drops functions that come back with other columns, as that of the tiers does."""
    with connect(adopted) as connection:
        connection.execute("update search.vibe_search_version set version_num = '0010'")
        connection.execute("drop type search.tier, search_internal.signal cascade")
        # what the migrations after that one add
        connection.execute("alter table search.words drop column documents cascade, drop column popularity cascade")
        connection.execute("drop table search.word_count_changes")
        connection.execute("create type search.signal as (place smallint)")
    found: dict[str, list[str]] = {}

    def show(title: str, _done: int, _total: int) -> None:
        if found or title.startswith("triggers"):
            with connect(adopted) as connection:
                found[title] = labels(connection, "slow tide")

    done = adopt(adopted, providers.embedding.card, show)
    together = done.index("functions and views")
    assert done[together - 1].startswith("migrations 0010 -> ")
    assert len(found) == len(done) - together - 1
    assert all(title_of == ["Slow Tide"] for title_of in found.values())


def test_a_column_that_they_add_later_is_used(adopted: str, owner: Connection, providers: Providers) -> None:
    owner.execute("alter table playlists add column visibility text not null default 'public'")
    owner.execute("update playlists set visibility = 'private'")
    assert "functions and views" in adopt(adopted, providers.embedding.card)
    owner.execute("update playlists set name = 'Evenings'")
    with connect(adopted) as connection:
        assert labels(connection, "evenings") == []
        assert labels(connection, "evenings", "did:plc:bert") == ["Evenings"]


def test_a_table_that_they_add_later_is_not_passed_over(adopted: str, owner: Connection, providers: Providers) -> None:
    owner.execute(
        "create table playlist_tracks (playlist_id varchar not null, position int not null, track_id int not null)"
    )
    with pytest.raises(UserError, match=r"search\.release_table\('playlist_tracks'\)"):
        adopt(adopted, providers.embedding.card)
    owner.execute("select search.release_table('playlist_tracks')")
    # in between, what the application writes is followed
    owner.execute("insert into playlist_tracks select id, 0, 1 from playlists")
    owner.execute("update tracks set visibility = 'private'")
    owner.execute("update tracks set visibility = 'public'")
    assert "triggers of playlist_tracks" in adopt(adopted, providers.embedding.card)
    with connect(adopted) as connection:
        counted = (
            "select c.listed from search_internal.count_tracks('playlist', array(select id::text from playlists)) c"
        )
        assert connection.execute(counted.encode()).fetchone() == (1,)


def test_a_column_that_a_view_shows_gets_another_type(adopted: str, owner: Connection, providers: Providers) -> None:
    """The view is released first; search follows the table itself until it is adopted again."""
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        owner.execute("alter table tags alter column name type varchar(300)")
    assert owner.execute("select search.release_table('tags')").fetchone() == (True,)
    owner.execute("alter table tags alter column name type varchar(300)")
    owner.execute("update tags set name = 'in between' where id = (select min(id) from tags)")
    with connect(adopted) as connection:
        assert labels(connection, "in between")[0] == "in between"
    assert owner.execute("select search.release_table('tags')").fetchone() == (False,)
    assert "functions and views" in adopt(adopted, providers.embedding.card)
    owner.execute("update tags set name = 'and after' where name = 'in between'")
    with connect(adopted) as connection:
        assert connection.execute("select to_regclass('search.tags') is not null").fetchone() == (True,)
        assert labels(connection, "and after")[0] == "and after"
        connection.rollback()
    assert adopt(adopted, providers.embedding.card) == []


@contextmanager
def busy(existing: str, statement: str) -> Iterator[None]:
    """A transaction of the application that has been open for long."""
    with psycopg.connect(existing, user=APPLICATION) as connection:
        connection.execute(statement.encode())
        yield
        connection.rollback()


@pytest.mark.parametrize(
    ("statement", "step"),
    [
        ("update artists set bio = 'new' where did = 'did:plc:bert'", "migrations"),
        ("update tracks set description = 'new' where id = 3", "what the catalogue lacks"),
        ("update albums set title = 'New'", "triggers of albums"),
    ],
)
def test_nobody_waits_behind_a_lock_that_is_not_had(
    existing: str,
    application: Connection,
    providers: Providers,
    monkeypatch: pytest.MonkeyPatch,
    statement: str,
    step: str,
) -> None:
    monkeypatch.setattr("app.database.steps.ATTEMPTS", 3)
    monkeypatch.setattr("app.database.steps.PAUSE_SECONDS", 0.1)
    application.execute("set statement_timeout = '20s'")
    with busy(existing, statement):
        refusals: list[UserError] = []

        def run() -> None:
            with pytest.raises(UserError) as refused:
                adopt(existing, providers.embedding.card, rules=RULES)
            refusals.append(refused.value)

        adopter = threading.Thread(target=run)
        adopter.start()
        while adopter.is_alive():
            # each has to pass: an exclusive lock that waits in the queue holds up whoever comes after it
            application.execute("insert into track_likes (track_id, user_did, created_at) values (1, 'x', now())")
            application.execute("update tracks set play_count = play_count + 1 where id = 1")
        adopter.join()
    assert step in str(refusals[0])
    assert "A transaction has been open for long" in str(refusals[0])
    adopt(existing, providers.embedding.card, rules=RULES)
    with connect(existing) as connection:
        require_equal_documents(connection)


WRITES = (
    "update tracks set title = 'Title {r}' where id = {track}",
    "update tracks set visibility = (array['public', 'unlisted', 'private'])[1 + {r} % 3] where id = {track}",
    "update tracks set play_count = play_count + 1 where id = {track}",
    "delete from tracks where id = {track} and id % 5 = 0",
    (
        "insert into tracks (title, file_id, file_type, created_at, artist_did, album_id) "
        "select 'Fresh {r}', 'f{r}', 'mp3', now(), artist_did, id from albums order by random() limit 1"
    ),
    "insert into track_tags select id, 1 + {r} % 2 from tracks where id = {track} on conflict do nothing",
    "delete from track_tags where track_id = {track}",
    "update artists set display_name = 'Name {r}' where did = 'did:plc:anna'",
    "update albums set title = 'Album {r}' where slug = 'harbours'",
    "update tags set name = 'tag {r}' where id = 1",
    "update playlists set name = 'Playlist {r}'",
)


def test_writers_and_the_adoption_do_not_miss_each_other(
    existing: str, owner: Connection, providers: Providers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is written while names are read is in the documents at the end."""
    monkeypatch.setattr("app.database.documents.BATCH", 7)
    owner.execute(
        "insert into tracks (title, file_id, file_type, created_at, artist_did, album_id) "
        "select 'Track ' || n, 'x' || n, 'mp3', now(), 'did:plc:anna', b.id "
        "from generate_series(1, 600) n, albums b where b.slug = 'harbours'"
    )
    over = threading.Event()
    written = [0, 0]
    failures: list[BaseException] = []

    def write(writer: int) -> None:
        choice = random.Random(writer)  # noqa: S311 - the same writes in every run
        try:
            with psycopg.connect(existing, autocommit=True, user=APPLICATION) as connection:
                while not over.is_set():
                    # one that stays open for a moment has written what nobody sees yet
                    statement = choice.choice(WRITES).format(r=choice.randrange(10**6), track=choice.randrange(1, 607))
                    with connection.transaction():
                        connection.execute(statement.encode())
                        connection.execute("select pg_sleep(0.002)")
                    written[writer] += 1
        except psycopg.Error as error:
            failures.append(error)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(2)]
    for writer in writers:
        writer.start()
    try:
        adopt(existing, providers.embedding.card, rules=RULES)
    finally:
        over.set()
        for writer in writers:
            writer.join()
    assert failures == []
    assert min(written) > 20
    with connect(existing) as connection:
        require_equal_documents(connection)
        wanted = "select count(*) from tracks where search_internal.is_findable(visibility)"
        made = "select count(*) from search.documents where kind = 'track'"
        assert connection.execute(wanted).fetchone() == connection.execute(made).fetchone()


PROBLEMS = [
    (
        "alter table tracks drop column visibility",
        "alter table tracks add column visibility text not null default 'public'",
    ),
    ("alter table tracks drop column album_id", "alter table tracks add column album_id character varying"),
    ("alter table tracks drop column extra", "alter table tracks add column extra jsonb not null default '{}'"),
    (
        "alter table tracks alter column extra type json using extra::json",
        "tracks.extra is of type json: search reads jsonb",
    ),
    ("alter table tracks alter column title drop not null", "alter table tracks alter column title set not null"),
    ("alter table tracks drop column file_id", "tracks has no column file_id, which search cannot do without"),
    ("drop index ix_tags_name", "create unique index concurrently on tags (name)"),
    (
        "alter table tags drop constraint tags_pkey cascade; alter table tags alter column id type text",
        "tags.id is of type text",
    ),
    (
        "alter table playlists rename to lists; create view playlists as select * from lists",
        "playlists is no plain table",
    ),
    ("create schema search", "schema search is there already"),
    ("create schema x; create extension vector schema x", "alter extension vector set schema public"),
    ("alter table tracks force row level security", "alter table tracks no force row level security"),
    (
        (
            "create function theirs() returns trigger language plpgsql as 'begin return null; end'; "
            "create trigger mirror_update after update on artists for each row execute function theirs()"
        ),
        "alter trigger mirror_update on artists rename to ...",
    ),
    (
        "alter table albums rename to records",
        "tracks.album_id is of type character varying, and albums.id of type bigint",
    ),
    ("alter table artists rename to people", "schema public has no table artists: there is no catalogue to adopt"),
]


@pytest.mark.parametrize(("change", "message"), PROBLEMS)
def test_what_cannot_be_adopted_is_refused_in_words(
    existing: str, owner: Connection, providers: Providers, change: str, message: str
) -> None:
    owner.execute(change.encode())
    before = definitions(owner)
    for attempt in (adopt, preview_adoption):
        with pytest.raises(UserError) as refused:
            attempt(existing, providers.embedding.card)
        assert message in str(refused.value)
    assert definitions(owner) == before
    assert owner.execute("select count(*) from pg_class where relnamespace = to_regnamespace('search')").fetchone() == (
        0,
    )


def test_all_problems_are_told_at_once(existing: str, owner: Connection, providers: Providers) -> None:
    owner.execute("alter table tracks drop column visibility, drop column play_count")
    with pytest.raises(UserError) as refused:
        adopt(existing, providers.embedding.card, rules=RULES)
    told = str(refused.value).splitlines()
    assert sum("tracks has no column" in line for line in told) == 2
    assert any("the rule tracks.only_for.members cannot be used" in line for line in told)


def test_only_the_owner_may(existing: str, providers: Providers) -> None:
    with pytest.raises(UserError, match="table tracks belongs to postgres: run this as postgres"):
        adopt(existing.replace("postgres:@", f"{APPLICATION}@", 1), providers.embedding.card, rules=RULES)


def test_a_catalogue_of_ones_own_needs_no_adoption(empty_database: str, providers: Providers) -> None:
    migrate(empty_database, providers.embedding.card)
    with pytest.raises(UserError, match="made by vibe-search db migrate"):
        adopt(empty_database, providers.embedding.card, rules=RULES)


def test_migrate_leaves_a_foreign_catalogue_alone(existing: str, providers: Providers) -> None:
    before = dump_schema(existing)
    with pytest.raises(UserError, match="vibe-search db adopt"):
        migrate(existing, providers.embedding.card)
    assert dump_schema(existing) == before


SMALLEST = """
create table artists (did text primary key, handle text not null, display_name text not null);
create table tracks (
    id bigint generated always as identity primary key, artist_did text not null references artists, album_id bigint,
    title text not null, file_id text not null, file_type text not null, visibility text not null default 'public',
    play_count bigint not null default 0, extra jsonb not null default '{}'
);
insert into artists values ('did:plc:anna', 'anna.example', 'Anna');
insert into tracks (artist_did, title, file_id, file_type) values ('did:plc:anna', 'Slow Tide', 'f', 'mp3');
"""


def test_what_is_missing_is_made_beside(empty_database: str, providers: Providers) -> None:
    """Of a catalogue without albums, tags, playlists, flags and pictures."""
    with psycopg.connect(empty_database, autocommit=True) as owner:
        owner.execute(SMALLEST)
        adopt(empty_database, providers.embedding.card)
        made = owner.execute(
            "select tablename from pg_tables where schemaname = 'search' and tablename = any (%s) order by 1",
            [list(CATALOGUE)],
        ).fetchall()
        tables = ["albums", "feature_flags", "playlist_tracks", "playlists", "tags", "track_tags"]
        assert [name for (name,) in made] == tables
        owner.execute("select search_internal.add_tags(1, array['ambient'])")
        owner.execute("insert into search.playlists (owner_did, name) values ('did:plc:anna', 'Mornings')")
        owner.execute("insert into search.playlist_tracks values (1, 0, 1)")
        assert labels(owner, "ambient") == ["ambient", "Slow Tide"]
        assert labels(owner, "mornings") == ["Mornings"]
        require_equal_documents(owner)
        owner.execute("delete from tracks")
        assert owner.execute("select count(*) from search.track_tags").fetchone() == (0,)
    assert adopt(empty_database, providers.embedding.card) == []
