"""Settings that are empty in the environment or in a .env file: they count as unset."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.settings import Settings

OF_EACH_KIND = {
    "MODEL_THREADS": "2",
    "SEMANTIC_DEADLINE_SECONDS": "0.5",
    "MODELS_DIR": "/srv/models",
    "DATA_DIR": "/srv/data",
    "LOG_QUERIES": "true",
    "LOG_LEVEL": "info",
    "REPLICATE_API_TOKEN": "secret",
    "R2_SECRET_ACCESS_KEY": "secret",
    "DATABASE_URL": "postgresql://someone@db/songs",
    "VIEWER_HEADER": "X-Viewer",
    "EMBEDDING_MODEL": "clap-htsat-unfused",
    "R2_REGION": "eu",
}
"""A value of each kind of setting, other than its default."""


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def value(settings: Settings, name: str) -> Any:
    return getattr(settings, name.lower())


@pytest.mark.parametrize("name", OF_EACH_KIND)
def test_an_empty_variable_is_unset(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    default = value(Settings(_env_file=None), name)
    monkeypatch.setenv(name, OF_EACH_KIND[name])
    assert value(Settings(_env_file=None), name) != default
    monkeypatch.setenv(name, "")
    assert value(Settings(_env_file=None), name) == default


@pytest.mark.parametrize("name", OF_EACH_KIND)
@pytest.mark.parametrize("empty", ["{}=", "{}=''", '{}=""', "{}"])
def test_an_empty_line_of_a_file_is_unset(tmp_path: Path, name: str, empty: str) -> None:
    file = tmp_path / ".env"
    default = value(Settings(_env_file=None), name)
    file.write_text(f"{name}={OF_EACH_KIND[name]}\n", encoding="utf-8")
    assert value(Settings(_env_file=file), name) != default
    file.write_text(f"{empty.format(name)}\n", encoding="utf-8")
    assert value(Settings(_env_file=file), name) == default


def test_every_setting_may_be_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Settings(_env_file=None)
    for name in Settings.model_fields:
        monkeypatch.setenv(name.upper(), "")
    assert Settings(_env_file=None) == plain


def test_the_file_counts_where_the_environment_is_empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("R2_BUCKET=songs\nHTTP_PORT=8080\n", encoding="utf-8")
    monkeypatch.setenv("R2_BUCKET", "")
    monkeypatch.setenv("HTTP_PORT", "9000")
    settings = Settings(_env_file=tmp_path / ".env")
    assert (settings.r2_bucket, settings.http_port) == ("songs", 9000)


@pytest.mark.parametrize(("name", "blank"), [("MODEL_THREADS", " "), ("LOG_QUERIES", " "), ("LOG_LEVEL", " ")])
def test_spaces_are_not_empty(tmp_path: Path, name: str, blank: str) -> None:
    command = "from app.settings import get_settings; get_settings()"
    path = str(Path(__file__).parents[2])
    finished = subprocess.run(
        [sys.executable, "-c", command], cwd=tmp_path, env={name: blank, "PYTHONPATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert finished.returncode != 0
    assert f"UserError: {name}: " in finished.stderr


@pytest.mark.parametrize(("trusted", "seen"), [("127.0.0.1", "10.1.2.3"), ("none", "127.0.0.1")])
def test_no_proxy_at_all_can_be_trusted(trusted: str, seen: str) -> None:
    asked: list[str] = []

    async def application(scope: Any, _receive: Any, _send: Any) -> None:
        asked.append(scope["client"][0])

    scope: Any = {"type": "http", "client": ("127.0.0.1", 1), "headers": [(b"x-forwarded-for", b"10.1.2.3")]}
    middleware = ProxyHeadersMiddleware(application, Settings(_env_file=None, trusted_proxies=trusted).trusted_proxies)
    asyncio.run(middleware(scope, None, None))  # type: ignore[arg-type]  # it only passes them on
    assert asked == [seen]
