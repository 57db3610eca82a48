import pytest
from contracts.policy_store import PolicyStoreContract
from fakes.policy_store import FakePolicyStore


class TestFakePolicyStore(PolicyStoreContract):
    @pytest.fixture
    def store(self):
        return FakePolicyStore()
