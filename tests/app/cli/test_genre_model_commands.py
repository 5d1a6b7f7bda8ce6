"""vibe-search models with a model that only names genres: pull, list, remove, and what it is refused for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.command import cli
from app.errors import UserError
from app.settings import get_settings
from models import registry
from models.files import download
from models.genres import GenreModel
from models.registry import MANIFEST, Registry, open_genre_model
from tests.support import tiny_effnet
from tests.support.loopback_files import LoopbackFiles, serve
from tests.support.tiny_effnet import METADATA, NAME, NETWORK

Run = Callable[..., Result]


@pytest.fixture
def web() -> Iterator[LoopbackFiles]:
    """A server that has a network of the right shape."""
    with serve(LoopbackFiles(tiny_effnet.files())) as running:
        yield running


def write_manifest(path: Path, web: LoopbackFiles) -> Path:
    """The manifest, with the server's files pinned in place of the published ones."""
    head, _, tail = MANIFEST.read_text(encoding="utf-8").partition("[model.web]")
    pinned = "".join(
        f'{{ path = "{name}", size = {len(content)}, sha256 = "{hashlib.sha256(content).hexdigest()}" }},'
        for name, content in web.files.items()
    )
    source = f'[model.web]\naddress = "{web.address}"\nfiles = [{pinned}]\n\n'
    path.write_text(head + source + tail[tail.index("[model.pipeline]") :], encoding="utf-8")
    return path


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    """MODELS_DIR, which does not exist yet."""
    return tmp_path / "models"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, models_dir: Path, web: LoopbackFiles) -> Iterator[Run]:
    """Runs the command with a manifest whose address, sizes and digests are the loopback server's."""
    manifest = write_manifest(tmp_path / "manifest.toml", web)
    monkeypatch.setattr(registry, "load_all", partial(registry.load_all, manifest))
    for name, value in {
        "MODELS_DIR": str(models_dir),
        "DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": "postgresql://localhost:1/none",
        "COLUMNS": "200",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.0)
    get_settings.cache_clear()
    yield lambda *arguments: CliRunner().invoke(cli, ["models", *map(str, arguments)])
    get_settings.cache_clear()


def refused(result: Result) -> str:
    assert isinstance(result.exception, UserError), result.output
    return str(result.exception)


def opened(models_dir: Path) -> GenreModel:
    return open_genre_model(Registry(models_dir).find_genre_model(NAME))


def listed(run: Run) -> dict[str, object]:
    models: list[dict[str, object]] = json.loads(run("list", "--json").output)
    return next(model for model in models if model["name"] == NAME)


def test_pull_list_and_remove(run: Run, models_dir: Path) -> None:
    assert (listed(run)["kind"], listed(run)["dimensions"], listed(run)["installed"]) == ("genres", None, False)

    result = run("pull", NAME)
    assert result.exit_code == 0, result.exception
    assert "discogs-effnet is installed. Its licence is CC-BY-NC-SA-4.0" in result.output
    assert [path.name for path in models_dir.iterdir()] == [NAME]
    assert sorted(path.name for path in (models_dir / NAME).iterdir()) == [METADATA, NETWORK, "installed.json"]
    opened(models_dir)

    assert listed(run)["installed"] is True
    assert listed(run)["bytes"] == sum(len(content) for content in tiny_effnet.files().values())
    table = run("list").output
    assert next(line for line in table.splitlines() if NAME in line).split()[1:2] == ["genres"]
    assert "CC-BY-NC-SA-4.0" in table

    result = run("remove", NAME)
    assert result.exit_code == 0, result.exception
    assert list(models_dir.iterdir()) == []
    assert "there is nothing of discogs-effnet to remove" in refused(run("remove", NAME))


def test_pull_goes_on_where_it_was_cut_off(run: Run, models_dir: Path, web: LoopbackFiles) -> None:
    web.break_after[NETWORK] = [200_000, *[0] * download.ATTEMPTS]
    assert "Run it again to go on" in refused(run("pull", NAME))
    assert not (models_dir / NAME).exists()
    with pytest.raises(registry.ModelFileError, match="is not installed: vibe-search models pull discogs-effnet"):
        opened(models_dir)

    web.requests.clear()
    assert run("pull", NAME).exit_code == 0
    assert web.requests[0] == (NETWORK, "bytes=200000-")
    opened(models_dir)


def test_pull_from_a_folder_needs_no_network(run: Run, models_dir: Path, tmp_path: Path, web: LoopbackFiles) -> None:
    folder = tiny_effnet.write_files(tmp_path / "usb", web.files)
    assert run("pull", NAME, "--from", folder).exit_code == 0
    assert web.requests == []
    opened(models_dir)
    # what was given stays
    assert sorted(path.name for path in folder.iterdir()) == [METADATA, NETWORK]

    (folder / METADATA).unlink()
    assert f"lacks {METADATA}" in refused(run("pull", NAME, "--from", folder))
    opened(models_dir)


def test_a_download_that_is_no_such_model_is_not_kept(
    run: Run, models_dir: Path, tmp_path: Path, web: LoopbackFiles
) -> None:
    web.files[METADATA] = tiny_effnet.metadata(classes=["Rock---Punk"])
    write_manifest(tmp_path / "manifest.toml", web)
    words = refused(run("pull", NAME))
    assert "output ['batch', 1] is wanted, and there is activations ['batch', 400]" in words
    assert "nothing was installed" in words
    assert list(models_dir.iterdir()) == []


@pytest.mark.parametrize("command", ["use", "check"])
def test_it_can_neither_serve_nor_be_checked(run: Run, command: str) -> None:
    assert "discogs-effnet only names genres: it makes no vectors" in refused(run(command, NAME))


def test_there_is_nothing_to_export(run: Run, tmp_path: Path) -> None:
    assert "only names genres: there is nothing to export" in refused(run("export", NAME))
    assert "only names genres: there is nothing to export" in refused(run("export", NAME, "--from", tmp_path))
