"""Pages of other origins that may call the API (CORS)."""

import re

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from app.errors import UserError

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ORIGIN = re.compile(
    rf"(?P<scheme>https?)://(?P<any>\*\.)?(?P<host>{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\])(?P<port>:[1-9][0-9]{{0,4}})?"
)
_USUAL_PORT = {"http": ":80", "https": ":443"}

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

_EXPOSED = (
    "accept-ranges",
    "content-range",
    "etag",
    "location",
    "retry-after",
    "x-request-id",
)
"""Headers that a page may read; browsers hide all others, apart from a few that are harmless."""

_PREFLIGHT_SECONDS = 7200
"""How long a browser may keep the answer to a preflight; Chromium keeps none longer."""


def read_origins(text: str) -> re.Pattern[str] | None:
    """What an allowed `Origin` header matches as a whole; None where no origin is named.

    Args:
        text: Origins with commas between them. ``*.`` at the start of a host stands for exactly one label.

    Raises:
        UserError: An entry is no origin.
    """
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    return re.compile("|".join(_pattern(entry) for entry in entries)) if entries else None


def _pattern(entry: str) -> str:
    found = _ORIGIN.fullmatch(entry)
    if found is None:
        raise UserError(
            f"CORS_ORIGINS: {entry!r} is no origin: write a scheme and a host in lower case, with no slash at the end, "
            "such as https://plyr.fm, http://localhost:5173, or https://*.plyr.fm for any one label before .plyr.fm"
        )
    # everyone can register a name below a top-level domain
    if found["any"] and "." not in found["host"]:
        raise UserError(f"CORS_ORIGINS: {entry!r} matches too many origins: name a domain, such as https://*.plyr.fm")
    usual = _USUAL_PORT[found["scheme"]]
    if found["port"] == usual:
        raise UserError(f"CORS_ORIGINS: {entry!r}: leave out {usual}, because browsers do")
    label = rf"{_LABEL}\." if found["any"] else ""
    return f"{found['scheme']}://{label}{re.escape(found['host'] + (found['port'] or ''))}"


def allow_origins(api: FastAPI, origins: re.Pattern[str]) -> None:
    """Answer preflights of these origins, and let their pages read every answer, refusals included.

    Preflights reach nothing behind this: no rate limit counts them, and the log has no line for them.

    Args:
        api: The application, with everything that answers already added.
        origins: Which origins, from `read_origins`.
    """
    api.add_middleware(
        CORSMiddleware,
        # the header has the origin itself, never *, which browsers refuse where cookies are sent
        allow_origin_regex=origins.pattern,
        allow_credentials=True,
        allow_methods=_METHODS,
        # any: tracing and other libraries of a front end add headers of their own
        allow_headers=("*",),
        allow_private_network=True,
        expose_headers=_EXPOSED,
        max_age=_PREFLIGHT_SECONDS,
    )
