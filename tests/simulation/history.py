"""A history: what callers did and heard, what providers took, which faults there were, and what the stores hold after.

Times are seconds since 1970 by the clock of the run, real or virtual. One record a line in a file.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter

from pager_domain.pager.audit import IncidentRecord

Operation = Literal["raise", "acknowledge", "healthy", "snooze", "escalate", "reassign"]


@dataclass(frozen=True)
class Call:
    """One thing that was asked for, and what was heard. ``unknown``: it may or may not have been taken."""

    operation: Operation
    monitored_service_id: str
    request_id: str
    began: float
    ended: float
    outcome: Literal["ok", "fail", "unknown"]
    incident_id: str = ""
    changed: bool = False
    alert_count: int = 0
    kind: Literal["call"] = "call"


@dataclass(frozen=True)
class HandOff:
    """A message that a provider took; it was logged durably before the provider answered."""

    delivery_id: str
    recipient: str
    at: float
    kind: Literal["hand_off"] = "hand_off"


@dataclass(frozen=True)
class Fault:
    """Something that was broken from ``began`` to ``ended``."""

    what: str
    began: float
    ended: float
    kind: Literal["fault"] = "fault"


@dataclass(frozen=True)
class LedgerLine:
    """A delivery as the notifier's ledger has it."""

    delivery_id: str
    state: str
    attempt_count: int
    doubt_count: int
    kind: Literal["ledger_line"] = "ledger_line"


@dataclass(frozen=True)
class Stored:
    """An incident as the pager's store has it at the end."""

    record: IncidentRecord
    kind: Literal["stored"] = "stored"


Record = Call | HandOff | Fault | LedgerLine | Stored
_RECORD: TypeAdapter[Record] = TypeAdapter(Record)


@dataclass
class History:
    """All records of one run, by kind."""

    calls: list[Call] = field(default_factory=list)
    hand_offs: list[HandOff] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    incidents: list[IncidentRecord] = field(default_factory=list)
    ledger: dict[str, LedgerLine] = field(default_factory=dict)

    @classmethod
    def of(cls, records: Iterable[Record]) -> "History":
        """The history that ``records`` make."""
        history = cls()
        for record in records:
            match record:
                case Call():
                    history.calls.append(record)
                case HandOff():
                    history.hand_offs.append(record)
                case Fault():
                    history.faults.append(record)
                case LedgerLine():
                    history.ledger[record.delivery_id] = record
                case Stored():
                    history.incidents.append(record.record)
        return history

    def records(self) -> list[Record]:
        """Every record."""
        stored = [Stored(record) for record in self.incidents]
        return [*self.calls, *self.hand_offs, *self.faults, *self.ledger.values(), *stored]


def write(history: History, path: Path) -> None:
    """One JSON document a line."""
    path.write_bytes(b"".join(_RECORD.dump_json(record) + b"\n" for record in history.records()))


def read(path: Path) -> History:
    """What :func:`write` wrote."""
    return History.of(_RECORD.validate_json(line) for line in path.read_bytes().splitlines())
