"""What a failed call says to a person: one sentence, what is wrong and what to do, and the exit code.

A reason that stands in ``_BY_REASON`` has its own sentence; otherwise the gRPC code has one; otherwise the server's own
words are shown.
"""

from collections.abc import Callable, Mapping

import grpc

from pager_cli.outcome import NO_ANSWER, REFUSED, USAGE, CommandFailed
from pager_cli.peer import Peer
from pager_grpc.client.errors import PagerError

Code = grpc.StatusCode

_EXIT_CODES: Mapping[grpc.StatusCode, int] = {
    Code.INVALID_ARGUMENT: USAGE,
    Code.OUT_OF_RANGE: USAGE,
    Code.NOT_FOUND: REFUSED,
    Code.FAILED_PRECONDITION: REFUSED,
    Code.ALREADY_EXISTS: REFUSED,
    Code.ABORTED: REFUSED,
    Code.RESOURCE_EXHAUSTED: REFUSED,
    Code.UNAUTHENTICATED: REFUSED,
    Code.PERMISSION_DENIED: REFUSED,
    Code.UNIMPLEMENTED: REFUSED,
}

_BY_REASON: Mapping[str, str] = {
    "INVALID_FIELD": "{field} {limit}",
    "MONITORED_SERVICE_UNKNOWN": "there is no service {monitored_service_id!r}; `pagerctl services` lists them",
    "INCIDENT_UNKNOWN": "there is no incident {incident_id!r}; `pagerctl incidents --all` lists them",
    "NO_OPEN_INCIDENT": "there is nothing to do: {monitored_service_id!r} has no open incident",
    "MAINTENANCE_WINDOW_UNKNOWN": (
        "there is no maintenance window {maintenance_window_id!r}; `pagerctl maintenance list` lists them"
    ),
    "NO_LEVEL_LEFT": "every level of the incident {incident_id!r} was notified, nobody is left to escalate to",
    "REQUEST_ID_REUSED": "the request id {request_id!r} was used with other content; give another one, or none",
    "POLICY_UNKNOWN": "there is no policy {policy_id!r}; `pagerctl policy list` lists them",
    "POLICY_EXISTS": "the policy {policy_id!r} exists already",
    "SERVICE_ALREADY_COVERED": (
        "the service {monitored_service_id!r} is covered by the policy {policy_id!r}; remove it there first, "
        "or put both policies in one file"
    ),
    "DEFAULT_POLICY_EXISTS": (
        "{policy_id!r} is the default policy; end that first (default: false), or put both policies in one file"
    ),
    "STALE_ETAG": "the policy {policy_id!r} was changed by somebody else at the same time; try again",
    "CONFIGURATION_STALE": "the configuration was changed by somebody else since the plan; run `pagerctl plan` again",
    "POLICY_UNAVAILABLE": "nobody can be looked up: {fault}; try again when the policy service is back",
    "CODE_SENT_RECENTLY": "{message}",
    "CODE_REFUSED": "{message}",
    "NO_POLICY_FOR_SERVICE": "no policy covers the service {monitored_service_id!r} and there is no default policy",
    "REVISION_UNKNOWN": "the policy {policy_id!r} has no revision {revision}",
    "TARGET_UNKNOWN": "{field}: there is no {named_kind} {named_id!r}; see `pagerctl {named_kind} list`",
    "PERSON_UNKNOWN": "there is no person {person_id!r}; `pagerctl person list` lists them",
    "PERSON_EXISTS": "the person {person_id!r} exists already",
    "PERSON_STALE": "the person {person_id!r} was changed by somebody else at the same time; try again",
    "PERSON_IN_USE": (
        "{place}the {named_by_kind} {named_by_id!r} names the person {person_id!r}; take it out there first"
    ),
    "CONTACT_METHOD_UNKNOWN": (
        "the person {person_id!r} has no contact method {contact_method_id!r}; `pagerctl person show` shows them"
    ),
    "CONTACT_METHOD_VERIFIED": "{contact_method_id!r} of {person_id!r} is verified already",
    "CODE_NOT_SENT": (
        "nobody says that a code went to {contact_method_id!r} of {person_id!r}: the notifier or its provider does not "
        "answer; try again"
    ),
    "ADDRESS_REFUSED": (
        "the provider takes no messages to {contact_method_id!r} of {person_id!r}; is the address right?"
    ),
    "SCHEDULE_UNKNOWN": "there is no schedule {schedule_id!r}; `pagerctl schedule list` lists them",
    "SCHEDULE_EXISTS": "the schedule {schedule_id!r} exists already",
    "SCHEDULE_STALE": "the schedule {schedule_id!r} was changed by somebody else at the same time; try again",
    "SCHEDULE_IN_USE": (
        "the {named_by_kind} {named_by_id!r} names the schedule {schedule_id!r}; take it out there first"
    ),
    "OVERRIDE_UNKNOWN": (
        "the schedule {schedule_id!r} has no override {override_id!r}; `pagerctl schedule show` shows them"
    ),
    "OVERRIDE_EXISTS": "the schedule {schedule_id!r} has another override {override_id!r}; give another --id, or none",
    "SHIFT_SWAP_UNKNOWN": (
        "the schedule {schedule_id!r} has no shift swap {shift_swap_id!r}; `pagerctl schedule show` shows them"
    ),
    "SHIFT_SWAP_EXISTS": (
        "the schedule {schedule_id!r} has another shift swap {shift_swap_id!r}; give another --id, or none"
    ),
    "SHIFT_SWAP_ANSWERED": "the shift swap {shift_swap_id!r} of {schedule_id!r} is {state} already",
    "SHIFT_SWAP_OVER": "the shift swap {shift_swap_id!r} of {schedule_id!r} is over",
    "NOT_ON_CALL": "{person_id!r} is not on call on the schedule {schedule_id!r} in that time",
    "OVERLOADED": "the server has more to do than it can",
    "DEADLINE_IMPOSED": "the server gives a call {seconds} s and was not done by then; it may or may not be stored",
    "RAISE_RATE_EXCEEDED": "you raise more alerts than you may",
    "NOT_ALLOWED": "{principal} may not {refused}; an admin sees with `pagerctl key list` what a key may",
    "API_KEY_UNKNOWN": "there is no key {api_key_id!r}; `pagerctl key list` lists them",
    "API_KEY_EXISTS": "there is another key {api_key_id!r} already",
    "DELIVERY_UNKNOWN": "there is no delivery {delivery_id!r}; `pagerctl deliveries` lists them",
}

_CREDENTIAL_FAULTS: Mapping[str, str] = {
    "malformed": "that is no API key and no token; is it whole?",
    "unknown": "it has no such API key; an admin makes one with `pagerctl key create`",
    "expired": "the key or token has expired; an admin makes a key with `pagerctl key create`",
    "revoked": "the API key was revoked; an admin makes another one with `pagerctl key create`",
    "token_refused": "the token does not count there; ask whoever issued it for a new one",
}


def command_failed(peer: Peer, failed: PagerError) -> CommandFailed:
    """``failed``, a call of ``peer``, as its command ends with it."""
    exit_code = _EXIT_CODES.get(failed.fault.code, NO_ANSWER)
    sentence = _sentence(peer, failed)
    if exit_code == NO_ANSWER and failed.request_id:
        repeat = f"it may or may not be stored: repeat with --request-id {failed.request_id}"
        sentence += f"; {repeat if failed.sent else 'nothing was sent'}"
    return CommandFailed(exit_code, sentence)


def _sentence(peer: Peer, failed: PagerError) -> str:
    fault = failed.fault
    if fault.reason == "ERROR_REASON_UNAUTHENTICATED":
        return _unknown_caller(peer, failed)
    known = _BY_REASON.get(fault.reason.removeprefix("ERROR_REASON_"))
    if known is not None:
        try:
            return known.format_map(_said(failed)) + _when(failed)
        except KeyError:  # a server that leaves out the metadata it promises still deserves its own words
            return fault.message
    by_code = _BY_CODE.get(fault.code)
    return (
        by_code(peer, failed) if by_code is not None else f"{_place(peer)} answered {fault.code.name}: {fault.message}"
    )


def _said(failed: PagerError) -> dict[str, str]:
    said = failed.fault.metadata
    return {**said, "message": failed.fault.message, "place": _place_in_schedule(said)}


def _place_in_schedule(said: Mapping[str, str]) -> str:
    """Where a schedule names somebody, if not in a layer."""
    if override := said.get("override_id"):
        return f"the override {override!r} of "
    return f"the shift swap {swap!r} of " if (swap := said.get("shift_swap_id")) else ""


# What gRPC's core says when TLS fails: it has no code for it.
_NOT_PROVEN = ("CERTIFICATE_VERIFY_FAILED", "Hostname Verification Check failed")
_HUNG_UP = "Socket closed"
_SHUT = "; if it speaks TLS, PAGERCTL_TLS_CA is needed, and where it demands a certificate PAGERCTL_TLS_CERT and _KEY"


def _unavailable(peer: Peer, failed: PagerError) -> str:
    if failed.fault.reason.removeprefix("ERROR_REASON_") == "STORE_UNAVAILABLE":
        return f"{_place(peer)} cannot reach its database; try again when it is back"
    if any(words in failed.fault.message for words in _NOT_PROVEN):
        return (
            f"the server at {peer.target} cannot prove that it is the {peer.room}: "
            "PAGERCTL_TLS_CA does not vouch for its certificate, or it is that of another service"
        )
    absent = f"no {peer.room} answers at {peer.target}: start it with `pagerd up` or give {peer.option} host:port"
    return absent + (_SHUT if _HUNG_UP in failed.fault.message else "")


def _too_late(peer: Peer, _: PagerError) -> str:
    return f"{_place(peer)} did not answer within {peer.timeout:g} s; try again, or give a longer --timeout"


def _exhausted(peer: Peer, failed: PagerError) -> str:
    return f"{_place(peer)} refused, a limit is reached: {failed.fault.message}{_when(failed)}"


def _when(failed: PagerError) -> str:
    wait = failed.fault.retry_after
    return f"; nothing was stored, try again in {wait.total_seconds():g} s" if wait is not None else ""


def _unknown_caller(peer: Peer, failed: PagerError) -> str:
    fault = failed.metadata.get("fault", "")
    if fault == "missing":
        return f"{_place(peer)} asks who calls: put your key into PAGERCTL_API_KEY, or its file behind --api-key-file"
    return f"{_place(peer)} does not know you: {_CREDENTIAL_FAULTS.get(fault, f'the credential is {fault}')}"


def _not_spoken(peer: Peer, _: PagerError) -> str:
    return f"the server at {peer.target} is no {peer.room} of this version: check {peer.option} host:port"


def _internal(peer: Peer, failed: PagerError) -> str:
    return f"{_place(peer)} failed: {failed.fault.message}"


def _place(peer: Peer) -> str:
    return f"the {peer.room} at {peer.target}"


_BY_CODE: Mapping[grpc.StatusCode, Callable[[Peer, PagerError], str]] = {
    Code.UNAVAILABLE: _unavailable,
    Code.DEADLINE_EXCEEDED: _too_late,
    Code.RESOURCE_EXHAUSTED: _exhausted,
    Code.UNIMPLEMENTED: _not_spoken,
    Code.INTERNAL: _internal,
    Code.UNAUTHENTICATED: _unknown_caller,
}
