"""Where this process may be led by a URL: to the internet, and to what the operator allows. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, Self, TypeAlias
from urllib.parse import urlsplit

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_LOOPBACK: Final = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
# Addresses that carry an IPv4 address inside of them: 6to4, Teredo, NAT64 (RFC 3056, 4380, 6052 and 8215).
_CARRIERS: Final = tuple(map(ip_network, ("2002::/16", "2001::/32", "64:ff9b::/96", "64:ff9b:1::/48")))


@dataclass(frozen=True, slots=True)
class Destinations:
    """What may be called: public addresses by https, and the networks ``allowed`` also by http."""

    allowed: tuple[Network, ...] = ()

    @classmethod
    def of_operator(cls, url: str, allowed: Iterable[Network] = ()) -> Self:
        """For a URL that the operator wrote: one that names loopback itself means it."""
        host = urlsplit(url).hostname or ""
        literal = literal_address(host)
        meant = host == "localhost" or (literal is not None and literal.is_loopback)
        return cls((*allowed, *(_LOOPBACK if meant else ())))

    def refusal(self, address: Address, scheme: str) -> str:
        """Why ``address`` must not be called, as the end of a sentence; empty if it may be."""
        real = _unwrapped(address)
        if any(real.version == network.version and real in network for network in self.allowed):
            return ""
        if not _is_public(real):
            return f"{real} is not a public address, and PAGERD_OUTBOUND_ALLOW does not name it"
        return "" if scheme == "https" else "plain http goes only where PAGERD_OUTBOUND_ALLOW allows it"


def literal_address(host: str) -> Address | None:
    """The address that ``host`` writes out; None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def networks_of(text: str) -> tuple[Network, ...]:
    """Networks like ``10.0.0.0/8,192.168.7.4``.

    Raises:
        ValueError: one of them is none.
    """
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def _unwrapped(address: Address) -> Address:
    """``::ffff:10.0.0.1`` reaches 10.0.0.1."""
    return getattr(address, "ipv4_mapped", None) or address


def _is_public(address: Address) -> bool:
    carries = any(address.version == carrier.version and address in carrier for carrier in _CARRIERS)
    return address.is_global and not address.is_multicast and not address.is_reserved and not carries
