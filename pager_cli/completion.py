"""What the shell offers when somebody presses the tabulator key; it must be quick, and never complain."""

# ruff: noqa: PLC0415 - `pagerctl --help` must be instant, so gRPC is imported when a name is asked for

import typer

from pager_cli.outcome import CommandFailed
from pager_cli.peer import Peer

_SECONDS = 1.0


def service_names(context: typer.Context, incomplete: str) -> list[str]:
    """The monitored services whose names begin with ``incomplete``; none while the pager does not answer."""
    target = context.params.get("target")
    if not target:
        return []
    try:
        import asyncio

        return asyncio.run(_services(Peer("pager", target, "--target", _SECONDS), incomplete))
    except CommandFailed:
        return []


async def _services(peer: Peer, incomplete: str) -> list[str]:
    from pager_cli.connection import pager_at

    async with pager_at(peer) as pager:
        return [
            service.monitored_service_id
            async for service in pager.services()
            if service.monitored_service_id.startswith(incomplete)
        ]
