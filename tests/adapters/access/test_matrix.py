"""Every method of every service, by every caller, about an object of its own and a foreign one, over the wire."""

import importlib
from pathlib import Path

import pytest
from adapters.access.grid import CALLERS, lines
from adapters.access.requests import ASKS_FOR_NOTHING, a_schedule, about
from adapters.access.rooms import FIRST_ADMIN, Refused, a_closed_room, key_of
from google.protobuf import descriptor_pool

import pager_grpc.gen
from pager_grpc.access.table import ACCESS_ROWS, ACCESS_SERVICE

ROOMS = ("pager", "policy", "notifier")
OWN = {"service": "checkout", "person": "ana", "other": "ben", "swap": "mine"}
FOREIGN = {"service": "billing", "person": "ben", "other": "ana", "swap": "theirs"}


def methods_in_the_protos():
    """Found in the generated code, which the house tests compare with the protos."""
    folder = Path(pager_grpc.gen.__file__).parent
    for module in folder.rglob("*_pb2.py"):
        file = importlib.import_module(f"pager_grpc.gen.{'.'.join(module.relative_to(folder).with_suffix('').parts)}")
        for service in file.DESCRIPTOR.services_by_name.values():
            yield from (f"/{service.full_name}/{method.name}" for method in service.methods)


def table_of(room):
    return importlib.import_module(f"pager_grpc.{room}.access_table").ACCESS


def test_every_method_of_the_protos_has_a_line_in_the_grid_and_a_row_in_the_table_of_its_room():
    methods = sorted(methods_in_the_protos())
    assert methods == sorted(lines())
    assert methods == sorted([*ACCESS_ROWS, *(method for room in ROOMS for method in table_of(room))])


def test_every_field_that_a_row_names_is_in_the_request():
    rows = {method: row for room in ROOMS for method, row in table_of(room).items()}
    for method, row in rows.items():
        service, name = method.strip("/").split("/")
        request = descriptor_pool.Default().FindServiceByName(service).methods_by_name[name].input_type
        for path in filter(None, (row.services, row.person, row.by)):
            *parents, field = path.split(".")
            message = request
            for parent in parents:
                message = message.fields_by_name[parent].message_type
            assert message.fields_by_name[field].cpp_type == message.fields_by_name[field].CPPTYPE_STRING


async def some_things(room, running):
    """An object of each kind that is the caller's own, and a foreign one."""

    async def made(method, request):
        answer = await running.call(f"/{method}", request, key=FIRST_ADMIN)
        assert not isinstance(answer, Refused), answer
        return answer

    own, foreign = OWN | {"incident": "-", "window": "-"}, FOREIGN | {"incident": "-", "window": "-"}
    if room == "pager":
        for things in (own, foreign):
            requests = about(things)
            raised = await made("pager.v1.PagerService/RaiseAlert", requests["RaiseAlert"])
            things["incident"] = raised["incident"]["incident_id"]
            window = await made("pager.v1.PagerService/CreateMaintenanceWindow", requests["CreateMaintenanceWindow"])
            things["window"] = window["maintenance_window"]["maintenance_window_id"]
    if room == "policy":
        for person in ("ana", "ben", "dan"):
            mail = {"contact_method_id": "mail", "email_address": f"{person}@example.com"}
            await made(
                "policy.v1.PeopleService/CreatePerson", {"person": {"person_id": person, "contact_methods": [mail]}}
            )
        await made("policy.v1.ScheduleService/CreateSchedule", {"schedule": a_schedule("shop")})
        for swap, to in (("mine", "ana"), ("theirs", "dan")):
            request = about(own)["RequestShiftSwap"]
            request["shift_swap"] |= {"shift_swap_id": swap, "from_person_id": "ben", "to_person_id": to}
            await made("policy.v1.ScheduleService/RequestShiftSwap", request)
    return own, foreign


def expected(line, caller, kind):
    cell = line.cells[caller]
    if cell == "-":
        return "UNAUTHENTICATED" if caller == "nobody" else "PERMISSION_DENIED"
    if cell == "own" and line.foreign in {"hidden", "alone"}:
        return line.foreign
    return line.foreign if (cell, kind) == ("own", "foreign") else "granted"


def seen(line, answer):
    """What an answer says in the words of the grid."""
    if not isinstance(answer, Refused):
        return seen_in(line, answer)
    if answer.code in {"UNAUTHENTICATED", "PERMISSION_DENIED", "INVALID_ARGUMENT", "INTERNAL", "UNIMPLEMENTED"}:
        return answer.code
    return "NOT_FOUND" if (answer.code, line.foreign) == ("NOT_FOUND", "NOT_FOUND") else "granted"


def seen_in(line, answer):
    if line.foreign == "hidden":
        if line.method.endswith("WatchIncidents"):  # what it leaves out is told in test_streams.py
            return answer.get("resume_token", "") and "watching"
        assert "checkout" in str(answer), answer
        return "granted" if "billing" in str(answer) else "hidden"
    if line.foreign == "alone":
        refused = [result.get("error_reason") for result in answer["results"]]
        return {(None, None): "granted", ("ERROR_REASON_NOT_ALLOWED", None): "alone"}[tuple(refused)]
    return "granted"


@pytest.mark.parametrize("room", ROOMS)
async def test_everybody_may_what_the_grid_says_and_nothing_else(room, tmp_path):
    wrong, tried = [], 0
    async with a_closed_room(room, tmp_path) as running:
        own, foreign = await some_things(room, running)
        for line in lines().values():
            name = line.method.rpartition("/")[2]
            if not line.method.startswith((f"/{room}.", f"/{ACCESS_SERVICE}", "/changes.", "/status.")):
                continue
            for caller in CALLERS:
                for kind, things in (("own", own), ("foreign", foreign)):
                    request = {} if name in ASKS_FOR_NOTHING else about(things)[name]
                    answer = await running.call(line.method, request, key=key_of(caller))
                    was, ought = seen(line, answer), expected(line, caller, kind)
                    tried += 1
                    if not agree(was, ought, line, kind):
                        wrong.append(f"{caller} {name} {kind}: {was}, not {ought}: {str(answer)[:200]}")
    assert wrong == []
    assert tried >= 100


def agree(was, ought, line, kind):
    if was == "watching":
        return ought in {"granted", "hidden"}
    if line.foreign == "alone" and ought == "alone" and kind == "own":
        return was == "granted"
    return was == ought
