"""Where the keys that seal addresses come from: the environment, a file, or, for SQLite, a file made at first start."""

import os
from pathlib import Path

import structlog
from cryptography.fernet import Fernet

from pager_grpc.pager.config import PagerSettings, is_key
from pager_grpc.runtime.config import ConfigurationFault

log = structlog.get_logger()

_READABLE_BY_ALL = 0o007


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
    if settings.address_key_file is not None:
        return _read("PAGER_ADDRESS_KEY_FILE", settings.address_key_file)
    own = settings.own_key_file
    if not own.exists():
        _make(own)
    return _read("PAGERD_DATA", own)


def _read(variable: str, file: Path) -> list[str]:
    try:
        if file.stat().st_mode & _READABLE_BY_ALL:
            raise ConfigurationFault([f"{variable}: {file} is open to every user; run: chmod 600 {file}"])
        keys = file.read_text().split()
    except OSError as error:
        raise ConfigurationFault([f"{variable}: {file} cannot be read ({error.strerror})"]) from error
    except UnicodeDecodeError:
        keys = []
    if not keys or not all(map(is_key, keys)):
        raise ConfigurationFault([f"{variable}: {file} must hold keys as `pagerd key` prints them, one a line"])
    return keys


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
