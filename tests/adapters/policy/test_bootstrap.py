import grpc
import pytest
from adapters.scraping import scraping, series
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb
from pager_grpc.gen.policy.v1 import policy_service_pb2_grpc as pb_grpc
from pager_grpc.policy.bootstrap import running_policy
from pager_grpc.policy.config import PolicySettings
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.config import ConfigurationFault
from pager_grpc.runtime.metrics import Metrics

SERVING = health_pb2.HealthCheckResponse.SERVING


def settings(**given):
    return PolicySettings(POLICY_LISTEN="127.0.0.1:0", **given)


async def health_of(channel, service):
    """The first report that is not the server's own opening word."""
    async for report in health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(service=service)):
        if report.status != health_pb2.HealthCheckResponse.SERVICE_UNKNOWN:
            return report.status
    raise AssertionError("the watch ended")


async def services_of(channel):
    ask = reflection_pb2.ServerReflectionRequest(list_services="")
    call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter([ask]))
    async for answer in call:
        return {service.name for service in answer.list_services_response.service}
    raise AssertionError("reflection said nothing")


async def test_the_room_says_that_it_serves(channel):
    assert await health_of(channel, "policy.v1.PolicyService") == SERVING
    assert await health_of(channel, "policy.v1.ScheduleService") == SERVING
    assert await health_of(channel, "") == SERVING


async def test_the_room_shows_its_contract(channel):
    assert "policy.v1.PolicyService" in await services_of(channel)


async def test_reflection_can_be_turned_off(tmp_path):
    given = settings(PAGERD_DATA=tmp_path, PAGERD_REFLECTION=False)
    async with running_policy(given) as port, open_channel(f"127.0.0.1:{port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await services_of(channel)
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_policies_survive_a_restart_of_the_room(tmp_path):
    given = settings(PAGERD_DATA=tmp_path)
    target = pb.NotificationTarget(target_id="ana", email=pb.EmailTarget(email_address="ana@example.com"))
    policy = pb.EscalationPolicy(policy_id="shop", levels=[pb.EscalationLevel(targets=[target])])
    async with running_policy(given) as port, open_channel(f"127.0.0.1:{port}") as channel:
        stub = pb_grpc.PolicyServiceStub(channel)
        stored = await stub.CreateEscalationPolicy(pb.CreateEscalationPolicyRequest(escalation_policy=policy))
    async with running_policy(given) as port, open_channel(f"127.0.0.1:{port}") as channel:
        stub = pb_grpc.PolicyServiceStub(channel)
        read = await stub.GetEscalationPolicy(pb.GetEscalationPolicyRequest(policy_id="shop"))
    assert read.escalation_policy == stored.escalation_policy


async def test_calls_are_counted_where_metrics_are_asked_for(tmp_path):
    given, metrics = settings(PAGERD_DATA=tmp_path, POLICY_METRICS_LISTEN="127.0.0.1:0"), Metrics()
    async with (
        running_policy(given, metrics=metrics) as port,
        open_channel(f"127.0.0.1:{port}") as channel,
        scraping(metrics) as scraper,
    ):
        with pytest.raises(grpc.aio.AioRpcError):
            await pb_grpc.PolicyServiceStub(channel).GetEscalationPolicy(pb.GetEscalationPolicyRequest(policy_id="x"))
        await health_of(channel, "")
        missed = series("rpc_requests_total", method="policy.v1.PolicyService/GetEscalationPolicy", code="NOT_FOUND")
        found = await scraper.until(lambda values: missed in values)
    assert [value for (name, *_), value in found.items() if name == "rpc_requests_total"] == [1]


async def test_ten_thousand_services_fit_one_message_and_more_than_a_mebibyte_does_not(stub):
    target = pb.NotificationTarget(target_id="ana", email=pb.EmailTarget(email_address="ana@example.com"))
    policy = pb.EscalationPolicy(policy_id="shop", levels=[pb.EscalationLevel(targets=[target])])
    policy.monitored_service_ids.extend(f"service-{number:080}" for number in range(10_000))
    answer = await stub.CreateEscalationPolicy(pb.CreateEscalationPolicyRequest(escalation_policy=policy))
    assert len(answer.escalation_policy.monitored_service_ids) == 10_000
    policy.monitored_service_ids.extend(f"service-{number:080}" for number in range(10_000, 13_000))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.CreateEscalationPolicy(pb.CreateEscalationPolicyRequest(escalation_policy=policy))
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_database_that_nobody_prepared_is_refused_with_the_command_that_does(postgres_url):
    with pytest.raises(ConfigurationFault, match="pagerd migrate policy"):
        async with running_policy(settings(POLICY_DATABASE_URL=postgres_url)):
            pass


async def test_the_database_is_a_file_in_the_data_folder_unless_said(tmp_path):
    assert settings(PAGERD_DATA=tmp_path).database_url == f"sqlite+aiosqlite:///{tmp_path}/policy.db"
    url = "postgresql+asyncpg://nobody@127.0.0.1:1/none"
    assert settings(POLICY_DATABASE_URL=url).database_url == url
