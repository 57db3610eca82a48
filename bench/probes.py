"""Alerts for services that each page an address of their own, so that every page can be told apart and goes alone."""

import asyncio
from collections.abc import Mapping, Sequence
from time import monotonic

from bench.load.bodies import RAISE, alerts
from bench.load.loops import open_loop
from bench.servers.policies import create_policies, policy
from bench.servers.rooms import Letter, World

_PATIENCE_SECONDS = 60.0
_LOOK_SECONDS = 0.02


class Probes:
    """``taken`` were raised, ``arrived`` came to the mail server, each once."""

    def __init__(self, world: World, count: int) -> None:
        self._world = world
        self._count = count
        self.taken = 0
        self.arrived = 0

    async def prepare(self) -> None:
        """A policy for each, and a default one for everybody else."""
        policies = [policy(f"probe-{n}", [_address(n)], [_service(n)]) for n in range(self._count)]
        await create_policies(self._world.policy, [policy("default", ["on-call@example.com"]), *policies])

    async def seconds_to_page(self, count: int, rate: float) -> list[float]:
        """Raises ``count``, ``rate`` a second; for each the seconds from OK until its e-mail was complete.

        Raises:
            TimeoutError: one of them did not come within a minute after the last.
        """
        numbers = range(self.taken, self.taken + count)
        self.taken += count
        before = len(self._world.mail.letters())
        calls = await open_loop(self._world.pager.target, RAISE, alerts(map(_service, numbers)), rate)
        letters = await self._letters([_address(number) for number in numbers], before)
        self.arrived += sum(len(found) for found in letters.values())
        pairs = zip(letters.values(), calls, strict=True)
        return [found[0].at - call.answered for found, call in pairs]

    async def _letters(self, addresses: Sequence[str], before: int) -> Mapping[str, list[Letter]]:
        """What came for each address, in their order; at least one letter each."""
        end = monotonic() + _PATIENCE_SECONDS
        while True:
            found: dict[str, list[Letter]] = {address: [] for address in addresses}
            for letter in self._world.mail.letters(before):
                found.get(letter.recipient, []).append(letter)
            if all(found.values()):
                return found
            if monotonic() > end:
                missing = [address for address, letters in found.items() if not letters]
                raise TimeoutError(f"no e-mail for {len(missing)} of {len(addresses)}: {missing[:3]}")
            await asyncio.sleep(_LOOK_SECONDS)


def _service(number: int) -> str:
    return f"probe-{number:06d}"


def _address(number: int) -> str:
    return f"probe-{number:06d}@example.com"
