"""Files that hold secrets: read whole, and refused while every user of the machine may read them."""

from pathlib import Path

from pager_grpc.runtime.config import ConfigurationFault

_OPEN_TO_ALL = 0o007


def secret_in(file: Path) -> bytes:
    """What stands in ``file``.

    Raises:
        ValueError: it cannot be read, or every user may read or change it.
    """
    try:
        if file.stat().st_mode & _OPEN_TO_ALL:
            raise ValueError(f"{file} is open to every user; run: chmod 600 {file}")
        return file.read_bytes()
    except OSError as error:
        raise ValueError(f"{file} cannot be read ({error.strerror})") from error


def read_secret(variable: str, file: Path) -> str:
    """The text in ``file``, which ``variable`` names; empty if it is none.

    Raises:
        ConfigurationFault: as :func:`secret_in`.
    """
    try:
        return secret_in(file).decode()
    except UnicodeDecodeError:
        return ""
    except ValueError as error:
        raise ConfigurationFault([f"{variable}: {error}"]) from error
