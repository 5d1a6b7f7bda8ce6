"""Each kind of row, each kind of viewer and each way to a track, in a catalogue shaped as plyr.fm's."""

import asyncio
import io
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.providers import Providers
from app.settings import Settings
from tests.app.conftest import open_client
from tests.app.database.adoption.conftest import Connection

ARTIST = "did:plc:bert"
VIEWERS = {
    "anonymous": None,
    "stranger": "did:plc:anna",
    "opted in": "did:plc:opted",
    "member": "did:plc:member",
    "artist": ARTIST,
}
ALL = frozenset(VIEWERS)
OWN = frozenset({"artist"})
NONE: frozenset[str] = frozenset()
MEMBERS = frozenset({"member", "artist"})
ADULTS = frozenset({"opted in", "artist"})

TRACKS: dict[str, tuple[str, frozenset[str], frozenset[str], frozenset[str]]] = {
    # what its row says, who finds it, who sees it by its number, who hears it
    "Plain": ("visibility = 'public'", ALL, ALL, ALL),
    "Supported": ("visibility = 'supporters', support_gate = '{}'", ALL, ALL, OWN),
    "Linked": ("visibility = 'unlisted'", ALL, ALL, ALL),
    "Guarded": ("visibility = 'private'", MEMBERS, MEMBERS, OWN),
    "Gated": ("""support_gate = '{"type": "copyright"}'""", ALL, ALL, OWN),
    "Pending": ("publish_state = 'pending'", NONE, OWN, OWN),
    "Published": ("publish_state = 'published'", ALL, ALL, ALL),
    "Labelled": ("""self_labels = '["porn"]'""", ADULTS, ADULTS, OWN),
    "Judged": ("""operator_labels = '["sexual"]'""", ADULTS, ADULTS, OWN),
    "Infringing": ("""operator_labels = '["copyright-violation"]'""", NONE, OWN, OWN),
    "Allowed": (
        """operator_labels = '["copyright-violation"]', moderation_override = 'allow'""",
        ALL,
        ALL,
        ALL,
    ),
    "Lewd": ("""self_labels = '["porn"]', moderation_override = 'allow'""", ADULTS, ADULTS, OWN),
    "Excluded": ("moderation_override = 'exclude'", NONE, OWN, OWN),
    "Archived": ("visibility = 'archived'", NONE, OWN, OWN),
}
EMBEDDED = (
    "insert into search.embeddings (track_id, model_id, file_id, embedding, listed) "
    "select t.id, m.id, t.file_id, "
    "(select array_agg(1 + (t.id %% 7) * sin(n) / 50) from generate_series(1, m.dimensions) n)::vector::halfvec, false "
    "from tracks t, search.models m where t.title like %s"
)


@pytest.fixture
def ids(database: str, owner: Connection, providers: Providers) -> dict[str, int]:
    """Number of each track, by name. Each has audio, a vector, a place on the map, an album and a tag."""
    assert database
    owner.execute(
        "insert into user_preferences (did, show_sensitive_audio, created_at, updated_at) "
        "values ('did:plc:opted', true, now(), now()), ('did:plc:anna', false, now(), now())"
    )
    owner.execute("insert into private_media_members values (%s, 'did:plc:member', now())", [ARTIST])
    numbers: dict[str, int] = {}
    for name in TRACKS:
        stored = providers.audio_store.put(io.BytesIO(name.encode()), "mp3")
        owner.execute(
            "insert into albums (id, artist_did, slug, title, created_at, updated_at) "
            "values (%s, %s, %s, %s, now(), now())",
            [name, ARTIST, name, f"Album {name}"],
        )
        tag = owner.execute(
            "insert into tags (name, created_by_did, created_at) values (%s, %s, now()) returning id",
            [f"tag {name}", ARTIST],
        ).fetchone()
        track = owner.execute(
            "insert into tracks (title, file_id, file_type, created_at, artist_did, album_id) "
            "values (%s, %s, 'mp3', now(), %s, %s) returning id",
            [f"Lagoon {name}", stored.file_id, ARTIST, name],
        ).fetchone()
        assert track is not None
        assert tag is not None
        owner.execute("insert into track_tags values (%s, %s)", [track[0], tag[0]])
        numbers[name] = track[0]
    # vectors come before the labels, which is how labels come
    owner.execute(EMBEDDED, ["Lagoon %"])
    owner.execute("update search.embeddings set listed = true")
    owner.execute("insert into search.map_points (track_id, x, y) select id, 0.5, 0.5 from tracks")
    owner.execute("insert into search.map_state (model_id, tracks) select id, 9 from search.models")
    owner.execute(
        "insert into search.mirror_namespaces (name, model_id, state) select 'm', id, 'serving' from search.models"
    )
    for name, (says, *_) in TRACKS.items():
        owner.execute(f"update tracks set {says} where id = {numbers[name]}".encode())
    # a vector that a worker stores after the labels
    owner.execute("update search.embeddings set embedding = embedding")
    return numbers


Steps = Callable[[httpx2.AsyncClient], Coroutine[Any, Any, Any]]
Look = Callable[[Steps], dict[str, Any]]


@pytest.fixture
def look(adopted: str, providers: Providers, tmp_path: Path) -> Look:
    """Runs an async function with a client of each viewer."""
    settings = Settings(
        _env_file=None,
        database_url=adopted,
        data_dir=tmp_path,
        viewer_header="x-viewer",
        recommended_tags_wait_seconds=0.0,
        rate_limit_searches=10_000,
        rate_limit_costly=10_000,
    )

    def run(steps: Steps) -> dict[str, Any]:
        async def session() -> dict[str, Any]:
            async with open_client(settings, providers) as client:
                seen = {}
                for name, did in VIEWERS.items():
                    client.headers.pop("x-viewer", None)
                    if did is not None:
                        client.headers["x-viewer"] = did
                    seen[name] = await steps(client)
                return seen

        return asyncio.run(session())

    return run


def found_by(viewer: str) -> set[str]:
    return {name for name, (_, finders, _, _) in TRACKS.items() if viewer in finders}


async def named(client: httpx2.AsyncClient, q: str, kind: str) -> list[dict[str, Any]]:
    answer = await client.get("/search/", params={"q": q, "type": kind, "limit": 50, "sound": False})
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def titles(results: list[dict[str, Any]]) -> set[str]:
    return {result["title"].removeprefix("Lagoon ").removeprefix("Album ") for result in results}


@pytest.mark.usefixtures("ids")
def test_who_finds_which_track_and_album_by_name(look: Look) -> None:
    async def steps(client: httpx2.AsyncClient) -> tuple[set[str], set[str]]:
        return titles(await named(client, "lagoon", "tracks")), titles(await named(client, "album", "albums"))

    for viewer, (tracks, albums) in look(steps).items():
        assert tracks == found_by(viewer), viewer
        assert albums == found_by(viewer), viewer


@pytest.mark.usefixtures("ids")
def test_each_name_is_found_whole_begun_and_misspelt(look: Look) -> None:
    async def steps(client: httpx2.AsyncClient) -> dict[str, list[bool]]:
        found = {}
        for name in TRACKS:
            word = name.lower()
            asked = (f"lagoon {word}", f"lagoon {word[:-1]}", word, f"{word[:-2]}{word[-1]}{word[-2]} lagoon")
            found[name] = [name in titles(await named(client, q, "tracks")) for q in asked]
        return found

    for viewer, found in look(steps).items():
        assert found == {name: [name in found_by(viewer)] * 4 for name in TRACKS}, viewer


def test_who_finds_which_track_by_sound(ids: dict[str, int], look: Look, owner: Connection) -> None:
    async def steps(client: httpx2.AsyncClient) -> tuple[set[str], set[str]]:
        similar = (await client.get(f"/tracks/{ids['Plain']}/similar", params={"limit": 50})).json()["results"]
        liked = (await client.get("/search/", params={"q": f"like:{ids['Linked']}", "limit": 50})).json()["results"]
        return titles(similar), titles(liked)

    for viewer, (similar, liked) in look(steps).items():
        assert similar == found_by(viewer) - {"Plain"}, viewer
        assert liked - {"Linked"} == found_by(viewer) - {"Linked"}, viewer
    for viewer, did in VIEWERS.items():
        near = owner.execute(
            "select distinct n.track_id from search.embeddings e, search.nearest_tracks(e.embedding, %s, 50) n", [did]
        ).fetchall()
        assert {number for (number,) in near} == {ids[name] for name in found_by(viewer)}, viewer
        heard = owner.execute(
            "select distinct u.key::bigint from search.embeddings e, "
            "search.unified('', e.embedding, %s, '{track}', 50, null, 0) u",
            [did],
        ).fetchall()
        assert {number for (number,) in heard} <= {ids[name] for name in found_by(viewer)}, viewer


def test_what_starts_from_a_track_is_for_those_who_find_it(ids: dict[str, int], look: Look) -> None:
    async def steps(client: httpx2.AsyncClient) -> dict[str, bool]:
        return {
            name: (await client.get(f"/tracks/{number}/similar")).status_code == 200 for name, number in ids.items()
        }

    for viewer, answered in look(steps).items():
        assert answered == {name: name in found_by(viewer) for name in TRACKS}, viewer


def test_who_sees_and_hears_a_track_by_its_number(ids: dict[str, int], owner: Connection, look: Look) -> None:
    files = dict(owner.execute("select id, file_id from tracks").fetchall())

    async def steps(client: httpx2.AsyncClient) -> dict[str, tuple[bool, bool, bool]]:
        return {
            name: (
                (await client.get(f"/tracks/{number}")).status_code == 200,
                (await client.get(f"/tracks/{number}/recommended-tags")).status_code == 200,
                (await client.get(f"/audio/{files[number]}")).status_code == 200,
            )
            for name, number in ids.items()
        }

    for viewer, answered in look(steps).items():
        expected = {
            name: (viewer in sees, viewer in sees, viewer in hears) for name, (_, _, sees, hears) in TRACKS.items()
        }
        assert answered == expected, viewer


def test_what_all_are_shown_is_what_all_find(ids: dict[str, int], owner: Connection, look: Look) -> None:
    listed = {name for name, (_, finders, _, _) in TRACKS.items() if finders == ALL}
    numbers = {ids[name] for name in listed}

    async def steps(client: httpx2.AsyncClient) -> tuple[set[int], set[str]]:
        drawn = set((await client.get("/map")).json()["ids"]) & set(ids.values())
        tags = (await client.get("/search/", params={"q": "tag", "limit": 50, "type": "tags"})).json()["results"]
        return drawn, {tag["name"].removeprefix("tag ") for tag in tags}

    for viewer, (drawn, tags) in look(steps).items():
        assert drawn == numbers, viewer
        assert tags == listed, viewer
    mirrored = owner.execute(
        "select track_id, visibility from search_internal.mirror_documents('m', null, null, 100)"
    ).fetchall()
    assert {number for number, _ in mirrored} == numbers
    # words by which the mirror itself leaves out what is not listed
    assert {word for _, word in mirrored} == {"public", "supporters"}
    owner.execute("select search_internal.fold_track_counts()")
    counted = owner.execute(
        "select search.track_count('artist', %s) - count(*) from tracks "
        "where artist_did = %s and title not like 'Lagoon%%' and visibility in ('public', 'unlisted')",
        [ARTIST, ARTIST],
    ).fetchone()
    assert counted == (len(listed),)


def test_a_change_takes_effect_at_commit(ids: dict[str, int], application: Connection, owner: Connection) -> None:
    def finds(did: str | None) -> bool:
        rows = owner.execute("select key from search.unified('lagoon plain', null, %s)", [did]).fetchall()
        vectors = owner.execute(
            "select n.track_id from search.embeddings e, search.nearest_tracks(e.embedding, %s, 50) n "
            "where e.track_id = %s",
            [did, ids["Plain"]],
        ).fetchall()
        named, heard = (str(ids["Plain"]),) in rows, (ids["Plain"],) in vectors
        assert named == heard
        return named

    application.execute("""update tracks set self_labels = '["sexual"]' where title = 'Lagoon Plain'""")
    assert [finds(None), finds("did:plc:opted"), finds("did:plc:anna"), finds(ARTIST)] == [False, True, False, True]
    application.execute("update user_preferences set show_sensitive_audio = not show_sensitive_audio")
    assert [finds(None), finds("did:plc:opted"), finds("did:plc:anna"), finds(ARTIST)] == [False, False, True, True]
    application.execute("update tracks set self_labels = '[]', visibility = 'private' where title = 'Lagoon Plain'")
    assert [finds(None), finds("did:plc:anna"), finds("did:plc:member")] == [False, False, True]
    application.execute("delete from private_media_members")
    assert [finds("did:plc:member"), finds(ARTIST)] == [False, True]
    application.execute("update tracks set visibility = 'public' where title = 'Lagoon Plain'")
    assert finds(None)


def test_who_finds_which_playlist_and_artist(ids: dict[str, int], application: Connection, look: Look) -> None:
    assert ids
    application.execute(
        "insert into playlists (id, owner_did, name, is_private, track_count, show_on_profile, created_at, updated_at) "
        "values ('open', %s, 'Estuary Open', false, 0, false, now(), now()), "
        "('shut', %s, 'Estuary Shut', true, 0, false, now(), now())",
        [ARTIST, ARTIST],
    )
    application.execute(
        "insert into artists (did, handle, display_name, deactivated, created_at, updated_at) "
        "values ('did:plc:left', 'left.example', 'Estuary Leaver', true, now(), now())"
    )

    async def steps(client: httpx2.AsyncClient) -> set[str]:
        results = (await client.get("/search/", params={"q": "estuary", "type": "artists,playlists"})).json()["results"]
        return {result.get("name") or result["display_name"] for result in results}

    for viewer, found in look(steps).items():
        assert found == ({"Estuary Open", "Estuary Shut"} if viewer == "artist" else {"Estuary Open"}), viewer
