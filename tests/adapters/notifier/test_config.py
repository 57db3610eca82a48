import pytest

from pager_grpc.notifier.config import NotifierSettings
from pager_grpc.runtime.config import ConfigurationFault, read_settings

WHOLE = {
    "NOTIFIER_SMTP_URL": "smtp+starttls://pager:s3cret@mail.example.com",
    "NOTIFIER_EMAIL_FROM": "pager@example.com",
    "NOTIFIER_SMS_URL": "https://api.example.com",
    "NOTIFIER_SMS_ACCOUNT": "AC1",
    "NOTIFIER_SMS_TOKEN": "t0ken",
    "NOTIFIER_SMS_FROM": "+15550001111",
}


@pytest.fixture
def read(monkeypatch, tmp_path):
    """Reads the settings from nothing but the given variables."""
    monkeypatch.chdir(tmp_path)

    def reading(**variables: str) -> NotifierSettings:
        for name in (*WHOLE, "NOTIFIER_RETENTION_DAYS", "NOTIFIER_LISTEN", "NOTIFIER_DATABASE_URL", "PAGERD_DATA"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return read_settings(NotifierSettings)

    return reading


def faults_of(read, **variables):
    with pytest.raises(ConfigurationFault) as fault:
        read(**variables)
    return fault.value.faults


def test_without_any_variable_the_room_works_with_a_mailbox(read):
    settings = read()
    assert settings.listen == "127.0.0.1:50053"
    assert settings.database_url == "sqlite+aiosqlite:///var/notifier.db"
    assert settings.smtp_url is None
    assert settings.smtp_sessions == 20
    assert settings.sms_url is None


def test_a_whole_configuration_is_read_and_shows_no_secret(read):
    settings = read(**WHOLE, NOTIFIER_DATABASE_URL="postgresql+asyncpg://db/notifier")
    assert settings.database_url == "postgresql+asyncpg://db/notifier"
    assert "s3cret" not in repr(settings)
    assert "t0ken" not in repr(settings)


def test_every_fault_is_said_at_once_and_begins_with_the_name_of_its_variable(read):
    faults = faults_of(
        read,
        NOTIFIER_LISTEN="somewhere",
        NOTIFIER_DATABASE_URL="mysql://db",
        NOTIFIER_SMTP_URL="http://pager:s3cret@mail.example.com",
        NOTIFIER_SMTP_SESSIONS="0",
        NOTIFIER_SMS_URL="gateway",
        NOTIFIER_SMS_FROM="0151",
    )
    names = ["LISTEN", "DATABASE_URL", "SMTP_URL", "EMAIL_FROM", "SMTP_SESSIONS", "SMS_URL", "SMS_ACCOUNT", "SMS_TOKEN"]
    assert [fault.partition(":")[0] for fault in faults] == [f"NOTIFIER_{name}" for name in (*names, "SMS_FROM")]
    assert "s3cret" not in str(faults)


@pytest.mark.parametrize("missing", ["NOTIFIER_EMAIL_FROM", "NOTIFIER_SMS_ACCOUNT", "NOTIFIER_SMS_TOKEN"])
def test_what_a_provider_needs_is_required_with_it(read, missing):
    given = {name: value for name, value in WHOLE.items() if name != missing}
    (fault,) = faults_of(read, **given)
    assert fault.startswith(f"{missing}: is required when NOTIFIER_")


@pytest.mark.parametrize("url", ["https://u:p@x.example", "https://x.example/?a=b", "ftp://x.example", "https://"])
def test_a_gateway_is_named_by_a_plain_web_address(read, url):
    (fault,) = faults_of(read, **WHOLE | {"NOTIFIER_SMS_URL": url})
    assert fault.startswith("NOTIFIER_SMS_URL: must")


@pytest.mark.parametrize("sender", ["+15550001111", "12345", "PAGER 24"])
def test_a_gateway_may_send_as_a_number_a_short_code_or_a_name(read, sender):
    assert read(**WHOLE | {"NOTIFIER_SMS_FROM": sender}).sms_from == sender


@pytest.mark.parametrize("days", ["-1", "1", "7", "3651"])
def test_the_ledger_remembers_for_a_week_and_a_day_at_least_or_for_ever(read, days):
    (fault,) = faults_of(read, NOTIFIER_RETENTION_DAYS=days)
    assert fault == "NOTIFIER_RETENTION_DAYS: must be 0 (nothing is forgotten) or 8 to 3650 days"
    assert [read(NOTIFIER_RETENTION_DAYS=good).retention_days for good in ("0", "8", "3650")] == [0, 8, 3650]


def test_networks_that_may_be_called_are_given_as_networks(monkeypatch):
    monkeypatch.setenv("PAGERD_OUTBOUND_ALLOW", "10.0.0.0/8, 192.168.7.4")
    assert [str(network) for network in read_settings(NotifierSettings).outbound_allow] == [
        "10.0.0.0/8",
        "192.168.7.4/32",
    ]
    monkeypatch.setenv("PAGERD_OUTBOUND_ALLOW", "everything")
    with pytest.raises(ConfigurationFault, match="PAGERD_OUTBOUND_ALLOW: must be networks like"):
        read_settings(NotifierSettings)
