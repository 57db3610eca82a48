"""One file per question: the first line of its docstring asks it, `ask` answers it."""
