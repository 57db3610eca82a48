"""The pager room: one process that takes alerts, escalates and hands pages to the notifier."""
