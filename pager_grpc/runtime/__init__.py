"""What the three processes share and that knows no room: server, errors, channels, database, configuration, logs."""
