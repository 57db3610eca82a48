import grpc
import pytest
from contracts.change_log import ChangeLogContract
from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from pager_grpc.changes.change_log_sql import SqlChangeLog
from pager_grpc.gen.changes.v1 import change_log_service_pb2 as pb
from pager_grpc.gen.changes.v1 import change_log_service_pb2_grpc as pb_grpc
from pager_grpc.gen.policy.v1 import people_service_pb2 as people_pb
from pager_grpc.gen.policy.v1 import people_service_pb2_grpc as people_grpc
from pager_grpc.policy.escalation_policies_sql import SqlPolicyStore
from pager_grpc.runtime.errors import fault_of


class TestSqlChangeLog(ChangeLogContract):
    @pytest.fixture
    def store(self, database):
        return SqlPolicyStore(database)

    @pytest.fixture
    def change_log(self, database):
        return SqlChangeLog(database)


@pytest.fixture
def change_log(channel):
    return pb_grpc.ChangeLogServiceStub(channel)


async def create(channel, name, mail="ana@example.com"):
    method = people_pb.ContactMethod(contact_method_id="mail", email_address=mail)
    person = people_pb.Person(person_id=name, contact_methods=[method])
    await people_grpc.PeopleServiceStub(channel).CreatePerson(people_pb.CreatePersonRequest(person=person))


async def refusal_of(call):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return fault_of(refused.value)


async def test_a_record_says_who_asked_by_which_call_and_what_changed(channel, change_log):
    await create(channel, "ana")
    listed = await change_log.ListChangeRecords(pb.ListChangeRecordsRequest(object_id="ana"))
    [record] = listed.change_records
    assert (record.principal, record.method) == ("anonymous", "/policy.v1.PeopleService/CreatePerson")
    assert (record.object_kind, record.object_id) == (pb.OBJECT_KIND_PERSON, "ana")
    assert not record.HasField("before")
    after = MessageToDict(record.after)
    assert after["contact_methods"] == [{"contact_method_id": "mail", "address": "…@example.com"}]


async def test_pages_and_filters_over_the_wire(channel, change_log):
    for name in ("a", "b", "c"):
        await create(channel, name)
    first = await change_log.ListChangeRecords(pb.ListChangeRecordsRequest(page_size=2))
    token = first.next_page_token
    rest = await change_log.ListChangeRecords(pb.ListChangeRecordsRequest(page_size=2, page_token=token))
    assert [record.object_id for record in [*first.change_records, *rest.change_records]] == ["c", "b", "a"]
    assert rest.next_page_token == ""
    schedules = pb.ListChangeRecordsRequest(object_kind=pb.OBJECT_KIND_SCHEDULE)
    assert not (await change_log.ListChangeRecords(schedules)).change_records


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.ListChangeRecordsRequest(page_size=1001), "page_size"),
        (pb.ListChangeRecordsRequest(page_token="x"), "page_token"),
        (pb.ListChangeRecordsRequest(object_kind=77), "object_kind"),
        (pb.ListChangeRecordsRequest(object_id="x" * 256), "object_id"),
        (pb.ListChangeRecordsRequest(since_time=Timestamp(seconds=2**62)), "since_time"),
    ],
)
async def test_nonsense_is_refused_by_name(change_log, request_, field):
    fault = await refusal_of(change_log.ListChangeRecords(request_))
    assert (fault.code, fault.metadata["field"]) == (grpc.StatusCode.INVALID_ARGUMENT, field)


@pytest.mark.parametrize("statement", ["UPDATE change_records SET principal = 'nobody'", "DELETE FROM change_records"])
async def test_the_database_refuses_to_change_or_to_forget_a_record(database, channel, change_log, statement):
    await create(channel, "ana")
    with pytest.raises(IntegrityError, match="gd_change_records"):
        async with database.begin() as connection:
            await connection.execute(text(statement))
    assert len((await change_log.ListChangeRecords(pb.ListChangeRecordsRequest())).change_records) == 1
