"""A small web application with sessions, on a loopback port, that is asked who its users are."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Receive, Scope, Send

from tests.support.serving import serving

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class SessionApp:
    """Knows sessions by cookie and tokens by text; `GET /auth/me` answers as plyr.fm's does.

    Attributes:
        sessions: DID by the value of the cookie `session_id` or by bearer token; it fails for one without a DID.
        asked: The headers of each request, as they came.
        answer: Answers in place of the sessions, where it is set.
        held: Requests wait until it is set; None where they do not.
        documents: What else it answers, by path.
        address: Where it listens, without a slash at the end.
    """

    sessions: dict[str, str]
    asked: list[list[tuple[str, str]]] = field(default_factory=list)
    answer: Callable[[], Answer] | None = None
    held: threading.Event | None = None
    documents: dict[str, bytes] = field(default_factory=dict)
    address: str = ""
    _arrivals: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    @property
    def url(self) -> str:
        """Of the endpoint that tells who asks."""
        return f"{self.address}/auth/me"

    async def arrivals(self, count: int) -> None:
        """Return when this number of further requests has come."""
        for _ in range(count):
            await asyncio.to_thread(self._arrivals.acquire)

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        self.asked.append(headers)
        self._arrivals.release()
        if self.held is not None:
            await asyncio.to_thread(self.held.wait)
        status, extra, body = self._answer(scope["path"], dict(headers))
        fields = [(name.encode(), value.encode()) for name, value in extra.items()]
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, path: str, headers: dict[str, str]) -> Answer:
        if self.answer is not None:
            return self.answer()
        if path != "/auth/me":
            document = self.documents.get(path)
            return (404, {}, b"{}") if document is None else (200, {}, document)
        did = self.sessions.get(headers.get("authorization", "").removeprefix("Bearer "))
        for pair in headers.get("cookie", "").split("; "):
            if pair.startswith("session_id="):
                did = self.sessions.get(pair.removeprefix("session_id="))
        if did == "":
            return 500, {}, b""
        if did is None:
            return 401, {}, b'{"detail":"not signed in"}'
        # frameworks renew the session's cookie with each answer
        renewed = {"set-cookie": f"session_id=renewed-{did}; Path=/", "x-viewer-did": did}
        return 200, renewed, f'{{"did":"{did}","handle":"h.example","user":{{"id":"{did}"}}}}'.encode()


@contextmanager
def session_app(sessions: dict[str, str]) -> Iterator[SessionApp]:
    """The application, as long as the block runs."""
    application: Any = SessionApp(dict(sessions))
    with serving(application) as address:
        application.address = address
        yield application
