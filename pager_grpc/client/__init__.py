"""The Pager for programs.

::

    from pager_grpc.client import PagerClient

    async with PagerClient("127.0.0.1:50051") as pager:
        raised = await pager.raise_alert("checkout", "Card payments fail", severity="error")
        print(raised.incident.incident_id)

:class:`BlockingPagerClient` is the same without ``async`` and ``await``. A call ends with its answer, or with one of
two kinds of :class:`PagerError`: :class:`Refused`, the server said no; :class:`NotAnswered`, nobody knows, so repeat it
with ``request_id=error.request_id``. docs/client.md tells the rest.
"""

from pager_grpc.client.alerts import Alert
from pager_grpc.client.blocking import BlockingPagerClient
from pager_grpc.client.errors import NotAnswered, PagerError, Refused
from pager_grpc.client.pager_client import PagerClient
from pager_grpc.client.trace import in_trace
from pager_grpc.client.watching import Connection
from pager_grpc.runtime.tls_files import TlsFiles

__all__ = [
    "Alert",
    "BlockingPagerClient",
    "Connection",
    "NotAnswered",
    "PagerClient",
    "PagerError",
    "Refused",
    "TlsFiles",
    "in_trace",
]
