import json
from email import message_from_bytes, policy

import pytest
from contracts.notifier_email_sender import EmailSenderContract
from contracts.notifier_sms_sender import SmsSenderContract
from fakes.notifier_builders import BUDGET, NOON, HandClock, an_email, an_sms

from pager_grpc.notifier.mailbox import Mailbox


class MailboxRig:
    def __init__(self, folder):
        self.folder = folder
        self.sender = Mailbox(folder, HandClock())

    async def break_down(self):
        self.folder.write_text("a file where the folder should be")


class EmailMailboxRig(MailboxRig):
    def arrived(self):
        messages = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in self.folder.glob("*.eml")]
        return [(m["To"], m["Subject"], m.get_content().replace("\r\n", "\n").rstrip("\n")) for m in messages]


class SmsMailboxRig(MailboxRig):
    def arrived(self):
        documents = [json.loads(path.read_text()) for path in self.folder.glob("*.json")]
        return [(document["to"], document["text"]) for document in documents]


class TestEmailMailbox(EmailSenderContract):
    @pytest.fixture
    def rig(self, tmp_path):
        return EmailMailboxRig(tmp_path / "mailbox")


class TestSmsMailbox(SmsSenderContract):
    @pytest.fixture
    def rig(self, tmp_path):
        return SmsMailboxRig(tmp_path / "mailbox")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "mailbox"


async def test_a_repeat_replaces_the_page_and_leaves_nothing_behind(folder):
    mailbox = Mailbox(folder, HandClock())
    for text in ("first", "second"):
        await mailbox.send_sms(an_sms(text=text), BUDGET)
        await mailbox.send_email(an_email(text=text), BUDGET)
    assert sorted(path.name for path in folder.iterdir()) == ["page-1.eml", "page-1.json"]
    assert "second" in (folder / "page-1.eml").read_text()


async def test_a_text_message_is_a_document_that_people_can_read(folder):
    await Mailbox(folder, HandClock()).send_sms(an_sms(text="Störung"), BUDGET)
    assert json.loads((folder / "page-1.json").read_text()) == {
        "delivery_id": "page-1",
        "to": "+4915112345678",
        "text": "Störung",
        "time": NOON.isoformat(),
    }


@pytest.mark.parametrize("delivery_id", ["../../etc/passwd", "..", ".hidden", "a/b", "x" * 255, "é", "=", "a b", "A:B"])
async def test_no_delivery_id_leads_out_of_the_folder(folder, delivery_id):
    await Mailbox(folder, HandClock()).send_email(an_email(delivery_id), BUDGET)
    await Mailbox(folder, HandClock()).send_email(an_email(delivery_id + "'"[: 255 - len(delivery_id)]), BUDGET)
    names = [path.name for path in folder.iterdir()]
    assert len(names) == (1 if len(delivery_id) == 255 else 2)
    assert all(name.endswith(".eml") and not name.startswith(".") for name in names)
    assert list(folder.parent.iterdir()) == [folder]
