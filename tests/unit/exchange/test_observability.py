"""What is shipped for Prometheus, Grafana and the collector fits to what a node measures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from xietong_exchange.adapters.prometheus import prometheus_name

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "deploy/observability"
PAGE = (ROOT / "docs/reference/telemetry.md").read_text(encoding="utf-8")
ROWS = re.findall(
    r"^\| `(xietong\.[a-z._]+)` \| (counter|gauge|histogram) \| `([^`]+)` \| ([^|]+) \|", PAGE, re.MULTILINE
)
LABEL = re.compile(r"\b(?:xietong|network)_[a-z_]+\b")


def known() -> dict[str, set[str]]:
    """Each name that Prometheus shows, with its labels."""
    found: dict[str, set[str]] = {}
    for name, kind, unit, attributes in ROWS:
        shown = prometheus_name(name, unit, is_counter=kind == "counter")
        labels = {attribute.replace(".", "_") for attribute in re.findall(r"`([a-z._]+)`", attributes)}
        for end in ("_bucket", "_sum", "_count") if kind == "histogram" else ("",):
            found[shown + end] = labels
    return found


def expressions() -> Iterator[str]:
    rules = yaml.safe_load((FOLDER / "alerts.yaml").read_text(encoding="utf-8"))
    yield from (rule["expr"] for group in rules["groups"] for rule in group["rules"])
    dashboard: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
    yield from (target["expr"] for panel in dashboard["panels"] for target in panel["targets"])


@pytest.mark.parametrize("expression", sorted(expressions()))
def test_rules_and_panels_use_metrics_and_labels_that_there_are(expression: str) -> None:
    names = known()
    used = set(LABEL.findall(expression))
    metrics = used & names.keys()
    assert metrics
    assert used - metrics <= set().union(*(names[metric] for metric in metrics))


def test_the_dashboard_shows_every_metric() -> None:
    dashboard = (FOLDER / "dashboard.json").read_text(encoding="utf-8")
    shown = set(LABEL.findall(dashboard))
    missing = {
        name
        for name, kind, unit, _ in ROWS
        if not any(
            each.startswith(prometheus_name(name, unit, is_counter=kind == "counter")) for each in shown
        )
    }
    assert missing == set()


def test_every_rule_says_what_to_do() -> None:
    rules = yaml.safe_load((FOLDER / "alerts.yaml").read_text(encoding="utf-8"))
    for rule in rules["groups"][0]["rules"]:
        assert {"summary", "action"} <= rule["annotations"].keys(), rule["alert"]


def test_the_collectors_pipelines_name_what_is_configured() -> None:
    collector = yaml.safe_load((FOLDER / "collector.yaml").read_text(encoding="utf-8"))
    for pipeline in collector["service"]["pipelines"].values():
        for part in ("receivers", "processors", "exporters"):
            assert set(pipeline[part]) <= collector[part].keys()
