"""What is over is forgotten when its time has come."""

from dataclasses import dataclass

from pager_domain.pager.ports.history import History
from pager_domain.pager.retention import Past, Retention


@dataclass(frozen=True, slots=True)
class Forgotten:
    """So many rows of what was over are gone."""

    what: Past
    rows: int


class Forgetting:
    """One step forgets a little of what has been over the longest."""

    def __init__(self, history: History, retention: Retention) -> None:
        self._history = history
        self._retention = retention

    async def step(self) -> Forgotten | None:
        """What was forgotten; None: nothing is left to forget now."""
        for what, horizon in self._retention.horizons(await self._history.now()).items():
            if rows := await self._history.forget(what, horizon):
                return Forgotten(what, rows)
        return None
