"""``policy.v1.PeopleService``: request to values, use case, response."""

# ruff: noqa: N802 - the contract names the methods

from typing import Any

from pager_domain.policy.people import PersonId
from pager_domain.policy.people_application import PeopleApplicationService
from pager_domain.policy.verifying import VerifyingApplicationService
from pager_grpc.gen.policy.v1 import people_service_pb2 as pb
from pager_grpc.gen.policy.v1 import people_service_pb2_grpc as pb_grpc
from pager_grpc.policy import people_wire as wire
from pager_grpc.policy.wire import etag_from
from pager_grpc.policy.wire_values import id_after_from, timestamp_to, token_after
from pager_grpc.runtime.page_tokens import page_of, page_size_of

SERVICE_NAME = pb.DESCRIPTOR.services_by_name["PeopleService"].full_name


class PeopleServicer(pb_grpc.PeopleServiceServicer):
    """Domain errors pass through; the server's boundary writes them."""

    def __init__(self, application: PeopleApplicationService, verifying: VerifyingApplicationService) -> None:
        self._application = application
        self._verifying = verifying

    async def CreatePerson(self, request: pb.CreatePersonRequest, context: Any) -> pb.CreatePersonResponse:
        """A new person as revision 1."""
        person = await self._application.create(wire.definition_from(request.person))
        return pb.CreatePersonResponse(person=wire.person_to(person))

    async def GetPerson(self, request: pb.GetPersonRequest, context: Any) -> pb.GetPersonResponse:
        """The newest revision."""
        person = await self._application.person(wire.person_id_from(request.person_id))
        return pb.GetPersonResponse(person=wire.person_to(person))

    async def ListPeople(self, request: pb.ListPeopleRequest, context: Any) -> pb.ListPeopleResponse:
        """A page; one more than shown is read, to know whether there is another page."""
        page_size = page_size_of(request.page_size)
        after = id_after_from(request.page_token)
        people = await self._application.people(PersonId(after) if after is not None else None, page_size + 1)
        shown, token = page_of(people, wire.person_to, page_size, token_after)
        return pb.ListPeopleResponse(people=shown, next_page_token=token)

    async def UpdatePerson(self, request: pb.UpdatePersonRequest, context: Any) -> pb.UpdatePersonResponse:
        """The next revision, if anything is different."""
        person = await self._application.update(wire.definition_from(request.person), etag_from(request.etag))
        return pb.UpdatePersonResponse(person=wire.person_to(person))

    async def DeletePerson(self, request: pb.DeletePersonRequest, context: Any) -> pb.DeletePersonResponse:
        """The person ends; its revisions stay."""
        await self._application.delete(wire.person_id_from(request.person_id), etag_from(request.etag))
        return pb.DeletePersonResponse()

    async def SendVerificationCode(
        self, request: pb.SendVerificationCodeRequest, context: Any
    ) -> pb.SendVerificationCodeResponse:
        """A code is on its way."""
        person_id, contact_method_id = wire.contact_method_from(request)
        expires_at = await self._verifying.send_code(person_id, contact_method_id)
        return pb.SendVerificationCodeResponse(expire_time=timestamp_to(expires_at))

    async def VerifyContactMethod(
        self, request: pb.VerifyContactMethodRequest, context: Any
    ) -> pb.VerifyContactMethodResponse:
        """The code is back."""
        person_id, contact_method_id = wire.contact_method_from(request)
        person = await self._verifying.verify(person_id, contact_method_id, wire.code_from(request))
        return pb.VerifyContactMethodResponse(person=wire.person_to(person))
