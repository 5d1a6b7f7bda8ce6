"""Which indexes a search uses, at a size where it matters: for every class of query."""

import re
from collections.abc import Iterator
from io import StringIO
from typing import Any

import numpy as np
import psycopg
import pytest
from pgvector import HalfVector
from rich.console import Console

from app.database import EmbeddedPostgres, connect, load_statement
from app.measure.speed.build import Built, Wanted, prepare
from app.measure.speed.sizes import Sizes
from app.providers import Providers

TRACKS = 50_000

LARGE = {
    "tracks",
    "documents",
    "track_tags",
    "artists",
    "albums",
    "playlists",
    "words",
    "word_deletions",
    "embeddings_1",
}
"""Tables that no search may read whole."""

Connection = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def built(server: EmbeddedPostgres, providers: Providers) -> Iterator[Built]:
    """A synthetic catalogue with vectors of the bundled model's length."""
    wanted = Wanted(Sizes(TRACKS), providers.embedding, suffix="_plans")
    built = prepare(server.url, wanted, Console(file=StringIO()))
    yield built
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute(f"drop database {built.name} with (force)".encode())


@pytest.fixture(scope="module")
def large(built: Built) -> Iterator[Connection]:
    """A connection to it that reports the plans of nested statements."""
    with connect(built.url) as connection:
        connection.autocommit = True
        connection.execute(
            "insert into search.calibrations select m.id, 1, 0, 1, 0, 50000, "
            "search_internal.draw_calibration_tracks(m.id, 512), 0 "
            "from search.models m where m.serving on conflict do nothing"
        )
        connection.execute("vacuum analyze")
        connection.execute("load 'auto_explain'")
        for setting in ("log_min_duration = 0", "log_nested_statements = on", "log_level = notice"):
            connection.execute(f"set auto_explain.{setting}".encode())
        yield connection


def plans_of(connection: Connection, q: str | None, vector: str | None = None, viewer: str | None = None) -> str:
    """Plans of every statement inside one call, after enough calls for generic plans."""
    notices: list[str] = []

    def listen(diagnostic: psycopg.errors.Diagnostic) -> None:
        notices.append(diagnostic.message_primary or "")

    statement = "select * from search.unified(%s, %s::halfvec, %s)"
    for _ in range(6):
        connection.execute(statement, [q, vector, viewer])
    connection.add_notice_handler(listen)
    connection.execute(statement, [q, vector, viewer])
    connection.remove_notice_handler(listen)
    assert notices
    return "\n".join(notices)


def text_of(connection: Connection, statement: str) -> str:
    row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    assert row[0]
    return str(row[0])


_WORD = "select word from search.{} where char_length(word) >= {} order by {} limit 1"
_COMMON = _WORD.format("common_words", 3, "documents desc")
_LONG = _WORD.format("words", 9, "word")
_TWO_FIELDS = (
    "select split_part(a.display_name, ' ', 1) || ' ' || split_part(t.title, ' ', 1) "
    "from tracks t join artists a on a.did = t.artist_did where t.id = 777"
)
_RARE = "select lower(split_part(title, ' ', 1)) from tracks where id = 777"

CLASSES = {
    "exact title": ("select title from tracks where id = 777", {"documents_prefix_idx", "tracks_pkey", "artists_pkey"}),
    "two letters": ("select left(lower(title), 2) from tracks where id = 777", {"documents_prefix_idx"}),
    "five letters": ("select left(lower(title), 5) from tracks where id = 777", {"documents_prefix_idx"}),
    "rare word inside": (
        "select split_part(title, ' ', 3) from tracks where title like '% % %' order by id limit 1",
        {"words_pkey", "documents_tokens_idx"},
    ),
    "common word": (_COMMON, {"documents_prefix_idx", "documents_tokens_idx"}),
    "two common words": (
        "select string_agg(word, ' ') from (select word from search.common_words order by documents desc limit 2) as w",
        {"documents_prefix_idx", "documents_tokens_idx"},
    ),
    "common word and a letter": (f"select ({_COMMON}) || ' b'", {"documents_tokens_idx"}),
    "inside a word": (
        f"select substr(({_LONG}), 3, 5)",
        {"words_trigrams_idx", "documents_tokens_idx"},
    ),
    "typo": (
        f"select overlay(({_LONG}) placing 'qx' from 4 for 2)",
        {"word_deletions_pkey"},
    ),
    "typo in a common word": (f"select overlay(({_COMMON}) placing 'q' from 3 for 1)", {"documents_tokens_idx"}),
    "typos in common words": (
        f"select overlay(({_COMMON}) placing 'q' from 3 for 1) || ' ' || word from ({_COMMON} offset 1) as other",
        {"documents_tokens_idx"},
    ),
    "artist": (
        "select display_name from artists order by did limit 1",
        {"documents_prefix_idx", "tracks_artist_did_idx"},
    ),
    "two fields": (
        (
            "select split_part(a.display_name, ' ', 1) || ' ' || split_part(t.title, ' ', 1) "
            "from tracks t join artists a on a.did = t.artist_did where t.id = 777"
        ),
        {"documents_tokens_idx"},
    ),
    "tag": ("select name from tags where id = 40", {"documents_tokens_idx", "tags_pkey"}),
    "nothing": ("select 'qqxw zzkj'", {"words_pkey", "word_deletions_pkey"}),
}
"""For each class of query: how to come by one, and indexes that it must use. All have a vector as well."""


@pytest.mark.parametrize("kind", CLASSES)
def test_every_class_of_query_goes_by_its_indexes(large: Connection, kind: str) -> None:
    statement, indexes = CLASSES[kind]
    plans = plans_of(large, text_of(large, statement), HalfVector(np.ones(100)).to_text())
    assert not set(re.findall(r"Seq Scan on (\w+)", plans)) & LARGE
    used = set(re.findall(r"(?:Index Scan|Index Only Scan|Bitmap Index Scan)(?: Backward)?(?: using| on) (\w+)", plans))
    assert indexes | {"embeddings_1_hnsw_idx"} <= used
    # walks end as soon as their caller has enough, which they could not as calls
    assert not re.findall(r"Function Scan on (?:names_by_level|words_by_level|highest_levels)", plans)


def test_sound_alone_goes_by_the_graph(large: Connection) -> None:
    plans = plans_of(large, None, HalfVector(np.ones(100)).to_text())
    assert "Index Scan using embeddings_1_hnsw_idx" in plans
    assert not set(re.findall(r"Seq Scan on (\w+)", plans)) & LARGE


def test_a_viewer_costs_no_scan(large: Connection) -> None:
    plans = plans_of(large, text_of(large, _COMMON), HalfVector(np.ones(100)).to_text(), "did:plc:1")
    assert "embeddings_1_owner_idx" in plans
    assert not set(re.findall(r"Seq Scan on (\w+)", plans)) & LARGE


def test_neighbours_of_a_track_go_by_the_graph(large: Connection) -> None:
    notices: list[str] = []
    large.add_notice_handler(lambda diagnostic: notices.append(diagnostic.message_primary or ""))
    large.execute("select * from search.similar_tracks(777)")
    plans = "\n".join(notices)
    assert "Index Scan using embeddings_1_hnsw_idx" in plans
    assert not set(re.findall(r"Seq Scan on (\w+)", plans)) & LARGE


def watched(connection: Connection, statement: Any, parameters: Any) -> str:
    """Plans of every statement inside one."""
    notices: list[str] = []

    def listen(diagnostic: psycopg.errors.Diagnostic) -> None:
        notices.append(diagnostic.message_primary or "")

    connection.add_notice_handler(listen)
    connection.execute(statement, parameters)
    connection.remove_notice_handler(listen)
    return "\n".join(notices)


@pytest.mark.parametrize("prefix", ["", "a", "absent"])
def test_a_tag_is_completed_by_the_index(large: Connection, prefix: str) -> None:
    statement = "select * from search.complete_tag(%s)"
    for _ in range(6):
        large.execute(statement, [prefix])
    plans = watched(large, statement, [prefix])
    assert re.search(r"Index (?:Only )?Scan using documents_prefix_idx", plans)
    assert "documents_pkey" in plans
    assert not set(re.findall(r"Seq Scan on (\w+)", plans)) & LARGE
    # the walk ends as soon as there are enough
    assert not re.findall(r"Function Scan on (?:names_by_level|highest_levels)", plans)
    # a join that reads all tags would be chosen where most documents are tags
    assert "Hash Join" not in plans


def test_candidates_of_a_mirror_are_read_by_their_key(large: Connection) -> None:
    vector = HalfVector(np.ones(100)).to_text()
    nearest = large.execute("select track_id from search.nearest_tracks(%s::halfvec, null, 140)", [vector]).fetchall()
    candidates = [row[0] for row in nearest]
    statement = "select * from search.unified(null, %s::halfvec, candidates => %s)"
    for _ in range(6):
        large.execute(statement, [vector, candidates])
    plans = watched(large, statement, [vector, candidates])
    assert "embeddings_1_pkey" in plans
    assert "embeddings_1_hnsw_idx" not in plans
    assert not set(re.findall(r"Seq Scan on (\w+)", plans)) & LARGE


@pytest.mark.parametrize("asked", [{"after": 25_000, "most": 1000}, {"track_ids": list(range(1000, 2000))}])
def test_what_a_mirror_is_told_is_read_by_key(large: Connection, asked: dict[str, Any]) -> None:
    parameters = {"namespace": "planned", "track_ids": None, "after": None, "most": None} | asked
    with large.transaction(force_rollback=True):
        large.execute(
            "insert into search.mirror_namespaces (name, model_id) "
            "select 'planned', id from search.models where serving"
        )
        for _ in range(6):
            large.execute(load_statement("mirror_documents"), parameters)
        plans = watched(large, load_statement("mirror_documents"), parameters)
    assert "embeddings_1_pkey" in plans
    assert not set(re.findall(r"Seq Scan on (\w+)", plans)) & {"embeddings_1", "tracks"}


def test_changes_for_a_mirror_are_taken_in_their_order(large: Connection) -> None:
    with large.transaction(force_rollback=True):
        large.execute("insert into search.mirror_changes (track_id) select id from tracks")
        large.execute("analyze search.mirror_changes")
        plans = watched(large, load_statement("mirror_claim_changes"), {"most": 1000})
        assert "mirror_changes_changed_at_idx" in plans
        plans = watched(
            large,
            "select search_internal.mirror_serves('planned', '1 minute'), search_internal.unmirrored_tracks()",
            [],
        )
    assert "mirror_changes_changed_at_idx" in plans
    assert "Seq Scan on mirror_changes" not in plans


def test_a_page_is_full_and_equals_the_exact_ranking(large: Connection, built: Built) -> None:
    for query in built.space.descriptions(20):
        vector = HalfVector(query).to_text()
        found = large.execute("select track_id from search.nearest_tracks(%s::halfvec, null, 20)", [vector]).fetchall()
        with large.transaction():
            large.execute("set local enable_indexscan = off")
            exact = large.execute(
                "select track_id from search.embeddings where listed order by embedding <=> %s::halfvec limit 20",
                [vector],
            ).fetchall()
        assert len(found) == 20
        assert len(set(found) & set(exact)) >= 19


def test_common_and_rare_words_find_the_same(large: Connection) -> None:
    """The two ways of looking words up must not differ in what they find."""
    texts = [text_of(large, CLASSES[kind][0]) for kind in ("common word", "two common words", "two fields", "tag")]
    texts += [f"{text_of(large, _RARE)} {texts[0]}", texts[0][:3]]
    statement = "select type, key, tier from search.unified(%s, types => array['artist', 'album', 'playlist', 'tag'])"
    level_by_level = [large.execute(statement, [text]).fetchall() for text in texts]
    with large.transaction() as transaction:
        large.execute("delete from search.common_words")
        at_once = [large.execute(statement, [text]).fetchall() for text in texts]
        raise psycopg.Rollback(transaction)
    for text, one, other in zip(texts, level_by_level, at_once, strict=True):
        assert sorted(one) == sorted(other), text
