"""A process that raises alerts as fast as it can, until its standard input ends: `python -m end_to_end.flood`.

Arguments: where, over how many connections, and how the names of the services begin. It tells what it saw as JSON.
"""

import asyncio
import json
import sys

from bench.load.bodies import RAISE
from bench.load.flood import Flood
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

STREAMS = 128


async def main(target: str, connections: str, prefix: str) -> None:
    def body(number: int) -> bytes:
        alert = pb.RaiseAlertRequest(
            monitored_service_id=f"{prefix}-{number}", message="it burns", severity=pb.Incident.SEVERITY_ERROR
        )
        return alert.SerializeToString()

    over = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, over.set)
    flood = Flood(target, RAISE, body, connections=int(connections), in_flight=STREAMS)
    _tell("flooding")
    found = await flood.closed_loop(over)
    names = {kind: [f"{prefix}-{number}" for number in getattr(found, kind)] for kind in ("taken", "refused")}
    _tell(json.dumps({"rate": found.rate, **names}))


def _tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
