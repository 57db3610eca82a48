"""Answers of a policy service that has lost its mind."""

from random import Random

from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb


def spoilt(answer: bytes, dice: Random) -> bytes:
    """The bytes of a BatchResolveEscalationsResponse with one thing wrong."""
    if dice.random() < 0.2:
        return dice.choice([b"", b"\xff\xff\xff", answer[: len(answer) // 2]])
    response = pb.BatchResolveEscalationsResponse.FromString(answer)
    dice.choice([_too_few, _too_many, _no_levels, _nobody, _one_empty_level, _nonsense, _other_structure, _no_answer])(
        response, dice
    )
    return response.SerializeToString()


def _too_few(response, _):
    del response.results[-1:]


def _too_many(response, _):
    response.results.add().CopyFrom(response.results[0])


def _no_levels(response, _):
    for result in response.results:
        result.resolved_escalation.ClearField("levels")


def _nobody(response, _):
    for result in response.results:
        for level in result.resolved_escalation.levels:
            level.ClearField("targets")


def _one_empty_level(response, dice):
    for result in response.results:
        if levels := result.resolved_escalation.levels:
            dice.choice(levels).ClearField("targets")


def _nonsense(response, dice):
    for result in response.results:
        escalation = result.resolved_escalation
        for level in escalation.levels[:1]:
            match dice.randrange(5):
                case 0:
                    level.acknowledgement_timeout.seconds = -5
                case 1:
                    level.targets.add(target_id="somebody")
                case 2:
                    level.targets[0].high_urgency_rule.steps[0].email.email_address = "nobody"
                case 3:
                    level.targets.add().CopyFrom(level.targets[0])
                case 4:
                    escalation.repeat_count = 10**6


def _other_structure(response, dice):
    for result in response.results:
        escalation = result.resolved_escalation
        if dice.random() < 0.5:
            escalation.policy_id = dice.choice(["", "another"])
        else:
            del escalation.levels[1:]


def _no_answer(response, _):
    for result in response.results:
        result.error_reason = pb.ERROR_REASON_UNSPECIFIED
