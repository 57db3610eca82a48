"""One scenario played in one world with one crash, and what the checkers say of it; many of them side by side."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager

from crash.scenarios import Scenario
from crash.world import Crash, World
from simulation.checkers import violations
from simulation.history import History
from simulation.moments import Bounds

from pager_grpc.gen.policy.v1 import policy_service_pb2 as policy_pb
from pager_grpc.gen.policy.v1 import policy_service_pb2_grpc as policy_pb_grpc
from pager_grpc.runtime.channels import open_channel

SIDE_BY_SIDE = 8
# Many worlds share few processors here: the published bounds are for one that is alone.
BOUNDS = Bounds(first_page=20, lateness=20, recovery=40)


async def played(scenario: Scenario, world: World, policy_address: str) -> list[str]:
    """Plays ``scenario`` until it is quiet, and returns everything that is wrong."""
    if not scenario.policy_is_down:
        async with open_channel(policy_address) as channel:
            request = policy_pb.CreateEscalationPolicyRequest(escalation_policy=scenario.policy(world))
            await policy_pb_grpc.PolicyServiceStub(channel).CreateEscalationPolicy(request, timeout=20)
    world.arm()
    await scenario.script(world)
    await world.until_quiet()
    await world.stop()
    history = await world.history()
    return [*world.accidents, *violations(history, BOUNDS), *_unreached(scenario, world, history)]


def _unreached(scenario: Scenario, world: World, history: History) -> Iterable[str]:
    reached = {hand_off.recipient for hand_off in history.hand_offs}
    if len(reached) < scenario.reached:
        yield f"only {sorted(reached)} were handed anything, expected were {scenario.reached}"
    if not history.incidents and any(call.outcome == "ok" for call in world.calls):
        yield "nothing was stored"


async def side_by_side(
    cases: Iterable[Crash], play: Callable[[Crash], Awaitable[list[str]]], at_once: int = SIDE_BY_SIDE
) -> list[str]:
    """Everything that is wrong in any of ``cases``; an exception is one of these things."""
    room = asyncio.Semaphore(at_once)

    async def one(case: Crash) -> list[str]:
        async with room:
            try:
                found = await play(case)
            except Exception as fault:  # noqa: BLE001 - the others go on
                found = [repr(fault)]
        return [f"{case}: {wrong}" for wrong in found]

    return [wrong for found in await asyncio.gather(*map(one, cases)) for wrong in found]


NewWorld = Callable[..., AbstractAsyncContextManager[World]]
