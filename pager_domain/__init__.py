"""What is true about paging. Standard library only; no task, no socket, no clock: ``now`` is an argument."""
