"""Who may do what: principals, keys, rules. Standard library only."""
