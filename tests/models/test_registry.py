"""The manifest, identities, and files that are not what they should be."""

from __future__ import annotations

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from models.model_card import ModelCard, ModelFile, ModelFileError, verify_files
from models.registry import MANIFEST, ManifestError, UnknownModelError, find_model, load_manifest, open_model

if TYPE_CHECKING:
    from pathlib import Path

NAME = "musicnn-tags"


def test_every_model_of_the_manifest_is_whole() -> None:
    for name, card in load_manifest().items():
        assert card.name == name
        assert card.licence
        assert card.source
        verify_files(card)


def test_bundled_weights_come_with_their_licence_and_stay_small() -> None:
    folder = find_model(NAME).locate("tags.json").parent

    assert "Permission to use, copy, modify" in (folder / "LICENSE").read_text(encoding="utf-8")
    assert sum(path.stat().st_size for path in folder.iterdir()) < 10_000_000


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownModelError, match=rf"no model is named 'clip'; known are: .*{NAME}"):
        find_model("clip")


def test_the_identity_names_the_model_and_its_pipeline() -> None:
    assert re.fullmatch(rf"{NAME}@[0-9a-f]{{12}}", find_model(NAME).identity)
    assert find_model(NAME).identity == find_model(NAME).identity


def test_the_identity_changes_with_anything_that_shapes_a_vector() -> None:
    card = find_model(NAME)
    pipelines = [
        {**card.pipeline, "precision": "float16"},
        {**card.pipeline, "windows": {**card.pipeline["windows"], "hop": 24_000}},
        {**card.pipeline, "text": {**card.pipeline["text"], "temperature": 0.06}},
    ]
    first, *rest = card.files
    changed = [replace(card, pipeline=pipeline) for pipeline in pipelines]
    changed.append(replace(card, files=(replace(first, sha256="0" * 64), *rest)))
    changed.append(replace(card, files=tuple(rest)))

    assert len({card.identity, *(other.identity for other in changed)}) == len(changed) + 1


def test_the_identity_does_not_change_with_words_about_the_model() -> None:
    card = find_model(NAME)
    assert replace(card, description="Better words.", source="elsewhere").identity == card.identity


def made_up(path: Path, content: bytes) -> ModelCard:
    """A card with one file."""
    file = ModelFile(str(path), hashlib.sha256(content).hexdigest(), len(content))
    return replace(find_model(NAME), name="made-up", files=(file,))


def test_a_flipped_byte_is_found(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    content = bytes(range(256)) * 10
    path.write_bytes(content)
    verify_files(made_up(path, content))

    path.write_bytes(content[:1000] + bytes([content[1000] ^ 1]) + content[1001:])
    with pytest.raises(ModelFileError, match=r"made-up: .*weights\.bin is damaged"):
        verify_files(made_up(path, content))


def test_a_short_or_missing_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(b"abc")
    with pytest.raises(ModelFileError, match=r"weights\.bin has 3 bytes instead of 4"):
        verify_files(made_up(path, b"abcd"))

    path.unlink()
    with pytest.raises(ModelFileError, match=r"weights\.bin is missing"):
        verify_files(made_up(path, b"abc"))


def test_a_file_of_a_package_that_is_not_installed_is_reported() -> None:
    with pytest.raises(ModelFileError, match="no_such_package is not installed"):
        ModelFile("weights.bin", "", 0, package="no_such_package").locate()


def test_a_file_that_the_card_does_not_list_is_reported() -> None:
    with pytest.raises(ModelFileError, match=r"lists no file named other\.bin"):
        find_model(NAME).locate("other.bin")


def test_a_model_is_opened_once() -> None:
    with ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(lambda _: open_model(NAME), range(4)))

    assert len({id(model) for model in opened}) == 1
    assert opened[0].card == find_model(NAME)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[model]", "manifest"),
        ("[[model]]\nname = 'a'\n", "files"),
        ("[[model]]\nname = 'a'\nfiles = []\n", "missing"),
        ("[[model]]\nfiles = [{ path = 'a', sha = 'b' }]\n", "sha"),
    ],
)
def test_a_broken_manifest_is_reported(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "manifest.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ManifestError, match=reason):
        load_manifest(path)


def test_a_name_can_be_used_once(tmp_path: Path) -> None:
    path = tmp_path / "manifest.toml"
    path.write_text(MANIFEST.read_text(encoding="utf-8") * 2, encoding="utf-8")
    with pytest.raises(ManifestError, match="occurs twice"):
        load_manifest(path)
