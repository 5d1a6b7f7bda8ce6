"""Asking the application who holds a cookie or a bearer token (VIEWER_URL)."""

import asyncio
import hashlib
import logging
import time
from typing import Any, TypeAlias

import httpx2

from services.breaker import CircuitBreaker, CircuitOpenError
from services.metrics import VIEWER_CHECKS
from services.viewer.bounded_fetch import open_client, parse_object, read_body
from services.viewer.did import is_did
from services.viewer.errors import ViewerUnavailableError
from services.viewer.protocol import Credentials
from services.viewer.recent_answers import RecentAnswers

Headers: TypeAlias = dict[bytes, bytes]

_log = logging.getLogger(__name__)

_ANONYMOUS = frozenset({401, 403})
"""Statuses by which the application says that it does not know the viewer."""

_OVERLOADED = 429
_CONNECTIONS = 16
_MOST_BYTES = 65_536
_KEPT = 10_000
_FAILURES_IN_A_ROW = 5
_OPEN_SECONDS = 10.0
_LOG_SECONDS = 10.0
"""Warnings are at least so far apart: each request of an outage would log one."""


class _ApplicationFailedError(ViewerUnavailableError):
    """The application is not there, or says that it cannot answer."""


class ApplicationViewers:
    """Forwards credentials to one endpoint of the application, and keeps its answers for seconds.

    Of a request, nothing but the cookie and the bearer token is forwarded. No redirect is followed.

    Args:
        url: The endpoint. It answers 200 and a JSON object with the DID, or 401 or 403 for an unknown viewer.
        field: Where the object has the DID; dots lead into objects.
        cookie: Name of the one cookie that is forwarded; None forwards all.
        timeout_seconds: How long a request waits for the answer.
        cache_seconds: How long an answer is kept.
    """

    def __init__(
        self,
        url: str,
        *,
        field: str = "did",
        cookie: str | None = None,
        timeout_seconds: float = 1.0,
        cache_seconds: float = 10.0,
    ) -> None:
        self._url = url
        self._field = field
        self._cookie = cookie
        self._timeout_seconds = timeout_seconds
        # the environment's proxy is no place for credentials
        self._client = open_client(connections=_CONNECTIONS, trust_env=False)
        self._places = asyncio.Semaphore(_CONNECTIONS)
        self._breaker = CircuitBreaker("viewer", failures=_FAILURES_IN_A_ROW, open_seconds=_OPEN_SECONDS)
        self._answers = RecentAnswers(seconds=cache_seconds, size=_KEPT)
        self._logged_at = float("-inf")

    async def find(self, credentials: Credentials) -> str | None:
        """The DID that the application answers; None where it knows no viewer, or there is nothing to ask about.

        Raises:
            ViewerUnavailableError: It does not answer, or not as it should.
        """
        headers = self._headers(credentials)
        if not headers:
            return None
        try:
            return await self._answers.get(_key(headers), lambda: self._ask(headers))
        except ViewerUnavailableError as error:
            self._warn(error)
            raise

    async def close(self) -> None:
        """End what is under way, and close connections."""
        await self._answers.close()
        await self._client.aclose()

    def _headers(self, credentials: Credentials) -> Headers:
        cookie = credentials.cookie
        if cookie and self._cookie is not None:
            cookie = _pick_cookie(cookie, self._cookie)
        # in the bytes that came: servers read headers as Latin-1
        headers = {b"cookie": cookie.encode("latin-1")} if cookie else {}
        if credentials.bearer:
            headers[b"authorization"] = b"Bearer " + credentials.bearer.encode("latin-1")
        return headers

    async def _ask(self, headers: Headers) -> str | None:
        try:
            did = await self._ask_in_place(headers)
        except ViewerUnavailableError:
            VIEWER_CHECKS.labels("unavailable").inc()
            raise
        VIEWER_CHECKS.labels("anonymous" if did is None else "known").inc()
        return did

    async def _ask_in_place(self, headers: Headers) -> str | None:
        """Ask as one of a bounded number. Waiting for a place does not speak against the application."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._places.acquire()
        except TimeoutError as error:
            raise ViewerUnavailableError(f"{_CONNECTIONS} questions are under way") from error
        try:
            with self._breaker.call(_ApplicationFailedError):
                return await self._get(headers)
        except CircuitOpenError as error:
            raise ViewerUnavailableError(str(error)) from error
        finally:
            self._places.release()

    async def _get(self, headers: Headers) -> str | None:
        try:
            async with (
                asyncio.timeout(self._timeout_seconds),
                self._client.stream("GET", self._url, headers=headers) as answer,
            ):
                if answer.status_code in _ANONYMOUS:
                    return None
                if answer.is_server_error or answer.status_code == _OVERLOADED:
                    raise _ApplicationFailedError(f"it answers {answer.status_code}")
                if answer.status_code != httpx2.codes.OK:
                    # what one client sent may be the cause: this must not close the door for the others
                    raise ViewerUnavailableError(f"it answers {answer.status_code}, not 200, 401 or 403")
                return _read_did(parse_object(await read_body(answer, _MOST_BYTES)), self._field)
        except TimeoutError as error:
            raise _ApplicationFailedError(f"no answer within {self._timeout_seconds:g} s") from error
        except httpx2.LocalProtocolError as error:
            raise ViewerUnavailableError("the credentials cannot be sent") from error
        except httpx2.HTTPError as error:
            raise _ApplicationFailedError(f"it cannot be reached: {type(error).__name__}") from error

    def _warn(self, error: ViewerUnavailableError) -> None:
        now = time.monotonic()
        if now - self._logged_at >= _LOG_SECONDS:
            self._logged_at = now
            _log.warning("VIEWER_URL does not say who asks, so requests are anonymous: %s", error)


def _key(headers: Headers) -> bytes:
    """A hash, so that the memory of the process holds no list of sessions; lengths keep two headers apart."""
    parts = (b"%s %d %s" % (name, len(value), value) for name, value in sorted(headers.items()))
    return hashlib.sha256(b"".join(parts)).digest()


def _pick_cookie(header: str, name: str) -> str | None:
    """The pairs of one name, as they came."""
    pairs = (pair.strip() for pair in header.split(";"))
    return "; ".join(pair for pair in pairs if pair.partition("=")[0].strip() == name) or None


def _read_did(content: dict[str, Any], field: str) -> str | None:
    """The DID of an answer; None where the field is null.

    Raises:
        ViewerUnavailableError: There is no such field, or its value is no DID.
    """
    value: Any = content
    for name in field.split("."):
        if not isinstance(value, dict) or name not in value:
            raise ViewerUnavailableError(f"the answer has no field {field} (VIEWER_FIELD)")
        value = value[name]
    if value is None:
        return None
    if not is_did(value):
        raise ViewerUnavailableError(f"the field {field} of the answer is no DID (VIEWER_FIELD)")
    return str(value)
