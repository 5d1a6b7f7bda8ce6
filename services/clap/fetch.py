"""Fetching a recording from an address that somebody else has chosen.

A service that fetches what it is told to can be told to fetch from within: databases, metadata of a cloud, itself. So
an address must be of an allowed host, every redirect is looked at anew, and the connection goes to the very IP address
that was looked at, so that a name cannot point elsewhere a moment later.
"""

import ipaddress
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

import httpx2

from services.clap.limits import RefusedError

_MOST_REDIRECTS = 3
_PORTS = {"http": 80, "https": 443}
_EMBEDDING_NETWORKS = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("::/96"))
"""IPv6 addresses whose last four bytes are an IPv4 address that a gateway passes on to: RFC 6052 and RFC 4291."""

_LOCAL_NETWORKS = tuple(ipaddress.ip_network(network) for network in ("64:ff9b:1::/48", "::ffff:0:0:0/96", "fec0::/10"))
"""IPv6 addresses of a site's own that Python takes for global: RFC 8215, RFC 6145 (translated IPv4) and RFC 3879."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a request goes: the address as it was given, and the IP address that was found to be harmless."""

    parts: SplitResult
    host: str
    port: int
    address: str

    @property
    def url(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return urlunsplit((self.parts.scheme, f"{host}:{self.port}", self.parts.path or "/", self.parts.query, ""))


class AudioFetcher:
    """Fetches recordings from allowed hosts.

    Args:
        origins: Host names, each with `:port` where it is not the scheme's own. Subdomains are hosts of their own.
        max_bytes: Size of a recording at most.
        max_seconds: How long a recording may take, redirects included.
        trusted_addresses: IP addresses that are let through although they are private.
    """

    def __init__(
        self,
        origins: tuple[str, ...],
        *,
        max_bytes: int,
        max_seconds: float,
        trusted_addresses: frozenset[str] = frozenset(),
    ) -> None:
        self._origins = frozenset(origin.lower() for origin in origins)
        self._max_bytes = max_bytes
        self._max_seconds = max_seconds
        self._trusted = trusted_addresses
        # a proxy from the environment would look the name up anew
        self._client = httpx2.Client(
            trust_env=False,
            follow_redirects=False,
            # a connection is kept by its IP address, and its certificate was made out to one of the names there
            limits=httpx2.Limits(max_keepalive_connections=0),
        )

    def fetch(self, url: str, *field: str | int) -> BinaryIO:
        """The recording at an address.

        Args:
            url: http or https.
            field: Of the request, to be named when it is refused.

        Raises:
            RefusedError: The address is not allowed, does not answer, or answers with too much.
        """
        deadline = time.monotonic() + self._max_seconds
        for _ in range(_MOST_REDIRECTS + 1):
            place = self._look_at(url, field)
            try:
                answer = self._get(place, deadline, field)
            except httpx2.TransportError as error:
                raise RefusedError(
                    422, f"{place.host} cannot be fetched from: {str(error) or type(error).__name__}", *field
                ) from error
            if isinstance(answer, BytesIO):
                return answer
            url = urljoin(url, answer)
        raise RefusedError(422, f"more than {_MOST_REDIRECTS} redirects", *field)

    def close(self) -> None:
        """Close idle connections."""
        self._client.close()

    def _look_at(self, url: str, field: tuple[str | int, ...]) -> _Place:
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError as error:
            raise RefusedError(422, f"not an address: {error}", *field) from error
        if parts.scheme not in _PORTS or not host:
            raise RefusedError(422, "not an address that begins with https:// or http://", *field)
        if parts.username is not None or parts.password is not None:
            raise RefusedError(422, "an address with a name or password is not fetched", *field)
        usual = _PORTS[parts.scheme]
        known = f"{host}:{port or usual}" in self._origins or (port in {None, usual} and host in self._origins)
        if not known:
            raise RefusedError(422, f"{host} is not among the hosts to fetch from (CLAP_AUDIO_ORIGINS)", *field)
        return _Place(parts, host, port or usual, self._resolve(host, port or usual, field))

    def _resolve(self, host: str, port: int, field: tuple[str | int, ...]) -> str:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise RefusedError(422, f"{host} cannot be found", *field) from error
        addresses = [str(entry[4][0]) for entry in found]
        harmless = [address for address in addresses if address in self._trusted or is_public(address)]
        if not harmless:
            raise RefusedError(422, f"{host} is a private address", *field)
        return harmless[0]

    def _get(self, place: _Place, deadline: float, field: tuple[str | int, ...]) -> BytesIO | str:
        """What lies there, or where it lies instead."""
        headers = {"host": place.parts.netloc, "accept-encoding": "identity"}
        # certificates are made out to names
        extensions = {"sni_hostname": place.host}
        with self._client.stream(
            "GET", place.url, headers=headers, extensions=extensions, timeout=self._left(deadline, field)
        ) as answer:
            if answer.has_redirect_location:
                return str(answer.headers["location"])
            if answer.status_code != httpx2.codes.OK:
                raise RefusedError(422, f"{place.host} answers {answer.status_code}", *field)
            if int(answer.headers.get("content-length", 0)) > self._max_bytes:
                raise self._too_large(field)
            return self._collect(answer.iter_raw(), deadline, field)

    def _collect(self, chunks: Iterator[bytes], deadline: float, field: tuple[str | int, ...]) -> BytesIO:
        content = BytesIO()
        for chunk in chunks:
            # each read has a timeout of its own; a trickle would go on for ever
            self._left(deadline, field)
            if content.tell() + len(chunk) > self._max_bytes:
                raise self._too_large(field)
            content.write(chunk)
        content.seek(0)
        return content

    def _left(self, deadline: float, field: tuple[str | int, ...]) -> float:
        left = deadline - time.monotonic()
        if left <= 0:
            raise RefusedError(422, f"the recording did not come within {self._max_seconds:g} s", *field)
        return left

    def _too_large(self, field: tuple[str | int, ...]) -> RefusedError:
        message = f"the recording has more than {self._max_bytes} bytes (CLAP_MAX_BYTES)"
        return RefusedError(413, message, *field, kind="too_large")


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet at large, and does not stand for another that is not.

    Loopback, private, link-local, shared, reserved and multicast addresses are not, nor are IPv6 addresses that hide
    such an IPv4 address.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if any(found in network for network in _LOCAL_NETWORKS):
            return False
        hidden = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if hidden is None and any(found in network for network in _EMBEDDING_NETWORKS):
            hidden = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if hidden is not None:
            return is_public(str(hidden))
    return found.is_global and not found.is_multicast
