"""Whom pagerctl trusts and what it shows: files that the environment names. Without them it talks in plaintext."""

import os
from pathlib import Path

from pager_cli.outcome import USAGE, CommandFailed
from pager_grpc.client import TlsFiles


def tls_files() -> TlsFiles | None:
    """The files for TLS; None without PAGERCTL_TLS_CA.

    Raises:
        CommandFailed: what is given does not belong together.
    """
    authorities = _path(os.environ.get("PAGERCTL_TLS_CA"))
    certificate = _path(os.environ.get("PAGERCTL_TLS_CERT"))
    key = _path(os.environ.get("PAGERCTL_TLS_KEY"))
    if authorities is None:
        if certificate or key:
            raise CommandFailed(USAGE, "PAGERCTL_TLS_CA: is required, too; it says which servers are trusted")
        return None
    if (certificate is None) != (key is None):
        raise CommandFailed(USAGE, "PAGERCTL_TLS_CERT and PAGERCTL_TLS_KEY: are given together or not at all")
    return TlsFiles(authorities, certificate, key)


def unusable(fault: ValueError) -> CommandFailed:
    """What a command ends with when the files cannot be used; ``fault`` names the file."""
    return CommandFailed(USAGE, f"PAGERCTL_TLS_CA, PAGERCTL_TLS_CERT or PAGERCTL_TLS_KEY: {fault}")


def _path(given: str | None) -> Path | None:
    return Path(given) if given else None
