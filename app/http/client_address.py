"""The client of a request, as limits count it."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.types import Scope

from app.errors import UserError

Network = IPv4Network | IPv6Network

_UNREADABLE = "unreadable"
"""All requests whose address cannot be read share one count."""

_SITE_BITS = 64
"""Of an IPv6 address; a client has the rest to choose from."""


def read_networks(text: str) -> tuple[Network, ...]:
    """Networks or single addresses, with commas between them.

    Raises:
        UserError: One of them is neither.
    """
    try:
        return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise UserError(f"RATE_LIMIT_EXEMPT: {error}; write networks such as 10.0.0.0/8, with commas") from error


def count_under(scope: Scope, exempt: tuple[Network, ...] = ()) -> str | None:
    """The name under which a client's requests are counted; None for a client that is not counted.

    Clients of a Unix socket are not counted, because only this machine can ask there.

    Args:
        scope: Of the request.
        exempt: Networks whose clients are not counted.
    """
    if not scope.get("client"):
        return None
    client = _read_address(scope["client"][0])
    if client is None:
        return _UNREADABLE
    return None if any(client in network for network in exempt) else _site(client)


def _read_address(text: str) -> IPv4Address | IPv6Address | None:
    """The address; None where the text is none, as behind a proxy that forwards what it was told."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _site(client: IPv4Address | IPv6Address) -> str:
    if isinstance(client, IPv4Address):
        return str(client)
    return str(ip_network((client, _SITE_BITS), strict=False).network_address)
