"""The keys that an application signs its tokens with: a JWK set (RFC 7517) at an address or in a file."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx2
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from services.viewer.bounded_fetch import open_client, parse_object, read_body
from services.viewer.errors import ViewerUnavailableError

_log = logging.getLogger(__name__)

_KEY_TYPE = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
"""Type of the keys of an algorithm, by the beginning of its name (RFC 7518, RFC 8037)."""

_MOST_BYTES = 262_144
_FETCH_SECONDS = 5.0


class VerificationKeys(Protocol):
    """Has the key that a token should be signed with."""

    async def find(self, algorithm: str, key_id: str | None) -> PyJWK | bytes | None:
        """The key for an algorithm; None where there is none.

        Args:
            algorithm: Of the token's head, already known to be allowed.
            key_id: Of the token's head, if it names one.

        Raises:
            ViewerUnavailableError: The keys cannot be read at the moment.
        """
        ...

    async def close(self) -> None:
        """End what is under way, and close connections."""
        ...


class SharedSecret:
    """A secret that the application and search share, for the HS algorithms."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    async def find(self, algorithm: str, key_id: str | None) -> bytes:  # noqa: ARG002 - the protocol's signature
        """The secret: it is the one key."""
        return self._secret

    async def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True)
class KeyTimes:
    """When keys are read.

    Attributes:
        fresh_seconds: How old they may be before they are read again, in the background.
        retry_seconds: The least time between two readings.
        stale_seconds: How old they may be where they cannot be read again.
        wait_seconds: How long a request waits for a reading, which goes on.
        clock: Seconds that never go back.
    """

    fresh_seconds: float = 300.0
    retry_seconds: float = 10.0
    stale_seconds: float = 3600.0
    wait_seconds: float = 1.0
    clock: Callable[[], float] = time.monotonic


class KeySet:
    """The public keys of a JWK set, read when they are needed and kept. Used on one event loop.

    A token that names a key that is not known makes them read at once, but never more often than every
    ``retry_seconds``: anyone can send a token that names any key.

    Args:
        source: Address or file, for messages.
        read: Reads the set.
        times: When it is read.
    """

    def __init__(self, source: str, read: Callable[[], Awaitable[bytes]], times: KeyTimes | None = None) -> None:
        self._source = source
        self._read = read
        self._times = times or KeyTimes()
        self._keys: list[dict[str, Any]] = []
        self._built: dict[tuple[int, str], PyJWK | None] = {}
        self._read_at = self._tried_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    async def find(self, algorithm: str, key_id: str | None) -> PyJWK | None:
        """The one public key of the set that fits; None where none or, without a key id, several do.

        Raises:
            ViewerUnavailableError: The set has not been read for ``stale_seconds``, or is being read for too long.
        """
        if self._age() >= self._times.fresh_seconds:
            reading = self._start()
            if self._age() >= self._times.stale_seconds:
                await self._wait(reading)
        found = self._pick(algorithm, key_id)
        if found is None:
            await self._wait(self._start())
            found = self._pick(algorithm, key_id)
        if self._age() >= self._times.stale_seconds:
            raise ViewerUnavailableError(f"the keys of {self._source} cannot be read")
        return found

    async def _wait(self, reading: asyncio.Task[None] | None) -> None:
        """Wait for a reading, if there is one."""
        # unlike wait_for, this leaves the reading alone when the time is over, or when the request ends
        if reading is not None and (await asyncio.wait([reading], timeout=self._times.wait_seconds))[1]:
            raise ViewerUnavailableError(f"the keys of {self._source} are not read in time")

    async def close(self) -> None:
        """End a reading that is under way."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    def _age(self) -> float:
        return self._times.clock() - self._read_at

    def _start(self) -> asyncio.Task[None] | None:
        """The reading that is under way, or a new one; None where the last was a moment ago."""
        if self._reading is not None and not self._reading.done():
            return self._reading
        if self._times.clock() - self._tried_at < self._times.retry_seconds:
            return None
        self._tried_at = self._times.clock()
        self._reading = asyncio.create_task(self._refresh())
        return self._reading

    async def _refresh(self) -> None:
        try:
            keys = _parse_keys(await self._read())
        except (ViewerUnavailableError, OSError) as error:
            _log.warning("VIEWER_JWT_KEYS: the keys of %s cannot be read: %s", self._source, error)
            return
        self._keys = keys
        self._built = {}
        self._read_at = self._times.clock()

    def _pick(self, algorithm: str, key_id: str | None) -> PyJWK | None:
        fitting = [
            number
            for number, key in enumerate(self._keys)
            if key.get("kty") == _KEY_TYPE.get(algorithm[:2])
            and key.get("alg", algorithm) == algorithm
            and (key_id is None or key.get("kid") == key_id)
        ]
        return self._build(fitting[0], algorithm) if len(fitting) == 1 else None

    def _build(self, number: int, algorithm: str) -> PyJWK | None:
        """The key, built once for each algorithm."""
        if (number, algorithm) not in self._built:
            try:
                self._built[number, algorithm] = PyJWK(self._keys[number], algorithm)
            except (PyJWTError, ValueError, TypeError) as error:
                _log.warning("VIEWER_JWT_KEYS: a key of %s is left out: %s", self._source, type(error).__name__)
                self._built[number, algorithm] = None
        return self._built[number, algorithm]


class RemoteKeySet(KeySet):
    """A JWK set at an address. No redirect is followed."""

    def __init__(self, url: str, times: KeyTimes | None = None) -> None:
        super().__init__(url, self._fetch, times)
        self._url = url
        self._client = open_client(connections=1, trust_env=True)

    async def close(self) -> None:
        """End a reading that is under way, and close the connection."""
        await super().close()
        await self._client.aclose()

    async def _fetch(self) -> bytes:
        try:
            async with asyncio.timeout(_FETCH_SECONDS), self._client.stream("GET", self._url) as answer:
                if answer.status_code != httpx2.codes.OK:
                    raise ViewerUnavailableError(f"the answer is {answer.status_code}")
                return await read_body(answer, _MOST_BYTES)
        except TimeoutError as error:
            raise ViewerUnavailableError(f"no answer within {_FETCH_SECONDS:g} s") from error
        except httpx2.HTTPError as error:
            raise ViewerUnavailableError(str(error) or type(error).__name__) from error


def file_key_set(path: Path, times: KeyTimes | None = None) -> KeySet:
    """A JWK set in a file, which is read again within minutes of a change."""
    return KeySet(str(path), lambda: asyncio.to_thread(path.read_bytes), times)


def _parse_keys(body: bytes) -> list[dict[str, Any]]:
    """The keys of a JWK set that verify signatures.

    Raises:
        ViewerUnavailableError: It is none.
    """
    listed = parse_object(body).get("keys")
    if not isinstance(listed, list):
        raise ViewerUnavailableError("it is no JWK set: it has no list of keys")
    return [key for key in listed if isinstance(key, dict) and _verifies(key)]


def _verifies(key: dict[str, Any]) -> bool:
    """Whether it is a public key to verify signatures with; what a set has for encryption is left alone."""
    operations = key.get("key_ops")
    return (
        key.get("kty") in _KEY_TYPE.values()
        and "d" not in key
        and key.get("use", "sig") == "sig"
        and (not isinstance(operations, list) or "verify" in operations)
    )
