"""Reading a small JSON object from a configured address."""

import json
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx2

from services.viewer.errors import ViewerUnavailableError

_HEADERS = {"accept": "application/json", "accept-encoding": "identity", "user-agent": "vibe-search"}


def open_client(*, connections: int, trust_env: bool) -> httpx2.AsyncClient:
    """A client with connections of its own that follows no redirect and keeps no cookie.

    A cookie that it kept from one viewer's answer would be sent with another viewer's request.

    Args:
        connections: Its connections, at most.
        trust_env: Whether the environment may name a proxy.
    """
    return httpx2.AsyncClient(
        headers=_HEADERS,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        limits=httpx2.Limits(max_connections=connections, max_keepalive_connections=connections),
        follow_redirects=False,
        trust_env=trust_env,
        # the callers have a deadline for the whole
        timeout=None,
    )


async def read_body(answer: httpx2.Response, most: int) -> bytes:
    """The body of an answer that is being streamed.

    Raises:
        ViewerUnavailableError: It is larger than ``most`` bytes, or compressed.
    """
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise ViewerUnavailableError("the answer is compressed")
    body = bytearray()
    async for part in answer.aiter_raw():
        body += part
        if len(body) > most:
            raise ViewerUnavailableError(f"the answer has more than {most} bytes")
    return bytes(body)


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object of a body.

    Raises:
        ViewerUnavailableError: It is none.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ViewerUnavailableError("the answer is not JSON") from error
    if not isinstance(content, dict):
        raise ViewerUnavailableError("the answer is not a JSON object")
    return content
