"""What an alert would cause, as one list in the order of time."""

from collections.abc import Iterator
from dataclasses import dataclass

from google.protobuf.timestamp_pb2 import Timestamp

from pager_cli.explanation import explained
from pager_cli.moments import full_time
from pager_cli.output import Styled, print_line, print_table
from pager_cli.targets import because
from pager_cli.timeline import what_happened
from pager_cli.words import enum_word, one_line
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

_CATCH_ALL = pb.IncidentEvent.LevelNotified.POLICY_SOURCE_CATCH_ALL
_BEFORE, _PAGE, _AFTER = range(3)
"""What comes first of one moment: why a level pages as it does, its pages, what else happens."""


@dataclass(frozen=True, slots=True)
class _Row:
    moment: Timestamp
    rank: int
    cells: tuple[str, str, str, str]

    def key(self) -> tuple[int, int]:
        return self.moment.ToNanoseconds(), self.rank


def print_preview(answer: pb.PreviewEscalationResponse) -> None:
    """Prints the policy, then every page and what happens between them."""
    policies = {
        f"policy {one_line(event.level_notified.policy_id)} r{event.level_notified.policy_revision}": None
        for event in answer.events
        if event.level_notified.policy_id
    }
    for policy in policies:
        print_line(policy)
    if not answer.pages:
        print_line(Styled("nobody would be paged", "bold red"))
    rows = sorted((*_events(answer), *_pages(answer)), key=_Row.key)
    if rows:
        table = [(full_time(row.moment), *row.cells) for row in rows]
        print_table(("TIME", "LEVEL", "WHO", "BY", "WHY"), table, ("BY", "LEVEL"))


def _events(answer: pb.PreviewEscalationResponse) -> Iterator[_Row]:
    for event in answer.events:
        if event.level_notified.policy_fault:
            yield _told(event.event_time, _BEFORE, what_happened(event))
        if event.WhichOneof("event") != "level_notified":
            for line in explained([event], ""):
                yield _told(line.moment, _AFTER, line.sentence)


def _told(moment: Timestamp, rank: int, sentence: str) -> _Row:
    return _Row(moment, rank, ("-", "-", "-", sentence))


def _pages(answer: pb.PreviewEscalationResponse) -> Iterator[_Row]:
    notified = (event.level_notified for event in answer.events)
    catch_all = {(level.cycle, level.level) for level in notified if level.policy_source == _CATCH_ALL}
    for page in answer.pages:
        cells = (
            str(page.level) if page.cycle <= 1 else f"{page.level} (cycle {page.cycle})",
            one_line(page.target.person_id or page.target.target_id),
            one_line(page.target.contact_method_id) or enum_word(pb.NotifiedTarget.Channel, page.target.channel),
            "the catch-all target" if (page.cycle, page.level) in catch_all else because(page.target),
        )
        yield _Row(page.page_time, _PAGE, cells)
