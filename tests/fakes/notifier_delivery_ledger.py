"""The delivery ledger in a dictionary."""

import asyncio
from collections.abc import Collection, Sequence

from pager_domain.errors import StoreUnavailable
from pager_domain.kernel import Clock
from pager_domain.notifier.model import Delivery, DeliveryState
from pager_domain.notifier.ports.delivery_ledger import DeliveryLedger, LedgerPosition, Rule


class FakeDeliveryLedger(DeliveryLedger):
    """``history`` holds every line that was stored, in order; while ``unreachable`` everything fails."""

    def __init__(self, clock: Clock) -> None:
        self.lines: dict[str, Delivery] = {}
        self.history: list[Delivery] = []
        self.unreachable = False
        self._clock = clock

    async def change(self, delivery_id: str, rule: Rule) -> Delivery:
        await asyncio.sleep(0)  # others may run here, as with a real ledger
        self._reach()
        stored = self.lines.get(delivery_id)
        changed = rule(stored, self._clock.now())
        if changed != stored:
            self.lines[delivery_id] = changed
            self.history.append(changed)
        return changed

    async def change_foreseen(self, delivery_id: str, stored: Delivery | None, rule: Rule) -> Delivery:
        return await self.change(delivery_id, rule)

    async def find(self, delivery_id: str) -> Delivery | None:
        self._reach()
        return self.lines.get(delivery_id)

    async def newest(
        self, states: Collection[DeliveryState], limit: int, before: LedgerPosition | None
    ) -> Sequence[Delivery]:
        self._reach()
        ordered = sorted(self.lines.values(), key=_key, reverse=True)
        wanted = [line for line in ordered if not states or line.state in states]
        if before is not None:
            wanted = [line for line in wanted if _key(line) < (before.create_time, before.delivery_id)]
        return wanted[:limit]

    def _reach(self) -> None:
        if self.unreachable:
            raise StoreUnavailable


def _key(line: Delivery) -> tuple[object, str]:
    return line.create_time, line.delivery_id
