r"""Measure each tag's usual log-odds, so that tracks can be told apart by what is unusual about them.

The result, `standardisation.json`, is part of the bundled model. It is measured on the sample library
(`pip install 'vibe-search[demo]'`) unless another folder of audio is given.

Examples:
    python -m scripts.build_models.standardise_musicnn
    python -m scripts.build_models.standardise_musicnn \
        --tracks my-music --output models/weights/musicnn-tags/standardisation.json
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from immich_memories_music import tracks_dir

from models.audio.decoding import FORMATS, decode
from models.musicnn import MusicnnTagger, WindowPlan
from models.registry import find_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

PRIOR_TRACKS = 7.0
"""How many tracks the average variance of all tags counts for: a quarter of the sample library's 28."""


def main(
    tracks: Annotated[Path | None, typer.Option(help="Folder of audio; the sample library by default.")] = None,
    output: Annotated[Path, typer.Option(help="The file to write.")] = Path(
        "models/weights/musicnn-tags/standardisation.json"
    ),
    threads: Annotated[int, typer.Option(min=1, help="Processor threads.")] = 2,
) -> None:
    """Measure each tag's mean and scale over a folder of tracks.

    Example: python -m scripts.build_models.standardise_musicnn
    """
    folder = tracks or tracks_dir()
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lstrip(".").lower() in FORMATS)
    if len(paths) < 2:
        raise typer.BadParameter(f"{folder} has {len(paths)} audio files; at least two are needed")
    card = find_model("musicnn-tags")
    plan = WindowPlan(**card.pipeline["windows"])
    tagger = MusicnnTagger(card.locate("musicnn_tags.onnx"), plan, peak=card.pipeline["peak"], threads=threads)
    means = [tagger.log_odds(decode(path, card.sample_rate)).mean(axis=0, dtype=np.float64) for path in paths]
    mean, scale = standardise(np.stack(means))
    content = {
        "tracks": len(paths),
        "prior_tracks": PRIOR_TRACKS,
        "mean": mean.round(5).tolist(),
        "scale": scale.round(5).tolist(),
    }
    output.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    typer.echo(f"wrote {output} from {len(paths)} tracks")


def standardise(log_odds: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Estimate each tag's mean and spread over tracks.

    The variance is shrunk towards the mean variance of all tags, as if that had been seen on `PRIOR_TRACKS` more
    tracks. A tag that hardly varies in a small sample is then not blown up into the loudest of all.

    Args:
        log_odds: Mean log-odds of every track, shape `(tracks, tags)`.

    Returns:
        Mean and scale (a standard deviation), each of shape `(tags,)`.
    """
    variance = log_odds.var(axis=0)
    count = len(log_odds)
    shrunk = (count * variance + PRIOR_TRACKS * variance.mean()) / (count + PRIOR_TRACKS)
    mean: NDArray[np.float64] = log_odds.mean(axis=0)
    return mean, np.sqrt(shrunk)


if __name__ == "__main__":
    typer.run(main)
