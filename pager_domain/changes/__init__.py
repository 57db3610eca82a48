"""What was changed of the configuration, when, by whom; shared by all rooms."""
