"""A web server on this machine that has files, and cuts connections when it is told to."""

from __future__ import annotations

import gzip
import hashlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE = 1 << 16


@dataclass
class LoopbackFiles:
    """What the server has and does, and what was asked of it.

    Attributes:
        files: Content by name.
        break_after: Bytes of an answer after which the connection is cut, once each, by name.
        redirects: Where a name lies instead.
        status: What is answered in place of a file, by name.
        status_once: The same, once each.
        versioned: Whether the server says which version a file is of.
        ranged: Whether it sends parts.
        measured: Whether it says how long a file is.
        coded: Whether it compresses files, whatever it is asked for.
        requests: Name and Range of everything asked, in order.
    """

    files: dict[str, bytes]
    break_after: dict[str, list[int]] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    status: dict[str, int] = field(default_factory=dict)
    status_once: dict[str, list[int]] = field(default_factory=dict)
    versioned: bool = True
    ranged: bool = True
    measured: bool = True
    coded: bool = False
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    address: str = ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Nothing: the tests read `requests`."""

    def do_GET(self) -> None:
        name, part = self.path.rpartition("/")[2], self.headers["range"]
        web = self.server.web
        web.requests.append((name, part))
        if name in web.redirects:
            self._start(302, {"location": web.redirects[name], "content-length": "0"})
        elif web.status_once.get(name):
            self._start(web.status_once[name].pop(0), {"content-length": "0"})
        elif name in web.status or name not in web.files:
            self._start(web.status.get(name, 404), {"content-length": "0"})
        else:
            self._send(web, name, part)

    def _send(self, web: LoopbackFiles, name: str, part: str | None) -> None:
        content = gzip.compress(web.files[name]) if web.coded else web.files[name]
        version = f'"{hashlib.sha256(content).hexdigest()}"'
        start = 0
        if web.ranged and part and self.headers["if-range"] == version:
            start = int(part.removeprefix("bytes=").removesuffix("-"))
        fields = {"etag": version} if web.versioned else {}
        if web.coded:
            fields["content-encoding"] = "gzip"
        if web.measured:
            fields["content-length"] = str(len(content) - start)
        if start:
            fields["content-range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self._start(206 if start else 200, fields)
        cuts = web.break_after.get(name, [])
        end = start + cuts.pop(0) if cuts else len(content)
        with suppress(ConnectionError):
            for first in range(start, min(end, len(content)), _PIECE):
                self.wfile.write(content[first : min(first + _PIECE, end)])
        self.close_connection = end < len(content) or not web.measured

    def _start(self, status: int, fields: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    web: LoopbackFiles


@contextmanager
def serve(web: LoopbackFiles) -> Iterator[LoopbackFiles]:
    """The server, answering at its address while the block runs."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.web = web
        web.address = f"http://127.0.0.1:{server.server_address[1]}/models/"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield web
        finally:
            server.shutdown()
            thread.join()
