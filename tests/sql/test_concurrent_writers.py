"""Two that write to the catalogue at once: what is searched for is what both wrote."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.support.catalogue import Catalogue
from tests.support.waiting import wait_behind_lock

DOCUMENTS = "select kind, key, field, label, normalized, context, listed, owner from search.documents order by 1, 2, 3"
_IS_WAITING = "select exists (select from pg_stat_activity where pid = %s and wait_event_type = 'Lock')"

TITLE = "update tracks set title = 'Slow Tide' where id = 1"
ARTIST = "update artists set display_name = 'Vesper'"
ALBUM = "update albums set title = 'Quays'"
TAG = "update tags set name = 'drift' where name = 'ambient'"
PLAY = "update tracks set play_count = play_count + 40 where id = 1"
HIDE = "update tracks set visibility = 'private' where id = 1"
UNLIST = "update tracks set visibility = 'unlisted' where id = 1"
SHOW = "update tracks set visibility = 'public' where id = 2"
PUT_TAG = "select search_internal.add_tags(1, array['ambient', 'drone'])"
TAKE_TAGS = "delete from track_tags"
MOVE = "update tracks set album_id = null where id = 1"
DELETE = "delete from tracks where id = 1"
INSERT = (
    "insert into tracks (title, file_id, file_type, artist_did, album_id) "
    "select 'Night Ferry', 'f', 'mp3', artist_did, id from albums where title in ('Harbours', 'Quays')"
)
NEW_ALBUM = "insert into albums (artist_did, title, slug) select did, 'Lanterns', 'lanterns' from artists"
NEW_PLAYLIST = "insert into playlists (owner_did, name) select did, 'Mornings' from artists"

PAIRS = [
    (TITLE, ARTIST), (TITLE, ALBUM), (TITLE, PLAY), (PLAY, ARTIST), (PUT_TAG, ARTIST), (PUT_TAG, TITLE),
    (PUT_TAG, TAG), (TAKE_TAGS, ARTIST), (HIDE, ARTIST), (UNLIST, TITLE), (SHOW, ARTIST), (SHOW, ALBUM), (MOVE, ALBUM),
    (DELETE, ARTIST), (DELETE, ALBUM), (ALBUM, ARTIST), (INSERT, ARTIST), (INSERT, ALBUM), (NEW_ALBUM, ARTIST),
    (NEW_PLAYLIST, ARTIST),
]  # fmt: skip


@pytest.fixture
def catalogue(catalogue: Catalogue) -> Catalogue:
    album = catalogue.album("Harbours")
    catalogue.track("One", album_id=album, tags=("tape",))
    catalogue.track("Two", album_id=album, visibility="unlisted", tags=("tape", "ambient"))
    return catalogue


@pytest.mark.parametrize("pair", [*PAIRS, *(pair[::-1] for pair in PAIRS)], ids=lambda pair: " | ".join(pair)[:70])
def test_neither_is_lost(database: str, catalogue: Catalogue, pair: tuple[str, str]) -> None:
    """The second begins while the first has written and not yet committed."""
    first, second = pair
    with psycopg.connect(database) as one, psycopg.connect(database, autocommit=True) as other:
        one.execute(first.encode())
        failures: list[psycopg.Error] = []

        def write() -> None:
            try:
                other.execute(second.encode())
            except psycopg.Error as error:
                failures.append(error)

        writer = threading.Thread(target=write)
        writer.start()
        while writer.is_alive():
            waits = catalogue.connection.execute(_IS_WAITING, [other.info.backend_pid]).fetchone()
            if waits == (True,):
                one.commit()
            time.sleep(0.005)
        one.commit()
        assert failures == []
    kept = catalogue.connection.execute(DOCUMENTS).fetchall()
    catalogue.connection.execute("select search.rebuild_documents()")
    assert kept == catalogue.connection.execute(DOCUMENTS).fetchall()


_TAG_HELD = (
    "select from search.documents where kind = 'tag' and key = (select id::text from tags where name = '{}') for update"
)
_ALBUM_HELD = "select from search.documents where kind = 'album' and label = 'Lanterns' for update"


@pytest.mark.parametrize(
    ("held", "first", "second"),
    [
        # the first has the tracks and is about to hide both tags, in one order or the other
        (_TAG_HELD.format("tape"), "delete from tracks", "update tags set name = 'drift' where name = 'ambient'"),
        (_TAG_HELD.format("ambient"), "delete from tracks", "update tags set name = 'reel' where name = 'tape'"),
        # the first has one album and is about to take its tracks out, which have the artist's name
        (_ALBUM_HELD, "delete from albums", "update artists set display_name = 'Vesper'"),
    ],
    ids=["tag that is hidden later", "tag that is hidden earlier", "artist of an album that goes"],
)
def test_single_statements_do_not_wait_in_a_circle(
    database: str, catalogue: Catalogue, held: str, first: str, second: str
) -> None:
    """What holds the first in its middle lets it go once the second waits, or has ended."""
    catalogue.connection.execute("update tracks set visibility = 'public'")
    catalogue.album("Lanterns")
    with (
        psycopg.connect(database) as holding,
        psycopg.connect(database, autocommit=True) as one,
        psycopg.connect(database, autocommit=True) as other,
        ThreadPoolExecutor(2) as threads,
    ):
        holding.execute(held.encode())
        writes = []
        for connection, statement in ((one, first), (other, second)):
            writes.append(threads.submit(connection.execute, statement.encode()))
            wait_behind_lock(writes[-1], connection, catalogue.connection)
        holding.rollback()
        for write in writes:
            write.result()
    kept = catalogue.connection.execute(DOCUMENTS).fetchall()
    catalogue.connection.execute("select search.rebuild_documents()")
    assert kept == catalogue.connection.execute(DOCUMENTS).fetchall()
