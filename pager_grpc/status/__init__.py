"""How one process is doing, said by every room in the same words."""
