"""What the notifier needs from outside: providers and a ledger."""
