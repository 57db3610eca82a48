"""Configuration as code: plan, apply, export."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from pager_cli.configuration_file import read_configuration, written_configuration
from pager_cli.connection import connected
from pager_cli.durations import written_duration
from pager_cli.file_words import in_file_words
from pager_cli.output import Styled, as_json, print_json, print_line
from pager_cli.peer import Peer
from pager_cli.people import all_people
from pager_cli.policies import all_policies, read_file
from pager_cli.schedules import all_schedules
from pager_cli.words import one_line
from pager_grpc.client.errors import PagerError
from pager_grpc.gen.policy.v1 import configuration_service_pb2 as pb
from pager_grpc.gen.policy.v1.configuration_service_pb2_grpc import ConfigurationServiceStub
from pager_grpc.gen.policy.v1.people_service_pb2_grpc import PeopleServiceStub
from pager_grpc.gen.policy.v1.policy_service_pb2_grpc import PolicyServiceStub
from pager_grpc.gen.policy.v1.schedule_service_pb2_grpc import ScheduleServiceStub

SCHEMA = Path(__file__).parent / "configuration.schema.json"

_KINDS = {
    pb.ConfigurationChange.KIND_PERSON: "person",
    pb.ConfigurationChange.KIND_SCHEDULE: "schedule",
    pb.ConfigurationChange.KIND_ESCALATION_POLICY: "policy",
}
_OF_FIELDS = {"field", "limit"}
_ACTIONS = {
    pb.ConfigurationChange.ACTION_CREATED: Styled("+", "green"),
    pb.ConfigurationChange.ACTION_UPDATED: Styled("~", "yellow"),
    pb.ConfigurationChange.ACTION_DELETED: Styled("-", "red"),
}


async def plan_file(peer: Peer, file: str, *, pruned: bool, as_machine: bool) -> None:
    """Prints what applying ``file`` would change, and what that means for people."""
    request = read_file(file, read_configuration)
    request.pruned, request.validated_only = pruned, True
    answer = await _apply(peer, request)
    if as_machine:
        print_json(as_json(answer))
        return
    _print_changes(answer)
    if answer.changes:
        print_line("nothing was changed; `pagerctl apply` does it")


async def apply_file(peer: Peer, file: str, *, pruned: bool, base_etag: str, as_machine: bool) -> None:
    """Makes everything as ``file`` says, all of it or nothing, and prints what that took."""
    request = read_file(file, read_configuration)
    request.pruned, request.base_etag = pruned, base_etag
    answer = await _apply(peer, request)
    if as_machine:
        print_json(as_json(answer))
        return
    _print_changes(answer)
    if any(change.kind == pb.ConfigurationChange.KIND_PERSON for change in answer.changes):
        print_line("a new address counts after `pagerctl person verify`; `pagerctl policy check` tells what is missing")


async def export(peer: Peer, *, as_machine: bool) -> None:
    """Prints everything as a file that ``apply`` takes."""
    async with connected(peer) as (channel, caller):
        said = pb.ApplyConfigurationRequest(
            people=await all_people(PeopleServiceStub(channel), caller),
            schedules=await all_schedules(ScheduleServiceStub(channel), caller),
            escalation_policies=await all_policies(PolicyServiceStub(channel), caller),
        )
    if as_machine:
        print_json(as_json(said))
    else:
        print_line(written_configuration(said).rstrip("\n"))


def print_schema() -> None:
    """Prints the JSON schema of the file, for editors."""
    print_line(SCHEMA.read_text(encoding="utf-8").rstrip("\n"))


async def _apply(peer: Peer, request: pb.ApplyConfigurationRequest) -> pb.ApplyConfigurationResponse:
    # Repeating it is harmless: what was written the first time is unchanged the second time.
    async with connected(peer) as (channel, caller):
        try:
            return await caller.read(ConfigurationServiceStub(channel).ApplyConfiguration, request)
        except PagerError as failed:
            told = {key: in_file_words(value) if key in _OF_FIELDS else value for key, value in failed.metadata.items()}
            raise replace(failed, fault=replace(failed.fault, metadata=told)) from failed


def _print_changes(answer: pb.ApplyConfigurationResponse) -> None:
    for change in answer.changes:
        kind = _KINDS.get(change.kind, "something")
        fields = f": {', '.join(map(in_file_words, change.fields))}" if change.fields else ""
        print_line(_ACTIONS.get(change.action, "?"), f" {kind} {one_line(change.object_id)}{fields}")
    print_line(f"{len(answer.changes)} changed, {answer.unchanged_count} unchanged")
    for duty in answer.duty_changes:
        print_line(_duty_sentence(duty))


def _duty_sentence(duty: pb.DutyChange) -> str:
    now, then = duty.current_duty.ToTimedelta(), duty.planned_duty.ToTimedelta()
    verb, difference = ("gains", then - now) if then > now else ("loses", now - then)
    spans = f"from {_hours(now)} to {_hours(then)}"
    return f"{one_line(duty.person_id)} {verb} {_hours(difference)} on call in the next 7 days ({spans})"


def _hours(span: timedelta) -> str:
    return written_duration(timedelta(minutes=round(span / timedelta(minutes=1)))).replace("0s", "0h")
