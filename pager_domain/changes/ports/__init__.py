"""What the record of changes needs from outside."""
