"""The notifier room as a process: gRPC in front, mail servers and SMS gateways behind, a ledger beside."""
