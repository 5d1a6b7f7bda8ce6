"""Real keys, the JWK sets that publish them, and tokens that are signed with them."""

import json
import time
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from jwt.algorithms import get_default_algorithms

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey

ISSUER, AUDIENCE = "https://app.example", "search"


@dataclass(frozen=True)
class SigningKey:
    """A key of an application.

    Attributes:
        private: The key.
        algorithm: What it signs with.
        id: Its `kid`.
    """

    private: PrivateKey
    algorithm: str
    id: str

    @classmethod
    def generate(cls, algorithm: str, key_id: str) -> "SigningKey":
        """A new one for an algorithm."""
        if algorithm == "EdDSA":
            return cls(Ed25519PrivateKey.generate(), algorithm, key_id)
        if algorithm.startswith("ES"):
            curve = SECP256R1() if algorithm == "ES256" else SECP384R1()
            return cls(generate_ec_key(curve), algorithm, key_id)
        return cls(generate_rsa_key(65_537, 2_048), algorithm, key_id)

    def public(self, **members: Any) -> dict[str, Any]:
        """The public key as a JWK, with other members where they are given; None leaves one out."""
        family = get_default_algorithms()[self.algorithm]
        key: dict[str, Any] = json.loads(family.to_jwk(self.private.public_key()))
        described = key | {"kid": self.id, "alg": self.algorithm, "use": "sig"} | members
        return {name: value for name, value in described.items() if value is not None}

    def sign(self, subject: Any, *, head: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token for a minute; a claim that is None is left out."""
        usual = {"sub": subject, "iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 60}
        payload = {name: value for name, value in (usual | claims).items() if value is not None}
        return jwt.encode(payload, self.private, self.algorithm, headers={"kid": self.id} | (head or {}))


def key_set(*keys: dict[str, Any]) -> bytes:
    """A JWK set."""
    return json.dumps({"keys": keys}).encode()
