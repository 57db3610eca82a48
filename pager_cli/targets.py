"""Whom a page goes to, in words: never an address."""

from collections.abc import Iterable, Sequence

from google.protobuf.duration_pb2 import Duration

from pager_cli.durations import written_duration
from pager_cli.words import enum_word, one_line
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

_MOST_DELAYS = 4
_Reason = pb.UnreachedTarget.Reason


def whom(target: pb.NotifiedTarget) -> str:
    """``ana by phone``, or the target itself if it is an address."""
    method = f" by {one_line(target.contact_method_id)}" if target.contact_method_id else ""
    return one_line(target.person_id or target.target_id) + method


def whom_and_how(target: pb.NotifiedTarget) -> str:
    """``ana by phone (sms)``."""
    return f"{whom(target)} ({enum_word(pb.NotifiedTarget.Channel, target.channel)})"


def notified(targets: Sequence[pb.NotifiedTarget]) -> str:
    """``ana, on call on primary, by phone (sms) after 5m, 10m``, each way to each of them."""
    return (
        ", ".join(f"{whom_and_how(target)}{_on_call(target)}{_delays(target.delays)}" for target in targets) or "nobody"
    )


def because(target: pb.NotifiedTarget) -> str:
    """Why this person: ``on call on primary, layer weekly``."""
    if not target.schedule_id:
        return "named by the policy"
    by = f"override {target.override_id}" if target.override_id else f"layer {target.layer_id}"
    return one_line(f"on call on {target.schedule_id}, {by}")


def unreached(targets: Iterable[pb.UnreachedTarget]) -> str:
    """``primary (nobody on call), ben (no verified contact method)``; not who only has to wait for a turn."""
    missing = [target for target in targets if target.reason != _Reason.REASON_NOT_ITS_TURN]
    return ", ".join(f"{one_line(target.target_id)} ({_why(target)})" for target in missing)


def _why(target: pb.UnreachedTarget) -> str:
    return enum_word(_Reason, target.reason) if target.reason else "nobody is reached"


def _on_call(target: pb.NotifiedTarget) -> str:
    if not target.schedule_id:
        return ""
    override = f" by override {one_line(target.override_id)}" if target.override_id else ""
    return f" on call on {one_line(target.schedule_id)}{override}"


def _delays(delays: Sequence[Duration]) -> str:
    """Of many pages the first, how many more there are and when the last is due."""
    written = [written_duration(delay.ToTimedelta()) for delay in delays]
    if len(written) > _MOST_DELAYS:
        rest = f" and {len(written) - _MOST_DELAYS + 1} more until {written[-1]}"
        return f" after {', '.join(written[: _MOST_DELAYS - 1])}{rest}"
    return f" after {', '.join(written)}" if written else ""
