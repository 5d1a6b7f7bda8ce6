"""Reading descriptions, on a small set of tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.musicnn.tag_language import TagLanguage
from models.musicnn.word_vectors import WordVectors
from models.registry import find_model

if TYPE_CHECKING:
    from pathlib import Path

TAGS = ["guitar", "piano", "vocals", "no vocals", "Hip-Hop", "calm", "loud"]

THESAURUS = """
ignored = ["the", "music"]
[read_as]
without = "no"
[tags]
calm = ["peaceful"]
"no vocals" = ["no singing"]
"""


@pytest.fixture(scope="module")
def vectors() -> WordVectors:
    card = find_model("musicnn-tags")
    return WordVectors(card.locate("l2_supercat_256.safetensors"), card.locate("l2_supercat_tokenizer_config.json"))


@pytest.fixture(scope="module")
def language(vectors: WordVectors, tmp_path_factory: pytest.TempPathFactory) -> TagLanguage:
    path = tmp_path_factory.mktemp("language") / "thesaurus.toml"
    path.write_text(THESAURUS, encoding="utf-8")
    return TagLanguage(TAGS, path, vectors, 0.05)


def heaviest(language: TagLanguage, text: str) -> str:
    return TAGS[int(np.argmax(language.weigh(text)))]


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("guitar", "guitar"),
        ("PIANO!", "piano"),
        ("the music: calm", "calm"),
        ("hip hop", "Hip-Hop"),
        ("peaceful", "calm"),
        ("vocals", "vocals"),
        ("no vocals", "no vocals"),
        ("without vocals", "no vocals"),
        ("no singing", "no vocals"),
    ],
)
def test_a_word_points_to_its_tag(language: TagLanguage, text: str, tag: str) -> None:
    assert heaviest(language, text) == tag


def test_what_resembles_a_denial_does_not_mean_it(language: TagLanguage) -> None:
    weights = dict(zip(TAGS, language.weigh("vocals"), strict=True))
    assert weights["no vocals"] == min(weights.values())


def test_every_word_pulls_with_the_same_strength(language: TagLanguage) -> None:
    weights = dict(zip(TAGS, language.weigh("piano guitar"), strict=True))
    assert weights["piano"] == pytest.approx(weights["guitar"], rel=0.05)
    assert weights["piano"] > 2 * max(abs(weights["loud"]), abs(weights["calm"]))


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("Loud hip-hop without vocals", ["loud", "hip hop", "no vocals"]),
        ("the music", ["the", "music"]),
        ("the the loud", ["loud"]),
        ("loud loud loud", ["loud"]),
        ("ｌｏｕｄ", ["loud"]),
        ("no", ["no"]),
        ("тихая музыка", ["тихая", "музыка"]),
        ("rock'n'roll, 80s_beat", ["rock", "n", "roll", "80s", "beat"]),
    ],
)
def test_a_description_is_cut_into_phrases_and_words(language: TagLanguage, text: str, segments: list[str]) -> None:
    assert language.segment(text) == segments


@pytest.mark.parametrize("text", ["loud", "xyzzy", "тихая", "静かな音楽", "9", "a", "loud " * 10_000, "calm loud"])
def test_any_words_give_a_unit_vector_without_an_average(language: TagLanguage, text: str) -> None:
    weights = language.weigh(text)

    assert np.isfinite(weights).all()
    assert np.linalg.norm(weights) == pytest.approx(1.0)
    assert weights.sum() == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("text", ["", "   ", "!?…", "🎵🎶", "_"])
def test_a_text_without_words_is_refused(language: TagLanguage, text: str) -> None:
    with pytest.raises(ValueError, match="the text has no words"):
        language.weigh(text)


def test_a_thesaurus_of_other_tags_is_refused(vectors: WordVectors, tmp_path: Path) -> None:
    path = tmp_path / "thesaurus.toml"
    path.write_text(THESAURUS, encoding="utf-8")
    with pytest.raises(ValueError, match=r"thesaurus\.toml lists tags that do not exist: calm, no vocals"):
        TagLanguage(["guitar"], path, vectors, 0.05)
    with pytest.raises(ValueError, match="temperature"):
        TagLanguage(TAGS, path, vectors, 0.0)


def test_a_phrase_does_not_depend_on_its_neighbours(vectors: WordVectors) -> None:
    alone = vectors.embed(["sad violin"])[0]
    among = vectors.embed(["a", "sad violin", "a very long phrase about nothing in particular"])[1]

    assert alone.tobytes() == among.tobytes()
    assert np.linalg.norm(alone) == pytest.approx(1.0)
    assert not vectors.embed([""]).any()
