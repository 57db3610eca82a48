"""What is secret in the configuration stands in no settings object, and in no fault of the configuration."""

import pytest
from canaries.strings import DATABASE_PASSWORD, GATEWAY_TOKEN, HEARTBEAT_TOKEN, MAIL_PASSWORD, SECRETS, found_in
from sealed import ADDRESS_KEY

from pager_grpc.notifier.config import NotifierSettings
from pager_grpc.pager.config import PagerSettings
from pager_grpc.policy.config import PolicySettings
from pager_grpc.runtime.config import ConfigurationFault, read_settings

ROOMS = {"PAGER": PagerSettings, "POLICY": PolicySettings, "NOTIFIER": NotifierSettings}
ALL = [*SECRETS, ADDRESS_KEY]
GIVEN = {
    **{f"{room}_DATABASE_URL": f"postgresql+asyncpg://pager:{DATABASE_PASSWORD}@127.0.0.1/{room}" for room in ROOMS},
    "PAGER_CATCH_ALL_EMAIL": "all@example.org",
    "PAGER_ADDRESS_KEYS": ADDRESS_KEY,
    "PAGER_HEARTBEAT_URL": f"https://beats.example.org/{HEARTBEAT_TOKEN}",
    "NOTIFIER_SMTP_URL": f"smtp://mailer:{MAIL_PASSWORD}@127.0.0.1:25",
    "NOTIFIER_EMAIL_FROM": "pager@example.org",
    "NOTIFIER_SMS_URL": "https://sms.example.org",
    "NOTIFIER_SMS_ACCOUNT": "AC1",
    "NOTIFIER_SMS_TOKEN": GATEWAY_TOKEN,
    "NOTIFIER_SMS_FROM": "+15005550006",
}
FAULTY = {
    **{f"{room}_DATABASE_URL": f"mysql://pager:{DATABASE_PASSWORD}@127.0.0.1/x" for room in ROOMS},
    "PAGER_ADDRESS_KEYS": f"{ADDRESS_KEY}=",
    "PAGER_HEARTBEAT_URL": f"ftp://beats.example.org/{HEARTBEAT_TOKEN}",
    "NOTIFIER_SMTP_URL": f"smtp://mailer:{MAIL_PASSWORD}@127.0.0.1:port",
    "NOTIFIER_SMS_URL": f"https://AC1:{GATEWAY_TOKEN}@sms.example.org",
}


@pytest.fixture
def reading(monkeypatch, tmp_path):
    """Reads the settings of a room from ``GIVEN`` and what is said beside it."""
    monkeypatch.chdir(tmp_path)

    def read(room, **more):
        for name, value in (GIVEN | more).items():
            monkeypatch.setenv(name, value)
        return read_settings(ROOMS[room])

    return read


@pytest.mark.parametrize("room", list(ROOMS))
def test_a_settings_object_shows_no_secret(reading, room):
    settings = reading(room)
    assert DATABASE_PASSWORD in settings.database_url
    assert found_in({"repr": repr(settings), "str": str(settings)}, ALL) == {}


@pytest.mark.parametrize("variable", list(FAULTY))
def test_a_fault_names_the_variable_and_not_what_it_holds(reading, variable):
    with pytest.raises(ConfigurationFault) as fault:
        reading(variable.partition("_")[0], **{variable: FAULTY[variable]})
    assert any(sentence.startswith(f"{variable}: ") for sentence in fault.value.faults)
    assert found_in({"faults": str(fault.value)}, ALL) == {}
