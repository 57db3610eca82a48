"""The policy microservice: escalation policies behind gRPC and SQL."""
