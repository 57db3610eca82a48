"""The targets of simulated policies as people: each address is the first way to somebody who has another one too.

The policy room knows addresses here; what the pager makes of people is what is asked, so its answers are told so.
"""

from datetime import timedelta

from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb
from pager_grpc.pager import escalation_policies_grpc

_policy_of = escalation_policies_grpc.policy_of


def policy_of_people(message: pb.ResolvedEscalation):
    """As :func:`~pager_grpc.pager.escalation_policies_grpc.policy_of`, of people with two ways to reach them."""
    told = pb.ResolvedEscalation()
    told.CopyFrom(message)
    for level in told.levels:
        for target in level.targets:
            if _is_a_person(target):
                _give_a_second_way(target, level.acknowledgement_timeout.ToTimedelta())
    return _policy_of(told)


def second_address(first: pb.ResolvedStep) -> pb.ResolvedStep:
    """The other way to whoever has the ``first``."""
    if first.HasField("email"):
        number = f"+4917{sum(first.email.email_address.encode()):08}"
        return pb.ResolvedStep(sms=pb.SmsTarget(phone_number=number))
    mail = f"second-{first.sms.phone_number.removeprefix('+')}@example.com"
    return pb.ResolvedStep(email=pb.EmailTarget(email_address=mail))


def _is_a_person(target: pb.ResolvedTarget) -> bool:
    """Every second target, by its name; garbage stays what it is."""
    return target.target_id.endswith(("1", "3")) and len(target.high_urgency_rule.steps) == 1


def _give_a_second_way(target: pb.ResolvedTarget, timeout: timedelta) -> None:
    """A third of the way to the next level, then every fifth of it."""
    target.person_id = f"of-{target.target_id}"
    [first] = target.high_urgency_rule.steps
    first.contact_method_id = f"{target.person_id}/first"
    second = second_address(first)
    second.contact_method_id = f"{target.person_id}/second"
    second.delay.FromTimedelta(timeout / 3)
    target.high_urgency_rule.steps.append(second)
    target.high_urgency_rule.repeat_interval.FromTimedelta(max(timeout / 5, timedelta(seconds=1)))
    target.low_urgency_rule.steps.append(second)
    target.low_urgency_rule.steps[0].delay.FromTimedelta(timedelta(seconds=1))
