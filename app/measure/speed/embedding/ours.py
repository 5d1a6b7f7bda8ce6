"""vibe-search's own way: FFmpeg's decoder and resampler, ONNX Runtime."""

from dataclasses import replace
from pathlib import Path

from numpy import float32
from numpy.typing import NDArray

from app.measure.speed.embedding.stopwatch import Stopwatch
from models.audio.decoding import decode_windows
from models.clap import Clap
from models.registry import Registry
from models.runtime.run_options import RunOptions


class OurEmbedding:
    """A model that is installed.

    Args:
        models_dir: Where.
        name: The model's.
        threads: For one forward pass.
        precision: Of the text half: `int8`, which serves, or `float32`.
    """

    def __init__(self, models_dir: Path, name: str, threads: int, precision: str = "int8") -> None:
        card = Registry(models_dir).find(name)
        pipeline = {**card.pipeline, "precision": f"audio float32, text {precision}"}
        self._clap = Clap(replace(card, pipeline=pipeline), RunOptions(threads=threads))
        self._windows, self._rate = card.pipeline["windows"], card.sample_rate

    def embed_text(self, text: str, watch: Stopwatch) -> NDArray[float32]:
        """Unit vector of a text."""
        with watch.stage("all"):
            return self._clap.embed_text(text)

    def embed_audio(self, path: Path, watch: Stopwatch) -> NDArray[float32]:
        """Unit vector of a recording; then its decoding once more, alone, to know its share."""
        with watch.stage("all"):
            vector = self._clap.embed_file(path)
        plan = self._windows
        with watch.stage("reading and resampling"):
            for _ in decode_windows(path, self._rate, size=plan["size"], hop=plan["hop"], most=plan["most"]):
                pass
        return vector
