"""What a search answers when the model is slow, broken or absent."""

import asyncio
import threading
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np
import pytest
from fastapi.testclient import TestClient
from numpy.typing import NDArray

from app.database import Database
from app.http.application import create_api
from app.providers import Providers
from app.search import Answer, Search, ServingModel
from app.settings import Settings
from models.registry import ModelCard, ModelFileError
from tests.support.catalogue import Catalogue, direction


class UnreliableEmbedding:
    """A provider that waits, or fails, before it would answer."""

    def __init__(self, card: ModelCard, released: threading.Event | None = None) -> None:
        self.card = card
        self._released = released

    def load(self) -> None:
        """Nothing to load."""

    def embed_audio(self, audio: BinaryIO, *, max_seconds: float | None = None) -> NDArray[np.float32]:
        """Never asked."""
        raise AssertionError(audio, max_seconds)

    def embed_text(self, text: str) -> NDArray[np.float32]:
        """Answer when released, or not at all."""
        if self._released is None:
            raise RuntimeError(f"no session for {text}")
        assert self._released.wait(30)
        return direction(0)

    def sound_relatedness(self, text: str) -> float:
        """Every text speaks of sound."""
        return float(bool(text))


def ask(settings: Settings, providers: Providers, text: str, method: str, *, deadline_seconds: float = 30.0) -> Answer:
    async def steps() -> Answer:
        async with Database.open(str(settings.database_url)) as opened:
            search = Search(opened, ServingModel.fixed(providers.embedding), deadline_seconds=deadline_seconds)
            answer: Answer = await getattr(search, method)(text)
            return answer

    return asyncio.run(steps())


class CountedEmbedding(UnreliableEmbedding):
    """A provider that notes what it is asked, and fails."""

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        self.asked: list[str] = []

    def embed_text(self, text: str) -> NDArray[np.float32]:
        """Note it, and fail."""
        self.asked.append(text)
        return super().embed_text(text)


@pytest.mark.parametrize(("sound", "asked"), [(False, []), (True, ["fern"])])
def test_names_only_embeds_nothing(
    settings: Settings, providers: Providers, catalogue: Catalogue, sound: bool, asked: list[str]
) -> None:
    catalogue.embed(catalogue.track("Fern Index"), direction(0))
    counted = CountedEmbedding(providers.embedding.card)

    async def steps() -> Answer:
        async with Database.open(str(settings.database_url)) as opened:
            search = Search(opened, ServingModel.fixed(counted), deadline_seconds=30.0)
            return await search.unified("fern", sound=sound)

    answer = asyncio.run(steps())
    assert counted.asked == asked
    assert ([hit.label for hit in answer.hits], answer.vector_backend) == (["Fern Index"], None)
    # names only were asked for, so nothing is lacking
    assert answer.available is not sound


def test_slow_model_answers_by_name(settings: Settings, providers: Providers, catalogue: Catalogue) -> None:
    catalogue.embed(catalogue.track("Fern Index"), direction(0))
    released = threading.Event()
    slow = replace(providers, embedding=UnreliableEmbedding(providers.embedding.card, released))
    timer = threading.Timer(1.0, released.set)  # asyncio.run waits for the thread before it returns
    timer.start()
    answer = ask(settings, slow, "fern index", "unified", deadline_seconds=0.05)
    assert answer.available is False
    assert [(hit.label, hit.matched) for hit in answer.hits] == [("Fern Index", ["title"])]


@pytest.mark.parametrize(("method", "expected"), [("unified", ["Fern Index"]), ("semantic", [])])
def test_broken_model_answers_by_name(
    settings: Settings, providers: Providers, catalogue: Catalogue, method: str, expected: list[str], caplog: Any
) -> None:
    catalogue.track("Fern Index")
    broken = replace(providers, embedding=UnreliableEmbedding(providers.embedding.card))
    answer = ask(settings, broken, "fern index", method)
    assert answer.available is False
    assert [hit.label for hit in answer.hits] == expected
    assert "no session for fern index" in caplog.text


@pytest.mark.parametrize(("method", "expected"), [("unified", ["Fern Index"]), ("semantic", [])])
def test_vectors_of_another_model_are_never_compared(
    settings: Settings, providers: Providers, catalogue: Catalogue, method: str, expected: list[str]
) -> None:
    catalogue.embed(catalogue.track("Fern Index"), direction(0))
    catalogue.embed(catalogue.track("Unrelated"), direction(0))
    catalogue.connection.execute("update search.models set identity = 'other@1'")
    answer = ask(settings, providers, "fern index", method)
    assert answer.available is False
    assert [(hit.label, hit.similarity) for hit in answer.hits] == [(label, None) for label in expected]


def test_text_without_words_is_looked_up_by_name(
    settings: Settings, providers: Providers, catalogue: Catalogue
) -> None:
    catalogue.track("!!!")
    answer = ask(settings, providers, "!!!", "unified")
    assert [hit.label for hit in answer.hits] == ["!!!"]
    assert answer.available is False


def test_a_catalogue_without_vectors_says_so(settings: Settings, providers: Providers, catalogue: Catalogue) -> None:
    catalogue.calibrate()
    fern = catalogue.track("Fern Index")
    answer = ask(settings, providers, "fern index", "unified")
    assert ([hit.label for hit in answer.hits], answer.available) == (["Fern Index"], False)
    catalogue.embed(fern, direction(0))
    assert ask(settings, providers, "fern index", "unified").available is True


class MissingEmbedding(UnreliableEmbedding):
    """A provider whose model is not there."""

    def load(self) -> None:
        """Fail."""
        raise ModelFileError("the weights are missing")


def test_the_server_starts_without_its_model(
    settings: Settings, providers: Providers, catalogue: Catalogue, caplog: Any
) -> None:
    catalogue.embed(catalogue.track("Fern Index"), direction(0))
    missing = replace(providers, embedding=MissingEmbedding(providers.embedding.card))
    with TestClient(create_api(str(settings.database_url), settings, missing)) as client:
        assert "the weights are missing" in caplog.text
        caplog.clear()
        answer = client.get("/search/", params={"q": "fern index"}).json()
        heard = client.get("/search/semantic", params={"q": "fern index"}).json()
    assert ([hit["title"] for hit in answer["results"]], answer["available"]) == (["Fern Index"], False)
    nothing_compared = {"vector_backend": None, "vector_fallback": False}
    assert heard == {"results": [], "query": "fern index", "available": False, "calibrated": None} | nothing_compared
    # it is not tried again for each search
    assert "no session" not in caplog.text
