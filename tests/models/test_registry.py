"""The manifest, identities, and files that are not what they should be."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from models.audio.windows import SILENCE_STEP, SILENT
from models.card import GenreCard, ModelCard, ModelFile, ModelFileError, verify_files
from models.registry import (
    MANIFEST,
    ManifestError,
    Registry,
    UnknownModelError,
    WrongKindError,
    find_model,
    load_all,
    load_manifest,
    open_genre_model,
    open_model,
)

if TYPE_CHECKING:
    from pathlib import Path

NAME = "musicnn-tags"


GENRES = "discogs-effnet"
HUB_MODELS = ("clap-htsat-unfused", "larger_clap_general")
WINDOW = 480_000


def test_every_model_of_the_manifest_is_whole() -> None:
    for name, card in load_manifest().items():
        assert card.name == name
        assert card.licence
        assert card.source
        assert {"slope", "intercept"} <= set(card.match)
        assert card.bundled == (card.hub is None)
        if card.bundled:
            verify_files(card)


@pytest.mark.parametrize("name", HUB_MODELS)
def test_a_model_of_the_hub_is_pinned_to_a_commit_and_to_digests(name: str) -> None:
    card = find_model(name)
    assert card.hub is not None
    assert re.fullmatch("[0-9a-f]{40}", card.hub.revision)
    assert card.pipeline["checkpoint"] == f"{card.hub.repo}@{card.hub.revision}"
    assert {"config.json", "preprocessor_config.json", "tokenizer.json"} < {file.path for file in card.hub.files}
    (weights,) = (file for file in card.hub.files if file.path == "pytorch_model.bin")
    assert weights.sha256 is not None
    for file in card.hub.files:
        assert (file.sha256 is None) == (file.size is None)
        assert file.sha256 is None or re.fullmatch("[0-9a-f]{64}", file.sha256)


@pytest.mark.parametrize("name", HUB_MODELS)
def test_a_model_of_the_hub_says_how_to_install_it(name: str) -> None:
    with pytest.raises(ModelFileError, match=rf"{name} is not installed: vibe-search models pull {name}, then"):
        open_model(name)


def test_a_model_of_a_web_address_is_pinned_to_digests_and_says_how_it_may_be_used() -> None:
    (card,) = (card for card in load_all().values() if isinstance(card, GenreCard))
    assert card.name == GENRES
    assert card.web.address.startswith("https://")
    assert card.web.address.endswith("/")
    assert {card.pipeline["network"], card.pipeline["metadata"]} == {file.name for file in card.web.files}
    assert all(file.size and re.fullmatch("[0-9a-f]{64}", file.sha256 or "") for file in card.web.files)
    assert card.licence == "CC-BY-NC-SA-4.0"
    assert "not for commercial use" in card.description


def test_a_model_that_only_names_genres_is_none_that_embeds(tmp_path: Path) -> None:
    known = Registry(tmp_path)
    assert GENRES not in load_manifest()
    assert GENRES not in known.cards()
    for find in (find_model, known.find):
        with pytest.raises(WrongKindError, match=f"{GENRES} only names genres: it makes no vectors"):
            find(GENRES)
    assert known.find_identity(known.find_any(GENRES).identity) is None


def test_models_that_name_genres_are_found_by_name(tmp_path: Path) -> None:
    known = Registry(tmp_path)
    assert known.find_genre_model(NAME) == find_model(NAME)
    assert isinstance(known.find_genre_model(GENRES), GenreCard)
    with pytest.raises(WrongKindError, match=rf"{HUB_MODELS[0]} names no genres; those that do are: {NAME}, {GENRES}$"):
        known.find_genre_model(HUB_MODELS[0])
    with pytest.raises(UnknownModelError, match=f"no model is named 'clip'; known are: {NAME}, {GENRES}$"):
        known.find_genre_model("clip")


def test_a_model_that_does_both_is_opened_once() -> None:
    assert id(open_genre_model(find_model(NAME))) == id(open_model(NAME))


def test_a_model_of_a_web_address_says_how_to_install_it(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=f"{GENRES} is not installed: vibe-search models pull {GENRES}$"):
        open_genre_model(Registry(tmp_path).find_genre_model(GENRES))


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
        ("[[model]]\nname = 'a'\nfiles = []\n", "either files or a hub"),
        ("[[model]]\nname = 'a'\nfiles = [{ path = 'a', sha256 = 'b', size = 1 }]\n", "missing"),
        ("[[model]]\nfiles = [{ path = 'a', sha = 'b' }]\n", "sha"),
        ("[[model]]\nname = 'a'\nkind = 'tags'\n", "a model's kind is embedding or genres, not tags"),
        ("[[model]]\nname = 'a'\nkind = 'genres'\n", "web"),
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


def test_a_model_has_either_files_or_a_hub(tmp_path: Path) -> None:
    path = tmp_path / "manifest.toml"
    whole = MANIFEST.read_text(encoding="utf-8")
    path.write_text(whole.replace("[model.hub]", "[[model.files]]\npath = 'a'\nsha256 = ''\nsize = 1\n[model.hub]", 1))
    with pytest.raises(ManifestError, match="clap-htsat-unfused: a model has either files or a hub"):
        load_manifest(path)


def test_windows_from_settings_are_part_of_the_identity(tmp_path: Path) -> None:
    name = HUB_MODELS[0]
    plans = [(10.0, 900.0), (5.0, 900.0), (10.0, 60.0), (10.0, 889.9)]
    cards = [Registry(tmp_path, hop, most).find(name) for hop, most in plans]

    assert [dict(card.pipeline["windows"]) for card in cards] == [
        {"size": WINDOW, "hop": WINDOW, "most": 90},
        {"size": WINDOW, "hop": WINDOW // 2, "most": 179},
        {"size": WINDOW, "hop": WINDOW, "most": 6},
        {"size": WINDOW, "hop": WINDOW, "most": 89},
    ]
    assert len({card.identity for card in cards}) == 4
    assert cards[0].identity == find_model(name).identity == Registry(tmp_path / "elsewhere").find(name).identity


@pytest.mark.parametrize(("hop", "most"), [(60.0, 900.0), (1e-9, 1e-9)])
def test_windows_that_could_not_be_are_the_nearest_that_can(tmp_path: Path, hop: float, most: float) -> None:
    windows = Registry(tmp_path, hop, most).find(HUB_MODELS[0]).pipeline["windows"]
    assert 1 <= windows["hop"] <= windows["size"]
    assert windows["most"] >= 1


def test_a_bundled_model_has_its_own_windows(tmp_path: Path) -> None:
    assert Registry(tmp_path, 3.0, 30.0).find(NAME) == find_model(NAME)


def test_a_registry_knows_the_manifest_and_what_is_installed(models_dir: Path, tiny_card: ModelCard) -> None:
    registry = Registry(models_dir)

    assert list(registry.cards()) == [*load_manifest(), tiny_card.name]
    assert registry.find(tiny_card.name) == tiny_card
    assert registry.is_installed(tiny_card)
    assert registry.is_installed(registry.find(NAME))
    assert not registry.is_installed(registry.find(HUB_MODELS[0]))
    assert registry.folder(tiny_card) == tiny_card.folder == models_dir / tiny_card.name
    verify_files(tiny_card)


def test_a_model_is_found_by_its_identity(models_dir: Path, tiny_card: ModelCard) -> None:
    registry = Registry(models_dir)
    for name in (NAME, HUB_MODELS[1], tiny_card.name):
        card = registry.find(name)
        assert registry.find_identity(card.identity) == card
        assert registry.find_identity(card.identity[:-1] + "g") is None
    # with other windows its vectors would be others
    assert Registry(models_dir, hop_seconds=5).find_identity(tiny_card.identity) is None


def test_an_unknown_name_is_answered_with_the_installed_ones_too(models_dir: Path, tiny_card: ModelCard) -> None:
    with pytest.raises(UnknownModelError, match=f"known are: {NAME}, .*, {tiny_card.name}$"):
        Registry(models_dir).find("clip")


def copied(card: ModelCard, folder: Path) -> Path:
    assert card.folder is not None
    return shutil.copytree(card.folder, folder)


def test_a_model_without_a_file_is_not_installed(tmp_path: Path, tiny_card: ModelCard) -> None:
    folder = copied(tiny_card, tmp_path / tiny_card.name)
    registry = Registry(tmp_path)
    (folder / "text.onnx").unlink()

    card = registry.find(tiny_card.name)
    assert not registry.is_installed(card)
    with pytest.raises(ModelFileError, match=r"tiny-clap: .*text\.onnx is missing"):
        open_model(card)


def test_a_damaged_model_is_not_opened(tmp_path: Path, tiny_card: ModelCard) -> None:
    path = copied(tiny_card, tmp_path / tiny_card.name) / "tokenizer.json"
    content = path.read_bytes()
    path.write_bytes(content[:500] + bytes([content[500] ^ 1]) + content[501:])
    with pytest.raises(ModelFileError, match=r"tokenizer\.json is damaged"):
        open_model(Registry(tmp_path).find(tiny_card.name))


def test_an_installation_of_another_checkpoint_does_not_count(tmp_path: Path, tiny_card: ModelCard) -> None:
    copied(tiny_card, tmp_path / HUB_MODELS[0])
    registry = Registry(tmp_path)
    card = registry.find(HUB_MODELS[0])

    assert card.files == ()
    assert not registry.is_installed(card)
    with pytest.raises(ModelFileError, match="is not installed"):
        open_model(card)


@pytest.mark.parametrize("name", [".tiny-clap-abc123", "renamed"])
def test_what_is_being_prepared_or_was_renamed_is_no_model(tmp_path: Path, tiny_card: ModelCard, name: str) -> None:
    copied(tiny_card, tmp_path / name)
    assert list(Registry(tmp_path).cards()) == list(load_manifest())


@pytest.mark.parametrize(
    "change",
    [
        {"card": {}},
        {"card": {"name": "tiny-clap"}},
        {"card": None},
        {"card": []},
        {"files": "text.onnx"},
        {"pipeline": {}},
        {"pipeline": {"checkpoint": "a"}},
        {"pipeline": {"checkpoint": "a", "windows": 3}},
    ],
)
def test_a_broken_record_breaks_nothing_else(tmp_path: Path, tiny_card: ModelCard, change: dict[str, Any]) -> None:
    path = copied(tiny_card, tmp_path / tiny_card.name) / "installed.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    (record["card"] if "pipeline" in change else record).update(change)
    path.write_text(json.dumps(record), encoding="utf-8")

    registry = Registry(tmp_path)
    assert list(registry.cards()) == list(load_manifest())
    assert registry.find_identity(tiny_card.identity) is None


def test_a_folder_of_models_need_not_exist(tmp_path: Path) -> None:
    assert list(Registry(tmp_path / "nowhere").cards()) == list(load_manifest())


def test_what_the_manifest_says_of_silence_is_what_is_skipped() -> None:
    """Other figures give other vectors: they must make another identity."""
    said = f"skipped at the beginning: below {SILENT}, in steps of {SILENCE_STEP} samples"
    assert [find_model(name).pipeline["silence"] for name in HUB_MODELS] == [said] * len(HUB_MODELS)
