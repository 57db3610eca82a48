"""Why a schedule refuses a change.

::

    DomainError
    ├── ScheduleUnknown, ScheduleExists, ScheduleStale   in ``errors``, with those of the other entries
    ├── ScheduleInUse          a policy names the schedule
    ├── OverrideUnknown        the schedule has no such override
    ├── OverrideExists         it has one of this id with other content
    ├── ShiftSwapUnknown       the schedule has no such shift swap
    ├── ShiftSwapExists        it has one of this id with other content
    ├── ShiftSwapAnswered      it was answered otherwise
    ├── ShiftSwapOver          its time is over
    └── NotOnCall              whoever gives a duty away does not have it
"""

from dataclasses import dataclass

from pager_domain.errors import DomainError


@dataclass(eq=False)
class ScheduleInUse(DomainError):
    """What is live, ``named_by_kind`` and ``named_by_id``, names the schedule."""

    schedule_id: str
    named_by_kind: str
    named_by_id: str

    def __str__(self) -> str:
        by = f"{self.named_by_kind} {self.named_by_id!r}"
        return f"schedule {self.schedule_id!r} is named by {by}; take it out there first"


@dataclass(eq=False)
class OverrideUnknown(DomainError):
    """The schedule has no override of this id, or it is long over."""

    schedule_id: str
    override_id: str

    def __str__(self) -> str:
        return f"schedule {self.schedule_id!r} has no override {self.override_id!r}"


@dataclass(eq=False)
class OverrideExists(DomainError):
    """The schedule has an override of this id, and it says something else."""

    schedule_id: str
    override_id: str

    def __str__(self) -> str:
        return f"schedule {self.schedule_id!r} has another override {self.override_id!r}"


@dataclass(eq=False)
class ShiftSwapUnknown(DomainError):
    """The schedule has no shift swap of this id, or it is long over."""

    schedule_id: str
    shift_swap_id: str

    def __str__(self) -> str:
        return f"schedule {self.schedule_id!r} has no shift swap {self.shift_swap_id!r}"


@dataclass(eq=False)
class ShiftSwapExists(DomainError):
    """The schedule has a shift swap of this id, and it says something else."""

    schedule_id: str
    shift_swap_id: str

    def __str__(self) -> str:
        return f"schedule {self.schedule_id!r} has another shift swap {self.shift_swap_id!r}"


@dataclass(eq=False)
class ShiftSwapAnswered(DomainError):
    """The shift swap has another answer already, ``state``."""

    schedule_id: str
    shift_swap_id: str
    state: str

    def __str__(self) -> str:
        return f"shift swap {self.shift_swap_id!r} of schedule {self.schedule_id!r} is {self.state} already"


@dataclass(eq=False)
class ShiftSwapOver(DomainError):
    """The time of the shift swap is over; no answer changes anything."""

    schedule_id: str
    shift_swap_id: str

    def __str__(self) -> str:
        return f"shift swap {self.shift_swap_id!r} of schedule {self.schedule_id!r} is over"


@dataclass(eq=False)
class NotOnCall(DomainError):
    """The person is at no moment of the time on call."""

    schedule_id: str
    person_id: str

    def __str__(self) -> str:
        return f"{self.person_id!r} is not on call on schedule {self.schedule_id!r} in that time"
