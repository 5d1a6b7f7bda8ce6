"""The HTTP side: routes, keys, error shapes, faults."""

import contextlib
import gzip
import itertools
import json
import re
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, RLock, Thread
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from app.measure.turbopuffer_server.faults import Fault
from app.measure.turbopuffer_server.namespace import Namespace
from app.measure.turbopuffer_server.refusal import Refusal

API_KEY = "tpuf_test"

_NAMESPACE = re.compile(r"/(v[12])/namespaces/([^/]*)(/query|/metadata|/schema)?")
_NAME = re.compile(r"[A-Za-z0-9\-_.]{1,128}")
_NOW = "2026-01-01T00:00:00Z"

Json = dict[str, Any]


class TurbopufferServer:
    """What the server holds, and what it has been told to do wrong.

    Attributes:
        namespaces: By name.
        faults: What goes wrong next, each once, in order.
        requests: Method, path and body of everything that came.
        on_write: Called after each write that happened, with the server locked.
        answer_query: Changes what queries are answered.
        on_request: Called before each request is looked at.
        held: Set when a request has met the fault ``hold``.
        release: Set to let it go on.
    """

    def __init__(self) -> None:
        self.namespaces: dict[str, Namespace] = {}
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str, Json]] = []
        self.on_write: Callable[[], None] = lambda: None
        self.answer_query: Callable[[Json], Json] = lambda answer: answer
        self.on_request: Callable[[str, str], None] = lambda _method, _path: None
        self.url = ""
        self.closing = Event()
        self.lock = RLock()
        self.held = Event()
        self.release = Event()
        self._delayed: list[Callable[[], object]] = []

    def live(self, namespace: str) -> dict[int, Json]:
        """Documents that are no removals, by id."""
        with self.lock:
            held = self.namespaces.get(namespace)
            return {k: row for k, row in (held.rows if held else {}).items() if row.get("removed_at") is None}

    def apply_delayed(self, most: int | None = None) -> None:
        """Let writes happen that the client believes to have failed."""
        with self.lock:
            now, self._delayed = self._delayed[:most], self._delayed[len(self._delayed[:most]) :]
            for write in now:
                with contextlib.suppress(Refusal):
                    write()

    def take_fault(self, kind: str) -> Fault | None:
        """What is to go wrong with this request."""
        with self.lock:
            for place, fault in enumerate(self.faults):
                if fault.only in {"any", kind}:
                    return self.faults.pop(place)
        return None

    def delay(self, write: Callable[[], object]) -> None:
        """Keep a write for later."""
        with self.lock:
            self._delayed.append(write)

    def answer(self, method: str, path: str, body: Json) -> Json:
        """What a request is answered, once it has been let in.

        Raises:
            Refusal: With an error.
        """
        parts = urlsplit(path)
        with self.lock:
            if method == "GET" and parts.path == "/v1/namespaces":
                return self._list(parse_qs(parts.query))
            found = _NAMESPACE.fullmatch(parts.path)
            if found is None:
                raise Refusal(404, "no such route")
            name, rest = unquote(found[2]), found[3]
            if not _NAME.fullmatch(name):
                raise Refusal(400, "invalid namespace name")
            if (method, rest) == ("POST", None):
                return self._write(name, body)
            namespace = self.namespaces.get(name)
            if namespace is None:
                raise Refusal(404, f"namespace '{name}' was not found")
            if (method, rest) == ("POST", "/query"):
                return self.answer_query(_query(namespace, body))
            if (method, rest) == ("GET", "/metadata"):
                return _metadata(namespace)
            if (method, rest) == ("DELETE", None):
                del self.namespaces[name]
                self.on_write()
                return {"status": "OK"}
            raise Refusal(405, "no such method")

    def _write(self, name: str, body: Json) -> Json:
        create, namespace = body.get("create_namespace"), self.namespaces.get(name)
        if namespace is None and create is False:
            raise Refusal(404, f"namespace '{name}' was not found")
        if namespace is None and create and "id" not in body.get("schema", {}):
            raise Refusal(400, "an empty namespace needs the type of its ids")
        target = namespace or Namespace()
        changed = target.write(body)
        if create or target.rows:
            self.namespaces[name] = target
        self.on_write()
        return {
            "status": "OK",
            "message": f"{changed} rows affected",
            "rows_affected": changed,
            "billing": {"billable_logical_bytes_written": changed},
        }

    def _list(self, query: dict[str, list[str]]) -> Json:
        prefix, size = query.get("prefix", [""])[0], int(query.get("page_size", ["100"])[0])
        cursor = query.get("cursor", [""])[0]
        names = sorted(name for name in self.namespaces if name.startswith(prefix) and name > cursor)
        page = names[:size]
        more = {"next_cursor": page[-1]} if len(names) > size else {}
        return {"namespaces": [{"id": name} for name in page]} | more


def _query(namespace: Namespace, body: Json) -> Json:
    about = {
        "billing": {"billable_logical_bytes_queried": 0, "billable_logical_bytes_returned": 0},
        "performance": {
            "approx_namespace_size": len(namespace.rows),
            "cache_hit_ratio": 1.0,
            "cache_temperature": "hot",
            "exhaustive_search_count": 0,
            "query_execution_ms": 1,
            "server_total_ms": 1,
        },
    }
    if "queries" in body:
        return {"results": [{"rows": namespace.query(query)} for query in body["queries"]]} | about
    return {"rows": namespace.query(body)} | about


def _metadata(namespace: Namespace) -> Json:
    return {
        "approx_logical_bytes": 0,
        "approx_row_count": len(namespace.rows),
        "created_at": _NOW,
        "updated_at": _NOW,
        "encryption": {"mode": "default"},
        "index": {"status": "up-to-date"},
        "schema": namespace.schema,
    }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    state: ClassVar[TurbopufferServer]

    def do_POST(self) -> None:
        self._handle()

    do_GET = do_DELETE = do_POST  # noqa: N815 - the server's own names

    def _handle(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.headers.get("content-encoding") == "gzip":
            content = gzip.decompress(content)
        body: Json = json.loads(content) if content else {}
        self.state.requests.append((self.command, self.path, body))
        self.state.on_request(self.command, self.path)
        is_write = self.command == "POST" and not self.path.endswith("/query")
        fault = self.state.take_fault("write" if is_write else "query")
        if fault is not None and self._misbehave(fault, body):
            return
        self._answer(body)

    def _misbehave(self, fault: Fault, body: Json) -> bool:
        """Do what the fault says; whether that was all."""
        if fault.kind == "delay":
            self.state.delay(lambda: self.state.answer(self.command, self.path, body))
            self._reset()
            return True
        if fault.kind == "hold":
            self.state.held.set()
            self.state.release.wait(30)
            return False
        if fault.after or fault.kind == "duplicate":
            with contextlib.suppress(Refusal):
                self.state.answer(self.command, self.path, body)
        if fault.kind == "duplicate":
            return False
        if fault.kind == "reset":
            self._reset()
        elif fault.kind == "silence":
            self.state.closing.wait(30)
            self._reset()
        else:
            headers = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
            self._send(fault.status, {"status": "error", "error": "something went wrong"}, headers)
        return True

    def _answer(self, body: Json) -> None:
        if self.headers.get("authorization") != f"Bearer {API_KEY}":
            self._send(401, {"status": "error", "error": "invalid API key"}, {})
            return
        try:
            self._send(200, self.state.answer(self.command, self.path, body), {})
        except Refusal as refusal:
            self._send(refusal.status, {"status": "error", "error": refusal.reason}, {})

    def _send(self, status: int, body: Json, headers: dict[str, str]) -> None:
        content = json.dumps(body).encode()
        with contextlib.suppress(ConnectionError):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def _reset(self) -> None:
        """Break the connection in the middle, as a crash or a firewall does."""
        self.close_connection = True
        # lingering for no time makes closing send RST
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_arguments: object) -> None:
        """A client that went away is no error of the server."""

    def shutdown_request(self, request: Any) -> None:
        with contextlib.suppress(OSError):
            super().shutdown_request(request)


_numbers = itertools.count(1)


@contextmanager
def serving_turbopuffer() -> Iterator[TurbopufferServer]:
    """Run a server of its own."""
    state = TurbopufferServer()
    handler = type(f"Handler{next(_numbers)}", (_Handler,), {"state": state})
    server = _Server(("127.0.0.1", 0), handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.closing.set()
        state.release.set()
        server.shutdown()
        server.server_close()
        thread.join()
