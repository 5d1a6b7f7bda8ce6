"""What is noted of every request, and what is not."""

import asyncio
import json
import logging
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.observability.log import configure_service_log
from app.providers import Providers
from app.search import Search
from app.settings import Settings
from tests.app.conftest import open_client
from tests.support.catalogue import Catalogue

SECRET = "vs_0123456789ab_" + "f" * 64


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., list[str]]]:
    """Sets the log up as the command does; gives the lines since."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def lines(settings: Settings | None = None) -> list[str]:
        if settings is not None:
            configure_service_log(settings)
            return []
        return capsys.readouterr().err.splitlines()

    yield lines
    root.handlers[:] = handlers
    root.setLevel(level)


def ask(settings: Settings, providers: Providers, path: str, **headers: str) -> httpx2.Response:
    async def steps() -> httpx2.Response:
        async with open_client(settings, providers) as client:
            return await client.get(path, headers=headers)

    return asyncio.run(steps())


def with_log(settings: Settings, **changed: Any) -> Settings:
    return settings.model_copy(update={"log_level": "info", "log_format": "json", **changed})


def requests(lines: list[str]) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in lines]
    return [line for line in found if line["logger"] == "vibe_search.requests"]


def test_a_line_for_each_request(settings: Settings, providers: Providers, logged: Callable[..., list[str]]) -> None:
    logged(with_log(settings))
    answer = ask(with_log(settings), providers, "/search/?q=something+private")
    [line] = requests(logged())
    assert line.pop("milliseconds") > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}", line.pop("time"))
    assert line == {
        "level": "INFO",
        "logger": "vibe_search.requests",
        "message": "request",
        "method": "GET",
        "route": "/search/",
        "status": 200,
        "request_id": answer.headers["x-request-id"],
    }


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("log_queries", [False, True])
def test_nobody_reads_what_was_searched_for_unless_that_is_wanted(
    settings: Settings, providers: Providers, logged: Callable[..., list[str]], log_format: str, log_queries: bool
) -> None:
    chosen = with_log(settings, log_format=log_format, log_queries=log_queries)
    logged(chosen)
    ask(chosen, providers, "/search/?q=something+private", authorization=f"Bearer {SECRET}")
    ask(chosen, providers, "/search/?q=something+private")
    text = "\n".join(logged())
    assert "/search/" in text
    assert ("something private" in text) == log_queries
    assert "something+private" not in text
    assert SECRET not in text
    assert "f" * 64 not in text


def test_a_statement_that_fails_does_not_tell_what_was_searched_for(
    settings: Settings, providers: Providers, catalogue: Catalogue, logged: Callable[..., list[str]]
) -> None:
    chosen = with_log(settings, semantic_deadline_seconds=10.0)
    logged(chosen)
    catalogue.connection.execute("alter table search.documents rename to elsewhere")
    answer = ask(chosen, providers, "/search/?q=something+private")
    assert answer.status_code == 500
    [told] = [json.loads(line) for line in logged() if "exc_info" in line]
    assert told["request_id"] == answer.headers["x-request-id"]
    assert 'relation "search.documents" does not exist' in told["exc_info"]
    assert "something private" not in told["exc_info"]


def test_a_query_cannot_make_up_lines(
    settings: Settings, providers: Providers, logged: Callable[..., list[str]]
) -> None:
    chosen = with_log(settings, log_format="text", log_queries=True)
    logged(chosen)
    ask(chosen, providers, "/search/?q=a%0A2026-01-01%20ERROR%20forged%20status%3D500")
    [line] = [line for line in logged() if "forged" in line]
    assert line.startswith("20")
    assert 'query="a\\n2026-01-01 ERROR forged status=500"' in line


def test_a_method_that_somebody_made_up_has_no_name_of_its_own(
    settings: Settings, providers: Providers, logged: Callable[..., list[str]]
) -> None:
    logged(with_log(settings))

    async def steps() -> str:
        async with open_client(settings, providers) as client:
            await client.request("BREW", "/search/")
            return (await client.get("/metrics")).text

    shown = asyncio.run(steps())
    assert 'method="other"' in shown
    assert "BREW" not in shown
    assert [line["method"] for line in requests(logged())] == ["other", "GET"]


def test_a_proxys_id_is_kept_and_nonsense_is_not(settings: Settings, providers: Providers) -> None:
    kept = ask(settings, providers, "/healthz", **{"x-request-id": "abc-DEF_1.2"})
    assert kept.headers.get_list("x-request-id") == ["abc-DEF_1.2"]
    for nonsense in ("", "a b", "x" * 65, '{"a": 1}'):
        made = ask(settings, providers, "/healthz", **{"x-request-id": nonsense}).headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f]{16}", made)


def test_lines_of_one_request_share_its_id(
    settings: Settings, providers: Providers, logged: Callable[..., list[str]]
) -> None:
    """Whatever logs them, and in whatever thread."""
    chosen = with_log(settings, semantic_deadline_seconds=1e-6)
    logged(chosen)
    answer = ask(chosen, providers, "/search/?q=something+slow")
    lines = [json.loads(line) for line in logged()]
    about = {line["logger"] for line in lines if line.get("request_id") == answer.headers["x-request-id"]}
    assert about == {"vibe_search.requests", "app.search.search"}


def test_a_mistake_is_told_without_its_trace(
    settings: Settings, providers: Providers, logged: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def break_down(*_arguments: Any, **_named: Any) -> None:
        raise KeyError("an inner matter")

    monkeypatch.setattr(Search, "unified", break_down)
    logged(with_log(settings))
    answer = ask(with_log(settings), providers, "/search/?q=anything")
    assert answer.status_code == 500
    request_id = answer.headers["x-request-id"]
    assert answer.json() == {
        "detail": f"something went wrong here; whoever runs this server finds it in the log as {request_id}"
    }
    assert answer.headers["x-content-type-options"] == "nosniff"
    [told] = [json.loads(line) for line in logged() if "exc_info" in line]
    assert told["request_id"] == request_id
    assert "an inner matter" in told["exc_info"]


def test_the_real_server_logs_no_query(database: str, tmp_path: Path) -> None:
    """Uvicorn's own lines have the whole address."""
    environment = os.environ | {
        "DATABASE_URL": database,
        "DATA_DIR": str(tmp_path),
        "LOG_LEVEL": "debug",
        "LOG_FORMAT": "json",
    }
    command = [sys.executable, "-c", "from app.cli import main; main()", "serve", "--port", "18431"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        for _ in range(300):
            try:
                with urllib.request.urlopen("http://127.0.0.1:18431/search/?q=something+private") as answer:
                    assert answer.status == 200
                break
            except urllib.error.URLError:
                assert process.poll() is None
                time.sleep(0.1)
        process.terminate()
        _, text = process.communicate(timeout=30)
    assert '"route": "/search/"' in text
    assert "private" not in text
