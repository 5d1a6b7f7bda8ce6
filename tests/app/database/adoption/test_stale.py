"""Changes of the application's tables that search cannot follow: they fail no write, and hide what is not known."""

import re
from typing import Any

import psycopg
import pytest

from app.database import adopt, connect, load_rules, migrate
from app.errors import UserError
from app.providers import Providers
from tests.app.database.adoption.conftest import Connection
from tests.app.database.adoption.test_adopted_search import labels, require_equal_documents

WRITES = (
    "update artists set display_name = display_name || ' II' where did = 'did:plc:bert'",
    "update albums set title = title || ' II' where slug = 'harbours'",
    "update tracks set r2_url = 'x', play_count = play_count + 1 where id in (1, 2)",
    "update tracks set album_id = null where id = 2",
    "update tags set name = name || ' II' where id = 1",
    "delete from track_tags where track_id = 2",
    "insert into track_tags (track_id, tag_id) values (2, 2)",
    "update playlists set name = name || ' II'",
    (
        "insert into tracks (title, file_id, file_type, created_at, artist_did) "
        "values ('Lantern', '0011223344556677', 'ogg', now(), 'did:plc:bert')"
    ),
    "update tracks set file_id = '8899aabbccddeeff' where id = 1",
    "delete from tracks where id = 4",
    "delete from playlists",
)
RENAMED = (
    ("artists", "handle"),
    ("artists", "display_name"),
    ("albums", "artist_did"),
    ("albums", "title"),
    ("tracks", "title"),
    ("tracks", "artist_did"),
    ("tracks", "album_id"),
    ("tracks", "file_id"),
    ("tracks", "visibility"),
    ("tracks", "play_count"),
    ("tracks", "extra"),
    ("tags", "name"),
    ("track_tags", "tag_id"),
    ("playlists", "name"),
    ("playlists", "owner_did"),
    ("tracks", "id"),
    ("artists", "did"),
)


@pytest.fixture
def search(adopted: str) -> Any:
    with connect(adopted) as connection:
        connection.autocommit = True
        connection.execute(
            "insert into search.embeddings (track_id, model_id, file_id, embedding, listed, owner) "
            "select t.id, m.id, t.file_id, array_fill(0.1, array[m.dimensions])::halfvec, "
            "  search.is_listed(t.visibility), search.private_owner(t.visibility, t.artist_did) "
            "from tracks t, search.models m"
        )
        yield connection


def stale(connection: Connection) -> set[str]:
    return {name for (name,) in connection.execute("select table_name from search.stale_tables")}


@pytest.mark.parametrize(("table", "column"), RENAMED)
def test_a_renamed_column_fails_no_write(
    adopted: str, search: Connection, owner: Connection, providers: Providers, table: str, column: str
) -> None:
    card = providers.embedding.card
    owner.execute(f"alter table {table} rename column {column} to other".encode())
    for write in WRITES:
        owner.execute(_renamed(write, table, column).encode())
    # the triggers of playlists name no other column than the key, and search reads them through a view
    noted = stale(search)
    assert noted == set() if (table, column) == ("playlists", "name") else table in noted
    with pytest.raises(UserError, match=f"{table} has no column {column}"):
        adopt(adopted, card)
    owner.execute(f"alter table {table} rename column other to {column}".encode())
    assert ("note of the version" in adopt(adopted, card)) is bool(noted)
    assert stale(search) == set()
    require_equal_documents(search)
    assert labels(search, "lantern") == ["Lantern"]
    listed = "select track_id from search.embeddings where listed order by 1"
    # the audio of the first was replaced
    assert [row[0] for row in search.execute(listed)] == [2, 5]
    assert adopt(adopted, card) == []


def _renamed(write: str, table: str, column: str) -> str:
    """The write as the application makes it once it knows the other name."""
    if table not in write.split()[:3]:
        return write
    return re.sub(rf"\b{column}\b(?!:)", "other", write)


@pytest.fixture
def plain(existing: str, owner: Connection) -> str:
    """A catalogue whose tracks and playlists search reads without a view, so that no rename can be followed."""
    for table in ("tracks", "albums", "playlists"):
        owner.execute(f"alter table {table} alter column created_at set default now()".encode())
    return existing


@pytest.mark.parametrize("views", [True, False])
@pytest.mark.parametrize("column", ["visibility", "id", "title", "album_id"])
def test_what_becomes_private_is_hidden_though_it_cannot_be_read(
    plain: str, owner: Connection, providers: Providers, *, views: bool, column: str
) -> None:
    if views:
        owner.execute("alter table tracks alter column created_at drop default")
    adopt(plain, providers.embedding.card, rules=load_rules("plyr.fm"))
    owner.execute(
        "insert into search.embeddings (track_id, model_id, file_id, embedding, listed) "
        "select t.id, m.id, t.file_id, array_fill(0.1, array[m.dimensions])::halfvec, true "
        "from tracks t, search.models m where t.visibility = 'public'"
    )
    owner.execute(f"alter table tracks rename column {column} to other".encode())
    for title in ("Slow Tide", "Night Ferry"):
        write = f"update tracks set visibility = 'private' where title = '{title}'"
        owner.execute(_renamed(write, "tracks", column).encode())
    shown = (
        "select kind, label from search.documents "
        "where listed and kind in ('track', 'album', 'tag') and label not in ('', 'Only By Link')"
    )
    assert owner.execute(shown.encode()).fetchall() == []
    assert owner.execute("select from search.embeddings where listed and track_id = 1").fetchall() == []
    assert stale(owner) == {"tracks"}
    owner.execute(f"alter table tracks rename column other to {column}".encode())
    adopt(plain, providers.embedding.card, rules=load_rules("plyr.fm"))
    with connect(plain) as connection:
        require_equal_documents(connection)


def test_counting_plays_hides_nothing(plain: str, owner: Connection, providers: Providers) -> None:
    adopt(plain, providers.embedding.card, rules=load_rules("plyr.fm"))
    owner.execute("alter table tracks rename column id to other")
    owner.execute("update tracks set play_count = play_count + 1")
    shown = "select count(*) from search.documents where listed and kind = 'track'"
    assert owner.execute(shown.encode()).fetchone() == (4,)
    owner.execute("update tracks set description = 'new'")
    assert owner.execute(shown.encode()).fetchone() == (0,)
    found = owner.execute("select followed, errors[1] from search.stale_tables").fetchone()
    assert found is not None
    assert "id" in found[1]
    assert found[0] is False


def test_another_column_that_takes_the_name_is_read(
    adopted: str, search: Connection, owner: Connection, providers: Providers
) -> None:
    """A view shows the column that it was made for, whatever that is called."""
    owner.execute("alter table tracks rename column title to former_title")
    owner.execute("alter table tracks add column title varchar not null default ''")
    owner.execute("update tracks set title = former_title || ' Again'")
    adopt(adopted, providers.embedding.card)
    assert labels(search, "slow tide again") == ["Slow Tide Again"]
    owner.execute("update tracks set title = 'Fast Tide' where id = 1")
    assert labels(search, "fast tide") == ["Fast Tide"]
    assert adopt(adopted, providers.embedding.card) == []


@pytest.mark.usefixtures("adopted")
def test_an_error_that_a_retry_mends_is_raised(owner: Connection, application: Connection) -> None:
    owner.execute("set lock_timeout = '10ms'")
    with application.transaction():
        application.execute("update artists set display_name = 'New' where did = 'did:plc:bert'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            owner.execute(
                "insert into tracks (title, file_id, file_type, created_at, artist_did) "
                "values ('Lantern', '0011223344556677', 'ogg', now(), 'did:plc:bert')"
            )
    assert stale(owner) == set()


def test_a_catalogue_of_ones_own_raises_what_is_wrong(database_of_its_own: str) -> None:
    with connect(database_of_its_own) as connection:
        connection.execute("insert into artists (did, handle, display_name) values ('did:plc:a', 'a', 'A')")
        connection.execute("alter table artists rename column handle to other")
        with pytest.raises(psycopg.errors.UndefinedColumn):
            connection.execute("update artists set display_name = 'B'")


@pytest.fixture
def database_of_its_own(empty_database: str, providers: Providers) -> str:
    migrate(empty_database, providers.embedding.card)
    return empty_database
