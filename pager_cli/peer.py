"""Whom a command calls."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """A server as the person named it: ``option`` is the option that names another one; ``timeout`` in seconds."""

    room: str
    target: str
    option: str
    timeout: float

    @property
    def server(self) -> str:
        """The name of the room in certificates, as ``policy`` for ``policy service``."""
        return self.room.partition(" ")[0]
