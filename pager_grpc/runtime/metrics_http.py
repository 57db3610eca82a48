"""``/metrics`` over HTTP, in the text format that Prometheus reads.

Not with the server of prometheus_client: that one answers each scraper in a thread that nobody can end, and would
answer for a room whose loop is stuck.
"""

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from pager_grpc.runtime.pages_http import NoPage, Page, serving_pages

if TYPE_CHECKING:
    from pager_grpc.runtime.tls import Tls


def serving_metrics(
    registry: CollectorRegistry, listen: str, tls: "Tls | None" = None
) -> AbstractAsyncContextManager[int]:
    """Serves at ``listen`` (host:port; port 0 takes any) while it is entered and yields the port.

    Over HTTPS with ``tls``.

    Raises:
        ConfigurationFault: the address cannot be opened.
    """

    async def pages(path: str) -> Page | NoPage:
        if path != "/metrics":
            return NoPage("The metrics are at /metrics.")
        return Page(CONTENT_TYPE_PLAIN_0_0_4, generate_latest(registry))

    return serving_pages(pages, listen, "metrics", tls)
