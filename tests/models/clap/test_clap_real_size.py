"""The layout and the sizes of laion/clap-htsat-unfused, with random weights: 150 million of them, in one test.

One, so that a process makes the checkpoint and the export once; both come from what `bench embed` measures with.
"""

from __future__ import annotations

import io
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from rich.console import Console

from app.measure.speed.embedding.subject import random_subject
from app.measure.speed.stages import Stages
from models.audio.decoding import decode
from models.audio.windows import AfterSilence
from models.clap import Clap
from models.clap.export.export import make_sounds
from models.relevance.calibration import load_texts
from models.runtime.onnx_session import open_session
from models.runtime.run_options import RunOptions
from tests.support.depth import DEEP, only_deep
from tests.support.recordings import sample, write
from tests.support.transformers_clap import TransformersClap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RATE, WINDOW = 48_000, 480_000


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder that is gone afterwards: pytest would keep more than a gigabyte of each of the last runs."""
    yield tmp_path
    shutil.rmtree(tmp_path)


@DEEP
@only_deep("the small model of test_clap_export.py has every layer of it")
def test_the_real_size_is_exported_truly_and_stays_near_itself(folder: Path) -> None:
    subject = random_subject(folder, Stages(Console(quiet=True)))
    card = subject.card
    assert random_subject(folder, Stages(Console(quiet=True))).card.identity == card.identity
    reference = TransformersClap(folder / f"{card.name}.checkpoint")
    clap = Clap(card, RunOptions(threads=2))
    assert (card.dimensions, card.sample_rate) == (512, RATE)

    track = next(iter(AfterSilence([decode(sample("energetic_electronic_2"), RATE, max_seconds=25)])))
    sounds = [make_sounds(RATE, WINDOW)[1], track[:WINDOW], track[: 3 * RATE]]
    heard = np.stack([clap.embed_audio(sound) for sound in sounds])
    assert float(np.abs(heard - reference.embed_windows(sounds)).max()) <= 1e-4

    texts = [*load_texts().descriptions[:8], *load_texts().unrelated[:8]]
    expected = reference.embed_texts(texts)
    session = open_session(card.locate("text.onnx"), device="cpu", threads=2)
    for text, vector in zip(texts, expected, strict=True):
        ids = reference.processor.tokenizer.backend_tokenizer.encode(text).ids
        feed = {"input_ids": np.array([ids]), "attention_mask": np.ones((1, len(ids)), np.int64)}
        assert float(np.abs(session.run(["embedding"], feed)[0][0] - vector).max()) <= 1e-4
    assert float((clap.embed_texts(texts) * expected).sum(axis=1).min()) >= 0.999
    assert float((expected @ expected.T).min()) < 0.98

    whole = clap.embed_audio(track)
    assert Clap(card, RunOptions(batch_windows=1)).embed_audio(track).tobytes() == whole.tobytes()
    other = io.BytesIO(write(track[None], "mp3", "libmp3lame", RATE, 192_000))
    assert float(clap.embed_file(other) @ whole) >= 0.999
    assert float(clap.embed_audio(np.pad(track, (RATE // 2, 0))) @ whole) >= 0.99
