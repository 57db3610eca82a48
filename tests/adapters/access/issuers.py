"""An issuer of tokens: its keys, as a JSON Web Key Set, and what it signs."""

import json
from datetime import UTC, datetime

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

ISSUER, AUDIENCE = "https://id.example.com", "hexagonal-pager"


def claims(**changes):
    """Of ana, a responder, for the next ten minutes."""
    now = datetime.now(UTC).timestamp()
    usual = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ana", "roles": ["responder"], "iat": now, "exp": now + 600}
    return {name: value for name, value in (usual | changes).items() if value is not None}


class Issuer:
    """One key for each algorithm, named like it."""

    def __init__(self) -> None:
        self.keys = {"EdDSA": ed25519.Ed25519PrivateKey.generate(), "ES256": ec.generate_private_key(ec.SECP256R1())}

    def jwks(self, **more):
        """What it publishes."""
        published = [_public("EdDSA", self.keys["EdDSA"]), _public("ES256", self.keys["ES256"])]
        return json.dumps({"keys": published} | more)

    def signed(self, algorithm="EdDSA", kid=None, **changes):
        """A token with these claims."""
        headers = {"kid": algorithm if kid is None else kid}
        return jwt.encode(claims(**changes), self.keys[algorithm], algorithm, headers)


def _public(algorithm, key):
    kind = OKPAlgorithm if algorithm == "EdDSA" else ECAlgorithm
    return kind.to_jwk(key.public_key(), as_dict=True) | {"kid": algorithm, "alg": algorithm, "use": "sig"}
