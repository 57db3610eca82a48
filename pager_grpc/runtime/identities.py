"""What the services call each other in certificates, wherever they run.

As a server a process has the DNS name ``<room>.hexagonal-pager.internal``, as a client the SPIFFE id
``spiffe://hexagonal-pager/<room>``: gRPC compares the name of a server with DNS names only, and hands over the URI of a
client.
"""

TRUST_DOMAIN = "hexagonal-pager"


def spiffe_id(name: str) -> str:
    """The identity of a service, or of ``admin``."""
    return f"spiffe://{TRUST_DOMAIN}/{name}"


def server_name(room: str) -> str:
    """The name of every server of ``room``, whatever its host is called."""
    return f"{room}.{TRUST_DOMAIN}.internal"
