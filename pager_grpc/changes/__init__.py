"""The record of configuration changes, as every room keeps and serves it."""
