"""What a serving process keeps the collector from."""

import json
import subprocess
import sys

from pager_grpc.runtime.garbage import YOUNG

_PROGRAM = """
import gc, json
from pager_grpc.runtime.garbage import begin_loading, keep_what_is_loaded

begin_loading()
while_loading = gc.isenabled()
loaded = [[] for _ in range(1000)]
keep_what_is_loaded()
looked_at = any(one is loaded for one in gc.get_objects())
print(json.dumps([while_loading, gc.isenabled(), looked_at, gc.get_threshold()[0]]))
"""


def test_what_is_loaded_is_looked_at_no_more_and_what_comes_later_is():
    told = subprocess.run([sys.executable, "-c", _PROGRAM], check=True, capture_output=True, text=True).stdout
    assert json.loads(told) == [False, True, False, YOUNG]
