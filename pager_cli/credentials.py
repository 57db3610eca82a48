"""What pagerctl proves itself with: a key or token from the environment or a file, never from the command line."""

import os
from ipaddress import ip_address
from pathlib import Path

from pager_cli.outcome import USAGE, CommandFailed
from pager_cli.peer import Peer

_MOST_CHARACTERS = 64 * 1024
"""Of a file that holds a key or token; a token is some kilobytes."""


def is_given() -> bool:
    """Whether calls will show a key or token: then the server may know who a person is."""
    return bool(os.environ.get("PAGERCTL_API_KEY_FILE") or os.environ.get("PAGERCTL_API_KEY"))


def api_key_for(peer: Peer) -> str:
    """What goes with each call of ``peer``; empty if nothing was given.

    Raises:
        CommandFailed: it cannot be read, or others could read it on its way.
    """
    key = _given()
    protected = os.environ.get("PAGERCTL_TLS_CA") or os.environ.get("PAGERCTL_INSECURE")
    if key and not protected and not _stays_here(peer.target):
        raise CommandFailed(
            USAGE,
            f"the API key would go to {peer.target} in plaintext: set PAGERCTL_TLS_CA, "
            "or PAGERCTL_INSECURE=1 if nobody else can listen there",
        )
    return key


def _given() -> str:
    if file := os.environ.get("PAGERCTL_API_KEY_FILE"):
        try:
            with Path(file).open(encoding="utf-8") as opened:
                given, place = opened.read(_MOST_CHARACTERS).strip(), file
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise CommandFailed(USAGE, f"{file}: the API key cannot be read: {reason}") from error
        if not given:
            raise CommandFailed(USAGE, f"{file}: the file of the API key is empty")
    else:
        given, place = os.environ.get("PAGERCTL_API_KEY", "").strip(), "PAGERCTL_API_KEY"
    if not (given.isascii() and given.isprintable()) or " " in given:
        raise CommandFailed(USAGE, f"{place}: an API key or token has no spaces and no other characters than ASCII")
    return given


def _stays_here(target: str) -> bool:
    """Whether what is said to ``target`` does not leave this machine; names other than localhost are not looked up."""
    scheme, colon, rest = target.partition(":")
    if colon and scheme == "unix":
        return True
    listed = rest if colon and scheme in {"ipv4", "ipv6", "dns"} else target
    return all(_is_loopback(one.rpartition(":")[0].strip("[]")) for one in listed.rpartition("/")[2].split(","))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
