"""What the use cases of access need from outside."""
