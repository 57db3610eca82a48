"""The notifier's rules: one message is handed to a provider once, and its fate is never guessed."""
