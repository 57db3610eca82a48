"""The policy room's rules: whom to page, in which order, for which services."""
