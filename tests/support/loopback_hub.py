"""A hub on this machine: what huggingface_hub needs of it to download a file."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

REVISION = "5f" * 20
REPO = "someone/some-clap"
_PIECE = 1 << 16


def git_digest(content: bytes) -> str:
    """What git calls a blob, and the hub a small file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@dataclass
class LoopbackHub:
    """What the hub has and does, and what was asked of it.

    Attributes:
        files: Content by path. Large ones are kept in another place, to which the hub redirects.
        large: Paths of those.
        revision: The commit that it has.
        commit: What it says of that, where it is to say something else.
        announced: Digests that differ from the content's, by path.
        break_after: Bytes of an answer after which the connection is cut, once each, by path.
        token: Who does not send it gets 401 from the hub itself; where large files are kept, it is not asked for.
        storage: Address of another server that keeps the large files; empty for this one.
        requests: Method, path and Range of everything asked, in order.
        tokens: Path and Authorization of the same.
    """

    files: dict[str, bytes]
    large: set[str] = field(default_factory=set)
    revision: str = REVISION
    commit: str | None = None
    announced: dict[str, str] = field(default_factory=dict)
    break_after: dict[str, int] = field(default_factory=dict)
    token: str | None = None
    storage: str = ""
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    tokens: list[tuple[str, str | None]] = field(default_factory=list)
    address: str = ""

    def asked_for(self, path: str) -> list[str | None]:
        """The Range of every request for a file's content."""
        wanted = "/storage/" if path in self.large else "/resolve/"
        return [part for method, asked, part in self.requests if method == "GET" and wanted in asked and path in asked]

    def digest(self, path: str) -> str:
        """What the hub says of a file's content."""
        content = self.files[path]
        right = hashlib.sha256(content).hexdigest() if path in self.large else git_digest(content)
        return self.announced.get(path, right)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        pass

    def _answer(self) -> None:
        hub = self.server.hub
        # a proxy is sent whole addresses
        self.path = urlsplit(self.path).path
        hub.requests.append((self.command, self.path, self.headers.get("Range")))
        hub.tokens.append((self.path, self.headers.get("Authorization")))
        prefix = f"/{REPO}/resolve/{hub.revision}/"
        if self.path.startswith("/storage/"):
            self._send(self.path.removeprefix("/storage/"))
        elif hub.token is not None and self.headers.get("Authorization") != f"Bearer {hub.token}":
            self._start(401, {"X-Error-Code": "GatedRepo", "Content-Length": "0"})
        elif not self.path.startswith(prefix) or self.path.removeprefix(prefix) not in hub.files:
            known = self.path.startswith(prefix)
            self._start(404, {"X-Error-Code": "EntryNotFound" if known else "RevisionNotFound", "Content-Length": "0"})
        elif (path := self.path.removeprefix(prefix)) in hub.large:
            about = {"X-Linked-Etag": f'"{hub.digest(path)}"', "X-Linked-Size": str(len(hub.files[path]))}
            where = {
                "Location": f"{hub.storage or hub.address}/storage/{path}",
                "ETag": '"pointer"',
                "Content-Length": "0",
            }
            self._start(302, {"X-Repo-Commit": hub.commit or hub.revision, **about, **where})
        else:
            self._send(path)

    def _send(self, path: str) -> None:
        hub, content, status = self.server.hub, self.server.hub.files[path], 200
        fields = {
            "ETag": f'"{hub.digest(path)}"',
            "X-Repo-Commit": hub.commit or hub.revision,
            "Accept-Ranges": "bytes",
        }
        if asked := self.headers.get("Range"):
            first = int(asked.removeprefix("bytes=").partition("-")[0])
            fields["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
            content, status = content[first:], 206
        self._start(status, {**fields, "Content-Length": str(len(content))})
        if self.command == "HEAD":
            return
        most = hub.break_after.pop(path, len(content))
        # whoever asked may have gone
        with suppress(ConnectionError):
            for start in range(0, most, _PIECE):
                self.wfile.write(content[start : min(start + _PIECE, most)])
        self.close_connection = most < len(content)

    def _start(self, status: int, fields: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.end_headers()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    hub: LoopbackHub


@contextmanager
def serve(hub: LoopbackHub) -> Iterator[LoopbackHub]:
    """The hub, answering at its address while the block runs."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.hub = hub
        hub.address = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
