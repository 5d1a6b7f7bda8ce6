"""The bundled model as a whole, on recordings of the sample library."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from models.audio.decoding import Waveform, decode
from models.card import ModelFile
from models.musicnn import MusicnnTagger, MusicnnTags, WindowPlan
from models.registry import find_model, open_model
from models.runtime.run_options import RunOptions
from tests.support.recordings import chirp, sample

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from models.model import UnitVector

RATE = 16_000
ACOUSTIC = ("calm_acoustic_1", "happy_acoustic_2", "nostalgic_acoustic_s411")
ELECTRONIC = ("energetic_electronic_2", "happy_electronic_2", "nostalgic_electronic_s411")


@pytest.fixture(scope="module")
def model() -> MusicnnTags:
    return cast("MusicnnTags", open_model("musicnn-tags"))


@pytest.fixture(scope="module")
def waveforms() -> dict[str, Waveform]:
    return {name: decode(sample(name), RATE, max_seconds=9.3) for name in (*ACOUSTIC, *ELECTRONIC)}


@pytest.fixture(scope="module")
def vectors(model: MusicnnTags, waveforms: dict[str, Waveform]) -> dict[str, UnitVector]:
    return {name: model.embed_audio(waveform) for name, waveform in waveforms.items()}


def test_vectors_are_unit_vectors(model: MusicnnTags, vectors: dict[str, UnitVector]) -> None:
    for vector in (*vectors.values(), model.embed_text("calm piano")):
        assert vector.shape == (100,)
        assert vector.dtype == np.float32
        assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-6)


def test_a_vector_is_the_standardised_mean_of_the_log_odds(
    waveforms: dict[str, Waveform], vectors: dict[str, UnitVector]
) -> None:
    card = find_model("musicnn-tags")
    tagger = MusicnnTagger(
        card.locate("musicnn_tags.onnx"), WindowPlan(**card.pipeline["windows"]), peak=card.pipeline["peak"]
    )
    usual = json.loads(card.locate("standardisation.json").read_text(encoding="utf-8"))
    expected = (tagger.log_odds(waveforms[ELECTRONIC[0]]).mean(axis=0) - usual["mean"]) / usual["scale"]

    np.testing.assert_allclose(vectors[ELECTRONIC[0]], expected / np.linalg.norm(expected), atol=1e-5)


def test_the_same_audio_and_text_give_the_same_bits(model: MusicnnTags, waveforms: dict[str, Waveform]) -> None:
    fresh = MusicnnTags(find_model("musicnn-tags"))
    waveform = waveforms[ACOUSTIC[0]]

    assert fresh.embed_audio(waveform).tobytes() == model.embed_audio(waveform).tobytes()
    assert fresh.embed_text("Sad violins").tobytes() == model.embed_text("Sad violins").tobytes()


def test_the_number_of_threads_does_not_matter(waveforms: dict[str, Waveform], vectors: dict[str, UnitVector]) -> None:
    two = MusicnnTags(find_model("musicnn-tags"), RunOptions(threads=2))
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(two.embed_audio, [waveforms[ACOUSTIC[0]], waveforms[ELECTRONIC[0]]]))

    for vector, name in zip(found, (ACOUSTIC[0], ELECTRONIC[0]), strict=True):
        np.testing.assert_allclose(vector, vectors[name], atol=1e-5)


@pytest.mark.parametrize(
    "text", ["acoustic guitar", "unplugged folk", "fingerpicking", "campfire song", "country singer songwriter"]
)
def test_descriptions_of_acoustic_music_find_it(model: MusicnnTags, vectors: dict[str, UnitVector], text: str) -> None:
    assert min(ranked(model, vectors, text, ACOUSTIC)) > max(ranked(model, vectors, text, ELECTRONIC))


@pytest.mark.parametrize("text", ["techno", "electronic synthesizer", "club night", "synthwave", "fast beats"])
def test_descriptions_of_electronic_music_find_it(
    model: MusicnnTags, vectors: dict[str, UnitVector], text: str
) -> None:
    assert min(ranked(model, vectors, text, ELECTRONIC)) > max(ranked(model, vectors, text, ACOUSTIC))


def ranked(model: MusicnnTags, vectors: dict[str, UnitVector], text: str, names: tuple[str, ...]) -> list[float]:
    query = model.embed_text(text)
    return [float(query @ vectors[name]) for name in names]


@pytest.mark.parametrize(
    ("text", "tag", "other"),
    [
        ("loud distorted guitars", "metal", "harp"),
        ("loud distorted guitars", "rock", "harpsichord"),
        ("lullaby to fall asleep", "quiet", "loud"),
        ("rap with heavy beats", "hip-hop", "opera"),
        ("string quartet", "violin", "techno"),
        ("music for a workout", "fast", "slow"),
        ("relaxing background music", "easy listening", "heavy metal"),
        ("woman singing", "female vocals", "male vocals"),
        ("instrumental without vocals", "no vocals", "vocals"),
        ("sad rainy evening", "sad", "happy"),
    ],
)
def test_descriptions_mean_what_they_say(model: MusicnnTags, text: str, tag: str, other: str) -> None:
    query = model.embed_text(text)
    assert query @ model.embed_text(tag) > query @ model.embed_text(other)


def test_the_piano_is_found_in_a_track_that_is_tagged_piano(model: MusicnnTags, vectors: dict[str, UnitVector]) -> None:
    columns = [index for index, tag in enumerate(model.tags) if tag == "piano"]
    tagged = max(vectors, key=lambda name: float(vectors[name][columns].sum()))
    query = model.embed_text("piano")

    assert max(vectors, key=lambda name: float(query @ vectors[name])) == tagged


def test_a_match_is_explained_by_what_both_share(model: MusicnnTags, vectors: dict[str, UnitVector]) -> None:
    query, track = model.embed_text("acoustic guitar"), vectors[ACOUSTIC[0]]
    reasons = model.explain(query, track, top=2)
    everything = model.explain(query, track, top=1000)

    assert {reason.name for reason in reasons} == {"guitar", "acoustic"}
    assert reasons[0].weight >= reasons[1].weight > 0
    assert len({reason.name for reason in everything}) == len(everything)
    itself = model.explain(query, query, top=1000)
    assert sum(reason.weight for reason in itself) == pytest.approx(1.0, abs=1e-5)


def test_opposites_have_nothing_to_explain(model: MusicnnTags) -> None:
    query = model.embed_text("techno")
    assert model.explain(query, -query) == []
    with pytest.raises(ValueError, match=r"shape \(100,\)"):
        model.explain(query, query[:50])


def test_genres_are_genres(model: MusicnnTags, waveforms: dict[str, Waveform]) -> None:
    acoustic = model.genre_predictions(waveforms[ACOUSTIC[1]])
    electronic = model.genre_predictions(waveforms[ELECTRONIC[1]], top=3)
    everything = model.genre_predictions(waveforms[ACOUSTIC[1]], top=1000)

    assert acoustic[0].name == "folk"
    assert {prediction.name for prediction in electronic} & {"techno", "electronic"}
    assert (len(acoustic), len(electronic)) == (10, 3)
    names = [prediction.name for prediction in everything]
    assert names == [name.lower() for name in dict.fromkeys(names)]
    assert everything == sorted(everything, key=lambda prediction: -prediction.confidence)
    assert not set(names) & {"guitar", "slow", "female vocalists", "80s", "sad", "beautiful", "piano", "beats"}
    assert all(0 <= one.confidence <= 1 and round(one.confidence, 4) == one.confidence for one in everything)


def test_one_pass_serves_the_embedding_and_the_genres(
    model: MusicnnTags, waveforms: dict[str, Waveform], monkeypatch: pytest.MonkeyPatch
) -> None:
    waveform = waveforms[ELECTRONIC[2]][: 16_000 * 5].copy()
    passes: list[int] = []
    tag = MusicnnTagger.log_odds

    def count(self: MusicnnTagger, samples: Waveform) -> NDArray[np.float32]:
        passes.append(samples.size)
        return tag(self, samples)

    monkeypatch.setattr(MusicnnTagger, "log_odds", count)
    assert model.genre_predictions(waveform)
    assert model.embed_audio(waveform).shape == (100,)
    assert passes == [waveform.size]


@pytest.mark.parametrize(("seconds", "least"), [(0.1, 0.99), (0.5, 0.98), (1.2, 0.97)])
def test_leading_silence_hardly_moves_a_vector(model: MusicnnTags, seconds: float, least: float) -> None:
    track = decode(sample(ACOUSTIC[0]), RATE, max_seconds=30)
    silence = np.zeros(round(seconds * RATE), np.float32)

    assert float(model.embed_audio(track) @ model.embed_audio(np.concatenate([silence, track]))) > least


@pytest.mark.parametrize("gain", [0.03, 0.5, 1.2])
def test_the_volume_does_not_matter(
    model: MusicnnTags, waveforms: dict[str, Waveform], vectors: dict[str, UnitVector], gain: float
) -> None:
    louder = model.embed_audio(waveforms[ELECTRONIC[0]] * np.float32(gain))
    assert float(louder @ vectors[ELECTRONIC[0]]) > 0.9999


@pytest.mark.parametrize("samples", [1, 100, 47_615, 47_616, 47_617, 48_128])
def test_audio_of_any_length_can_be_embedded(model: MusicnnTags, samples: int) -> None:
    vector = model.embed_audio(chirp(4.0, RATE)[:samples] if samples > 1 else np.ones(1, np.float32))
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-6)


def test_silence_can_be_embedded(model: MusicnnTags) -> None:
    assert np.isfinite(model.embed_audio(np.zeros(RATE, np.float32))).all()


@pytest.mark.parametrize(
    "waveform", [np.zeros(0), np.zeros((2, 100)), np.array([0.0, np.nan]), np.array([np.inf] * 60_000)]
)
def test_what_is_no_waveform_is_refused(model: MusicnnTags, waveform: Waveform) -> None:
    with pytest.raises(ValueError, match="waveform"):
        model.embed_audio(waveform)


def test_text_without_words_is_refused(model: MusicnnTags) -> None:
    with pytest.raises(ValueError, match="the text has no words"):
        model.embed_text("¿?")


def test_threads_must_be_positive() -> None:
    with pytest.raises(ValueError, match="threads"):
        MusicnnTags(find_model("musicnn-tags"), RunOptions(threads=0))


def test_files_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    card = find_model("musicnn-tags")
    path = tmp_path / "tags.json"
    path.write_text('[{"name": "rock", "dataset": "mtt", "genre": true}]', encoding="utf-8")
    others = tuple(file for file in card.files if not file.path.endswith("tags.json"))
    with pytest.raises(ValueError, match="disagree on the number of tags"):
        MusicnnTags(replace(card, files=(ModelFile(str(path), "", 0), *others)))
