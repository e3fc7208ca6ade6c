"""Pins of the virtual board: it is wired as the reference board is."""

from firmware.boards.wrover import *  # noqa: F403
