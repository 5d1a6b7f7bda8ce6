"""Two that write to the catalogue at once: what is searched for is what both wrote."""

import threading
import time

import psycopg
import pytest

from tests.support.catalogue import Catalogue

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
