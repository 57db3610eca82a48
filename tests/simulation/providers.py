"""Mail server and SMS gateway of the simulated world. What they take is the truth that histories are judged by."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from simulation.chance import Chance
from simulation.history import HandOff
from simulation.processes import Process, current_process

from pager_domain.notifier.messages import EmailMessage, SmsMessage
from pager_domain.notifier.model import Accepted, Deferred, InDoubt, ProviderAnswer, Refused
from pager_domain.notifier.ports.email_sender import EmailSender
from pager_domain.notifier.ports.sms_sender import SmsSender

if TYPE_CHECKING:
    from simulation.world import World

USUAL_RETRY_SECONDS = 5.0
ABSURD_RETRY_SECONDS = 36_000.0
LONGEST_PUT_OFF_SECONDS = 3600.0
"""What the pager makes of an absurd Retry-After."""


def may_put_off(chance: Chance) -> bool:
    """Whether pages of this run may wait for an hour; only where a long safety pause makes that cheap."""
    return chance.rate("provider later") > 0 and chance.knobs.safety_pause_seconds >= 300


class AdapterBug(Exception):
    """What an adapter never should raise."""


class SimulatedProvider(EmailSender, SmsSender):
    """Takes messages, each time it is asked, unless the run's seed has it otherwise."""

    provider = "simulated"

    def __init__(self, world: "World") -> None:
        self._world = world
        self.taken: list[HandOff] = []

    async def send_email(self, message: EmailMessage, budget: timedelta) -> ProviderAnswer:
        return await self._send(message.delivery_id, message.address.value, budget.total_seconds())

    async def send_sms(self, message: SmsMessage, budget: timedelta) -> ProviderAnswer:
        return await self._send(message.delivery_id, message.number.value, budget.total_seconds())

    async def _send(self, delivery_id: str, recipient: str, budget: float) -> ProviderAnswer:
        process = current_process()
        assert process is not None, "only a node sends"
        await process.crash_point("crash before provider")
        if (refusal := self._turned_away(recipient)) is not None:
            return refusal
        latency = self._latency()
        if latency >= budget:
            await asyncio.sleep(budget)
            return InDoubt("timed out")
        await asyncio.sleep(latency)
        return await self._taken(process, delivery_id, recipient, budget - latency)

    def _turned_away(self, recipient: str) -> ProviderAnswer | None:
        world = self._world
        if self._happens("provider refuses"):
            return Refused("no such recipient")
        if self._happens("provider later"):
            absurd = [ABSURD_RETRY_SECONDS] if may_put_off(world.chance) else []
            pause = world.chance.one_of("retry after", [0.0, USUAL_RETRY_SECONDS, USUAL_RETRY_SECONDS, 20.0, *absurd])
            world.fault("Retry-After", world.now(), world.now() + min(pause, LONGEST_PUT_OFF_SECONDS))
            return Deferred(timedelta(seconds=pause), f"busy, {recipient} must wait")
        return None

    async def _taken(self, process: Process, delivery_id: str, recipient: str, left: float) -> ProviderAnswer:
        doubt, silent = self._happens("provider in doubt"), self._happens("provider silent")
        breaks = self._happens("provider breaks")
        if not (doubt or silent or breaks) or self._world.chance.between("taken all the same", 0, 1) < 0.6:
            self.taken.append(HandOff(delivery_id, recipient, self._world.now()))
        await process.crash_point("crash after provider")
        if silent:
            self._world.fault("provider silent", self._world.now(), self._world.now() + left)
            await asyncio.sleep(left)
            return InDoubt("no answer")
        if breaks:
            raise AdapterBug
        return InDoubt("connection reset") if doubt else Accepted(f"simulated-{len(self.taken)}")

    def _latency(self) -> float:
        world = self._world
        if not self._happens("provider slow"):
            return world.chance.between("provider latency", 0.001, 0.05)
        latency = world.chance.between("provider slow", 0.1, 6.0)
        world.fault("provider slow", world.now(), world.now() + latency)
        return latency

    def _happens(self, fault: str) -> bool:
        happens = self._world.chance.happens(fault, "provider")
        if happens:
            self._world.fault_now(fault)
        return happens
