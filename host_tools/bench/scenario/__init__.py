"""Scenarios: a bus line's day as a YAML file, run on the virtual bench (docs/scenarios.md)."""
