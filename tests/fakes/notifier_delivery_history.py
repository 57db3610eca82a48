"""Forgetting in the dictionary of :mod:`fakes.notifier_delivery_ledger`."""

from datetime import timedelta

from fakes.notifier_delivery_ledger import FakeDeliveryLedger

from pager_domain.notifier.ports.delivery_history import DeliveryHistory
from pager_domain.notifier.retention import checked_kept, may_be_forgotten


class FakeDeliveryHistory(DeliveryHistory):
    """Shares the lines of ``ledger``."""

    def __init__(self, ledger: FakeDeliveryLedger) -> None:
        self._ledger = ledger

    async def forget(self, kept: timedelta) -> int:
        checked_kept(kept)
        self._ledger._reach()
        now, lines = self._ledger._clock.now(), self._ledger.lines
        old = [key for key, line in lines.items() if may_be_forgotten(line, kept, now)]
        for key in old:
            del lines[key]
        return len(old)
