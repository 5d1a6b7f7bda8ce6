"""One way of embedding, in a process of its own, so that its memory and its start can be measured too.

`python -m app.measure.speed.embedding.contender NAME MODELS_DIR MODEL THREADS` answers requests on standard input, a
JSON object a line, with one line each.
"""

import json
import sys
from pathlib import Path
from typing import Any, Protocol

import psutil
from numpy import float32
from numpy.typing import NDArray

from app.measure.speed.embedding.memory import peak_bytes
from app.measure.speed.embedding.stopwatch import Stopwatch

OURS = "vibe-search"
OURS_FLOAT32 = "vibe-search, float32 text"
REPLACED = "transformers and torch"


class Embedding(Protocol):
    """Embeds and says how long what took."""

    def embed_text(self, text: str, watch: Stopwatch) -> NDArray[float32]:
        """Unit vector of a text."""
        ...

    def embed_audio(self, path: Path, watch: Stopwatch) -> NDArray[float32]:
        """Unit vector of a recording."""
        ...


def open_embedding(name: str, models_dir: Path, model: str, threads: int) -> Embedding:
    """One of the ways by its name.

    Raises:
        ImportError: A package that it needs is not installed.
    """
    # each has imports of its own, that must not count for another's memory and start
    if name == REPLACED:
        from app.measure.speed.embedding.replaced import ReplacedEmbedding  # noqa: PLC0415

        return ReplacedEmbedding(models_dir / f"{model}.checkpoint", threads)
    from app.measure.speed.embedding.ours import OurEmbedding  # noqa: PLC0415

    return OurEmbedding(models_dir, model, threads, "float32" if name == OURS_FLOAT32 else "int8")


def answer(embedding: Embedding, request: dict[str, Any]) -> dict[str, Any]:
    """The answer to one request: `{"text": …}`, `{"audio": PATH}`, `{"operations": true}` or `{"memory": true}`."""
    watch = Stopwatch()
    if "text" in request:
        vector = embedding.embed_text(request["text"], watch)
    elif "audio" in request:
        vector = embedding.embed_audio(Path(request["audio"]), watch)
    elif "operations" in request:
        return {"operations": embedding.count_operations()}  # type: ignore[attr-defined]  # of the replaced way alone
    else:
        return {"peak_bytes": peak_bytes(psutil.Process())}
    return {"seconds": watch.seconds, "vector": vector.tolist()}


def main() -> None:
    """Answer until standard input ends."""
    name, models_dir, model, threads = sys.argv[1:]
    embedding = open_embedding(name, Path(models_dir), model, int(threads))
    for line in sys.stdin:
        print(json.dumps(answer(embedding, json.loads(line))), flush=True)  # noqa: T201 - the protocol


if __name__ == "__main__":
    main()
