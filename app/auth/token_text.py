"""The text of a token: how it is made, read and compared.

A token is `vs_<id>_<secret>`, the id 12 and the secret 64 hexadecimal digits. The beginning tells people, and scanners
for leaked secrets, what they see; the id is public, and names the token in the database and on the command line.

Of the secret, a SHA-256 is kept. Slow hashes protect passwords, which can be guessed because people choose them; 256
random bits cannot, however fast each guess is, and a slow hash would be paid for by every request.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

_ID_BYTES = 6
_SECRET_BYTES = 32
_BEGINNING = "vs_"
_TEXT = re.compile(r"vs_([0-9a-f]{12})_([0-9a-f]{64})")
_SCHEME = re.compile(r"bearer +([!-~]+)", re.IGNORECASE)
_NO_HASH = bytes(hashlib.sha256().digest_size)
"""What the secret of a token that does not exist is compared with; no secret is known that has this hash."""


class InvalidTokenError(Exception):
    """A request's authorization is not a valid token; the message says why, and never quotes it."""


@dataclass(frozen=True)
class TokenText:
    """A token in its parts.

    Attributes:
        token_id: The public part.
        secret: The part that is shown once and kept nowhere.
    """

    token_id: str
    secret: str = field(repr=False)

    @classmethod
    def generate(cls) -> "TokenText":
        """A new one, at random."""
        return cls(secrets.token_hex(_ID_BYTES), secrets.token_hex(_SECRET_BYTES))

    @classmethod
    def parse(cls, text: str) -> "TokenText":
        """Read a token's text.

        Raises:
            InvalidTokenError: No token looks like that.
        """
        found = _TEXT.fullmatch(text)
        if found is None:
            raise InvalidTokenError("this is no token of vibe-search: one is vs_, an id, _ and a secret")
        return cls(found[1], found[2])

    def reveal(self) -> str:
        """The whole token, for its holder."""
        return f"vs_{self.token_id}_{self.secret}"

    @property
    def hash(self) -> bytes:
        """What the database keeps."""
        return hashlib.sha256(self.secret.encode()).digest()

    def matches(self, kept: bytes | None) -> bool:
        """Whether this is the secret of a hash, in a time that does not depend on the answer.

        Args:
            kept: The hash; None for a token that does not exist, which takes as long.
        """
        equal = hmac.compare_digest(self.hash, _NO_HASH if kept is None else kept)
        return equal and kept is not None


@dataclass(frozen=True)
class ForeignToken:
    """A bearer token that does not begin as those of vibe-search do: one of the application that search belongs to.

    Attributes:
        text: The whole token.
    """

    text: str = field(repr=False)


def read_authorization(values: list[str]) -> TokenText | ForeignToken:
    """The token of a request.

    Args:
        values: Its Authorization headers, at least one.

    Raises:
        InvalidTokenError: There are several, it is not `Bearer` and a token, or the token begins as those of
            vibe-search do and is none.
    """
    if len(values) > 1:
        raise InvalidTokenError("there are several Authorization headers: send one")
    found = _SCHEME.fullmatch(values[0].strip(" \t"))
    if found is None:
        raise InvalidTokenError("the Authorization header cannot be read: send Bearer, a space and the token")
    return TokenText.parse(found[1]) if found[1].lower().startswith(_BEGINNING) else ForeignToken(found[1])
