from datetime import timedelta

import pytest
from contracts.change_log import ChangeLogContract
from contracts.policy_store import PolicyStoreContract
from contracts.resolving import ResolvingContract
from contracts.roster_store import RosterStoreContract
from fakes.policy_store import FakePolicyStore


class AdvancingStore(FakePolicyStore):
    """Whose clock moves on each time it is looked at."""

    async def now(self):
        self.clock += timedelta(seconds=1)
        return self.clock


class TestFakePolicyStore(PolicyStoreContract):
    @pytest.fixture
    def store(self):
        return FakePolicyStore()


class TestFakeRoster(RosterStoreContract):
    @pytest.fixture
    def store(self):
        return AdvancingStore()


class TestFakeResolving(ResolvingContract):
    @pytest.fixture
    def store(self):
        return AdvancingStore()


class TestFakeChangeLog(ChangeLogContract):
    @pytest.fixture
    def store(self):
        return FakePolicyStore()

    @pytest.fixture
    def change_log(self, store):
        return store.change_log
