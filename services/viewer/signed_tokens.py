"""Verifying the application's own bearer tokens: signed JWTs (RFC 7519)."""

from typing import Any

import jwt
from jwt.exceptions import ExpiredSignatureError, InvalidAudienceError, PyJWTError

from services.metrics import VIEWER_CHECKS
from services.viewer.did import is_did
from services.viewer.errors import CredentialsRefusedError, ViewerUnavailableError
from services.viewer.key_set import VerificationKeys
from services.viewer.protocol import Credentials, Viewers
from services.viewer.token_rules import TokenRules

_UNREADABLE = (PyJWTError, ValueError, TypeError, OverflowError, RecursionError)
"""What the library raises for texts of strangers; the last for JSON that is nested too deep."""


class SignedTokenViewers:
    """Tells viewers by JWTs that the application has signed; leaves all other credentials to the next.

    A JWT of another issuer, or one that cannot be read, is one of the others.

    Args:
        keys: What they are signed with.
        rules: What they must be like.
        otherwise: Tells the viewers of other credentials.
    """

    def __init__(self, keys: VerificationKeys, rules: TokenRules, otherwise: Viewers) -> None:
        self._keys = keys
        self._rules = rules
        self._otherwise = otherwise

    async def find(self, credentials: Credentials) -> str | None:
        """The DID in the token.

        Raises:
            CredentialsRefusedError: The token is the application's, and is not valid.
            ViewerUnavailableError: The keys cannot be read at the moment.
        """
        head = None if credentials.bearer is None else self._read_head(credentials.bearer)
        if credentials.bearer is None or head is None:
            return await self._otherwise.find(credentials)
        try:
            did = await self._verify(credentials.bearer, head)
        except CredentialsRefusedError:
            VIEWER_CHECKS.labels("refused").inc()
            raise
        except ViewerUnavailableError:
            VIEWER_CHECKS.labels("unavailable").inc()
            raise
        VIEWER_CHECKS.labels("known").inc()
        return did

    async def close(self) -> None:
        """Close what reads the keys, and the next."""
        await self._keys.close()
        await self._otherwise.close()

    def _read_head(self, text: str) -> dict[str, Any] | None:
        """The head of a JWT of the issuer, nothing of it verified; None for any other text."""
        try:
            read = jwt.decode_complete(text, options={"verify_signature": False})
        except _UNREADABLE:
            return None
        issuer = self._rules.issuer
        head: dict[str, Any] = read["header"]
        return head if issuer is None or read["payload"].get("iss") == issuer else None

    async def _verify(self, text: str, head: dict[str, Any]) -> str:
        algorithm, key_id = head.get("alg"), head.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self._rules.algorithms:
            raise CredentialsRefusedError("the token is signed by an algorithm that is not allowed")
        key = await self._keys.find(algorithm, key_id if isinstance(key_id, str) else None)
        if key is None:
            raise CredentialsRefusedError("the token is signed with a key that is not known")
        try:
            claims = jwt.decode(
                text,
                key,
                algorithms=[algorithm],
                issuer=self._rules.issuer,
                audience=self._rules.audiences or None,
                leeway=self._rules.leeway_seconds,
                options={"require": ["exp", self._rules.claim], "enforce_minimum_key_length": True},
            )
        except ExpiredSignatureError as error:
            raise CredentialsRefusedError("the token has expired") from error
        except InvalidAudienceError as error:
            raise CredentialsRefusedError("the token is for another audience") from error
        except _UNREADABLE as error:
            raise CredentialsRefusedError("the token is not valid") from error
        did = claims.get(self._rules.claim)
        if not is_did(did):
            raise CredentialsRefusedError("the token names no viewer")
        return str(did)
