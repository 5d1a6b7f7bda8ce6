"""Searching for any text whatever."""

from typing import Any

import hypothesis
import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from app.search.description import parse_description
from tests.fuzz.conftest import CASES, REPEATABLE
from tests.support.catalogue import Catalogue
from tests.support.depth import DEEP

pytestmark = DEEP

PIECES = [*'-"“\\%_; é🥝', "'", "\u202e", "like:", "like:1", "but", "--", "harbour", "secret"]
TEXTS = st.one_of(st.text(max_size=100), st.lists(st.sampled_from(PIECES), max_size=30).map(lambda t: "".join(t)[:100]))
SETTINGS = hypothesis.settings(
    max_examples=20 * CASES,
    deadline=None,
    derandomize=REPEATABLE,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@SETTINGS
@given(TEXTS)
def test_every_text_is_a_description(text: str) -> None:
    found = parse_description(text)
    assert all(part.strip() for part in found.negatives)
    # a text without operators stays as it is, blank or not
    assert found.positive is None or found.positive == text or found.positive.strip()
    assert all(track > 0 for track in found.liked)
    assert parse_description(text) == found


@pytest.fixture
def private(catalogue: Catalogue) -> psycopg.Connection[Any]:
    """A catalogue whose only track by this name is somebody's own."""
    artist = catalogue.artist("anna.example", "Anna Quay")
    catalogue.track("Secret Harbour", artist=artist, visibility="private", tags=("secrets",))
    catalogue.track("Open Water", artist=artist)
    return catalogue.connection


def test_every_text_can_be_searched_for_and_finds_nothing_private(private: psycopg.Connection[Any]) -> None:
    @SETTINGS
    @given(TEXTS)
    def search(text: str) -> None:
        # Postgres has no NUL in text; the application takes it out
        query = text.replace("\0", "").encode("utf-8", "replace").decode()
        rows = private.execute("select type, label from search.unified(%s, max_per_type => 5)", [query]).fetchall()
        assert ("track", "Secret Harbour") not in rows

    search()
    query = "select label from search.unified('secret harbour', viewer => 'did:plc:anna.example')"
    assert ("Secret Harbour",) in private.execute(query).fetchall()
