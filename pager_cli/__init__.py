"""A person's hands: ``pagerctl``, a gRPC client only."""
