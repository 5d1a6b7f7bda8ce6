"""Lines of the log say which job they are about."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from app.observability.log import configure_service_log
from app.providers import Providers
from app.settings import Settings
from tests.support.catalogue import Catalogue
from tests.workers.conftest import Drain

_log = logging.getLogger("tests.store")


@pytest.fixture
def _log_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("_log_as_before")
def test_whatever_logs_them_and_in_whatever_thread(
    settings: Settings,
    drain: Drain,
    catalogue: Catalogue,
    providers: Providers,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def open_and_tell(file_id: str, *_: Any, **__: Any) -> None:
        _log.warning("asked for %s", file_id)
        raise OSError("the store is away")

    monkeypatch.setattr(providers.audio_store, "open", open_and_tell)
    for title in ("one", "two"):
        catalogue.track(title, file_id=title, file_type="opus")
    configure_service_log(settings.model_copy(update={"log_level": "info", "log_format": "json"}))
    drain()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    rows = catalogue.connection.execute(
        "select id, task_name, args ->> 'file_id' from procrastinate_jobs where args ? 'file_id'"
    ).fetchall()
    assert len(rows) == 4
    for job_id, task, file_id in rows:
        about = [line for line in lines if line.get("job_id") == job_id]
        assert any(line["message"] == f"asked for {file_id}" for line in about), "from the thread that works"
        told = [line["message"] for line in about if line["logger"].startswith("procrastinate.worker")]
        assert any(message.startswith("Starting job") for message in told), "before"
        assert any("Error" in message and task in message for message in told), "and after"
        assert all(file_id in line["message"] for line in about if line["logger"] == "tests.store")
