"""Runs first at every boot: a tidy heap for what main.py imports. Nothing is configured here."""

import gc

gc.collect()
