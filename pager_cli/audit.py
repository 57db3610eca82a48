"""Change records of several services as one list, each with what it changed."""

import asyncio
import difflib
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice

import yaml
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

from pager_cli.connection import connected
from pager_cli.moments import full_time
from pager_cli.output import Styled, as_json, print_json, print_line
from pager_cli.paging import rows_of
from pager_cli.peer import Peer
from pager_cli.running import complain
from pager_cli.words import one_line
from pager_grpc.gen.changes.v1 import change_log_service_pb2 as pb
from pager_grpc.gen.changes.v1.change_log_service_pb2_grpc import ChangeLogServiceStub

_KINDS = {
    "policy": pb.OBJECT_KIND_ESCALATION_POLICY,
    "person": pb.OBJECT_KIND_PERSON,
    "schedule": pb.OBJECT_KIND_SCHEDULE,
    "maintenance": pb.OBJECT_KIND_MAINTENANCE_WINDOW,
    "key": pb.OBJECT_KIND_API_KEY,
}
_WORDS = {number: word for word, number in _KINDS.items()}
_HEAD_LINES = 2
_STYLES = {"+": "green", "-": "red"}


async def list_changes(
    peers: Sequence[Peer], kind: str, object_id: str, *, since: datetime | None, limit: int, as_machine: bool
) -> None:
    """Prints the newest ``limit`` changes that the services of ``peers`` have recorded."""
    request = pb.ListChangeRecordsRequest(object_kind=_KINDS.get(kind, pb.OBJECT_KIND_UNSPECIFIED), object_id=object_id)
    if since is not None:
        request.since_time.FromDatetime(since)
    answers = await asyncio.gather(*(_records_of(peer, request, limit) for peer in peers))
    records = sorted(
        (record for found, _ in answers for record in found), key=lambda each: each.record_time.ToNanoseconds()
    )
    newest = records[: -limit - 1 : -1]
    if as_machine:
        print_json({"change_records": [as_json(record) for record in newest]})
    elif not newest:
        print_line("no changes are recorded")
    else:
        for record in newest:
            _print_change(record)
    if len(records) > limit or any(more for _, more in answers):
        complain(f"these are the newest {limit}; a higher --limit shows more")


async def _records_of(
    peer: Peer, request: pb.ListChangeRecordsRequest, limit: int
) -> tuple[list[pb.ChangeRecord], bool]:
    def page_of(size: int, token: str) -> pb.ListChangeRecordsRequest:
        asked = pb.ListChangeRecordsRequest(page_size=size, page_token=token)
        asked.MergeFrom(request)
        return asked

    async with connected(peer) as (channel, caller):
        stub = ChangeLogServiceStub(channel)
        return await rows_of(
            lambda size, token: caller.read(stub.ListChangeRecords, page_of(size, token)),
            lambda answer: answer.change_records,
            limit,
        )


def _print_change(record: pb.ChangeRecord) -> None:
    kind = _WORDS.get(record.object_kind, str(record.object_kind))
    done = "changed" if record.HasField("before") and record.HasField("after") else "created"
    done = done if record.HasField("after") else "deleted"
    by = f"by {record.principal}" + (f" with {record.method.rpartition('/')[2]}" if record.method else "")
    what = Styled(one_line(f"{kind}/{record.object_id}"), "bold")
    print_line(Styled(full_time(record.record_time), "dim"), "  ", what, one_line(f" {done} {by}"))
    for line in difference(record.before, record.after):
        print_line(Styled(f"    {line}", _STYLES.get(line[0], "")))


def difference(before: Struct, after: Struct) -> Iterator[str]:
    """What was, with a minus, and what is, with a plus; with one line around each that is the same."""
    was, is_now = _lines_of(before), _lines_of(after)
    for line in islice(difflib.unified_diff(was, is_now, n=1, lineterm=""), _HEAD_LINES, None):
        if not line.startswith("@@"):
            yield one_line(f"{line[:1]} {line[1:]}")


def _lines_of(struct: Struct) -> list[str]:
    document = {name: _plain(value) for name, value in MessageToDict(struct).items()}
    if not document:
        return []
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1000).splitlines()


def _plain(value: object) -> object:
    """Whole numbers without a point: JSON's numbers come as floats."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
