"""How the three rooms run: one folder a process, meeting only on the wire."""
