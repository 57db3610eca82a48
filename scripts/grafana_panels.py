"""The panels that scripts/grafana_dashboard.py puts together: one number, lines over time, expressions over both."""

from collections.abc import Sequence
from typing import Any

SOURCE = {"type": "prometheus", "uid": "${datasource}"}

Json = dict[str, Any]
Query = tuple[str, str]
"""An expression and the legend of its series."""


def quantile(share: float, metric: str, by: str) -> str:
    """The quantile of a histogram, by labels."""
    labels = f"{by}, le" if by else "le"
    return f"histogram_quantile({share}, sum by ({labels}) (rate({metric}_bucket[$__rate_interval])))"


def rate(metric: str, by: str) -> str:
    """How often a second, by labels."""
    return f"sum by ({by}) (rate({metric}[$__rate_interval]))"


def stat(title: str, expression: str, unit: str, steps: Sequence[tuple[float | None, str]], text: str) -> Json:
    """One number whose colour says whether it is good."""
    thresholds = {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in steps]}
    return {
        "type": "stat",
        "title": title,
        "description": text,
        "fieldConfig": {"defaults": {"unit": unit, "thresholds": thresholds, "noValue": "none"}, "overrides": []},
        "options": {
            "colorMode": "background",
            "graphMode": "area",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "textMode": "auto",
        },
        "targets": _targets([(expression, "")]),
    }


def graph(title: str, queries: Sequence[Query], unit: str, text: str, *, stacked: bool = False) -> Json:
    """Lines over time; ``stacked`` where their sum means something."""
    custom = {
        "drawStyle": "line",
        "fillOpacity": 25 if stacked else 5,
        "lineWidth": 1,
        "showPoints": "never",
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
    }
    return {
        "type": "timeseries",
        "title": title,
        "description": text,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0, "custom": custom}, "overrides": []},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": _targets(queries),
    }


def _targets(queries: Sequence[Query]) -> list[Json]:
    return [
        {"refId": chr(ord("A") + number), "datasource": SOURCE, "expr": expression, "legendFormat": legend or "__auto"}
        for number, (expression, legend) in enumerate(queries)
    ]


def ages(expression: str) -> str:
    """How long ago a timestamp is that every replica tells; 0, which is never, is no answer."""
    return f"time() - (max({expression}) > 0)"
