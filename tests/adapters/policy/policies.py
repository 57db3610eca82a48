"""Escalation policies as a caller writes them."""

from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb


def a_target(target_id="ana-mail", address="ana@example.com"):
    return pb.NotificationTarget(target_id=target_id, email=pb.EmailTarget(email_address=address))


def a_phone(target_id="ana-phone", number="+4915112345678"):
    return pb.NotificationTarget(target_id=target_id, sms=pb.SmsTarget(phone_number=number))


def a_level(*targets, **more):
    return pb.EscalationLevel(targets=targets or [a_target()], **more)


def a_policy(policy_id="shop", *services, **more):
    more.setdefault("levels", [a_level()])
    return pb.EscalationPolicy(policy_id=policy_id, monitored_service_ids=services, **more)


def addresses_of(levels):
    steps = [step for level in levels for target in level.targets for step in target.high_urgency_rule.steps]
    return [step.email.email_address or step.sms.phone_number for step in steps]


def revision(policy_id, number):
    return pb.ResolveEscalationRequest(policy_revision=pb.PolicyRevision(policy_id=policy_id, revision=number))


def service(monitored_service_id):
    return pb.ResolveEscalationRequest(monitored_service_id=monitored_service_id)
