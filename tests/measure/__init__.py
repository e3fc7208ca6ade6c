"""`make bench`: every bound measured in one run, as counts and ratios; writes build/bench.json.

Never part of the test suite. Each module measures one thing and answers `Figure`s.
"""
