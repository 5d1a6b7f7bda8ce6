"""Confidence in psql: what a similarity is worth for one query."""

from typing import Any

import numpy as np
import psycopg
import pytest
from pgvector import HalfVector

from tests.support.catalogue import Catalogue, direction

Connection = psycopg.Connection[Any]
RANDOM = np.random.default_rng(11)


def vector(axis: int, lean: float = 0.0) -> str:
    return HalfVector(direction(axis, lean=lean)).to_text()


@pytest.fixture
def calibrated(catalogue: Catalogue, connection: Connection) -> Catalogue:
    """Forty tracks in all directions, with a sample of them."""
    for number in range(40):
        noise = RANDOM.normal(size=100).astype(np.float32)
        catalogue.embed(catalogue.track(f"Noise {number}"), noise / np.linalg.norm(noise))
    connection.execute(
        "insert into search.calibrations select m.id, 1.2, -1.0, 8.0, -4.0, 40, "
        "search_internal.draw_calibration_tracks(m.id, 32), 0 from search.models m where m.serving"
    )
    return catalogue


def test_the_sample_is_listed_tracks_alone(calibrated: Catalogue, connection: Connection) -> None:
    hidden = calibrated.track("Hidden", visibility="private")
    calibrated.embed(hidden, direction(1))
    row = connection.execute(
        "select search_internal.draw_calibration_tracks(m.id, 100) from search.models m where m.serving"
    ).fetchone()
    assert row == (40,)
    kept = connection.execute("select 1 from search.calibration_tracks where track_id = %s", [hidden]).fetchall()
    assert kept == []


def test_confidence_is_the_logistic_of_the_standard_score(calibrated: Catalogue, connection: Connection) -> None:
    wanted = calibrated.track("Wanted")
    calibrated.embed(wanted, direction(3))
    sample = connection.execute("select embedding::text from search.calibration_tracks").fetchall()
    similarities = np.array([HalfVector.from_text(row[0]).to_numpy() for row in sample]) @ direction(3)
    score = (1 - similarities.mean()) / similarities.std(ddof=1)
    expected = 1 / (1 + np.exp(-(1.2 * score - 1.0)))
    found = calibrated.search(None, query_embedding=vector(3))[0]
    assert found["label"] == "Wanted"
    assert found["confidence"] == pytest.approx(expected, abs=1e-3)
    faint = calibrated.search(None, query_embedding=vector(3), audibility=0.6)[0]
    assert faint["confidence"] == pytest.approx(expected / (1 + np.exp(-(8 * 0.6 - 4))), abs=1e-3)


def test_what_is_below_the_cutoff_is_not_shown(calibrated: Catalogue) -> None:
    shown = calibrated.search(None, query_embedding=vector(3), min_confidence=0.5)
    everything = calibrated.search(None, query_embedding=vector(3), min_confidence=0, max_per_type=50)
    assert 0 < len(shown) < len(everything) == 40
    assert all(row["confidence"] >= 0.5 for row in shown)
    assert [row["confidence"] for row in everything] == sorted((row["confidence"] for row in everything), reverse=True)
    assert calibrated.search(None, query_embedding=vector(3), audibility=0.0) == []


def test_a_name_is_found_whatever_its_sound(calibrated: Catalogue) -> None:
    found = calibrated.search("noise 7", query_embedding=vector(3), audibility=0.0)
    assert found[0]["label"] == "Noise 7"
    assert found[0]["matched"] == ["title"]
    assert found[0]["similarity"] is None


def test_sound_alone_hides_nothing_before_calibration(catalogue: Catalogue) -> None:
    catalogue.embed(catalogue.track("Alone"), -direction(3))
    found = catalogue.search(None, query_embedding=vector(3))
    assert [(row["label"], row["confidence"]) for row in found] == [("Alone", None)]


def test_names_are_found_without_sound_before_calibration(catalogue: Catalogue, connection: Connection) -> None:
    for number in range(10):
        catalogue.embed(catalogue.track(f"Harbour {number}"), direction(3, lean=number))
    for arguments in ({}, {"min_confidence": 0.0}):
        found = catalogue.search("harbour 7", query_embedding=vector(3), **arguments)
        assert [(row["label"], row["matched"], row["similarity"]) for row in found] == [("Harbour 7", ["title"], None)]
        assert catalogue.search("quarterly tax return", query_embedding=vector(3), **arguments) == []
    explained = connection.execute(
        "select label, signal from search.explain('harbour 7', %s::halfvec)", [vector(3)]
    ).fetchall()
    assert explained == [("Harbour 7", "title")]
    catalogue.calibrate()
    assert len(catalogue.search("quarterly tax return", query_embedding=vector(3))) == 10


def test_a_calibration_of_another_model_does_not_count(catalogue: Catalogue, connection: Connection) -> None:
    catalogue.embed(catalogue.track("Alone"), direction(3))
    catalogue.calibrate()
    assert catalogue.labels("anything", query_embedding=vector(3)) == ["Alone"]
    connection.execute("select search_internal.switch_now('other', 'other', 100)")
    connection.execute(
        "insert into search.embeddings (track_id, model_id, file_id, embedding, listed, owner) "
        "select e.track_id, m.id, e.file_id, e.embedding, e.listed, e.owner "
        "from search.embeddings e, search.models m where m.serving"
    )
    assert catalogue.labels(None, query_embedding=vector(3)) == ["Alone"]
    assert catalogue.labels("anything", query_embedding=vector(3)) == []


def test_equal_similarities_say_nothing(catalogue: Catalogue, connection: Connection) -> None:
    for number in range(20):
        catalogue.embed(catalogue.track(f"Same {number}"), direction(1))
    connection.execute(
        "insert into search.calibrations "
        "select m.id, 1, 0, 1, 0, 20, search_internal.draw_calibration_tracks(m.id, 32), 0 "
        "from search.models m where m.serving"
    )
    assert {row["confidence"] for row in catalogue.search(None, query_embedding=vector(1))} == {None}
    assert catalogue.search("anything", query_embedding=vector(1)) == []
