"""What the pager needs from outside: one port a file, the promise in its docstring."""
