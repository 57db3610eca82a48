"""Who is at the other end of a connection, by the certificate that was verified."""

# grpc's classes are generic for the type checker only; annotations must not be evaluated.
from __future__ import annotations

from typing import Any

import grpc

from pager_grpc.runtime.identities import TRUST_DOMAIN

_OURS = f"spiffe://{TRUST_DOMAIN}/"


def peer_identity(context: grpc.aio.ServicerContext[Any, Any]) -> str | None:
    """The SPIFFE id of the caller's certificate, like ``spiffe://hexagonal-pager/pager``.

    None for a caller without a certificate, and for one whose certificate names nobody of our trust domain.
    """
    # The core verified the certificate, and that it has one URI which is a SPIFFE id.
    ids = context.auth_context().get("peer_spiffe_id", ())
    identity = next(iter(ids), b"").decode()
    return identity if identity.startswith(_OURS) else None
