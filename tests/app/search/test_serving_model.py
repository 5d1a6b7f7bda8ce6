"""A process follows the model that the database serves."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray

from app.database import Database
from app.errors import DatabaseUnavailableError
from app.search import ServingModel
from app.settings import Settings
from models.registry import ModelCard, ModelFileError, find_model
from services.embedding import EmbeddingProvider

CARD = find_model("musicnn-tags")


class Loadable:
    """A provider that notes how often it was loaded, and cannot be while it is broken."""

    def __init__(self, card: ModelCard) -> None:
        self.card = card
        self.loaded = 0
        self.broken = False

    def load(self) -> None:
        """Count."""
        self.loaded += 1
        if self.broken:
            raise ModelFileError("the weights are missing")

    def embed_audio(self, audio: BinaryIO, *, max_seconds: float | None = None) -> NDArray[np.float32]:
        """Never asked."""
        raise AssertionError(audio, max_seconds)

    def embed_text(self, text: str) -> NDArray[np.float32]:
        """Never asked."""
        raise AssertionError(text)

    def sound_relatedness(self, text: str) -> float:
        """Never asked."""
        raise AssertionError(text)


class Two:
    """The bundled model, and another one."""

    def __init__(self) -> None:
        self.embedding = Loadable(CARD)
        self.other = Loadable(replace(CARD, name="other"))

    def embedding_of(self, identity: str) -> EmbeddingProvider | None:
        """By identity."""
        both = (self.embedding, self.other)
        return next((provider for provider in both if provider.card.identity == identity), None)


@pytest.fixture
def two(connection: psycopg.Connection[Any]) -> Two:
    """Both have a store; the bundled one serves."""
    known = Two()
    connection.execute("select search.register_model('other', %s, 100)", [known.other.card.identity])
    return known


def with_database(settings: Settings, steps: Any) -> Any:
    async def run() -> Any:
        async with Database.open(str(settings.database_url)) as opened:
            result: Coroutine[Any, Any, Any] = steps(opened)
            return await result

    return asyncio.run(run())


def current(serving: ServingModel) -> tuple[EmbeddingProvider | None, str | None]:
    return serving.provider, serving.reason


def test_the_model_is_loaded_before_the_first_search(settings: Settings, two: Two) -> None:
    serving = ServingModel(two)

    async def steps(opened: Database) -> None:
        await serving.refresh(opened)
        await serving.refresh(opened)

    with_database(settings, steps)
    assert (two.embedding.loaded, two.other.loaded) == (1, 0)
    assert (serving.provider, serving.reason) == (two.embedding, None)


def test_a_candidate_is_loaded_before_it_serves(
    settings: Settings, two: Two, connection: psycopg.Connection[Any]
) -> None:
    serving = ServingModel(two)
    identity = two.other.card.identity

    async def steps(opened: Database) -> None:
        connection.execute("select search.request_model(%s)", [identity])
        await serving.refresh(opened)
        assert (serving.provider, two.other.loaded) == (two.embedding, 1)
        connection.execute("select search.serve_model(%s)", [identity])
        await serving.refresh(opened)
        assert serving.provider is two.other

    with_database(settings, steps)


def test_a_model_that_is_not_known_here_leaves_search_by_name(
    settings: Settings, two: Two, connection: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    serving = ServingModel(two)

    async def steps(opened: Database) -> None:
        connection.execute("update search.models set identity = 'strange@1' where serving")
        for _ in range(3):
            await serving.refresh(opened)
        assert serving.provider is None
        assert serving.reason == "the database serves vectors of strange@1, a model that is not known here"
        connection.execute("update search.models set identity = %s where serving", [CARD.identity])
        await serving.refresh(opened)
        assert current(serving) == (two.embedding, None)

    with_database(settings, steps)
    assert caplog.text.count("strange@1") == 1


def test_a_model_that_cannot_be_loaded_is_tried_again_later(
    settings: Settings, two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving = ServingModel(two)
    two.embedding.broken = True

    async def steps(opened: Database) -> None:
        for _ in range(3):
            await serving.refresh(opened)
        # reading damaged files again and again would keep the disk busy
        assert (serving.provider, two.embedding.loaded) == (None, 1)
        assert serving.reason == f"{CARD.identity} cannot be loaded: the weights are missing"
        two.embedding.broken = False
        monkeypatch.setattr("app.search.serving_model._RETRY_SECONDS", 0.0)
        await serving.refresh(opened)
        assert (serving.provider, two.embedding.loaded) == (two.embedding, 2)

    with_database(settings, steps)


def test_a_broken_candidate_does_not_disturb(
    settings: Settings, two: Two, connection: psycopg.Connection[Any], caplog: pytest.LogCaptureFixture
) -> None:
    serving = ServingModel(two)
    two.other.broken = True

    async def steps(opened: Database) -> None:
        connection.execute("select search.request_model(%s)", [two.other.card.identity])
        for _ in range(3):
            await serving.refresh(opened)

    with_database(settings, steps)
    assert (serving.provider, two.other.loaded) == (two.embedding, 1)
    assert "the candidate" in caplog.text


def test_an_outage_is_told_and_waited_out(settings: Settings, two: Two) -> None:
    serving = ServingModel(two)
    gone = settings.model_copy(update={"database_url": "postgresql://127.0.0.1:1/none"})

    async def ask(opened: Database) -> None:
        with pytest.raises(DatabaseUnavailableError):
            await serving.refresh(opened)

    async def follow(opened: Database) -> None:
        following = asyncio.create_task(serving.follow(opened, every_seconds=0.01))
        await asyncio.sleep(0.1)
        assert not following.done()
        following.cancel()

    with_database(gone, ask)
    with_database(gone, follow)
