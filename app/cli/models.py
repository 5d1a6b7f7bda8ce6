"""vibe-search models: list, pull, export, check, use, remove, embed."""

import json

from pgvector import HalfVector
from rich.box import SIMPLE_HEAD
from rich.table import Column, Table

from app.cli.model_switch import database_states, render_state, serving_embedding
from app.errors import UserError
from app.processing.switch.model_states import ModelState
from app.providers import build_registry
from app.settings import get_settings
from app.terminal import make_console, print_line, print_table
from models.registry import Card, GenreCard, ModelCard, Registry


def list_models(*, as_json: bool) -> None:
    """List the models: what they are, whether they are installed, and how far the database is with each."""
    registry = build_registry(get_settings())
    states = database_states()
    rows = [_describe(registry, card, states.get(card.identity)) for card in registry.all_cards().values()]
    rows += [_describe_unknown(state) for state in _unknown(registry, states)]
    if as_json:
        print_line(json.dumps(rows, indent=2))
        return
    columns = [Column(name, no_wrap=True) for name in ("identity", "kind", "dim", "MB", "files", "tracks")]
    table = Table(*columns, "licence", box=SIMPLE_HEAD)
    for row in rows:
        size = f"{row['bytes'] / 1e6:.1f}" if isinstance(row["bytes"], int) else ""
        state = states.get(str(row["identity"]))
        installed = "bundled" if row["bundled"] else "installed" if row["installed"] else ""
        words = "" if state is None else render_state(state)
        dimensions = "" if row["dimensions"] is None else str(row["dimensions"])
        table.add_row(str(row["identity"]), str(row["kind"]), dimensions, size, installed, words, str(row["licence"]))
    print_table(make_console(), table)


def _describe(registry: Registry, card: Card, state: ModelState | None) -> dict[str, float | str | bool | None]:
    installed = registry.is_installed(card)
    return {
        "name": card.name,
        "identity": card.identity,
        "kind": "genres" if isinstance(card, GenreCard) else "embedding",
        "dimensions": card.dimensions if isinstance(card, ModelCard) else None,
        "bytes": sum(file.size for file in card.files) if installed else None,
        "bundled": card.bundled,
        "installed": installed,
        "licence": card.licence,
        "source": card.source,
        **_progress(state),
    }


def _unknown(registry: Registry, states: dict[str, ModelState]) -> list[ModelState]:
    """Models of the database that are not known here: of another version, or with other windows."""
    known = {card.identity for card in registry.cards().values()}
    return [state for state in states.values() if state.identity not in known]


def _describe_unknown(state: ModelState) -> dict[str, float | str | bool | None]:
    described: dict[str, float | str | bool | None] = {
        "name": state.name,
        "identity": state.identity,
        "kind": "embedding",
        "dimensions": state.dimensions,
        "bytes": None,
        "bundled": False,
        "installed": False,
        "licence": "",
        "source": "not known here",
    }
    return described | _progress(state)


def _progress(state: ModelState | None) -> dict[str, float | str | bool | None]:
    if state is None:
        return {"role": None, "tracks": None, "embedded": None, "coverage": None}
    return {"role": state.role, "tracks": state.tracks, "embedded": state.embedded, "coverage": state.coverage}


def embed_text(*, text: str, as_json: bool) -> None:
    """Print the vector of a text in the model that serves, as Postgres reads it."""
    embedding = serving_embedding()
    try:
        vector = HalfVector(embedding.embed_text(text))
    except ValueError as error:
        raise UserError(str(error)) from error
    if not as_json:
        print_line(vector.to_text())
        return
    figures = {"identity": embedding.card.identity, "audibility": round(embedding.sound_relatedness(text), 4)}
    print_line(json.dumps(figures | {"embedding": vector.to_list()}))
