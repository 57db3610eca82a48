from pathlib import Path

import yaml
from fakes.policy_builders import a_level, about
from fakes.policy_store import FakePolicyStore

from pager_domain.policy.application import PolicyApplicationService
from pager_domain.policy.levels import email_target, sms_target
from pager_domain.policy.model import PolicyDefinition

EXAMPLE = Path(__file__).parents[3] / "examples" / "policies.yaml"


def target_in(entry):
    return email_target(entry["id"], entry["email"]) if "email" in entry else sms_target(entry["id"], entry["sms"])


def policy_in(entry):
    levels = tuple(a_level(*(target_in(target) for target in level["targets"])) for level in entry["levels"])
    return PolicyDefinition(
        entry["id"],
        levels,
        entry["name"],
        entry["repeat"],
        tuple(entry.get("services", ())),
        entry.get("default", False),
    )


async def test_the_example_holds_policies_that_the_room_takes():
    policies = PolicyApplicationService(FakePolicyStore())
    for entry in yaml.safe_load(EXAMPLE.read_text())["policies"]:
        await policies.create(policy_in(entry))
    answers = await policies.resolve_all(about("checkout", "payments", "anything"))
    assert [(answer.policy_id, answer.defaulted) for answer in answers] == [
        ("shop", False),
        ("shop", False),
        ("catch-all", True),
    ]
