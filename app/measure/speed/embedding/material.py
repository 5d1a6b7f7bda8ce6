"""What is embedded: queries, and ten-second pieces of the sample library."""

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

import av
import numpy as np

from app.measure.sample import recordings_dir
from app.measure.speed.stages import Stages
from models.audio.decoding import Waveform, decode
from models.audio.windows import SILENT
from models.check import load_prompts
from models.relevance.calibration import load_texts

CLIP_SECONDS = 10
"""One window of the model: the code that is replaced hears no more of a file, and so both hear the same."""

STORED_RATE = 44_100
"""Hz of the files, as of most music: both have to resample."""

_BEGINNING, _LOUD = 200, 10 * SILENT
"""Samples of a clip among which one must be so loud: well within the first step in which silence is skipped."""

MOST_QUERIES = 500


def make_queries(number: int) -> list[str]:
    """So many different descriptions of sounds, `MOST_QUERIES` at most: of two or three words, then longer ones."""
    prompts = load_prompts()
    pairs = (f"{first}, {second}" for first in prompts for second in prompts if first != second)
    return list(islice(dict.fromkeys(chain(prompts, load_texts().descriptions, pairs)), number))


def write_clips(folder: Path, number: int, stages: Stages) -> list[Path]:
    """Write so many FLAC files, 16 bits, two channels, of real music; each recording in turn gives its next piece.

    Raises:
        UserError: The sample library is not installed.
    """
    paths: list[Path] = []
    with stages.stage("cutting clips", number) as advance:
        while len(paths) < number:
            for piece in islice(_pieces(), number - len(paths)):
                paths.append(_write_flac(folder / f"{len(paths):04}.flac", piece))
                advance(1)
    return paths


def _pieces() -> Iterator[Waveform]:
    """The first piece of each recording, then the second of each, as far as they go; those that begin at once.

    vibe-search would skip silence at the beginning, which the code that is replaced hears.
    """
    recordings = sorted(recordings_dir().rglob("*.opus"))
    size, turn, found = CLIP_SECONDS * STORED_RATE, 0, True
    while found:
        found = False
        for path in recordings:
            waveform = decode(path, STORED_RATE, max_seconds=(turn + 1) * CLIP_SECONDS)[turn * size :]
            if waveform.size == size:
                found = True
                if np.abs(waveform[:_BEGINNING]).max() > _LOUD:
                    yield waveform
        turn += 1


def _write_flac(path: Path, waveform: Waveform) -> Path:
    samples = (np.clip(waveform, -1, 1) * 32_767).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(np.repeat(samples, 2)[None], format="s16", layout="stereo")
    frame.sample_rate = STORED_RATE
    with av.open(path, "w") as container:
        stream = container.add_stream("flac", rate=STORED_RATE, layout="stereo")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path
