"""Files that hold secrets: read whole, and refused while every user of the machine may read them."""

from pathlib import Path

from pager_grpc.runtime.config import ConfigurationFault

_OPEN_TO_ALL = 0o007


def read_secret(variable: str, file: Path) -> str:
    """What stands in ``file``, which ``variable`` names; empty if it is no text.

    Raises:
        ConfigurationFault: it cannot be read, or every user may read or change it.
    """
    try:
        if file.stat().st_mode & _OPEN_TO_ALL:
            raise ConfigurationFault([f"{variable}: {file} is open to every user; run: chmod 600 {file}"])
        return file.read_text()
    except OSError as error:
        raise ConfigurationFault([f"{variable}: {file} cannot be read ({error.strerror})"]) from error
    except UnicodeDecodeError:
        return ""
