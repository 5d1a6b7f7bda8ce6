"""Answering 304 where a client has the present version already."""

import re
from collections.abc import Mapping

from fastapi import Request
from fastapi.responses import Response

_TAG = re.compile(r'(?:W/)?("[^"]*")')


def has_present(request: Request, tag: str) -> bool:
    """Whether one of the versions that a client has is the present one.

    Tags are compared weakly, as RFC 9110 says for If-None-Match: a compressed and a plain body are the same version.

    Args:
        request: With its If-None-Match headers, if there are any.
        tag: The present version's, with its quotation marks.
    """
    known = ",".join(request.headers.getlist("if-none-match")).strip()
    return known == "*" or tag.removeprefix("W/") in _TAG.findall(known)


def not_modified(headers: Mapping[str, str]) -> Response:
    """The answer without a body; its headers are those that the whole answer would have about the version."""
    return Response(status_code=304, headers=dict(headers))
