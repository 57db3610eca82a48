"""What operators are given works on a real Prometheus: rules, alerts, the dashboard, the table of metrics."""

import re
import subprocess
import sys

import pytest
import yaml
from end_to_end.world import ROOT, eventually
from prometheus_client.parser import text_string_to_metric_families
from windows.conftest import ROOMS
from windows.prometheus import DEPLOYED, RULES, promtool

OURS = re.compile(r"\b(?:pagerd?|policy|notifier|rpc|database|group_commit|loop|process)_\w+\b")
LABELS = re.compile(r"\{[^}]*\}|\b(?:by|on|without) \([^)]*\)|\"[^\"]*\"")


def queries(dashboard):
    """Every expression of every panel, with a span for the one that Grafana knows."""
    return {
        f"{panel['title']}, {target['refId']}": target["expr"].replace("$__rate_interval", "1m")
        for panel in dashboard["panels"]
        for target in panel.get("targets", ())
    }


def rules(kind):
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text())["groups"]]
    return {rule[kind]: rule for group in groups for rule in group["rules"] if kind in rule}


def metrics_of(expression):
    return {name for name in OURS.findall(LABELS.sub(" ", expression)) if ":" not in name}


def test_promtool_finds_no_fault_in_the_rules(prometheus_folder):
    checked = promtool(prometheus_folder, "check", "rules", *RULES)
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stdout


def test_promtool_finds_no_fault_in_the_example_of_a_configuration(prometheus_folder):
    checked = promtool(prometheus_folder, "check", "config", DEPLOYED / "prometheus.example.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_alert_fires_when_it_should_and_only_then(prometheus_folder):
    tested = promtool(prometheus_folder, "test", "rules", DEPLOYED / "rules_test.yml")
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_is_silent():
    fires = {name: set() for name in rules("alert")}
    for case in yaml.safe_load((DEPLOYED / "rules_test.yml").read_text())["tests"]:
        for judged in case["alert_rule_test"]:
            fires[judged["alertname"]].add(bool(judged["exp_alerts"]))
    assert {name for name, kinds in fires.items() if kinds != {True, False}} == set()


def test_every_alert_says_how_bad_it_is_and_where_its_section_is():
    text = (ROOT / "docs" / "operations.md").read_text()
    sections = {heading.lower() for heading in re.findall(r"^#+ (\w+)$", text, re.MULTILINE)}
    for name, alert in rules("alert").items():
        assert alert["labels"]["severity"] in {"page", "ticket"}
        assert {"summary", "description", "runbook_url"} <= alert["annotations"].keys()
        assert alert["annotations"]["runbook_url"] == f"docs/operations.md#{name.lower()}"
        assert name.lower() in sections


@pytest.mark.parametrize("room", ROOMS)
def test_promtool_finds_no_fault_in_the_metrics_of_a_room(watched, prometheus_folder, room):
    checked = promtool(prometheus_folder, "check", "metrics", stdin=watched.text(room))
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_every_query_of_the_dashboard_gives_data(watched, dashboard):
    waiting = queries(dashboard)
    assert len(waiting) > 25

    def empty():
        for title in [title for title, query in waiting.items() if watched.prometheus.query(query)]:
            del waiting[title]
        return not waiting

    eventually(empty, f"data for every panel; nothing for {waiting}")


def test_every_rule_is_judged_without_an_error_and_no_alert_fires_while_all_is_well(watched):
    def judged():
        return all(rule["health"] != "unknown" for rule in watched.prometheus.rules())

    eventually(judged, "every rule is judged")
    found = watched.prometheus.rules()
    assert [rule for rule in found if rule["health"] != "ok"] == []
    assert {rule["name"] for rule in found} == {*rules("alert"), *rules("record")}

    def in_state(*states):
        return [rule["name"] for rule in watched.prometheus.rules() if rule.get("state", "inactive") in states]

    # Rules that are judged before the first scrape find nobody, and wait.
    eventually(lambda: not in_state("pending"), "no alert waits")
    assert in_state("firing") == []


def test_every_recorded_series_has_data(watched):
    waiting = set(rules("record"))

    def empty():
        waiting.difference_update([name for name in waiting if watched.prometheus.query(name)])
        return not waiting

    # Prometheus chooses the moment within its interval, and a rate wants two scrapes.
    eventually(empty, f"data for every recorded series; nothing for {waiting}", 90)


def test_every_metric_that_is_asked_for_is_there(watched, dashboard):
    expressions = [rule["expr"] for rule in (rules("alert") | rules("record")).values()]
    asked = {name for query in [*expressions, *queries(dashboard).values()] for name in metrics_of(query)}
    assert len(asked) > 25
    there = documented(elsewhere=True)
    eventually(lambda: asked - there <= watched.prometheus.names(), f"every metric was scraped of {asked}")


def documented(*, elsewhere):
    """The metrics of the table; ``elsewhere``: those of settings that the watched rooms do not have."""
    rows = [line for line in (ROOT / "docs" / "metrics.md").read_text().splitlines() if line.startswith("| `")]
    chosen = [row for row in rows if ("Only with `PAGERD_" in row) == elsewhere]
    return {name for row in chosen for name in re.findall(r"`(\w+)[`{]", row.split(" | ")[0])}


def test_the_table_of_metrics_is_complete_and_names_nothing_else(watched):
    exposed = set()
    for room in ROOMS:
        for family in text_string_to_metric_families(watched.text(room)):
            if not family.name.endswith("_created"):
                exposed.add(f"{family.name}_total" if family.type == "counter" else family.name)
    assert documented(elsewhere=False) == exposed
    source = "".join(path.read_text() for path in (ROOT / "pager_grpc" / "runtime").glob("*.py"))
    assert [name for name in documented(elsewhere=True) if f'"{name}"' not in source] == []


def test_the_dashboard_is_what_its_script_writes():
    written = subprocess.run(
        [sys.executable, ROOT / "scripts/grafana_dashboard.py", "-"], check=True, capture_output=True, text=True
    )
    assert written.stdout == (ROOT / "deploy" / "grafana" / "hexagonal-pager.json").read_text()


def test_no_panel_lies_on_another(dashboard):
    taken = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + dx, place["y"] + dy) for dx in range(place["w"]) for dy in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
