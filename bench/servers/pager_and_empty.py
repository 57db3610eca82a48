"""The whole pager, and calls that do nothing: `… -m bench.servers.pager_and_empty [--accept-only] [--shared-commit]`.

Configured like the product, from the environment. With ``--accept-only`` nothing escalates and nothing is delivered, so
that what is accepted while the clock runs is not paid for while it does not, or the other way round. Only with
``--shared-commit`` is there a call that waits for one.
"""

import asyncio
import sys
from contextlib import AsyncExitStack
from functools import partial

from bench.servers.empty_call import add_empty_call, tell_port
from bench.servers.shared_commit import shared_commits
from pager_grpc.pager.bootstrap import running_pager
from pager_grpc.pager.config import PagerSettings
from pager_grpc.runtime.config import read_settings
from pager_grpc.runtime.garbage import keep_what_is_loaded
from pager_grpc.runtime.logs import configure_logs
from pager_grpc.runtime.signals import until_signalled


async def main(*, paging: bool, shares_commits: bool) -> None:
    """Serves until SIGTERM."""
    settings = read_settings(PagerSettings)
    configure_logs("pager", settings.log_level)
    async with AsyncExitStack() as stack:
        commit = await stack.enter_async_context(shared_commits(settings.database_url)) if shares_commits else None
        empty = partial(add_empty_call, shared_commit=commit)
        port = await stack.enter_async_context(running_pager(settings, also_serve=empty, paging=paging))
        keep_what_is_loaded()
        tell_port(port)
        await until_signalled()


if __name__ == "__main__":
    asyncio.run(main(paging="--accept-only" not in sys.argv, shares_commits="--shared-commit" in sys.argv))
