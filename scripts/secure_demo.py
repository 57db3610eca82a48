"""The Pager with its doors locked, in one command: `make secure-demo`.

PostgreSQL, mutual TLS between the services, keys for everybody else. Those who must not get in try; those who may raise
an alert, are paged and acknowledge; then every certificate is renewed while somebody watches. Exit code 0 only if all
of it was as it must be.
"""

import ssl
import sys
import tempfile
from email import message_from_bytes, policy
from pathlib import Path

from secure_world import Caller, Failed, World, eventually, key_in, postgres, targets

POLICY = """
policies:
  - id: shop
    services: [checkout, payments]
    levels: [{ack_timeout: 5m, targets: [{id: ana, email: ana@example.com}]}]
"""
OK, REFUSED, NO_ANSWER = 0, 1, 3


def main() -> int:
    """Plays the story and judges it."""
    with tempfile.TemporaryDirectory(prefix="pager-secure-") as folder, postgres() as databases:
        _say("A PostgreSQL with a database for each of the three services")
        world = World(Path(folder), databases)
        try:
            _story(world)
        except Failed as failed:
            print(f"\nFAILED: {failed}\n{world.logs()}")
            return 1
        finally:
            codes = world.stop()
    if any(codes):
        print(f"\nFAILED: the services ended with {codes}")
        return 1
    _say("Every door was shut to those who must not get in, and open to those who may")
    return 0


def _story(world: World) -> None:
    operator = Caller({})
    _say("A private authority, and a certificate for each service and for an admin")
    _runs(operator, "pagerd", "certificates", str(world.certificates), lines=5)
    foreign = world.folder / "foreign"
    operator.runs("pagerd", "certificates", str(foreign))
    _say("Three services; they talk to each other over mutual TLS and ask every caller who he is")
    world.start(world.settings(operator.runs("pagerd", "key").stdout.strip()))

    admin = world.caller(certificate="admin")
    _say("The admin comes with a certificate, brings a policy and makes two keys")
    file = world.folder / "policy.yaml"
    file.write_text(POLICY)
    _runs(admin, "pagerctl", "apply", str(file))
    key = _key(admin, "shop-monitoring", "--role", "integration", "--service", "checkout")
    monitoring = world.caller(key=key)
    stranger = world.caller(key=_of_nobody(key))
    ana = world.caller(key=_key(admin, "ana", "--role", "responder"))
    _refused(world, monitoring, ana, stranger)
    _refused_certificates(world, foreign)
    _accepted(world, admin, monitoring, ana)
    _rotation(world, admin, monitoring)


def _refused(world: World, monitoring: Caller, ana: Caller, stranger: Caller) -> None:
    alert = ("raise", "checkout", "Card payments fail")
    _say("Who must not get in:")
    plaintext = Caller(targets(world.callers))
    _runs(plaintext, "pagerctl", *alert, "--timeout", "3", ends=NO_ANSWER, because="in plaintext nobody answers")
    nobody = world.caller(listens=world.callers)
    _runs(nobody, "pagerctl", *alert, ends=REFUSED, because="no key, no certificate")
    _runs(stranger, "pagerctl", *alert, ends=REFUSED, because="a key that nobody made")
    payments = ("raise", "payments", "not mine")
    _runs(monitoring, "pagerctl", *payments, ends=REFUSED, because="a key for another service")
    _runs(monitoring, "pagerctl", "ack", "checkout", "--by", "me", ends=REFUSED, because="monitoring may not answer")
    _runs(ana, "pagerctl", "key", "list", ends=REFUSED, because="a responder is no admin")


def _refused_certificates(world: World, foreign: Path) -> None:
    brought = {"PAGERCTL_TLS_CERT": str(foreign / "admin.pem"), "PAGERCTL_TLS_KEY": str(foreign / "admin.key")}
    forger = Caller({**world.caller(certificate="admin").environment, **brought})
    deliveries = ("deliveries", "--timeout", "3")
    _runs(forger, "pagerctl", *deliveries, ends=NO_ANSWER, because="the certificate is of another authority")
    service = world.caller(certificate="policy")
    _runs(service, "pagerctl", "deliveries", ends=REFUSED, because="the policy service has no business there")


def _accepted(world: World, admin: Caller, monitoring: Caller, ana: Caller) -> None:
    _say("Who may:")
    _runs(monitoring, "pagerctl", "raise", "checkout", "Card payments fail", "--severity", "error")
    eventually(lambda: _paged(world) == ["ana@example.com"], "one page to ana@example.com")
    print("  a page has left through the notifier, to ana@example.com")
    _runs(ana, "pagerctl", "ack", "checkout", "--by", "ana", "--note", "on it")
    _runs(admin, "pagerctl", "show", "checkout")
    if _paged(world) != ["ana@example.com"]:
        raise Failed(f"paged were {_paged(world)}")


def _rotation(world: World, admin: Caller, monitoring: Caller) -> None:
    _say("Every certificate is renewed while somebody watches; nothing is restarted")
    with admin.watching() as watch:
        # A watch begins when it has connected; what it sees first says that it has.
        again = ("raise", "checkout", "still failing")
        eventually(lambda: monitoring.runs("pagerctl", *again).returncode == 0 and watch.seen, "somebody watches")
        before = _shown(world)
        _runs(Caller({}), "pagerd", "certificates", str(world.certificates), "--renew", lines=5)
        eventually(lambda: _shown(world) != before, "the pager shows its new certificate")
        print("  the pager shows another certificate now")
        _runs(monitoring, "pagerctl", *again)
        _runs(monitoring, "pagerctl", "healthy", "checkout")
        eventually(lambda: any('"resolved"' in line for line in watch.seen), "who watches sees that it is over")
    if watch.complaints:
        raise Failed(f"the watch was disturbed: {watch.complaints}")
    print("  who watched saw it all")


def _runs(caller: Caller, program: str, *arguments: str, ends: int = OK, because: str = "", lines: int = 99) -> str:
    """What was printed, the first ``lines`` of it also here; ``because`` says why it is refused."""
    shown = " ".join(f'"{argument}"' if " " in argument else argument for argument in arguments)
    print(f"$ {program} {shown}", flush=True)
    done = caller.runs(program, *arguments)
    for line in (done.stdout + done.stderr).rstrip().splitlines()[:lines]:
        print(f"  {_hidden(line)}")
    if done.returncode != ends:
        raise Failed(f"{program} {shown} ended with {done.returncode}, not {ends}")
    if because:
        print(f"  ({because})")
    return done.stdout


def _key(admin: Caller, name: str, *arguments: str) -> str:
    return key_in(_runs(admin, "pagerctl", "key", "create", name, *arguments))


def _of_nobody(key: str) -> str:
    """``key`` with another id."""
    prefix, key_id, secret = key.split("_", 2)
    return f"{prefix}_{key_id[::-1]}_{secret}"


def _hidden(line: str) -> str:
    """Not even a demonstration shows a key whole."""
    words = line.split(" ")
    return " ".join(f"{word[:12]}…" if word.startswith("pgr_") else word for word in words)


def _paged(world: World) -> list[str]:
    letters = sorted((world.folder / "mailbox").glob("*.eml"))
    return [str(message_from_bytes(letter.read_bytes(), policy=policy.default)["To"]) for letter in letters]


def _shown(world: World) -> str:
    host, _, port = world.callers["pager"].rpartition(":")
    return ssl.get_server_certificate((host, int(port)))


def _say(text: str) -> None:
    print(f"\n── {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
