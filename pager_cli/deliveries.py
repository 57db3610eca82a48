"""The notifier's ledger: what was handed to which provider."""

from collections.abc import Sequence
from datetime import UTC, datetime

from pager_cli.connection import connected
from pager_cli.output import as_json, print_json, print_line
from pager_cli.paging import rows_of
from pager_cli.peer import Peer
from pager_cli.running import complain
from pager_cli.tables import print_deliveries
from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as pb
from pager_grpc.gen.notifier.v1.notifier_service_pb2_grpc import NotifierServiceStub


async def list_deliveries(peer: Peer, *, states: Sequence[str], limit: int, as_machine: bool) -> None:
    """Prints the newest deliveries in ``states``; all if empty."""
    wanted = [pb.Delivery.State.Value(f"STATE_{state.upper().replace('-', '_')}") for state in states]
    async with connected(peer) as (channel, caller):
        stub = NotifierServiceStub(channel)
        deliveries, more = await rows_of(
            lambda size, token: caller.read(
                stub.ListDeliveries, pb.ListDeliveriesRequest(states=wanted, page_size=size, page_token=token)
            ),
            lambda answer: answer.deliveries,
            limit,
        )
    if as_machine:
        print_json({"deliveries": [as_json(delivery) for delivery in deliveries]})
    elif deliveries:
        print_deliveries(deliveries, datetime.now(UTC))
    else:
        print_line("no deliveries" + (f" are {' or '.join(states)}" if states else " yet"))
    if more:
        complain(f"these are the newest {limit}; a higher --limit shows more")
