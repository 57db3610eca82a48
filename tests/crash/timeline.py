"""What the watch stream says of the incidents of a world, followed across restarts of the pager."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import grpc
from crash.rooms import PATIENCE_SECONDS, Room

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1 import pager_service_pb2_grpc as pb_grpc

SOON_SECONDS = 60.0


@dataclass
class Followed:
    """One incident as its events tell it."""

    kinds: list[str] = field(default_factory=list)
    owed: int = 0
    due: float = 0.0
    ended: bool = False

    def hear(self, event: pb.IncidentEvent) -> None:
        kind = str(event.WhichOneof("event"))
        self.kinds.append(kind)
        match kind:
            case "level_notified":
                self.owed += sum(max(1, len(target.delays)) for target in event.level_notified.targets)
                self.due = event.level_notified.next_escalation_time.ToNanoseconds() / 1e9
            case "notification_settled":
                self.owed -= 1
            case "level_undeliverable":
                self.due = 0.0
            case "acknowledged" | "resolved" | "escalation_exhausted":
                self.ended = True

    @property
    def is_quiet(self) -> bool:
        """Whether nothing more will happen to it before somebody calls, or for long."""
        return self.owed == 0 and (self.ended or self.due > time.time() + SOON_SECONDS)


class Timeline:
    """The stream of all events of one pager."""

    def __init__(self) -> None:
        self.incidents: dict[str, Followed] = {}
        self.begun = asyncio.Event()
        self._token = ""
        self._heard = asyncio.Condition()

    async def follow(self, room: Room) -> None:
        """Until cancelled; comes back with the last token whenever the pager went away."""
        stub = pb_grpc.PagerServiceStub(room.channel)
        while True:
            try:
                async for message in stub.WatchIncidents(pb.WatchIncidentsRequest(resume_token=self._token)):
                    await self._hear(message)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
            await asyncio.sleep(0.05)

    async def until(self, look: Callable[[dict[str, Followed]], bool], what: str) -> None:
        """Returns when ``look`` likes what was heard."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), self._heard:
                await self._heard.wait_for(lambda: look(self.incidents))
        except TimeoutError:
            raise AssertionError(f"not {what}: {self.incidents}") from None

    async def _hear(self, message: pb.WatchIncidentsResponse) -> None:
        self._token = message.resume_token or self._token
        async with self._heard:
            if message.HasField("incident_event"):
                event = message.incident_event
                self.incidents.setdefault(event.incident_id, Followed()).hear(event)
            self._heard.notify_all()
        self.begun.set()
