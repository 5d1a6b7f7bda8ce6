"""The log of a process that serves or works: lines for people, or JSON for machines, with the request's or job's id."""

import json
import logging
import re
import sys
from contextvars import ContextVar

from pythonjsonlogger.json import JsonFormatter

from app.observability.tracing import current_trace_id
from app.settings import Settings

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Of the request that is being answered here; None outside of any."""

JOB_ID: ContextVar[int | None] = ContextVar("job_id", default=None)
"""Of the queue's job that runs here; None outside of any."""

_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_JSON = "%(asctime)s %(levelname)s %(name)s %(message)s"
_RENAMED = {"asctime": "time", "levelname": "level", "name": "logger"}
_FIELDS = ("method", "route", "status", "milliseconds", "query", "request_id", "job_id", "trace_id")
"""What a line may hold beside its message."""

_PLAIN = re.compile(r"[!-~]+")
_AMBIGUOUS = re.compile(r"[\"=\\]")


def configure_service_log(settings: Settings) -> None:
    """Log to standard error as LOG_FORMAT and LOG_LEVEL say; with --verbose at least what that shows."""
    root = logging.getLogger()
    wanted = logging.getLevelNamesMapping()[settings.log_level.upper()]
    # --verbose has been there before
    level = min(wanted, root.level) if root.level == logging.INFO else wanted
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_add_ids)
    handler.setFormatter(
        JsonFormatter(_JSON, rename_fields=_RENAMED) if settings.log_format == "json" else _TextFormatter(_TEXT)
    )
    root.handlers[:] = [handler]
    root.setLevel(level)
    # clients' own lines hold whole addresses, and with them what was asked, and the cookies of answers
    for name in ("httpx", "httpx2", "httpcore", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)


class _TextFormatter(logging.Formatter):
    """Puts what a line holds beside its message behind it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line, *rest = super().format(record).split("\n", 1)
        found = {name: getattr(record, name) for name in _FIELDS if hasattr(record, name)}
        words = "".join(f" {name}={_quote(value)}" for name, value in found.items() if value is not None)
        return "\n".join([line + words, *rest])


def _quote(value: object) -> str:
    """A value as one word: a query that holds a line's end may not make up lines of its own."""
    text = str(value)
    return text if _PLAIN.fullmatch(text) and not _AMBIGUOUS.search(text) else json.dumps(text)


def _add_ids(record: logging.LogRecord) -> bool:
    ids = (("request_id", REQUEST_ID.get()), ("job_id", _job_id(record)), ("trace_id", current_trace_id()))
    for name, value in ids:
        if value is not None:
            setattr(record, name, value)
    return True


def _job_id(record: logging.LogRecord) -> int | None:
    """Of the job that runs here, or that procrastinate tells of before and after it runs."""
    told = getattr(record, "job", None)
    return JOB_ID.get() or (told.get("id") if isinstance(told, dict) else None)
