"""The fake signs what every store of keys promises."""

import pytest
from contracts.api_keys import ApiKeysContract
from fakes.api_keys import FakeApiKeys


class TestFakeApiKeys(ApiKeysContract):
    @pytest.fixture
    async def keys(self):
        return FakeApiKeys()
