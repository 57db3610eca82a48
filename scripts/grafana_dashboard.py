"""Writes deploy/grafana/hexagonal-pager.json, the dashboard for Grafana 10 and later, from the table below.

Usage: python scripts/grafana_dashboard.py [FILE]     (- writes to standard output)
"""

import json
import sys
from pathlib import Path

from grafana_panels import SOURCE, Json, ages, graph, quantile, rate, stat

FILE = Path(__file__).parents[1] / "deploy" / "grafana" / "hexagonal-pager.json"
GREEN, YELLOW, RED = "green", "yellow", "red"
WIDTH = 24

IS_PAGING_WORKING = [
    stat(
        "Oldest page that is owed",
        "max(pager_oldest_undelivered_page_seconds)",
        "s",
        [(None, GREEN), (30, YELLOW), (120, RED)],
        "0 while nothing is owed. Somebody should have been paged so long ago.",
    ),
    stat(
        "Last canary",
        ages("pager_canary_last_success_timestamp_seconds"),
        "s",
        [(None, GREEN), (120, YELLOW), (180, RED)],
        "A page goes through the whole system every minute. Without PAGER_HEARTBEAT_URL there is none.",
    ),
    stat(
        "Rooms that answer",
        'sum(up{job=~"pager|policy|notifier"})',
        "short",
        [(None, RED), (1, YELLOW), (3, GREEN)],
        "Processes whose metrics can be read; three rooms or more.",
    ),
    stat(
        "Loops not come round",
        "max(pager_delivery_overdue_seconds) > max(pager_escalation_overdue_seconds)"
        " or max(pager_escalation_overdue_seconds)",
        "s",
        [(None, GREEN), (5, YELLOW), (15, RED)],
        "No level and no page has been due for longer than this without being taken. About 2 on an idle pager.",
    ),
    stat(
        "Exhausted incidents",
        'max(pager_incidents{stage="exhausted"})',
        "short",
        [(None, GREEN), (1, RED)],
        "Every level was notified in vain, and nobody is paged any more.",
    ),
    stat(
        "Broken promises, a day",
        "max(sum by (instance) (increase(pager_promises_broken_total[1d])))",
        "short",
        [(None, GREEN), (0.5, RED)],
        "What the audit found. docs/guarantees.md has the promises.",
    ),
    stat(
        "Last audit",
        ages("pager_audit_last_pass_timestamp_seconds"),
        "s",
        [(None, GREEN), (300, YELLOW), (600, RED)],
        "When all that had changed was judged.",
    ),
    stat(
        "Services that reach nobody",
        "max(policy_unreached_services)",
        "short",
        [(None, YELLOW), (0, GREEN), (1, RED)],
        "At some time within 14 days. -1 before the first look.",
    ),
]
STORM = [
    graph(
        "Alerts",
        [(rate("pager_alerts_total", "outcome"), "{{outcome}}")],
        "ops",
        "A storm of repeats pages nobody; opened and reopened incidents do.",
        stacked=True,
    ),
    graph("Incidents", [("max by (stage) (pager_incidents)", "{{stage}}")], "short", "Not resolved.", stacked=True),
    graph(
        "Pages that have not ended",
        [("sum by (stage) (max by (stage, channel) (pager_pages))", "{{stage}}")],
        "short",
        "postponed grows while a provider or the notifier is away, due while more is owed than goes out.",
        stacked=True,
    ),
    graph(
        "How late pages are handed off",
        [
            (quantile(0.5, "pager_page_lateness_seconds", "channel"), "{{channel}}, half"),
            (quantile(0.99, "pager_page_lateness_seconds", "channel"), "{{channel}}, 99 %"),
        ],
        "s",
        "From the moment at which a page is owed.",
    ),
    graph(
        "How late levels are notified",
        [(quantile(0.99, "pager_escalation_lateness_seconds", ""), "99 %"), ("max(pager_levels_due)", "due now")],
        "short",
        "Seconds after they were due, and how many are due at the moment.",
    ),
    graph(
        "Together or alone",
        [
            ('sum(rate(pager_pages_settled_total{outcome="handed_off"}[$__rate_interval]))', "alone"),
            ('sum(rate(pager_pages_settled_total{outcome="merged"}[$__rate_interval]))', "in bundles"),
        ],
        "ops",
        "In a storm a recipient gets the rest in one message.",
        stacked=True,
    ),
]
DELIVERIES = [
    graph(
        "Ends of pages",
        [(rate("pager_pages_settled_total", "channel, outcome"), "{{channel}} {{outcome}}")],
        "ops",
        "undeliverable and in_doubt reached nobody for sure.",
    ),
    graph(
        "Answers of providers",
        [(rate("notifier_provider_calls_total", "channel, outcome"), "{{channel}} {{outcome}}")],
        "ops",
        "deferred: not now, or not reached.",
    ),
    graph(
        "How long providers take",
        [
            (quantile(0.5, "notifier_provider_call_seconds", "channel"), "{{channel}}, half"),
            (quantile(0.99, "notifier_provider_call_seconds", "channel"), "{{channel}}, 99 %"),
        ],
        "s",
        "Waiting for a session included.",
    ),
    graph(
        "Sessions in use",
        [
            ("sum by (channel) (notifier_provider_sessions_in_use)", "{{channel}}"),
            ("sum by (channel) (notifier_provider_sessions_limit)", "{{channel}}, most"),
        ],
        "short",
        "At the limit messages wait for each other.",
    ),
]
CALLS = [
    graph("Calls", [(rate("rpc_requests_total", "method"), "{{method}}")], "reqps", "By method.", stacked=True),
    graph(
        "Calls that did not end with OK",
        [('sum by (method, code) (rate(rpc_requests_total{code!="OK"}[$__rate_interval]))', "{{method}} {{code}}")],
        "reqps",
        "INTERNAL is a fault of ours. UNAVAILABLE: the database, or a provider.",
    ),
    graph(
        "How long calls take, 99 %",
        [(quantile(0.99, "rpc_duration_seconds", "method"), "{{method}}")],
        "s",
        "Unary calls, whatever their end.",
    ),
    graph(
        "How long calls take, by code",
        [(quantile(0.99, "rpc_duration_seconds", "code"), "{{code}}")],
        "s",
        "99 % of all unary calls.",
    ),
    graph(
        "Refused for want of room",
        [
            (rate("rpc_refused_in_overload_total", "job, lane"), "{{job}} {{lane}}"),
            ("sum(rate(pager_alerts_over_rate_total[$__rate_interval]))", "alerts over the rate of their caller"),
        ],
        "reqps",
        "What matters least goes first; acknowledgements and pages are never refused.",
    ),
    graph(
        "How long batches take, 99 %",
        [(quantile(0.99, "group_commit_batch_seconds", "job, lane"), "{{job}} {{lane}}")],
        "s",
        "A call waits for the batch before its own and for its own.",
    ),
]
DATABASES = [
    graph(
        "How long commits take",
        [
            (quantile(0.5, "database_commit_seconds", "job"), "{{job}}, half"),
            (quantile(0.99, "database_commit_seconds", "job"), "{{job}}, 99 %"),
        ],
        "s",
        "Every alert and every page waits for them.",
    ),
    graph(
        "Items that share a commit",
        [
            (
                " / ".join(rate(f"group_commit_batch_items_{part}", "job, lane") for part in ("sum", "count")),
                "{{job}} {{lane}}",
            )
        ],
        "short",
        "The mean. It grows with the load, and is what keeps commits few.",
    ),
    graph(
        "Connections in use",
        [("sum by (job) (database_connections_in_use)", "{{job}}")],
        "short",
        "Of database_connections_limit a process.",
    ),
    graph(
        "Memory and processor",
        [
            ("sum by (job) (process_resident_memory_bytes) / 1024 / 1024", "{{job}}, MiB"),
            ("sum by (job) (rate(process_cpu_seconds_total[$__rate_interval])) * 100", "{{job}}, % of a core"),
        ],
        "short",
        "Of all processes of a room.",
    ),
]
ROWS = (
    ("Is paging working?", IS_PAGING_WORKING, 3, 4),
    ("Storm", STORM, 8, 8),
    ("Deliveries", DELIVERIES, 6, 8),
    ("Calls", CALLS, 8, 8),
    ("Databases and processes", DATABASES, 6, 8),
)


def dashboard() -> Json:
    """All of it, as Grafana imports it."""
    panels: list[Json] = []
    top = 0
    for title, row, width, height in ROWS:
        panels.append({"type": "row", "title": title, "collapsed": False, "gridPos": _place(0, top, WIDTH, 1)})
        top += 1
        for number, panel in enumerate(row):
            left, line = number * width % WIDTH, number * width // WIDTH
            panels.append(panel | {"datasource": SOURCE, "gridPos": _place(left, top + line * height, width, height)})
        top += -(-len(row) * width // WIDTH) * height
    source = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
    return {
        "uid": "hexagonal-pager",
        "title": "Hexagonal Pager",
        "tags": ["paging"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [source]},
        "annotations": {"list": []},
        "panels": [panel | {"id": number} for number, panel in enumerate(panels, 1)],
    }


def _place(left: int, top: int, width: int, height: int) -> Json:
    return {"x": left, "y": top, "w": width, "h": height}


def main() -> None:
    """Writes it."""
    text = json.dumps(dashboard(), indent=1) + "\n"
    if sys.argv[1:] == ["-"]:
        sys.stdout.write(text)
    else:
        Path(sys.argv[1] if sys.argv[1:] else FILE).write_text(text)


if __name__ == "__main__":
    main()
