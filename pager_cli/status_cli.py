"""``pagerctl status``: does paging work?"""

# ruff: noqa: PLC0415 - `pagerctl --help` must be instant, so gRPC is imported by the commands that need it

from pager_cli import options as opt
from pager_cli.peer import Peer
from pager_cli.running import run


def status(
    target: opt.Target = opt.DEFAULT_TARGET,
    policy_target: opt.PolicyTarget = opt.DEFAULT_POLICY_TARGET,
    notifier_target: opt.NotifierTarget = opt.DEFAULT_NOTIFIER_TARGET,
    timeout: opt.Timeout = opt.DEFAULT_TIMEOUT,
    json: opt.AsJson = False,
) -> int:
    """Say whether paging works now: each service, its database, what is owed, audit, canary, providers.

    The first line is the answer. The exit code is 0 if paging works, 1 if not all is well, 3 if nobody can tell.
    """
    from pager_cli.status import show_status

    peers = [
        Peer("pager", target, "--target", timeout),
        Peer("policy", policy_target, "--policy-target", timeout),
        Peer("notifier", notifier_target, "--notifier-target", timeout),
    ]
    return run(show_status(peers, as_machine=json))
