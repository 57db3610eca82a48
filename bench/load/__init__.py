"""The other side of the wire: clients that cost the machine little and check every answer."""
