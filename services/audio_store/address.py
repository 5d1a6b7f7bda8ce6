"""The public address of a bucket, and which object of it an address means."""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, unquote, urlsplit

from services.audio_store.content import file_name

_PORTS = {"http": 80, "https": 443}
_LONGEST_KEY_BYTES = 1024

_PLAIN_ADDRESS = re.compile(r"""[^\s?#;,'"<>\\]+""")
"""Its origin becomes a part of a header."""

FOLDER = "audio/"
"""Where the keys of a bucket begin that are ours."""


@dataclass(frozen=True)
class PublicAddress:
    """A base address; what follows it is the key of an object.

    Attributes:
        base: Without a slash at its end.
    """

    base: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read an address that somebody has configured.

        Raises:
            ValueError: It cannot be the base of others; the message says why.
        """
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname or parts.port == 0:
            raise ValueError("an address that begins with https:// or http:// is needed")
        if parts.username is not None or not _PLAIN_ADDRESS.fullmatch(url):
            raise ValueError("an address without a user name, spaces, ?, # and ; is needed")
        return cls(url.rstrip("/"))

    @property
    def origin(self) -> str:
        """Scheme, host and port, as a Content-Security-Policy names them."""
        parts = urlsplit(self.base)
        return f"{parts.scheme}://{parts.netloc}"

    def of_key(self, key: str) -> str:
        """Where everybody can fetch an object."""
        return f"{self.base}/{quote(key)}"

    def key_in(self, address: str) -> str | None:
        """Key of the object at an address; None unless it plainly is one below this base."""
        try:
            ours, theirs = urlsplit(self.base), urlsplit(address)
            here = (ours.scheme, ours.hostname, ours.port or _PORTS[ours.scheme])
            there = (theirs.scheme, theirs.hostname, theirs.port or _PORTS.get(theirs.scheme))
        except ValueError:
            return None
        within = theirs.path.startswith(f"{ours.path}/")
        if here != there or theirs.username is not None or not within or "?" in address or "#" in address:
            return None
        segments = [unquote(segment) for segment in theirs.path.removeprefix(f"{ours.path}/").split("/")]
        key = "/".join(segments)
        plain = all(_is_plain(segment) for segment in segments) and len(key.encode()) <= _LONGEST_KEY_BYTES
        return key if plain else None


def object_key(public: PublicAddress | None, file_id: str, file_type: str, address: str | None) -> str:
    """Key of a stored file: what its address says, if that is in this bucket, and otherwise the usual one.

    Raises:
        AudioMissingError: Id and type cannot be the name of a stored file.
    """
    adopted = public.key_in(address) if public is not None and address else None
    return adopted or FOLDER + file_name(file_id, file_type)


def _is_plain(segment: str) -> bool:
    return (
        segment not in {"", ".", ".."}
        and segment.isprintable()
        and not set(segment) & {"/", "\\", "\N{REPLACEMENT CHARACTER}"}
    )
