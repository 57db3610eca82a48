"""Mail server and SMS gateway that log each message they take, synced to the disk, before they answer.

The log is the judge of what was handed over, so this runs as a process of its own that survives whoever is killed:

    python tests/simulation/ground_truth.py LOG SCRIPT [HOST]

prints its two ports as JSON, and does to each recipient what the file SCRIPT says, which may change at any time:
``{"+49301234567": {"version": 1, "steps": ["later:2", "accept"]}}``. The last step lasts; without an entry all is
taken. Tests start it and read its log with :mod:`simulation.providers_process`.

==================  =======================================================================================
accept              takes the message
slow:SECONDS        waits, then takes it
later[:SECONDS]     429 with Retry-After, on SMTP 451 after the content
fail                500, on SMTP 421: not taken; for SMS nobody can know that
refuse              400, on SMTP 550 to RCPT: never
accept_cut          takes it, then cuts the connection instead of answering
accept_silence      takes it and never answers
cut, silence        the same without taking it
==================  =======================================================================================
"""

import asyncio
import json
import os
import sys
import time
from collections import Counter
from email import message_from_bytes, policy
from pathlib import Path
from urllib.parse import parse_qs

TAKES = ("accept", "slow", "accept_cut", "accept_silence")


class GroundTruth:
    """What both servers share: the log and the script."""

    def __init__(self, log: Path, script: Path) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._script = script
        self._asked: Counter[tuple[str, int]] = Counter()
        self.taken = 0

    def step(self, recipient: str) -> str:
        """What is done to the next message for ``recipient``."""
        try:
            entry = json.loads(self._script.read_bytes()).get(recipient)
        except FileNotFoundError:
            entry = None
        if entry is None:
            return "accept"
        key = (recipient, entry["version"])
        self._asked[key] += 1
        return str(entry["steps"][min(self._asked[key], len(entry["steps"])) - 1])

    async def judge(self, step: str, **message: str) -> None:
        """Notes that a message came, and takes it durably if ``step`` says so."""
        self._write({"kind": "asked", "step": step, **message})
        name, _, seconds = step.partition(":")
        if name == "slow":
            await asyncio.sleep(float(seconds))
        if name in TAKES:
            self.taken += 1
            self._write({"kind": "taken", **message})
            os.fsync(self._log)

    def _write(self, line: dict[str, str]) -> None:
        os.write(self._log, json.dumps(line | {"at": time.time()}).encode() + b"\n")


class Connection:
    """One connection to either server; ``left`` turns true when it is cut."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self._writer = reader, writer
        self.left = False

    async def say(self, answer: str) -> None:
        """Sends ``answer``."""
        self._writer.write(answer.encode())
        await self._writer.drain()

    async def answer(self, step: str, answers: dict[str, str]) -> None:
        """Says what ``step`` wants said, cuts the connection, or waits until the other side has had enough."""
        if step.endswith("cut"):
            self._writer.transport.abort()
            self.left = True
        elif step.endswith("silence"):
            await self.reader.read()
            self.left = True
        else:
            await self.say(answers.get(step.partition(":")[0], answers["accept"]))

    def close(self) -> None:
        """Hangs up."""
        self._writer.close()


async def mail_session(truth: GroundTruth, connection: Connection) -> None:
    """As much SMTP as a client needs to hand in one e-mail after the other."""
    recipient = step = ""
    await connection.say("220 ground truth\r\n")
    while not connection.left and (line := await connection.reader.readline()):
        match line[:4].upper():
            case b"RCPT":
                recipient = line.decode().partition("<")[2].partition(">")[0]
                step = truth.step(recipient)
                await connection.say("550 no such person\r\n" if step == "refuse" else "250 OK\r\n")
            case b"DATA":
                await connection.say("354 go on\r\n")
                content = await connection.reader.readuntil(b"\r\n.\r\n")
                await truth.judge(step, recipient=recipient, message_id=_message_id(content))
                answers = {
                    "accept": f"250 queued as Q{truth.taken}\r\n",
                    "later": "451 later\r\n",
                    "fail": "421 bye\r\n",
                }
                await connection.answer(step, answers)
            case b"QUIT":
                return
            case _:
                await connection.say("250 OK\r\n")


async def sms_session(truth: GroundTruth, connection: Connection) -> None:
    """As much HTTP/1.1 and of Twilio's form API as a client needs."""
    while not connection.left:
        head = (await connection.reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].partition("\r\n")[0])
        form = parse_qs((await connection.reader.readexactly(length)).decode())
        recipient, text = form["To"][0], form["Body"][0]
        step = truth.step(recipient)
        await truth.judge(step, recipient=recipient, text=text)
        answers = {
            "accept": _http(201, json.dumps({"sid": f"SM{truth.taken}"})),
            "later": _http(429, "", f"Retry-After: {step.partition(':')[2] or 1}"),
            "fail": _http(500, "oops"),
            "refuse": _http(400, json.dumps({"code": 21211, "message": "invalid number"})),
        }
        await connection.answer(step, answers)


def _message_id(content: bytes) -> str:
    headers = message_from_bytes(content, policy=policy.default)
    return str(headers["Message-ID"]).strip("<>").rpartition("@")[0]


def _http(status: int, body: str, *headers: str) -> str:
    return "\r\n".join([f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers, "", body])


async def serve(truth: GroundTruth, host: str) -> None:
    """Both servers until the process is killed."""

    async def listening(session):
        async def accept(reader, writer):
            connection = Connection(reader, writer)
            try:
                await session(truth, connection)
            except (ConnectionError, asyncio.IncompleteReadError):
                return
            finally:
                connection.close()

        server = await asyncio.start_server(accept, host, 0)
        return server.sockets[0].getsockname()[1]

    ports = {"smtp": await listening(mail_session), "sms": await listening(sms_session)}
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(GroundTruth(Path(sys.argv[1]), Path(sys.argv[2])), *(sys.argv[3:] or ["127.0.0.1"])))
