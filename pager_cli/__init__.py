"""A person's hands: ``pagerctl``, a gRPC client only."""

import os

# gRPC's core writes its own diagnostics to stderr, where scripts expect one line of ours; it looks when it is imported.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
