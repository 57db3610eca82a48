"""Whoever hands off in this process what was claimed."""

from collections.abc import Sequence
from typing import Protocol

from pager_domain.pager.ports.notification_outbox import Claim


class Deliveries(Protocol):
    """The attempts of one process."""

    @property
    def room(self) -> int:
        """How many new attempts may start right now; 0 while older pages wait for room."""

    def begin(self, claims: Sequence[Claim]) -> None:
        """Begins an attempt for each; their claims stand."""
