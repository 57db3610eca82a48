"""Short stories about paging, each with the places that it surely passes, so that a room can be killed there."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from crash.world import World

from pager_grpc.gen.policy.v1 import policy_service_pb2 as policy_pb

PAGER = (
    "raise.before_commit",
    "raise.committed",
    "escalation.before_commit",
    "escalation.committed",
    "claim.before_commit",
    "claim.committed",
    "send.before",
    "send.after",
    "record.before_commit",
    "record.committed",
)
NOTIFIER = (
    "sending.before_commit",
    "sending.committed",
    "provider.before",
    "provider.after",
    "settled.before_commit",
    "settled.committed",
)
RAISING = PAGER[:2]
ANSWERS = ("acknowledge.before_commit", "acknowledge.committed")
HEALTHY = ("healthy.before_commit", "healthy.committed")


def nth(number: int, *places: str) -> tuple[str, ...]:
    """The ``number``-th passage of each place."""
    return tuple(f"{place}:{number}" for place in places)


EVERYWHERE = nth(1, *PAGER, *NOTIFIER)
AGAIN = nth(2, *PAGER[4:], *NOTIFIER)
"""The places that a second attempt of a page passes, and a page of a second level."""


@dataclass(frozen=True)
class Scenario:
    """``levels`` are lists of "email" and "sms"; ``reached`` of them must have been handed something at least once."""

    name: str
    script: Callable[[World], Awaitable[None]]
    places: tuple[str, ...] = EVERYWHERE
    levels: tuple[tuple[str, ...], ...] = (("email",),)
    timeout_seconds: float = 900
    policy_is_down: bool = False
    room_for_pages: bool = True
    """Without it no page is claimed by the transaction that makes it, but by the next one."""
    reached: int = 1

    def recipients(self, world: World) -> list[list[str]]:
        """The addresses of each level in this world."""
        return [
            [world.email(f"level{n}") if kind == "email" else world.phone(n) for kind in level]
            for n, level in enumerate(self.levels, start=1)
        ]

    def policy(self, world: World) -> policy_pb.EscalationPolicy:
        """The policy of this world's service."""
        message = policy_pb.EscalationPolicy(policy_id=f"policy-{world.tag}", monitored_service_ids=[world.service])
        for addresses in self.recipients(world):
            level = message.levels.add()
            level.acknowledgement_timeout.FromNanoseconds(int(self.timeout_seconds * 1e9))
            for address in addresses:
                target = level.targets.add(target_id=f"to {address}")
                if "@" in address:
                    target.email.email_address = address
                else:
                    target.sms.phone_number = address
        return message


async def raised(world: World) -> None:
    """Once; whoever raises does not care for the answer."""
    await world.call("raise")


async def raised_until_heard(world: World) -> None:
    """As a caller should, and once more after the answer."""
    await world.call_until_heard("raise", "r-1")
    await world.call_until_heard("raise", "r-1")


async def acknowledged_when_paged(world: World) -> None:
    await world.call_until_heard("raise", "r-1")
    await world.until_quiet()
    await world.call_until_heard("acknowledge", "a-1")


async def acknowledged_during_delivery(world: World) -> None:
    """While the provider has the message and has not answered."""
    world.providers.behave(world.email("level1"), "slow:0.4")
    await world.call_until_heard("raise", "r-1")
    await world.until_asked(world.email("level1"))
    await world.call_until_heard("acknowledge", "a-1")


async def acknowledged_at_once(world: World) -> None:
    await world.call_until_heard("raise", "r-1")
    await world.call_until_heard("acknowledge", "a-1")


async def healthy_and_broken_again(world: World) -> None:
    await world.call_until_heard("raise", "r-1", message="the first time")
    await world.until_quiet()
    await world.call_until_heard("healthy", "h-1")
    await world.call_until_heard("raise", "r-2", message="the second time")


async def refused_for_ever(world: World) -> None:
    world.providers.behave(world.phone(1), "refuse")
    await world.call_until_heard("raise", "r-1")


async def put_off(world: World) -> None:
    world.providers.behave(world.phone(1), "later:1", "accept")
    await world.call_until_heard("raise", "r-1")


async def left_in_doubt(world: World) -> None:
    """The provider takes it and hangs up."""
    world.providers.behave(world.email("level1"), "accept_cut", "accept")
    await world.call_until_heard("raise", "r-1")


async def raised_again(world: World) -> None:
    await world.call_until_heard("raise", "r-1")
    await world.call_until_heard("raise", "r-2")


SCENARIOS = (
    Scenario("raised once", raised, reached=0),
    Scenario("raised until heard", raised_until_heard, (*EVERYWHERE, *nth(2, *RAISING))),
    Scenario(
        "two targets",
        raised_until_heard,
        (*EVERYWHERE, *nth(2, "send.before", "send.after", *NOTIFIER)),
        levels=(("email", "sms"),),
        reached=2,
    ),
    Scenario("left to the outbox", raised_until_heard, room_for_pages=False),
    Scenario(
        "two levels",
        raised_until_heard,
        (*EVERYWHERE, *AGAIN, *nth(2, *PAGER[2:4]), *nth(3, *PAGER[2:4])),
        levels=(("email",), ("sms",)),
        timeout_seconds=1,
        reached=2,
    ),
    Scenario("acknowledged when paged", acknowledged_when_paged, (*EVERYWHERE, *nth(1, *ANSWERS))),
    Scenario("acknowledged during delivery", acknowledged_during_delivery, (*EVERYWHERE, *nth(1, *ANSWERS))),
    Scenario("acknowledged at once", acknowledged_at_once, nth(1, *RAISING, *ANSWERS), reached=0),
    Scenario(
        "healthy and broken again",
        healthy_and_broken_again,
        (*EVERYWHERE, *AGAIN, *nth(2, *PAGER[:4]), *nth(1, *HEALTHY)),
    ),
    Scenario("policy down", raised_until_heard, policy_is_down=True),
    Scenario("refused for ever", refused_for_ever, levels=(("sms",), ("email",)), timeout_seconds=1),
    Scenario("put off", put_off, (*EVERYWHERE, *AGAIN), levels=(("sms",),)),
    Scenario("left in doubt", left_in_doubt, (*EVERYWHERE, *AGAIN)),
    Scenario("raised again", raised_again, (*EVERYWHERE, *nth(2, *RAISING))),
)
