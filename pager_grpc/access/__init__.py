"""How callers are known and what they may do: one layer around every call, the same in every room."""
