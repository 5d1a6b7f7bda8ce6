"""vibe-search search."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from numpy import float32
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.database import Database, open_database, require_schema
from app.errors import UserError
from app.processing.calibration import FEWEST_TRACKS
from app.providers import Providers, build_providers
from app.search import Answer, Hit, Search, ServingModel, UnknownTrackError, parse_types
from app.settings import get_settings
from app.terminal import make_console, print_line, print_table
from models.audio.decoding import AudioError
from services.embedding import EmbeddingProvider


def search(*, text: str | None, audio: Path | None, kinds: str | None, limit: int, as_json: bool) -> None:
    """Search the database, as the endpoint does. A text that begins with a dash stands behind --."""
    if (text is None) == (audio is None):
        raise UserError("say what to search for: either a text or --audio FILE")
    if audio is not None:
        _search_by_audio(audio, kinds, limit, as_json)
        return
    try:
        types = None if kinds is None else parse_types(kinds)
    except ValueError as error:
        raise UserError(f"--type: {error}") from error
    query = text or ""
    if not 2 <= len(query) <= 100:
        raise UserError(f"the text has {len(query)} characters: a search takes 2 to 100")
    answer = run_search(build_providers(get_settings()), lambda search: search.unified(query, types=types, limit=limit))
    if as_json:
        print_json({"query": query, "counts": answer.counts}, answer)
    else:
        print_table(make_console(), render_answer(query, answer))


def _search_by_audio(audio: Path, kinds: str | None, limit: int, as_json: bool) -> None:
    if kinds is not None:
        raise UserError("--type: a clip is compared with tracks alone")
    providers = build_providers(get_settings())

    async def ask(search: Search) -> Answer:
        embedding = search.serving.provider
        if embedding is None:
            raise UserError(f"nothing can be heard: {search.serving.reason}")
        vector = await asyncio.to_thread(_embed_clip, embedding, audio)
        return await search.by_vector(vector, embedding.card.identity, limit=limit)

    answer = run_search(providers, ask)
    if as_json:
        print_json({"audio": str(audio)}, answer)
    else:
        print_table(make_console(), render_answer(audio.name, answer))


def _embed_clip(embedding: EmbeddingProvider, audio: Path) -> NDArray[float32]:
    try:
        with audio.open("rb") as file, Console(stderr=True).status("listening to the clip"):
            return embedding.embed_audio(file, max_seconds=get_settings().clip_max_seconds)
    except AudioError as error:
        raise UserError(f"{audio}: {error}") from error
    except OSError as error:
        raise UserError(f"{audio} cannot be read: {error.strerror}") from error


def run_search(providers: Providers, ask: Callable[[Search], Awaitable[Answer]]) -> Answer:
    """Ask the configured database once.

    Raises:
        UserError: The query names a track that is not there, or the database lacks the schema.
    """
    settings = get_settings()
    with open_database(settings) as url:
        require_schema(url)
        return asyncio.run(_ask(url, providers, ask))


async def _ask(url: str, providers: Providers, ask: Callable[[Search], Awaitable[Answer]]) -> Answer:
    serving = ServingModel(providers)
    async with Database.open(url, pool_size=1) as database:
        try:
            await serving.refresh(database)
            # the flag is for viewers; whoever can run this is the operator
            settings = get_settings().model_copy(update={"vibe_search_for_everyone": True})
            return await ask(Search.from_settings(database, serving, settings, providers.mirror))
        except UnknownTrackError as error:
            raise UserError(str(error)) from error
        finally:
            await providers.mirror.close()


def print_json(asked: dict[str, Any], answer: Answer) -> None:
    """Print an answer for machines, with what was asked."""
    about = {
        "available": answer.available,
        "calibrated": answer.calibrated,
        "vector_backend": answer.vector_backend,
        "vector_fallback": answer.vector_fallback,
    }
    body = {"results": [asdict(hit) for hit in answer.hits]} | asked | about
    print_line(json.dumps(body | {"took_ms": round(answer.milliseconds, 2)}, ensure_ascii=False, indent=2))


def render_answer(text: str, answer: Answer) -> Table:
    """A table of one answer: what each hit is, and why it is there."""
    found = {0: "no match", 1: "1 result"}.get(len(answer.hits), f"{len(answer.hits)} results")
    table = Table(
        "type",
        "label",
        "artist",
        "tier",
        "matched",
        title=Text.assemble("“", (text, "bold"), f"”  {found} in {answer.milliseconds:.1f} ms"),
        title_justify="left",
        caption=_caption(answer),
    )
    for hit in answer.hits:
        table.add_row(hit.type, Text(hit.label), Text(hit.artist), hit.tier.replace("_", " "), _describe_match(hit))
    return table


def _caption(answer: Answer) -> str | None:
    """What is to be known about results by sound: that there are none, or that they bear no confidence."""
    if answer.calibrated is False:
        return f"sound search is not calibrated yet: it needs {FEWEST_TRACKS} embedded tracks and a worker"
    return None if answer.available else "sound search was not available"


def _describe_match(hit: Hit) -> str:
    sure = "" if hit.confidence is None else f" ({hit.confidence:.0%})"
    words = [name if name != "sound" else f"sound {hit.similarity:.2f}{sure}" for name in hit.matched]
    return ", ".join([*words, "same recording"] if hit.near_duplicate else words)
