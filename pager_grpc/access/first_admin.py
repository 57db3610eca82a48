"""The key of the first admin: the services know it by their configuration, so that it can make all others."""

import secrets

from pager_domain.access.keys import ApiKey, ApiKeyId, Grant, hash_of, key_text
from pager_domain.access.principal import Role
from pager_grpc.runtime.clock import EPOCH


def new_admin_key() -> tuple[str, str]:
    """A key for its owner, and what ``PAGERD_ADMIN_KEY_HASH`` has to be: its id and the hash of its secret."""
    key_id, secret = secrets.token_hex(6), secrets.token_bytes(32)
    return key_text(key_id, secret), f"{key_id}:{hash_of(secret.hex()).hex()}"


def first_admin(setting: str | None) -> dict[ApiKeyId, ApiKey]:
    """The key of that setting, by its id; none if it is not set."""
    if setting is None:
        return {}
    key_id, _, held = setting.partition(":")
    key = ApiKey(ApiKeyId(key_id), "first admin", Grant(Role.ADMIN), bytes.fromhex(held), EPOCH, "configuration")
    return {key.key_id: key}
