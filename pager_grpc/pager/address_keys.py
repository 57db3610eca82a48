"""Where the keys that seal addresses come from: the environment, a file, or, for SQLite, a file made at first start."""

import os
from pathlib import Path

import structlog
from cryptography.fernet import Fernet

from pager_grpc.pager.config import PagerSettings, keys_in_file

log = structlog.get_logger()


def new_key() -> str:
    """A fresh key."""
    return Fernet.generate_key().decode()


def address_keys(settings: PagerSettings) -> list[str]:
    """The keys, the one that seals first; made and durable if this is the first start on SQLite.

    Raises:
        ConfigurationFault: the file cannot be used.
    """
    if settings.address_keys is not None:
        return settings.address_keys.get_secret_value().split(",")
    if settings.address_key_file is None and not settings.own_key_file.exists():
        _make(settings.own_key_file)
    return keys_in_file(settings)


def _make(file: Path) -> None:
    """Writes the file whole and durable before anything is sealed with what stands in it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    with unfinished.open("w", encoding="ascii") as text:
        text.write(f"{new_key()}\n")
        text.flush()
        os.fsync(text.fileno())
    unfinished.rename(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    log.info("address_key_made", file=str(file))
