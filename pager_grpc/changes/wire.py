"""Change records between protobuf and values. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime

from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from pager_domain.changes.model import ChangeRecord, Document, ObjectKind, RecordId
from pager_domain.changes.ports.change_log import AskedChanges
from pager_domain.errors import InvalidField
from pager_domain.kernel import checked_id
from pager_grpc.gen.changes.v1 import change_log_service_pb2 as pb
from pager_grpc.runtime.page_tokens import decode_token, encode_token, page_of

_KINDS = {
    ObjectKind.ESCALATION_POLICY: pb.OBJECT_KIND_ESCALATION_POLICY,
    ObjectKind.PERSON: pb.OBJECT_KIND_PERSON,
    ObjectKind.SCHEDULE: pb.OBJECT_KIND_SCHEDULE,
    ObjectKind.MAINTENANCE_WINDOW: pb.OBJECT_KIND_MAINTENANCE_WINDOW,
    ObjectKind.API_KEY: pb.OBJECT_KIND_API_KEY,
}
_KINDS_BY_NUMBER = {number: kind for kind, number in _KINDS.items()}


def asked_from(request: pb.ListChangeRecordsRequest) -> AskedChanges:
    """Which records are wanted."""
    kind = _KINDS_BY_NUMBER.get(request.object_kind)
    if kind is None and request.object_kind != pb.OBJECT_KIND_UNSPECIFIED:
        raise InvalidField("object_kind", "must be a kind that this version knows")
    object_id = checked_id("object_id", request.object_id) if request.object_id else None
    return AskedChanges(kind, object_id, _since(request))


def before_from(page_token: str) -> RecordId | None:
    """Where a page begins."""
    key = decode_token("page_token", page_token, int)
    return RecordId(int(key[0])) if key is not None else None


def page_to(records: Sequence[ChangeRecord], page_size: int) -> pb.ListChangeRecordsResponse:
    """As many of ``records`` as fit a page, at least one, and where the next one begins if there are more."""
    shown, token = page_of(records, record_to, page_size, lambda record: encode_token(record.record_id))
    return pb.ListChangeRecordsResponse(change_records=shown, next_page_token=token)


def record_to(record: ChangeRecord) -> pb.ChangeRecord:
    """One record."""
    record_time = Timestamp()
    record_time.FromDatetime(record.recorded_at)
    said, change = record.attribution, record.change
    return pb.ChangeRecord(
        record_id=record.record_id,
        record_time=record_time,
        principal=said.principal,
        method=said.method,
        request_id=said.request_id,
        object_kind=_KINDS[change.kind],
        object_id=change.object_id,
        before=_struct(change.before),
        after=_struct(change.after),
    )


def _struct(document: Document | None) -> Struct | None:
    if document is None:
        return None
    struct = Struct()
    struct.update(dict(document))
    return struct


def _since(request: pb.ListChangeRecordsRequest) -> datetime | None:
    if not request.HasField("since_time"):
        return None
    try:
        return request.since_time.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidField("since_time", "must be a moment of the years 1 to 9999") from None
