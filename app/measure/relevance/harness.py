"""Asking the labelled queries of a file, and scoring the answers."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from numpy import float32
from numpy.typing import NDArray
from sqlalchemy import text as sql

from app.database import Database, connect
from app.errors import UserError
from app.measure.predecessor import Predecessor
from app.measure.relevance.chance import expected_scores
from app.measure.relevance.entities import Entity, resolve_labels
from app.measure.relevance.labels import LabelledFile, LabelledQuery, Ranking
from app.measure.relevance.metrics import Scores
from app.measure.relevance.rankings import rank_by_keyword, rank_by_mood, rank_by_sound, rank_unified
from app.measure.relevance.report import CHANCE, KEYWORD_MODE, MOOD_MODE, OURS, Evaluation, QueryResult
from app.search import Search, ServingModel, UnknownTrackError
from services.embedding import EmbeddingProvider

_PATIENCE_SECONDS = 60.0
"""A search waits for its vector: what is measured is the ranking, not the machine."""


def _ignore() -> None:
    """Count nothing."""


@dataclass(frozen=True)
class Harness:
    """Measures rankings of one database with one model.

    Attributes:
        database: The database.
        predecessor: The replaced system, on the same database.
        embedding: The serving model.
        aliases: Other names of labels.
        page: Places of the search box that are looked at, 1 to 50.
        on_answer: Called after each answered query.
    """

    database: Database
    predecessor: Predecessor
    embedding: EmbeddingProvider
    aliases: Mapping[str, str]
    page: int = 50
    on_answer: Callable[[], None] = _ignore

    async def measure(self, file: LabelledFile, by: Ranking) -> Evaluation:
        """Ask every query of a file.

        Raises:
            UserError: A label names nothing, the model does not serve, or by sound a track has no vector, a text
                cannot be embedded, or no query looks for a track.
        """
        await self._check_model()
        grades = await resolve_labels(self.database, file, self.aliases)
        return await (self._by_sound if by is Ranking.SOUND else self._unified)(file, grades)

    async def _by_sound(self, file: LabelledFile, labelled: list[dict[Entity, int]]) -> Evaluation:
        results: list[QueryResult] = []
        candidates = 0
        for query, relevant in zip(file.queries, labelled, strict=True):
            if grades := {entity: grade for entity, grade in relevant.items() if entity[0] == "track"}:
                vector = self._embed(query.text)
                if vector is None:
                    raise UserError(f"{file.place(query)}: {query.text!r} has nothing that the model could embed")
                found = await rank_by_sound(self.database, vector, grades)
                if missing := grades.keys() - found.places.keys():
                    raise UserError(
                        f"{file.place(query)}: {len(missing)} of the {len(grades)} tracks have no vector yet, "
                        f"{min(missing)[1]} for one: run vibe-search worker --drain first"
                    )
                candidates = found.candidates
                ranking = [0] * candidates
                for entity, place in found.places.items():
                    ranking[place - 1] = grades[entity]
                results.append(_score(query, grades, {OURS: ranking}, candidates, candidates))
            self.on_answer()
        if not results:
            raise UserError(f"{file.name}: no query looks for a track, and only tracks have a sound")
        left_out = len(file.queries) - len(results)
        return Evaluation(
            file.name, Ranking.SOUND, self.embedding.card.identity, candidates, candidates, left_out, results
        )

    async def _unified(self, file: LabelledFile, labelled: list[dict[Entity, int]]) -> Evaluation:
        search = Search(self.database, ServingModel.fixed(self.embedding), deadline_seconds=_PATIENCE_SECONDS)
        candidates = int(await self.database.scalar("count_listed"))
        results = []
        for query, grades in zip(file.queries, labelled, strict=True):
            try:
                ours = await rank_unified(search, query.text, self.page)
            except UnknownTrackError as error:
                raise UserError(f"{file.place(query)}: {error}") from error
            by_keyword = await rank_by_keyword(self.predecessor, query.text, self.page)
            by_mood = await rank_by_mood(self.predecessor, query.text, self._embed(query.text), self.page)
            rankings = {
                name: [grades.get(entity, 0) for entity in entities]
                for name, entities in ((OURS, ours), (KEYWORD_MODE, by_keyword), (MOOD_MODE, by_mood))
            }
            results.append(_score(query, grades, rankings, candidates, self.page))
            self.on_answer()
        return Evaluation(file.name, Ranking.UNIFIED, self.embedding.card.identity, candidates, self.page, 0, results)

    def _embed(self, text: str) -> NDArray[float32] | None:
        """The text's vector; None when nothing in it could be embedded."""
        try:
            return self.embedding.embed_text(text)
        except ValueError:
            return None

    async def _check_model(self) -> None:
        serving = await self.database.scalar_or_none(sql("select m.identity from search.models m where m.serving"))
        if serving != self.embedding.card.identity:
            raise UserError(
                f"the database serves {serving or 'none'}, and what is here is {self.embedding.card.identity}: "
                "install the one that serves with vibe-search models pull"
            )


def _score(
    query: LabelledQuery,
    grades: Mapping[Entity, int],
    rankings: Mapping[str, list[int]],
    candidates: int,
    page: int,
) -> QueryResult:
    ideal = list(grades.values())
    scores = {name: Scores.of_ranking(ranking, ideal) for name, ranking in rankings.items()}
    return QueryResult(query, len(ideal), scores | {CHANCE: expected_scores(ideal, candidates, page)})


@asynccontextmanager
async def open_harness(
    url: str,
    embedding: EmbeddingProvider,
    *,
    aliases: Mapping[str, str] | None = None,
    page: int = 50,
    on_answer: Callable[[], None] = _ignore,
) -> AsyncIterator[Harness]:
    """A harness on a database, for the time of a ``with`` block.

    Args:
        url: A migrated database.
        embedding: The serving model.
        aliases: Other names of labels.
        page: Places of the search box that are looked at, 1 to 50.
        on_answer: Called after each answered query.
    """
    async with Database.open(url, pool_size=1) as database:
        with connect(url) as connection:
            connection.autocommit = True
            yield Harness(database, Predecessor(connection), embedding, aliases or {}, page, on_answer)
