"""policy check: what is found, and the exit code for a pipeline."""

import json
from datetime import UTC, datetime

import pytest

from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb

Finding = pb.ReachabilityFinding


def a_finding(severity, kind, **more):
    finding = Finding(severity=severity, kind=kind, policy_id="shop", **more)
    finding.start_time.FromDatetime(datetime(2026, 11, 3, 9, tzinfo=UTC))
    finding.end_time.FromDatetime(datetime(2026, 11, 4, 9, tzinfo=UTC))
    return finding


ERROR = a_finding(Finding.SEVERITY_ERROR, Finding.KIND_NOBODY_REACHED)
WARNING = a_finding(Finding.SEVERITY_WARNING, Finding.KIND_SCHEDULE_GAP, level=1, schedule_id="primary")


@pytest.fixture
def check(pagerctl, policies):
    async def checked(*arguments, findings=()):
        policies.findings = list(findings)
        return await pagerctl("policy", "check", *arguments, TZ="UTC")

    return checked


async def test_nothing_found_is_said(check, policies):
    done = await check()
    assert (done.code, done.out, done.err) == (0, "0 errors and 0 warnings in 2 policies\n", "")
    [request] = policies.checked
    assert (request.policy_id, request.horizon.ToTimedelta().days) == ("", 14)


async def test_how_far_and_which_policy_is_looked_at_can_be_said(check, policies):
    await check("shop", "--days", "0.5")
    [request] = policies.checked
    assert (request.policy_id, request.horizon.seconds) == ("shop", 43_200)


async def test_a_time_at_which_nobody_is_reached_fails(check):
    done = await check(findings=[ERROR, WARNING])
    assert done.code == 1
    assert [" ".join(line.split()) for line in done.out.splitlines()] == [
        "SEVERITY POLICY LEVEL FROM UNTIL FINDING",
        "error shop - 2026-11-03 09:00 UTC 2026-11-04 09:00 UTC no level reaches anybody",
        "warning shop 1 2026-11-03 09:00 UTC 2026-11-04 09:00 UTC nobody is on call on primary",
    ]
    assert done.err == ("pagerctl: 1 error and 1 warning in 2 policies; 1 service would reach nobody at some time\n")


async def test_a_warning_fails_only_if_that_is_wanted(check):
    assert (await check(findings=[WARNING])).code == 0
    assert (await check("--strict", findings=[WARNING])).code == 1


async def test_a_severity_that_nobody_knows_fails(check):
    assert (await check(findings=[a_finding(7, 99)])).code == 1


async def test_a_machine_gets_every_field(check):
    done = await check("--json", findings=[ERROR])
    assert done.code == 1
    [finding] = json.loads(done.out)["findings"]
    assert (finding["severity"], finding["kind"]) == ("SEVERITY_ERROR", "KIND_NOBODY_REACHED")


@pytest.mark.parametrize("kind", Finding.Kind.keys())
async def test_every_finding_has_words(check, kind):
    if kind == "KIND_UNSPECIFIED":
        kind = 99
    done = await check(findings=[a_finding(Finding.SEVERITY_WARNING, kind, person_id="ana", contact_method_id="m")])
    assert ("does not know" in done.out) == (kind == 99)


@pytest.mark.parametrize("days", ["0", "93", "soon"])
async def test_days_have_limits(check, days):
    assert (await check("--days", days)).code == 2
