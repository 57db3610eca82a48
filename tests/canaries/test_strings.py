import base64

import pytest
from canaries.strings import ADDRESSES, MAIL, NUMBER, SECRETS, WORDS, found_in


@pytest.mark.parametrize("canary", [*ADDRESSES, *SECRETS, *WORDS])
@pytest.mark.parametrize("around", ["", "a", "ab"])
def test_a_canary_is_found_however_it_is_written(canary, around):
    for written in (
        f"{around}{canary}{around}",
        f"{around}{canary.upper()}",
        (around + canary).encode().hex(),
        base64.b64encode((around + canary + around).encode()).decode(),
        base64.urlsafe_b64encode((around + canary + around).encode()),
    ):
        assert found_in({"here": written, "elsewhere": around}, [canary]) == {"here": [canary]}


def test_what_only_looks_alike_is_no_canary():
    hints = {"log": "…@canary.example, +…36, 4915799"}
    assert found_in(hints, [MAIL, NUMBER]) == {}
