"""Where the keys come from, and who else may read them."""

import stat

import pytest
from sealed import ADDRESS_KEY

from pager_grpc.pager.address_keys import address_keys, new_key
from pager_grpc.pager.config import PagerSettings
from pager_grpc.runtime.config import ConfigurationFault, read_settings

OTHER_KEY = "YW5vdGhlciBrZXkgdGhhdCBzZWFscyBhZGRyZXNzZXM="
POSTGRES = "postgresql+asyncpg://db.example/pager"


@pytest.fixture
def read(monkeypatch, tmp_path):
    """Reads the settings from nothing but the given variables and what is required."""
    monkeypatch.chdir(tmp_path)
    for name in ("PAGER_DATABASE_URL", "PAGER_ADDRESS_KEYS", "PAGER_ADDRESS_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PAGER_CATCH_ALL_EMAIL", "everybody@example.com")
    monkeypatch.setenv("PAGERD_DATA", str(tmp_path / "var"))

    def reading(**variables) -> PagerSettings:
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))
        return read_settings(PagerSettings)

    return reading


def faults_of(call, *arguments, **variables):
    with pytest.raises(ConfigurationFault) as fault:
        call(*arguments, **variables)
    assert ADDRESS_KEY not in str(fault.value)
    return fault.value.faults


def test_the_environment_names_them_and_nothing_shows_them(read):
    settings = read(PAGER_ADDRESS_KEYS=f"{ADDRESS_KEY},{OTHER_KEY}", PAGER_DATABASE_URL=POSTGRES)
    assert address_keys(settings) == [ADDRESS_KEY, OTHER_KEY]
    assert ADDRESS_KEY not in repr(settings)


def test_a_file_holds_one_a_line(read, tmp_path):
    file = tmp_path / "keys"
    file.write_text(f"{OTHER_KEY}\n{ADDRESS_KEY}\n")
    file.chmod(0o640)
    assert address_keys(read(PAGER_ADDRESS_KEY_FILE=file)) == [OTHER_KEY, ADDRESS_KEY]


def test_on_sqlite_the_first_start_makes_one_that_stays_and_is_nobody_elses(read, tmp_path):
    first = address_keys(read())
    assert len(first) == 1
    assert address_keys(read()) == first
    [file] = (tmp_path / "var").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_first_start_that_was_interrupted_is_made_good(read, tmp_path):
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "pager-addresses.unfinished").write_text("half a k")
    assert len(address_keys(read())) == 1
    assert [file.name for file in (tmp_path / "var").iterdir()] == ["pager-addresses.key"]


def test_on_postgresql_replicas_must_share_one(read):
    assert faults_of(read, PAGER_DATABASE_URL=POSTGRES) == [
        "PAGER_ADDRESS_KEYS: is required on PostgreSQL, where all replicas must share it; `pagerd key` makes one"
    ]


@pytest.mark.parametrize("keys", ["short", f"{ADDRESS_KEY},", ADDRESS_KEY[:-4], f"{ADDRESS_KEY} {OTHER_KEY}", "ä" * 44])
def test_a_malformed_key_is_refused_and_not_shown(read, keys):
    [fault] = faults_of(read, PAGER_ADDRESS_KEYS=keys)
    assert fault == "PAGER_ADDRESS_KEYS: must be keys as `pagerd key` prints them, separated by commas"


def test_keys_come_from_one_place(read, tmp_path):
    assert faults_of(read, PAGER_ADDRESS_KEYS=ADDRESS_KEY, PAGER_ADDRESS_KEY_FILE=tmp_path / "keys") == [
        "PAGER_ADDRESS_KEYS: must not be given together with PAGER_ADDRESS_KEY_FILE"
    ]


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [
        (None, None, "cannot be read (No such file or directory)"),
        (ADDRESS_KEY, 0o604, "is open to every user; run: chmod 600"),
        ("", 0o600, "must hold keys as `pagerd key` prints them, one a line"),
        (f"{ADDRESS_KEY}x", 0o600, "must hold keys as `pagerd key` prints them, one a line"),
        (b"\xff\xfe", 0o600, "must hold keys as `pagerd key` prints them, one a line"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(read, tmp_path, content, mode, says):
    file = tmp_path / "keys"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        file.chmod(mode)
    [fault] = faults_of(address_keys, read(PAGER_ADDRESS_KEY_FILE=file))
    assert fault.startswith(f"PAGER_ADDRESS_KEY_FILE: {file} {says}")


def test_a_new_key_is_a_key(read):
    key = new_key()
    assert address_keys(read(PAGER_ADDRESS_KEYS=key)) == [key]
    assert new_key() != key


def test_a_file_is_judged_before_it_is_needed_and_a_missing_own_one_is_no_fault(read, tmp_path):
    file = tmp_path / "keys"
    file.write_text(ADDRESS_KEY)
    file.chmod(0o644)
    assert read().faults_of_files() == []
    assert read(PAGER_ADDRESS_KEY_FILE=file).faults_of_files() == [
        f"PAGER_ADDRESS_KEY_FILE: {file} is open to every user; run: chmod 600 {file}"
    ]
    file.chmod(0o600)
    assert read(PAGER_ADDRESS_KEY_FILE=file).faults_of_files() == []
