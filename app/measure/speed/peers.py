"""Other systems over the same catalogue, where they are installed; their indexes are built once and kept."""

import json
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console

from app.database import connect
from app.measure.speed.build import GENERATOR, Built
from app.measure.speed.contenders import Contender
from app.measure.speed.contenders.lancedb import LanceContender, build_lancedb
from app.measure.speed.contenders.tantivy import TantivyContender, build_tantivy
from app.measure.speed.stages import Stages

_Fill = Callable[[psycopg.Connection[Any], Path, Stages], None]


def find_peers(built: Built, folder: Path, console: Console) -> tuple[list[Contender], dict[str, float]]:
    """The peers that are installed, with their indexes built.

    Args:
        built: The database whose catalogue they get.
        folder: Where their indexes are kept, a folder for each database.
        console: Where progress is shown.

    Returns:
        The contenders, and the seconds that each stage of building them took.
    """
    place = folder.expanduser().resolve() / built.name
    contenders: list[Contender] = []
    seconds: dict[str, float] = {}
    if find_spec("tantivy"):
        seconds |= _built_once(built, place / "tantivy", build_tantivy, console)
        contenders.append(TantivyContender(place / "tantivy"))
    if find_spec("lancedb"):
        fill: _Fill = lambda connection, target, stages: build_lancedb(connection, built, target, stages)  # noqa: E731
        seconds |= _built_once(built, place / "lancedb", fill, console)
        contenders.append(LanceContender(place / "lancedb"))
    return contenders, seconds


def _built_once(built: Built, target: Path, fill: _Fill, console: Console) -> dict[str, float]:
    state = target.with_suffix(".json")
    if state.exists():
        kept: dict[str, Any] = json.loads(state.read_text(encoding="utf-8"))
        if kept["generator"] == GENERATOR:
            return dict(kept["seconds"])
    state.unlink(missing_ok=True)
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    stages = Stages(console)
    with connect(built.url) as connection:
        fill(connection, target, stages)
    state.write_text(json.dumps({"generator": GENERATOR, "seconds": stages.seconds}), encoding="utf-8")
    return stages.seconds
