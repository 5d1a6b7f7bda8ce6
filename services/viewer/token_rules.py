"""What the application's bearer tokens must be like."""

from dataclasses import dataclass

ASYMMETRIC = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "ES256K", "EdDSA"}
)
"""Algorithms whose public key search may know."""

SYMMETRIC = frozenset({"HS256", "HS384", "HS512"})
"""Algorithms whose secret signs as well."""


@dataclass(frozen=True)
class TokenRules:
    """What a token must be like.

    Attributes:
        algorithms: Those that may have signed it.
        issuer: Its `iss`; None for any.
        audiences: Its `aud` has one of them; empty: it has no `aud`.
        claim: The claim that has the DID.
        leeway_seconds: How far the clocks may differ.
    """

    algorithms: frozenset[str]
    issuer: str | None = None
    audiences: tuple[str, ...] = ()
    claim: str = "sub"
    leeway_seconds: float = 10.0
