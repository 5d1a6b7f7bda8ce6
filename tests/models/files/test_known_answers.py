"""A machine shows that it computes a model as another one did, or the model does not serve on it."""

from __future__ import annotations

import base64
import json
import logging
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from models.card import ModelFile, ModelFileError, verify_files
from models.check import check_answers, check_model
from models.clap import Clap
from models.clap.export.random_checkpoint import save_checkpoint, tiny_config
from models.files.installation import ANSWERS, RECORD, measure_file
from models.files.known_answers import (
    LEAST_COSINE,
    TEXTS,
    Answer,
    Deviation,
    KnownAnswerError,
    KnownAnswers,
    compare_sounds,
    compare_texts,
    find_notice,
    known_sounds,
    make_sound,
    read_answers,
    write_answers,
)
from models.musicnn import MusicnnTags
from models.registry import Registry, find_model, open_model
from models.runtime.run_options import RunOptions
from services.embedding import InProcessEmbedding
from services.embedding.provider_model import ProviderModel
from tests.support.tiny_clap import install_clap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.card import ModelCard
    from tests.support.transformers_clap import TransformersClap

SOUND = next(iter(known_sounds(16_000)))


def unit(seed: int, dimensions: int = 8) -> NDArray[np.float32]:
    vector = np.random.default_rng(seed).standard_normal(dimensions).astype(np.float32)
    scaled: NDArray[np.float32] = vector / np.linalg.norm(vector)
    return scaled


@pytest.mark.parametrize(
    ("sample_rate", "digest"),
    [
        (16_000, "264c73d9add159c6"),
        (48_000, "c637290ff93adf0e"),
    ],
)
def test_the_sound_is_the_same_on_every_machine(sample_rate: int, digest: str) -> None:
    (sound,) = known_sounds(sample_rate).values()
    assert sound.shape == (2 * sample_rate,)
    assert 0.5 < float(np.abs(sound).max()) <= 1
    assert sha256(sound.astype("<f4").tobytes()).hexdigest()[:16] == digest


def test_a_sound_that_is_not_known_is_left_out() -> None:
    assert make_sound("a sound of next year", 16_000) is None
    answers = KnownAnswers((), (Answer("a sound of next year", unit(1)),))
    assert compare_sounds(answers, 16_000, lambda _: unit(2)) == Deviation(0.0, 1.0)


def test_answers_are_read_as_they_were_written(tmp_path: Path, tiny_card: ModelCard) -> None:
    answers = KnownAnswers((Answer("Ünïcode", unit(1), unit(2)), Answer("b", unit(3))), (Answer(SOUND, unit(4)),))
    write_answers(tmp_path / ANSWERS, answers)

    read = read_answers(replace(tiny_card, folder=tmp_path))
    assert read is not None
    for written, again in zip((*answers.texts, *answers.sounds), (*read.texts, *read.sounds), strict=True):
        assert again.asked == written.asked
        assert again.vector.tobytes() == written.vector.tobytes()
    assert [None if answer.int8 is None else answer.int8.tobytes() for answer in read.texts] == [
        unit(2).tobytes(),
        None,
    ]


def test_answers_of_the_largest_models_are_small(tmp_path: Path) -> None:
    texts = tuple(Answer(text, unit(1, 512), unit(2, 512)) for text in TEXTS)
    write_answers(tmp_path / ANSWERS, KnownAnswers(texts, (Answer(SOUND, unit(3, 512)),)))
    assert (tmp_path / ANSWERS).stat().st_size < 50_000
    bundled = find_model("musicnn-tags").answers
    assert bundled is not None
    assert bundled.size < 50_000


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b'{"texts": [{"text": "a", "vector": "!"}], "sounds": []}', b'{"texts": [3]}']
)
def test_a_file_that_is_none_says_what_to_do(tmp_path: Path, tiny_card: ModelCard, content: bytes) -> None:
    (tmp_path / ANSWERS).write_bytes(content)
    with pytest.raises(ModelFileError, match=r"tiny-clap: .*known_answers\.json cannot be read .*: install the model"):
        read_answers(replace(tiny_card, folder=tmp_path))


def test_vectors_that_are_none_are_neither_the_same_nor_near() -> None:
    answers = KnownAnswers((Answer("a", unit(1)), Answer("b", unit(1))), ())
    wrong = unit(1).copy()
    wrong[3] = np.nan
    for given in (wrong, -unit(1), unit(1, 7)):
        # the last one is right, and hides nothing
        deviation = compare_texts(answers, {"a": given, "b": unit(1)}.__getitem__)
        assert not deviation.same
        assert not deviation.near
    exact = compare_texts(answers, lambda _: unit(1))
    assert (exact.same, exact.near, exact.difference) == (True, True, 0.0)


def test_what_is_recorded_is_what_transformers_gives(
    tiny_card: ModelCard, tiny_clap: Clap, reference: TransformersClap
) -> None:
    answers = read_answers(tiny_card)
    assert answers is not None
    assert tuple(answer.asked for answer in answers.texts) == TEXTS
    vectors = np.stack([answer.vector for answer in answers.texts])
    np.testing.assert_allclose(vectors, reference.embed_texts(TEXTS), atol=1e-5)
    (sound,) = answers.sounds
    waveform = known_sounds(48_000)[sound.asked]
    np.testing.assert_allclose(sound.vector, reference.embed_windows([waveform])[0], atol=1e-5)

    # int8 beside it, as this machine has just made it
    for answer in answers.texts:
        assert answer.int8 is not None
        assert answer.int8.tobytes() == tiny_clap.embed_text(answer.asked).tobytes()
        assert not np.array_equal(answer.int8, answer.vector)


def test_this_machine_gives_the_known_answers(tiny_card: ModelCard, tiny_clap: Clap) -> None:
    for model in (tiny_clap, open_model("musicnn-tags")):
        finding = check_answers(model)
        assert (finding.passed, finding.advice) == (True, "")
    assert find_notice(tiny_card) is None


def test_answers_are_no_part_of_an_identity(tiny_card: ModelCard) -> None:
    for card in (tiny_card, find_model("musicnn-tags")):
        assert card.answers is not None
        assert replace(card, answers=None).identity == card.identity


def test_changed_answers_are_noticed(tmp_path: Path, tiny_card: ModelCard) -> None:
    card = copied(tiny_card, tmp_path)
    path = card_folder(card) / ANSWERS
    path.write_bytes(path.read_bytes().replace(b"A", b"B", 1))
    with pytest.raises(ModelFileError, match=r"known_answers\.json is damaged"):
        verify_files(card)
    path.unlink()
    with pytest.raises(ModelFileError, match=r"known_answers\.json is missing"):
        open_model(card)


def card_folder(card: ModelCard) -> Path:
    assert card.folder is not None
    return card.folder


def copied(card: ModelCard, models_dir: Path) -> ModelCard:
    """The model in a folder of its own."""
    shutil.copytree(card_folder(card), models_dir / card.name)
    return Registry(models_dir).find(card.name)


def recorded(card: ModelCard) -> ModelCard:
    """The model, when its record has been written anew for the files as they are."""
    path = card_folder(card) / RECORD
    record = json.loads(path.read_text(encoding="utf-8"))
    names = [file["path"] for file in record["files"] if (path.parent / file["path"]).exists()]
    measured = [measure_file(path.parent, name) for name in names]
    record["files"] = [{"path": file.path, "sha256": file.sha256, "size": file.size} for file in measured]
    path.write_text(json.dumps(record), encoding="utf-8")
    return Registry(path.parent.parent).find(card.name)


@pytest.fixture(scope="module")
def other_card(tmp_path_factory: pytest.TempPathFactory) -> ModelCard:
    """A model with other weights, whose files stand for a processor that computes otherwise."""
    folder = tmp_path_factory.mktemp("other")
    return install_clap(folder, save_checkpoint(folder / "checkpoint", tiny_config(), seed=9))


@pytest.fixture
def deviating(tmp_path: Path, tiny_card: ModelCard, other_card: ModelCard) -> Any:
    """Makes a copy of the small model of which some files give other vectors than they should."""

    def make(*names: str) -> ModelCard:
        card = copied(tiny_card, tmp_path)
        for name in names:
            shutil.copyfile(other_card.locate(name), card_folder(card) / name)
        return recorded(card)

    return make


def float32_text(card: ModelCard, text: str) -> NDArray[np.float32]:
    """Of the float32 half, asked directly."""
    float32 = replace(card, answers=None, pipeline={**card.pipeline, "precision": "audio float32, text float32"})
    return Clap(float32).embed_text(text)


def test_texts_are_read_in_float32_where_int8_does_not_hold(
    deviating: Any, tiny_clap: Clap, caplog: pytest.LogCaptureFixture
) -> None:
    card = deviating("text.int8.onnx")
    clap = open_model(card)
    with caplog.at_level(logging.WARNING):
        vector = clap.embed_text("rain on a roof")

    assert vector.tobytes() == float32_text(card, "rain on a roof").tobytes()
    assert float(vector @ tiny_clap.embed_text("rain on a roof")) >= LEAST_COSINE, "the vectors stay comparable"
    assert clap.card.identity == tiny_clap.card.identity
    (record,) = (record for record in caplog.records if record.name == "models.clap.model")
    assert card.identity in record.getMessage()
    assert "texts are read in float32 here, which is slower. Export tiny-clap on this machine" in record.getMessage()

    report = check_model(clap)
    assert report.passed
    finding = next(finding for finding in report.findings if finding.advice)
    assert (finding.name, finding.advice) == ("known answers", find_notice(card))
    assert f"and {LEAST_COSINE} is needed" in finding.advice


def test_what_was_found_of_int8_is_not_looked_for_again(deviating: Any, caplog: pytest.LogCaptureFixture) -> None:
    card = deviating("text.int8.onnx")
    clap = Clap(card, RunOptions(text_idle_seconds=0.01))
    first = clap.embed_text("song 0")
    (card_folder(card) / "text.int8.onnx").unlink()
    for number in range(1, 5):
        # unloaded and loaded again in between, or not
        clap.embed_text(f"song {number}")
    assert clap.embed_text("song 0").tobytes() == first.tobytes()
    assert len([record for record in caplog.records if record.name == "models.clap.model"]) == 1


def test_a_text_half_that_holds_in_no_form_is_refused(deviating: Any) -> None:
    card = deviating("text.int8.onnx", "text.onnx")
    clap = Clap(card)
    words = (
        rf"^{card.identity} may not serve on this machine: its texts differ from the known answers by .*, "
        r"and 1e-04 is allowed\. Install the libraries of constraints\.txt, set MODEL_DEVICE=cpu, "
        r"or export it on this machine \(vibe-search models export tiny-clap\)$"
    )
    with pytest.raises(KnownAnswerError, match=words):
        clap.embed_text("rain")
    for name in ("text.int8.onnx", "text.onnx"):
        (card_folder(card) / name).unlink()
    # said again without loading anything: each search asks
    with pytest.raises(KnownAnswerError, match=words):
        clap.load_text()
    assert clap.embed_audio(known_sounds(48_000)[SOUND]).shape == (64,), "sounds are another half"


def test_sounds_that_are_heard_otherwise_are_refused(deviating: Any) -> None:
    card = deviating("audio.onnx")
    clap = Clap(card)
    with pytest.raises(KnownAnswerError, match="its sounds differ from the known answers by"):
        clap.embed_audio(np.ones(48_000, np.float32))
    (card_folder(card) / "audio.onnx").unlink()
    with pytest.raises(KnownAnswerError, match="its sounds differ from the known answers by"):
        clap.embed_file(Path("never opened"))
    assert clap.embed_text("rain").shape == (64,)

    report = check_model(clap)
    assert not report.passed
    finding = report.findings[-1]
    assert (finding.name, finding.passed, finding.value) == ("known answers", False, "other vectors")
    assert "its sounds differ from the known answers" in finding.advice


def test_an_export_of_before_opens_and_is_said_to_prove_nothing(tmp_path: Path, tiny_card: ModelCard) -> None:
    card = copied(tiny_card, tmp_path)
    (card_folder(card) / ANSWERS).unlink()
    old = recorded(card)

    assert old.answers is None
    assert (old.identity, Registry(tmp_path).is_installed(old)) == (tiny_card.identity, True)
    assert open_model(old).embed_text("rain").shape == (64,)
    finding = check_answers(open_model(old))
    assert (finding.passed, finding.value) == (True, "none are recorded")
    assert "export the model again (vibe-search models export tiny-clap)" in finding.advice


@pytest.fixture
def forgetful(tmp_path: Path) -> Any:
    """Makes the bundled model's card with other known answers than its own."""

    def make(part: str) -> ModelCard:
        card = find_model("musicnn-tags")
        answers = json.loads(find_model("musicnn-tags").answers.locate().read_text(encoding="utf-8"))  # type: ignore[union-attr]  # it has them
        vector = unit(1, card.dimensions)
        answers[part][0]["vector"] = base64.b64encode(vector.tobytes()).decode("ascii")
        path = tmp_path / ANSWERS
        path.write_text(json.dumps(answers), encoding="utf-8")
        measured = measure_file(tmp_path, ANSWERS)
        return replace(card, answers=ModelFile(str(path), measured.sha256, measured.size))

    return make


def test_the_bundled_model_is_refused_where_it_reads_otherwise(forgetful: Any) -> None:
    with pytest.raises(KnownAnswerError, match=r"its texts differ .*, set MODEL_DEVICE=cpu$"):
        MusicnnTags(forgetful("texts"))


def test_the_bundled_model_is_refused_where_it_hears_otherwise(forgetful: Any) -> None:
    model = MusicnnTags(forgetful("sounds"))
    assert model.embed_text("piano").shape == (100,)
    for ask in (model.embed_audio, model.genre_predictions, model.embed_audio):
        with pytest.raises(KnownAnswerError, match="its sounds differ from the known answers by"):
            ask(np.ones(16_000, np.float32))


class Elsewhere:
    """A machine that says that it runs one model, and runs another."""

    def __init__(self, said: ModelCard, runs: ModelCard) -> None:
        self.card = said
        self._model = ProviderModel(InProcessEmbedding(runs, RunOptions(), max_seconds=900))

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """By what it runs."""
        return self._model.embed_texts(texts)

    def embed_audio(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
        """By what it runs."""
        return self._model.embed_audio(waveform)


def test_a_model_elsewhere_is_asked_too(tiny_card: ModelCard, other_card: ModelCard) -> None:
    right = check_answers(Elsewhere(tiny_card, tiny_card), elsewhere=True)
    assert (right.passed, right.advice) == (True, "")
    assert "sounds: cosine" in right.value
    wrong = check_answers(Elsewhere(tiny_card, other_card), elsewhere=True)
    assert not wrong.passed
    assert "the machine that runs it computes otherwise, or runs other files" in wrong.advice

    unknown = check_answers(Elsewhere(replace(tiny_card, files=(), answers=None), tiny_card), elsewhere=True)
    assert (unknown.passed, unknown.value) == (True, "none here: the model is not installed on this machine")
