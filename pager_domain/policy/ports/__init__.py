"""What the policy room needs from outside."""
