"""CLAP as a whole: windows over a track, what comes out of them, and what must not change it."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import time
import tracemalloc
import wave
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.audio.decoding import AudioError, decode
from models.clap import MOST_TOKENS, Clap
from models.clap.export.export import make_sounds
from models.registry import Registry, open_model
from models.runtime.run_options import RunOptions
from tests.support.recordings import read_stereo, sample, write

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from models.audio.decoding import Waveform
    from models.card import ModelCard
    from models.model import EmbeddingModel
    from tests.support.transformers_clap import TransformersClap

RATE, WINDOW = 48_000, 480_000
TRACKS = ("calm_acoustic_1", "energetic_electronic_2", "nostalgic_acoustic_s411")


def with_windows(card: ModelCard, **windows: int) -> ModelCard:
    """The card with another plan of windows."""
    plan = {**card.pipeline["windows"], **windows}
    return replace(card, pipeline={**card.pipeline, "windows": plan})


def unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    scaled: NDArray[np.float64] = vector / np.linalg.norm(vector)
    return scaled


def long_track(seconds: float) -> Waveform:
    """One kind of sound after the other, at volumes from loud to hardly there."""
    sounds = make_sounds(RATE, WINDOW)
    parts = [sounds[number % 5] * 0.3**number for number in range(int(seconds * RATE) // WINDOW + 1)]
    return np.concatenate(parts).astype(np.float32)[: int(seconds * RATE)]


@pytest.mark.parametrize("seconds", [10, 10.5, 20, 47])
def test_a_track_is_the_mean_of_what_transformers_projects_of_its_windows(
    tiny_clap: Clap, reference: TransformersClap, seconds: float
) -> None:
    track = long_track(seconds)
    starts = list(range(0, track.size - WINDOW + 1, WINDOW))
    if starts[-1] + WINDOW < track.size:
        starts.append(track.size - WINDOW)
    projections = reference.project_windows([track[start : start + WINDOW] for start in starts])
    found = tiny_clap.embed_audio(track)

    assert found.dtype == np.float32
    assert np.abs(found - unit(projections.mean(axis=0))).max() <= 1e-5
    if len(starts) > 1:
        lengths = np.linalg.norm(projections, axis=1, keepdims=True)
        other_way = unit((projections / lengths).mean(axis=0))
        assert np.abs(found - other_way).max() > 1e-4, "the mean of unit vectors is another vector"


def test_a_recording_is_heard_whole(tiny_clap: Clap, reference: TransformersClap) -> None:
    track = decode(sample(TRACKS[0]), RATE)
    track = track[np.flatnonzero(np.abs(track) >= 0.001)[0] // 480 * 480 :]
    starts = [*range(0, track.size - WINDOW, WINDOW), track.size - WINDOW]
    expected = unit(reference.project_windows([track[start : start + WINDOW] for start in starts]).mean(axis=0))

    assert np.abs(tiny_clap.embed_file(sample(TRACKS[0])) - expected).max() <= 1e-5


@pytest.mark.parametrize("seconds", [0.001, 0.4, 3.0, 4.9, 5.0, 9.999])
def test_short_audio_is_repeated_as_transformers_does(
    tiny_clap: Clap, reference: TransformersClap, seconds: float
) -> None:
    # after the loud part of the chord
    short = make_sounds(RATE, WINDOW)[3][: int(seconds * RATE)]
    assert np.abs(tiny_clap.embed_audio(short) - reference.embed_windows([short])[0]).max() <= 1e-5


def test_beyond_the_cap_windows_are_spread_evenly(tiny_card: ModelCard, reference: TransformersClap) -> None:
    track = long_track(75)
    starts = [0, (track.size - WINDOW) // 2, track.size - WINDOW]
    expected = unit(reference.project_windows([track[start : start + WINDOW] for start in starts]).mean(axis=0))
    capped = Clap(with_windows(tiny_card, most=3))
    file = io.BytesIO(write(track[None], "wav", "pcm_f32le", RATE))

    assert np.abs(capped.embed_audio(track) - expected).max() <= 1e-5
    assert capped.embed_file(file).tobytes() == capped.embed_audio(track).tobytes()
    # a caller may ask for less than the model hears, and never gets more
    assert Clap(tiny_card).embed_file(file, max_seconds=30).tobytes() == capped.embed_audio(track).tobytes()
    assert capped.embed_file(file, max_seconds=900).tobytes() == capped.embed_audio(track).tobytes()


def test_a_smaller_hop_hears_more_windows(tiny_card: ModelCard, reference: TransformersClap) -> None:
    track = long_track(25)
    starts = [0, WINDOW // 2, WINDOW, 3 * WINDOW // 2]
    expected = unit(reference.project_windows([track[start : start + WINDOW] for start in starts]).mean(axis=0))

    assert np.abs(Clap(with_windows(tiny_card, hop=WINDOW // 2)).embed_audio(track) - expected).max() <= 1e-5


@pytest.mark.parametrize("name", TRACKS)
def test_a_file_and_its_waveform_give_the_same_bits(tiny_clap: Clap, name: str) -> None:
    assert tiny_clap.embed_file(sample(name)).tobytes() == tiny_clap.embed_audio(decode(sample(name), RATE)).tobytes()


@pytest.mark.parametrize("options", [RunOptions(batch_windows=size, threads=1 + size % 2) for size in (1, 2, 3, 5, 8)])
def test_neither_batches_nor_threads_change_a_bit(tiny_card: ModelCard, options: RunOptions) -> None:
    track = long_track(88)
    assert Clap(tiny_card, options).embed_audio(track).tobytes() == Clap(tiny_card).embed_audio(track).tobytes()


_DIGEST = """
import sys, pathlib, hashlib
from models.clap import Clap
from models.registry import Registry
clap = Clap(Registry(pathlib.Path(sys.argv[1])).find(sys.argv[2]))
bits = clap.embed_text("rain on a roof").tobytes() + clap.embed_file(sys.argv[3]).tobytes()
sys.stdout.write(hashlib.sha256(bits).hexdigest())
"""


def test_every_call_and_every_process_gives_the_same_bits(tiny_card: ModelCard) -> None:
    assert tiny_card.folder is not None
    path = sample(TRACKS[1])
    arguments = [sys.executable, "-c", _DIGEST, str(tiny_card.folder.parent), tiny_card.name, str(path)]
    elsewhere = [subprocess.run(arguments, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    here = []
    for _ in range(2):
        clap = Clap(tiny_card)
        clap.embed_text("something else first")
        bits = clap.embed_text("rain on a roof").tobytes() + clap.embed_file(path).tobytes()
        here.append(sha256(bits).hexdigest())

    assert len({*elsewhere, *here}) == 1


def test_a_text_does_not_depend_on_its_company(tiny_clap: Clap) -> None:
    together = tiny_clap.embed_texts(["jazz", "a very long description of a very slow piece for strings"])
    assert together[0].tobytes() == tiny_clap.embed_text("jazz").tobytes()
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-6)


def test_a_text_that_is_too_long_is_cut_as_transformers_cuts_it(tiny_clap: Clap, reference: TransformersClap) -> None:
    text = "a slow and sad song for strings and piano, " * 40
    expected = reference.embed_texts([text], most_tokens=MOST_TOKENS)[0]

    assert float(tiny_clap.embed_text(text) @ expected) >= 0.999
    assert tiny_clap.embed_text(text).tobytes() == tiny_clap.embed_text(text + "and then techno").tobytes()


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_an_empty_text_is_refused(tiny_clap: Clap, text: str) -> None:
    for ask in (tiny_clap.embed_text, tiny_clap.sound_relatedness, lambda text: tiny_clap.embed_texts([text])):
        with pytest.raises(ValueError, match=r"^the text has no words$"):
            ask(text)


def test_a_lone_surrogate_does_no_harm(tiny_clap: Clap) -> None:
    vector = tiny_clap.embed_text("piano \ud83c")
    assert abs(float(np.linalg.norm(vector)) - 1) < 1e-6


def test_a_vector_that_was_handed_out_may_be_written_to(tiny_clap: Clap) -> None:
    first = tiny_clap.embed_text("drums")
    kept = first.copy()
    first[:] = 0
    np.testing.assert_array_equal(tiny_clap.embed_text("drums"), kept)


@pytest.mark.parametrize(
    ("waveform", "reason"),
    [
        (np.zeros(0, np.float32), r"shape \(samples,\)"),
        (np.zeros((2, WINDOW), np.float32), r"shape \(samples,\)"),
        (np.full(WINDOW, np.nan, np.float32), "not finite"),
        (np.full(100, np.inf, np.float32), "not finite"),
    ],
)
def test_what_is_no_waveform_is_refused(tiny_clap: Clap, waveform: Waveform, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        tiny_clap.embed_audio(waveform)


def test_silence_has_a_vector(tiny_clap: Clap) -> None:
    vector = tiny_clap.embed_audio(np.zeros(3 * RATE, np.float32))
    assert abs(float(np.linalg.norm(vector)) - 1) < 1e-6


def test_a_file_that_is_no_audio_is_refused(tiny_clap: Clap) -> None:
    with pytest.raises(AudioError, match="not an audio file"):
        tiny_clap.embed_file(io.BytesIO(b"words " * 100))


def test_nothing_is_explained(tiny_clap: Clap) -> None:
    vector = tiny_clap.embed_text("drums")
    assert tiny_clap.explain(vector, vector) == []
    with pytest.raises(ValueError, match=r"has the shape \(64,\), not \(63,\)"):
        tiny_clap.explain(vector, vector[:-1])


def test_audibility_tells_texts_apart_and_repeats_itself(tiny_clap: Clap) -> None:
    measured = [tiny_clap.sound_relatedness(text) for text in ("soft rain on a tin roof", "invoice number 42", "jazz")]

    assert all(-2 <= value <= 2 for value in measured)
    assert len(set(measured)) == 3
    assert tiny_clap.sound_relatedness("jazz") == measured[-1]


class CountingClap(Clap):
    """Remembers its bulk requests."""

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Count the texts, and embed them."""
        self.asked = [*getattr(self, "asked", []), len(texts)]
        return super().embed_texts(texts)


def test_loading_the_text_half_leaves_nothing_for_the_first_search_to_wait_for(tiny_card: ModelCard) -> None:
    model = CountingClap(tiny_card)
    model.load_text()
    assert sum(model.asked) > 100

    model.asked = []
    model.sound_relatedness("soft rain on a tin roof")
    assert model.asked == []


def test_it_is_opened_like_any_model(tiny_card: ModelCard) -> None:
    model: EmbeddingModel = open_model(tiny_card)
    assert model is open_model(tiny_card)
    assert model is not open_model(tiny_card, RunOptions(threads=2))
    model.load_text()
    assert model.card.identity == tiny_card.identity


def long_wav(path: Path, minutes: int) -> Path:
    """Noise whose loudness wanders, written a second at a time."""
    random = np.random.default_rng(3)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        for second in range(minutes * 60):
            noise = random.standard_normal(16_000) * (500 + 400 * np.sin(second / 60))
            file.writeframes(noise.astype("<i2").tobytes())
    return path


def test_a_long_recording_needs_no_more_memory_than_the_windows_that_are_heard(
    tmp_path: Path, tiny_card: ModelCard
) -> None:
    card = with_windows(tiny_card, most=4)
    clap, path = Clap(card), long_wav(tmp_path / "long.wav", 20)
    whole = 20 * 60 * RATE * 4
    clap.embed_audio(np.zeros(RATE, np.float32))
    tracemalloc.start()
    try:
        vector = clap.embed_file(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < whole / 8, "the track is not to be in memory"
    assert abs(float(np.linalg.norm(vector)) - 1) < 1e-6


def installed_copy(card: ModelCard, models_dir: Path) -> ModelCard:
    """The model in a folder of its own."""
    assert card.folder is not None
    shutil.copytree(card.folder, models_dir / card.name)
    return Registry(models_dir).find(card.name)


@pytest.mark.parametrize(
    ("filename", "options"),
    [
        ("text.int8.onnx", RunOptions(text_idle_seconds=0.2, audio_idle_seconds=0)),
        ("audio.onnx", RunOptions(text_idle_seconds=0, audio_idle_seconds=0.2)),
    ],
)
def test_an_idle_half_is_unloaded_and_loads_again(
    tmp_path: Path, tiny_card: ModelCard, filename: str, options: RunOptions
) -> None:
    clap = Clap(installed_copy(tiny_card, tmp_path), options)
    sound = make_sounds(RATE, WINDOW)[0]
    texts = iter([f"song number {number}" for number in range(100)])

    def embed() -> bytes:
        # the last texts are kept, so each is new
        return clap.embed_audio(sound).tobytes() if "audio" in filename else clap.embed_text(next(texts)).tobytes()

    first = embed()
    path = clap.card.locate(filename)
    path.rename(path.with_suffix(".away"))
    embed()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        # its file is gone: it can answer only as long as it is in memory
        time.sleep(0.4)
        try:
            embed()
        except Exception as error:  # noqa: BLE001 - ONNX Runtime has a class of its own
            assert filename in str(error)  # noqa: PT017 - the class is not public
            break
    else:
        pytest.fail("it was never unloaded")
    path.with_suffix(".away").rename(path)
    texts = iter(["song number 0"])
    again = Clap(clap.card, options).embed_text("song number 0").tobytes() if "text" in filename else first
    assert embed() == again == first


def test_threads_get_what_one_gets(tiny_card: ModelCard) -> None:
    sounds = list(make_sounds(RATE, WINDOW))
    texts = [f"music for {what}" for what in ("sleep", "work", "running", "dinner", "rain")]
    alone, shared = Clap(tiny_card), Clap(tiny_card, RunOptions(text_idle_seconds=0.01, audio_idle_seconds=0.01))
    expected = [alone.embed_audio(sound).tobytes() for sound in sounds], [alone.embed_text(t).tobytes() for t in texts]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            heard = pool.map(lambda sound: shared.embed_audio(sound).tobytes(), sounds)
            read = pool.map(lambda text: shared.embed_text(text).tobytes(), texts)
            assert (list(heard), list(read)) == expected


ENCODINGS = {
    "mp3 128k": ("mp3", "libmp3lame", 44_100, 128_000),
    "mp3 320k": ("mp3", "libmp3lame", 48_000, 320_000),
    "aac 96k": ("ipod", "aac", 44_100, 96_000),
    "opus 64k": ("ogg", "libopus", 48_000, 64_000),
    "opus in webm": ("webm", "libopus", 48_000, 128_000),
    "vorbis": ("ogg", "vorbis", 44_100, None),
    "flac": ("flac", "flac", 44_100, None),
    "wav": ("wav", "pcm_s16le", 48_000, None),
}


@pytest.fixture(scope="module")
def vectors(tiny_clap: Clap) -> dict[str, NDArray[np.float32]]:
    return {track: tiny_clap.embed_file(sample(track)) for track in TRACKS}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_another_encoding_of_a_recording_stays_near(
    tiny_clap: Clap, vectors: dict[str, NDArray[np.float32]], encoding: str
) -> None:
    container, codec, rate, bit_rate = ENCODINGS[encoding]
    name = TRACKS[1 + list(ENCODINGS).index(encoding) % 2]
    file = io.BytesIO(write(read_stereo(name, rate), container, codec, rate, bit_rate))
    found = tiny_clap.embed_file(file)

    assert float(found @ vectors[name]) >= 0.999
    # random weights put all tracks near each other: it has to be nearer to its own than to any other
    assert max(TRACKS, key=lambda track: float(found @ vectors[track])) == name


@pytest.mark.parametrize("name", TRACKS)
@pytest.mark.parametrize(("seconds", "least"), [(0.5, 0.999_999), (0.5055, 0.999), (5.0, 0.999_999), (61.237, 0.999)])
def test_leading_silence_does_not_move_a_track(
    tiny_clap: Clap, vectors: dict[str, NDArray[np.float32]], name: str, seconds: float, least: float
) -> None:
    later = np.pad(decode(sample(name), RATE), (int(seconds * RATE), 0))
    assert float(tiny_clap.embed_audio(later) @ vectors[name]) >= least


@pytest.mark.parametrize(
    ("container", "codec", "bit_rate"), [("mp3", "libmp3lame", 128_000), ("ogg", "libopus", 64_000)]
)
def test_encoded_leading_silence_does_not_move_a_track(
    tiny_clap: Clap, vectors: dict[str, NDArray[np.float32]], container: str, codec: str, bit_rate: int
) -> None:
    """An encoder smears what follows into it."""
    later = np.pad(read_stereo(TRACKS[1], RATE), ((0, 0), (5 * RATE, 0)))
    file = io.BytesIO(write(later, container, codec, RATE, bit_rate))
    assert float(tiny_clap.embed_file(file) @ vectors[TRACKS[1]]) >= 0.999


def test_a_silent_file_is_heard_as_silence(tiny_clap: Clap) -> None:
    vector = tiny_clap.embed_file(io.BytesIO(write(np.zeros((1, 25 * RATE), np.float32), "wav", "pcm_s16le", RATE)))
    assert vector.tobytes() == tiny_clap.embed_audio(np.full(3 * RATE, 1e-5, np.float32)).tobytes()
