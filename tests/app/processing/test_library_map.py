"""The map of the library: drawn when it is due, shown to whoever may see what is on it."""

import asyncio
import math

import pytest
from psycopg.types.json import Jsonb

from app.database import Database, connect
from app.processing.library_map import draw
from tests.app.conftest import Get
from tests.support.catalogue import Catalogue, direction


def drawn(database: str, most: int = 1000) -> int:
    async def once() -> int:
        async with Database.open(database, pool_size=1) as opened:
            return await draw(opened, most)

    return asyncio.run(once())


@pytest.fixture
def tracks(catalogue: Catalogue) -> list[int]:
    """Two kinds of sound, ten tracks of each."""
    ids = [catalogue.track(f"Track {number}", tags=("calm",) if number % 2 else ()) for number in range(20)]
    for number, track in enumerate(ids):
        catalogue.embed(track, direction(10 * (number % 2), lean=0.1 + 0.01 * number))
    return ids


def test_tracks_that_sound_alike_lie_together(database: str, get: Get, tracks: list[int]) -> None:
    empty = get("/map").json()
    assert (empty["ids"], empty["drawn_at"]) == ([], None)
    assert drawn(database) == 20
    found = get("/map").json()
    assert found["ids"] == tracks
    assert found["drawn_at"]
    places = dict(zip(found["ids"], zip(found["x"], found["y"], strict=True), strict=True))

    def apart(one: int, other: int) -> float:
        return math.dist(places[one], places[other])

    alike = [apart(one, other) for one in tracks[::2] for other in tracks[::2] if one < other]
    unlike = [apart(one, other) for one in tracks[::2] for other in tracks[1::2]]
    assert sum(alike) / len(alike) < 0.7 * sum(unlike) / len(unlike)
    assert {(0 <= x <= 65535 and 0 <= y <= 65535) for x, y in places.values()} == {True}


def test_genres_are_numbered_by_how_common_they_are(
    database: str, get: Get, tracks: list[int], catalogue: Catalogue
) -> None:
    heard = Jsonb({"genre_predictions": [{"name": "rock", "confidence": 0.9}]})
    catalogue.connection.execute("update tracks set extra = %s where id = any (%s)", [heard, tracks[:3]])
    drawn(database)
    found = get("/map").json()
    assert found["genres"] == ["calm", "rock"]
    # the second has a tag as well; what was heard goes first
    assert found["genre"][:5] == [1, 1, 1, 0, -1]


@pytest.mark.usefixtures("tracks")
def test_it_is_drawn_when_it_is_due(database: str, catalogue: Catalogue) -> None:
    assert drawn(database) == 20
    assert drawn(database) == 0
    one = catalogue.track("One more")
    catalogue.embed(one, direction(3))
    assert drawn(database) == 0
    for number in range(3):
        catalogue.embed(catalogue.track(f"Another {number}"), direction(4 + number))
    assert drawn(database) == 24
    catalogue.connection.execute("update search.map_state set drawn_at = now() - interval '8 days'")
    assert drawn(database, most=5) == 5


@pytest.mark.usefixtures("tracks")
def test_another_model_gives_another_map(database: str, catalogue: Catalogue) -> None:
    drawn(database)
    catalogue.connection.execute("select search.register_model('next', 'next@1', 4)")
    catalogue.connection.execute("select search.serve_model('next@1')")
    # it has no vectors yet, and the old picture is better than none
    assert drawn(database) == 0
    catalogue.connection.execute(
        "insert into search.embeddings select t.id, m.id, t.file_id, '[1,0,0,0]', true, null, now() "
        "from tracks t, search.models m where m.name = 'next' and t.id <= 4"
    )
    assert drawn(database) == 4


def test_what_is_hidden_is_not_on_it_at_once(database: str, get: Get, catalogue: Catalogue, tracks: list[int]) -> None:
    drawn(database)
    catalogue.connection.execute("update tracks set visibility = 'private' where id = %s", [tracks[0]])
    catalogue.connection.execute("delete from tracks where id = %s", [tracks[1]])
    assert get("/map").json()["ids"] == tracks[2:]


def test_private_tracks_are_never_drawn(database: str, catalogue: Catalogue, tracks: list[int]) -> None:
    hidden = catalogue.track("Hidden", visibility="private")
    catalogue.embed(hidden, direction(1))
    assert drawn(database) == len(tracks)


def test_two_workers_draw_once(database: str, tracks: list[int]) -> None:
    with connect(database) as other:
        other.execute("select pg_advisory_xact_lock(hashtextextended('search.map', 0))")
        assert drawn(database) == 0
    assert drawn(database) == len(tracks)
