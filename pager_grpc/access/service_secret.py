"""How the services know each other where certificates do not say it: by keys that come of one secret, which all have.

Each service shows a key of its own; whoever has the secret can be any of them, so a certificate is the better way.
"""

import hmac
from pathlib import Path

from pager_domain.access.keys import ROOMS, ApiKey, ApiKeyId, Grant, hash_of, key_text
from pager_domain.access.principal import Role
from pager_grpc.runtime.clock import EPOCH
from pager_grpc.runtime.secret_files import secret_in

LEAST_BYTES = 32


def read_secret(file: Path) -> bytes:
    """What the file holds, without spaces and line ends around it.

    Raises:
        ValueError: it cannot be read, is open to every user, or is too short to be a secret.
    """
    secret = secret_in(file).strip()
    if len(secret) < LEAST_BYTES:
        raise ValueError(f"{file} must hold at least {LEAST_BYTES} bytes, like `openssl rand -hex 32` prints")
    return secret


def service_key(secret: bytes, room: str) -> str:
    """What ``room`` shows the others."""
    return key_text(room, _own_secret(secret, room))


def service_keys(secret: bytes) -> dict[ApiKeyId, ApiKey]:
    """What a room knows of all of them."""
    return {ApiKeyId(room): _known(secret, room) for room in ROOMS}


def _known(secret: bytes, room: str) -> ApiKey:
    held = hash_of(_own_secret(secret, room).hex())
    return ApiKey(ApiKeyId(room), room, Grant(Role.SERVICE), held, EPOCH, "configuration")


def _own_secret(secret: bytes, room: str) -> bytes:
    return hmac.digest(secret, f"hexagonal-pager service {room}".encode(), "sha256")
