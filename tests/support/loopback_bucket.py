"""A server of S3's protocol on loopback, and buckets in it."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
from moto.server import ThreadedMotoServer

from services.audio_store import Bucket, PublicAddress

_numbers = itertools.count(1)


@contextmanager
def serving_s3() -> Iterator[str]:
    """Run moto; its address."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def new_bucket(server: str, public: str | None = None) -> Bucket:
    """A bucket of its own for a test."""
    name = f"songs-{next(_numbers)}"
    httpx2.put(f"{server}/{name}").raise_for_status()
    return Bucket(server, name, "auto", "key-id", "secret", None if public is None else PublicAddress.parse(public))


@contextmanager
def requiring_keys(server: str) -> Iterator[None]:
    """Let the server look at who asks; otherwise it lets everybody in."""
    reset = f"{server}/moto-api/reset-auth"
    httpx2.post(reset, content="0").raise_for_status()
    try:
        yield
    finally:
        httpx2.post(reset, content="inf").raise_for_status()
