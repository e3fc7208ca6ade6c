"""Findings of a feed for people (one line each) and for machines (JSON)."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from host_tools.tariff.feed import Finding
from host_tools.tariff.findings import sort_findings


def findings_as_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """`{"errors": n, "warnings": n, "findings": [{"severity", "file", "line", "field",
    "text"}]}`, by file and line; null where a finding has no line or field."""
    counts = Counter(finding.severity for finding in findings)
    return {
        "errors": counts["error"],
        "warnings": counts["warning"],
        "findings": [
            {
                "severity": finding.severity,
                "file": finding.file,
                "line": finding.line,
                "field": finding.field,
                "text": finding.text,
            }
            for finding in sort_findings(list(findings))
        ],
    }


def findings_as_lines(findings: Sequence[Finding]) -> list[str]:
    """One line for each, by file and line, and their counts in the last."""
    lines = [f"{finding.severity}: {finding}" for finding in sort_findings(list(findings))]
    return [*lines, summary(findings)]


def summary(findings: Sequence[Finding]) -> str:
    """`2 errors, 1 warning`, or `nothing found`."""
    counts = Counter(finding.severity for finding in findings)
    parts = [
        f"{counts[severity]} {severity}{'' if counts[severity] == 1 else 's'}"
        for severity in ("error", "warning")
        if counts[severity]
    ]
    return ", ".join(parts) or "nothing found"
