"""A JSON answer that is large and seldom changes: written and compressed once, sent to many."""

import gzip
import hashlib
from dataclasses import dataclass
from typing import Self

from fastapi import Request
from fastapi.responses import Response

from app.http.conditional import has_present, not_modified
from app.http.middleware.compression import accepts_gzip
from app.http.middleware.headers import name_in_vary

_LEVEL = 6


@dataclass(frozen=True)
class KeptAnswer:
    """A body in both encodings.

    Attributes:
        plain: JSON in UTF-8.
        compressed: The same, gzipped.
        tag: Entity tag of both; weak, because they differ in their bytes.
    """

    plain: bytes
    compressed: bytes
    tag: str

    @classmethod
    def of(cls, text: str) -> Self:
        """The answer with this JSON. It compresses, which takes 0.1 s for 2 MB: call it in a thread."""
        plain = text.encode()
        tag = f'W/"{hashlib.sha256(plain).hexdigest()[:32]}"'
        return cls(plain, gzip.compress(plain, _LEVEL, mtime=0), tag)

    def respond(self, request: Request, cache_control: str) -> Response:
        """The answer to a request: 304 without a body where the client has it already.

        Args:
            request: The request.
            cache_control: How long it may be kept, by clients and by caches between.
        """
        name_in_vary(request.scope, "accept-encoding")
        headers = {"etag": self.tag, "cache-control": cache_control}
        if has_present(request, self.tag):
            return not_modified(headers)
        if accepts_gzip(request.headers):
            encoded = headers | {"content-encoding": "gzip"}
            return Response(self.compressed, media_type="application/json", headers=encoded)
        return Response(self.plain, media_type="application/json", headers=headers)
