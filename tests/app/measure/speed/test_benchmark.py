"""The benchmark: its catalogue, its mix, its figures, and the commands from end to end. No time is asserted."""

import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import psycopg
import pytest
from pgvector import HalfVector
from rich.console import Console

from app.database import EmbeddedPostgres, connect
from app.measure.speed.build import Built, Wanted, prepare
from app.measure.speed.clients import Runs, run_mix
from app.measure.speed.contenders import Contender
from app.measure.speed.contenders.hnsw import HnswContender, HnswSession
from app.measure.speed.contenders.predecessor import PredecessorContender
from app.measure.speed.contenders.unified import STATEMENT, UnifiedContender
from app.measure.speed.figures import Figures, throughput
from app.measure.speed.names import make_vocabulary
from app.measure.speed.peers import find_peers
from app.measure.speed.queries import KINDS, Query, edit_distance, make_mix, misspell
from app.measure.speed.search import SearchResult
from app.measure.speed.server import tuned_settings
from app.measure.speed.sizes import Sizes
from app.measure.speed.stages import Stages
from app.measure.speed.success import Success, measure_recall, measure_success
from app.measure.speed.vectors import VectorSpace
from tests.support.command import run_command
from tests.support.databases import sibling

QUIET = Console(quiet=True)
TRACKS = 1500


@pytest.fixture(scope="module")
def server_url(server: EmbeddedPostgres) -> str:
    """Not the template of the other tests: nothing may be connected to that when it is copied."""
    return sibling(server.url, "postgres")


@pytest.fixture(scope="module")
def built(server_url: str) -> Iterator[Built]:
    """A small catalogue."""
    made = prepare(server_url, Wanted(Sizes(TRACKS)), QUIET)
    yield made
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(f"drop database {made.name} with (force)".encode())


@pytest.fixture
def catalogue_of(built: Built) -> Iterator[psycopg.Connection[Any]]:
    """An autocommitting connection to it."""
    with connect(built.url) as connection:
        connection.autocommit = True
        yield connection


def one(connection: psycopg.Connection[Any], statement: str) -> Any:
    row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return row[0]


# --- the catalogue


def test_sizes_are_in_proportion(catalogue_of: psycopg.Connection[Any]) -> None:
    sizes = Sizes(1_000_000)
    assert (sizes.artists, sizes.albums, sizes.tags, sizes.playlists) == (100_000, 100_000, 20_000, 50_000)
    counts = {
        name: one(catalogue_of, f"select count(*) from {name}")
        for name in ("tracks", "artists", "albums", "tags", "playlists")
    }
    assert counts == {"tracks": 1500, "artists": 150, "albums": 150, "tags": 30, "playlists": 75}


def test_every_track_has_a_unit_vector_of_the_serving_model(catalogue_of: psycopg.Connection[Any]) -> None:
    assert one(catalogue_of, "select dimensions from search.models where serving") == 512
    assert (
        one(catalogue_of, "select count(*) from search.embeddings where abs(l2_norm(embedding) - 1) < 0.01") == TRACKS
    )
    wrong = """select count(*) from tracks t left join search.embeddings e on e.track_id = t.id
        where (e.listed, e.owner, e.file_id) is distinct from
            (search.is_listed(t.visibility), search.private_owner(t.visibility, t.artist_did), t.file_id)"""
    assert one(catalogue_of, wrong) == 0
    assert one(catalogue_of, "select count(*) from tracks where visibility = 'private'") > 0
    assert one(catalogue_of, "select count(*) from search.embeddings where owner is not null") > 0


def test_the_model_is_calibrated(catalogue_of: psycopg.Connection[Any], built: Built) -> None:
    """Else a search would not do all that it does in earnest, and nothing would be shown by sound."""
    assert one(catalogue_of, "select sampled from search.calibrations") == 512
    vector = HalfVector(built.space.descriptions(1)[0]).to_text()
    rows = catalogue_of.execute(STATEMENT, ["xyzzyx", vector]).fetchall()
    assert rows
    assert {row[3] for row in rows} == {"sound"}


def test_what_was_copied_past_the_triggers_is_whole(catalogue_of: psycopg.Connection[Any]) -> None:
    """Foreign keys hold, documents are those that triggers would have made, and new rows get ids of their own."""
    orphans = """select count(*) from tracks t left join albums b on b.id = t.album_id and b.artist_did = t.artist_did
        left join artists a on a.did = t.artist_did where b.id is null or a.did is null"""
    assert one(catalogue_of, orphans) == 0
    for table, column, other in (("track_tags", "track_id", "tracks"), ("track_tags", "tag_id", "tags"),
                                 ("playlist_tracks", "track_id", "tracks")):  # fmt: skip
        assert one(catalogue_of, f"select count(*) from {table} where {column} not in (select id from {other})") == 0
    documents = "select count(*), sum(hashtext(d::text)) from search.documents d"
    before = catalogue_of.execute(documents).fetchone()
    with catalogue_of.transaction(force_rollback=True):
        catalogue_of.execute("update tracks set title = title || ''")
        catalogue_of.execute("update artists set display_name = display_name || ''")
        assert catalogue_of.execute(documents).fetchone() == before
        catalogue_of.execute(
            "insert into tracks (artist_did, title, file_id, file_type) select min(did), 'New', 'f', 'mp3' from artists"
        )
        assert one(catalogue_of, "select max(id) from tracks") > TRACKS


def test_words_and_plays_are_skewed(catalogue_of: psycopg.Connection[Any]) -> None:
    titles = [str(row[0]) for row in catalogue_of.execute("select title from tracks").fetchall()]
    counts = Counter(word for title in titles for word in title.split()).most_common()
    # by Zipf's law the tenth word is a few times rarer than the first, the hundredth many times
    assert 2 < counts[0][1] / counts[9][1] < 12
    assert 15 < counts[0][1] / counts[99][1] < 120
    plays = sorted((row[0] for row in catalogue_of.execute("select play_count from tracks").fetchall()), reverse=True)
    assert sum(plays[: TRACKS // 100]) > 0.5 * sum(plays)
    tagged = [
        row[0]
        for row in catalogue_of.execute("select count(*) from track_tags group by tag_id order by 1 desc").fetchall()
    ]
    assert tagged[0] > 3 * tagged[-1]


def test_the_vocabulary_grows_with_the_catalogue() -> None:
    assert Sizes(1_000_000).words == 10 * Sizes(10_000).words
    words = make_vocabulary(3000, seed=1)
    assert len(set(words)) == 3000
    assert np.mean([len(word) for word in words[:300]]) < np.mean([len(word) for word in words[-300:]])
    assert words == make_vocabulary(3000, seed=1) != make_vocabulary(3000, seed=2)


def test_vectors_lie_in_clusters_of_unequal_size() -> None:
    space = VectorSpace(Sizes(2000), 512, seed=1)
    rows = space.recordings(0, 2000)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert np.array_equal(rows, VectorSpace(Sizes(2000), 512, seed=1).recordings(0, 2000))
    assert not np.array_equal(rows[:50], VectorSpace(Sizes(2000), 512, seed=2).recordings(0, 50))
    similar = rows @ rows.T
    np.fill_diagonal(similar, 0)
    assert similar.max(axis=1).mean() > 0.7
    assert 0.1 < np.median(similar) < 0.4
    neighbours = (similar > 0.6).sum(axis=1)
    assert np.percentile(neighbours, 95) > 4 * np.percentile(neighbours, 5)
    # far fewer directions than dimensions carry nearly all of it
    variance = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False) ** 2
    assert variance[:48].sum() > 0.9 * variance.sum()


def test_the_same_sizes_give_the_same_catalogue(
    built: Built, server_url: str, catalogue_of: psycopg.Connection[Any]
) -> None:
    again = prepare(server_url, Wanted(Sizes(TRACKS), suffix="_again"), QUIET)
    digest = """select md5(string_agg(r, ',' order by r)) from (
        select concat_ws('|', t.id, t.artist_did, t.album_id, t.title, t.visibility, t.play_count, a.handle,
                         e.embedding::text) as r
        from tracks t join artists a on a.did = t.artist_did join search.embeddings e on e.track_id = t.id
        union all select concat_ws('|', track_id, tag_id) from track_tags
        union all select concat_ws('|', playlist_id, position, track_id) from playlist_tracks) as rows"""
    with connect(again.url) as other:
        assert one(other, digest) == one(catalogue_of, digest)
        assert make_texts(other, again) == make_texts(catalogue_of, built)
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(f"drop database {again.name} with (force)".encode())


def test_a_catalogue_is_built_once_and_a_broken_one_again(server_url: str) -> None:
    wanted = Wanted(Sizes(1000), suffix="_twice")
    first = prepare(server_url, wanted, QUIET)
    with connect(first.url) as connection:
        connection.execute("delete from playlist_tracks")
    assert prepare(server_url, wanted, QUIET).seconds == first.seconds
    with connect(first.url) as connection:
        assert one(connection, "select count(*) from playlist_tracks") == 0
        connection.execute("delete from benchmark.state")  # as when building was interrupted
    assert prepare(server_url, wanted, QUIET).seconds != first.seconds
    with connect(first.url) as connection:
        assert one(connection, "select count(*) from playlist_tracks") > 0
        connection.execute("delete from playlist_tracks")
    prepare(server_url, wanted, QUIET, rebuild=True)
    with connect(first.url) as connection:
        assert one(connection, "select count(*) from playlist_tracks") > 0
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(f"drop database {first.name} with (force)".encode())


def test_the_graph_is_that_of_the_schema(
    catalogue_of: psycopg.Connection[Any], connection: psycopg.Connection[Any]
) -> None:
    """It is dropped and made again around the load; it must be what register_model makes."""
    connection.execute("select search.register_model('benchmark', 'benchmark@test', 512)")
    made = "select indexdef from pg_indexes where schemaname = 'search' and indexdef like '%USING hnsw%(512)%'"
    number = one(connection, "select id::text from search.models where identity = 'benchmark@test'")
    assert one(catalogue_of, made) == one(connection, made).replace(f"embeddings_{number}", "embeddings_1")


# --- the mix


def make_texts(connection: psycopg.Connection[Any], built: Built, count: int = 30) -> list[tuple[str, str, str | None]]:
    return [(query.kind, query.text, query.item) for query in make_mix(connection, built, count)]


def test_mix_has_every_kind_and_a_vector_each(catalogue_of: psycopg.Connection[Any], built: Built) -> None:
    mix = make_mix(catalogue_of, built, 30)
    assert Counter(query.kind for query in mix) == dict.fromkeys(KINDS, 30)
    assert all(query.vector.shape == (512,) and abs(np.linalg.norm(query.vector) - 1) < 1e-5 for query in mix)
    assert [query.kind for query in mix] != sorted((query.kind for query in mix), key=KINDS.index)


def test_known_items_exist_and_are_what_the_text_means(catalogue_of: psycopg.Connection[Any], built: Built) -> None:
    titles = {
        row[0] for row in catalogue_of.execute("select title from tracks where search.is_listed(visibility)").fetchall()
    }
    artists = {row[0] for row in catalogue_of.execute("select display_name from artists").fetchall()}
    words = {word for name in titles | artists for word in name.lower().split()}
    for kind, text, item in make_texts(catalogue_of, built):
        if kind == "artist name":
            assert text == item
            assert item in artists
        elif kind in ("exact title", "begun title", "one typo", "two typos") or kind.endswith("letters"):
            assert item in titles
            if kind == "begun title":
                assert 5 <= len(text) < len(str(item))
                assert str(item).lower().startswith(text)
            if kind.endswith("letters"):
                assert len(text) == int(kind.split()[0])
                assert str(item).lower().startswith(text)
        else:
            assert item is None
            assert (kind == "description") == (not words & set(text.replace("-", " ").split()))


@pytest.mark.parametrize(("kind", "typos", "letters"), [("one typo", 1, 4), ("two typos", 2, 8)])
def test_typos_are_so_many_edits_in_one_long_word(
    catalogue_of: psycopg.Connection[Any], built: Built, kind: str, typos: int, letters: int
) -> None:
    checked = 0
    for found, text, item in make_texts(catalogue_of, built):
        if found == kind:
            pairs = [
                (right, wrong)
                for right, wrong in zip(str(item).lower().split(), text.split(), strict=True)
                if right != wrong
            ]
            assert len(pairs) == 1
            right, wrong = pairs[0]
            assert len(right) >= letters
            assert wrong[0] == right[0]
            # Postgres counts letters exchanged with their neighbour as two edits
            distance = catalogue_of.execute("select levenshtein(%s, %s)", [right, wrong]).fetchone()
            assert distance is not None
            assert typos <= distance[0] <= 2 * typos
            assert not catalogue_of.execute("select from benchmark.words where word = %s", [wrong]).fetchone()
            checked += 1
    assert checked == 30


@pytest.mark.parametrize(
    ("one_word", "other", "distance"),
    [("stone", "stone", 0), ("stone", "stnoe", 1), ("stone", "ston", 1), ("stone", "stoane", 1), ("stone", "stune", 1),
     ("stone", "tsoen", 2), ("", "abc", 3), ("kitten", "sitting", 3), ("ca", "abc", 3)],
)  # fmt: skip
def test_edit_distance(one_word: str, other: str, distance: int) -> None:
    assert edit_distance(one_word, other) == edit_distance(other, one_word) == distance


def test_short_words_are_not_misspelt() -> None:
    dice = random.Random(1)  # noqa: S311 - a test
    assert misspell("the sun", 1, set(), dice) is None
    assert misspell("seven words", 2, set(), dice) is None


# --- clients, figures, success


def test_clients_run_all_of_the_mix_and_split_what_is_slow(catalogue_of: psycopg.Connection[Any], built: Built) -> None:
    mix = make_mix(catalogue_of, built, 6)
    contenders: list[Contender] = [
        UnifiedContender(built.url),
        HnswContender(built.url),
        PredecessorContender(built.url),
    ]
    ours, bare, before = run_mix(contenders, mix, 3, Stages(QUIET))
    assert {kind: len(times) for kind, times in ours.milliseconds.items()} == dict.fromkeys(KINDS, 18)
    assert len(bare.all) == 18 * len(KINDS)
    assert {kind: len(times) for kind, times in before.milliseconds.items()} == dict.fromkeys(KINDS, 3)
    for runs in (ours, bare, before):
        assert runs.clients == 3
        assert max(runs.all) / 1000 <= runs.seconds <= sum(runs.all) / 1000 + 5


def test_the_bare_query_is_that_of_the_function(catalogue_of: psycopg.Connection[Any], built: Built) -> None:
    """The same index under the same parameters, and the same ids."""
    query = make_mix(catalogue_of, built, 1)[0]
    with connect(built.url) as plain:
        session = HnswSession(plain)
        plain.execute("set enable_seqscan = off")  # so few rows are else read one by one
        assert session.index(query) == "embeddings_1_hnsw_idx"
        assert session.search(session.prepare(query)) == 20
        settings = plain.execute("select name, setting from pg_settings where name like 'hnsw.%'").fetchall()
        assert ("hnsw.ef_search", "200") in settings
        ids = plain.execute(session.statement, session.prepare(query)).fetchall()
    nearest = "select track_id from search.nearest_tracks(%s::halfvec)"
    assert {row[0] for row in catalogue_of.execute(nearest, session.prepare(query)).fetchall()} == {
        row[0] for row in ids
    }


def test_a_client_that_fails_is_told(catalogue_of: psycopg.Connection[Any], built: Built) -> None:
    mix = make_mix(catalogue_of, built, 1)
    short = [Query(query.kind, query.text, query.vector[:3], query.item) for query in mix]
    with pytest.raises(psycopg.Error, match="dimensions"):
        run_mix([UnifiedContender(built.url)], short, 2, Stages(QUIET))


def test_success_counts_labels_in_the_first_rows(catalogue_of: psycopg.Connection[Any], built: Built) -> None:
    vector = built.space.descriptions(1)[0]
    title = one(
        catalogue_of, "select title from tracks where search.is_listed(visibility) order by play_count desc limit 1"
    )
    mix = [
        Query("exact title", title, vector, title),
        Query("exact title", title.upper(), vector, title),
        Query("exact title", title, vector, "Something Else"),
        Query("5 letters", title[:5].lower(), vector, title),
        Query("common words", title, vector, None),
    ]
    exact, prefix = measure_success(catalogue_of, mix, Stages(QUIET))
    assert (exact.kind, exact.depth, exact.queries, exact.found) == ("exact title", 1, 3, 2)
    assert exact.rate == pytest.approx(2 / 3)
    # the most played title of all is the most played of those that begin so
    assert (prefix.kind, prefix.queries, prefix.found) == ("5 letters", 1, 1)


def test_recall_is_below_one_when_the_index_lacks_rows(catalogue_of: psycopg.Connection[Any], built: Built) -> None:
    assert measure_recall(catalogue_of, built, 10, Stages(QUIET)) > 0.95
    vector = HalfVector(built.space.descriptions(1)[0]).to_text()
    with catalogue_of.transaction(force_rollback=True):
        catalogue_of.execute(
            "create or replace function search.nearest_tracks(query_embedding halfvec, viewer text default null, "
            "k integer default 20, candidates bigint[] default null) "
            "returns table (track_id bigint, similarity real) language sql stable as "
            "$$ select track_id, 1::real from search.embeddings where listed "
            "order by embedding <=> query_embedding offset 10 limit 20 $$"
        )
        assert catalogue_of.execute("select count(*) from search.nearest_tracks(%s::halfvec)", [vector]).fetchone() == (
            20,
        )
        assert measure_recall(catalogue_of, built, 10, Stages(QUIET)) == pytest.approx(0.5)


def test_percentiles() -> None:
    figures = Figures.of([float(value) for value in range(1, 102)])
    assert figures == Figures(101, 51.0, 96.0, 100.0, 101.0)
    assert Figures.of([7.0]) == Figures(1, 7.0, 7.0, 7.0, 7.0)
    with pytest.raises(ValueError, match="no times"):
        Figures.of([])
    assert throughput(Runs("x", 2, {"a": [1.0] * 30, "b": [1.0] * 10}, seconds=2.0)) == 20.0


def test_ratios_are_held_against_their_targets(built: Built) -> None:
    runs = [
        Runs("vibe-search", 1, {"exact title": [2.0] * 90 + [20.0] * 10}, 1.0),
        Runs("bare HNSW", 1, {"exact title": [1.0] * 100}, 1.0),
        Runs("predecessor by name", 1, {"exact title": [150.0, 250.0]}, 1.0),
        Runs("vibe-search", 8, {"exact title": [99.0]}, 1.0),
        Runs("bare HNSW", 8, {"exact title": [1.0]}, 1.0),
    ]
    success = [Success("exact title", 1, 10, 10), Success("one typo", 5, 10, 9), Success("artist name", 1, 10, 1),
               Success("begun title", 5, 10, 8), Success("5 letters", 5, 10, 2)]  # fmt: skip
    result = SearchResult(built, 1, runs, success, 0.97, {}, {}, {}, {}, None)
    checks = {check.name: (check.value, check.met) for check in result.checks}
    assert checks == {
        "p50 / p50 of bare HNSW": (2.0, True),
        "p95 / p50 of bare HNSW": (20.0, False),
        "p99 / p50 of bare HNSW": (20.0, False),
        "predecessor by name p50 / p50": (100.0, True),
        "exact title @1": (1.0, True),
        "one typo @5": (0.9, False),
        "begun title @5": (0.8, False),
        "recall@20 of the nearest tracks": (0.97, False),
    }


# --- peers and the server


def test_peers_find_what_is_there(catalogue_of: psycopg.Connection[Any], built: Built, tmp_path: Path) -> None:
    pytest.importorskip("tantivy")
    pytest.importorskip("lancedb")
    contenders, seconds = find_peers(built, tmp_path, QUIET)
    again, kept = find_peers(built, tmp_path, QUIET)
    assert seconds == kept
    assert [contender.name for contender in again] == ["tantivy, fuzzy", "LanceDB hybrid"]
    exact = next(query for query in make_mix(catalogue_of, built, 5) if query.kind == "one typo")
    for contender in contenders:
        with contender.open() as session:
            assert session.search(session.prepare(exact)) > 0
    tantivy = contenders[0]
    with tantivy.open() as session:
        assert session.search(session.prepare(Query("", "xxqqzzxxqq", exact.vector, None))) == 0


def test_settings_fit_the_machine() -> None:
    settings = tuned_settings(16 * 2**30, 4)
    assert settings["shared_buffers"] == "4096MB"
    assert settings["maintenance_work_mem"] == "2048MB"
    assert settings["max_parallel_maintenance_workers"] == "4"


def test_an_embedded_server_takes_its_settings_and_keeps_them(tmp_path: Path) -> None:
    wanted = {"shared_buffers": "48MB", "work_mem": "7MB"}
    for settings in (wanted, None):
        with EmbeddedPostgres(tmp_path / "postgres", settings=settings) as server, connect(server.url) as connection:
            assert {name: one(connection, f"show {name}") for name in wanted} == wanted


# --- the commands


def bench(server_url: str, tmp_path: Path, *arguments: str) -> CompletedProcess[str]:
    environment = os.environ | {"DATABASE_URL": server_url, "DATA_DIR": str(tmp_path), "COLUMNS": "200"}
    return run_command("bench", *arguments, environment=environment)


def test_search_from_end_to_end(server_url: str, tmp_path: Path) -> None:
    arguments = ("search", "--tracks", "1000", "--queries", "4", "--clients", "1,2", "--no-peers")
    finished = bench(server_url, tmp_path, *arguments, "--json")
    assert finished.returncode == 0, finished.stderr
    report = json.loads(finished.stdout)
    assert report["tracks"] == 1000
    assert report["queries"] == 4 * len(KINDS)
    runs = {(found["name"], found["clients"]): found for found in report["contenders"]}
    names = ("vibe-search", "bare HNSW", "predecessor by name", "predecessor by sound")
    assert set(runs) == {(name, clients) for name in names for clients in (1, 2)}
    assert runs["vibe-search", 2]["runs"] == 2 * report["queries"]
    assert runs["predecessor by name", 2]["runs"] == 3 * len(KINDS)
    for found in runs.values():
        assert 0 < found["p50"] <= found["p95"] <= found["p99"] <= found["worst"]
        assert found["queries_per_second"] > 0
    assert set(runs["vibe-search", 1]["kinds"]) == set(KINDS)
    assert {found["kind"]: found["rate"] for found in report["success"]}["exact title"] == 1.0
    assert report["recall"] > 0.9
    assert {"p50 / p50 of bare HNSW", "predecessor by name p50 / p50", "exact title @1"} <= {
        c["name"] for c in report["checks"]
    }
    assert report["server"]["shared_buffers"]
    assert report["bytes_on_disk"]["embeddings_1_hnsw_idx"] > 100_000
    assert next(iter(report["build_seconds"])) == "schema"
    table = bench(server_url, tmp_path, "search", "--tracks", "1000", "--queries", "1", "--clients", "1", "--no-peers")
    assert table.returncode == 0
    assert "bare HNSW" in table.stdout
    assert "description" in table.stdout


def test_writes_leave_nothing_behind(server_url: str, tmp_path: Path) -> None:
    built = prepare(server_url, Wanted(Sizes(1000)), QUIET)
    count = """select (select count(*) from tracks) + (select count(*) from track_tags)
        + (select count(*) from search.documents)"""
    with connect(built.url) as connection:
        before = one(connection, count)
    finished = bench(server_url, tmp_path, "writes", "--tracks", "1000", "--inserts", "21", "--json")
    assert finished.returncode == 0, finished.stderr
    report = json.loads(finished.stdout)
    times = report["milliseconds"]
    assert times["insert"]["runs"] == times["insert, without search"]["runs"] == 21
    assert times["tag"]["runs"] >= 3
    assert times["rename"]["runs"] == 5
    assert report["added_p50_ms"]["insert"] == pytest.approx(
        times["insert"]["p50"] - times["insert, without search"]["p50"]
    )
    assert {check["name"]: check["met"] for check in report["checks"]}["found under the new name"] is True
    with connect(built.url) as connection:
        assert one(connection, count) == before


def test_http_asks_the_real_server(server_url: str, tmp_path: Path) -> None:
    finished = bench(server_url, tmp_path, "http", "--tracks", "1000", "--queries", "3", "--json")
    assert finished.returncode == 0, finished.stderr
    report = json.loads(finished.stdout)
    assert report["database"] == "vibe_search_bench_1000_http"
    assert set(report["milliseconds"]) == {"all", *KINDS}
    assert 0.9 < report["available"] <= 1
    assert report["milliseconds"]["all"]["p50"] > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["search", "--clients", "0"], "give numbers from 1 to 64"),
        (["search", "--clients", "one"], "give numbers from 1 to 64"),
        (["search", "--tracks", "10"], "--tracks"),
        (["writes", "--inserts", "1"], "--inserts"),
    ],
)
def test_wrong_use_is_told(server_url: str, tmp_path: Path, arguments: list[str], words: str) -> None:
    finished = bench(server_url, tmp_path, *arguments)
    assert finished.returncode == 2
    assert words in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_role_without_rights_is_told(server_url: str, tmp_path: Path) -> None:
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute("create role bench_nobody login")
    try:
        finished = bench(server_url.replace("postgres:@", "bench_nobody:@"), tmp_path, "search", "--tracks", "1100")
    finally:
        with psycopg.connect(server_url, autocommit=True) as admin:
            admin.execute("drop role bench_nobody")
    assert finished.returncode == 2
    assert "may not build the benchmark's database" in finished.stderr
