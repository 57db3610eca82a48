"""One target under atheris: ``python -m fuzz.child TARGET``, with options and folders of libFuzzer behind it."""

import logging
import sys

import atheris
import structlog

with atheris.instrument_imports(include=["pager_domain", "pager_grpc", "pager_cli"]):
    from fuzz.targets import TARGETS

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]])
atheris.Fuzz()
