"""Starts the app of the device's role; whatever gets out of it ends in a reset, not in a prompt.

Ctrl-C on the console still leads to the prompt: that is how a board is worked on in the workshop.
"""

import sys
import time

import machine

started_ms = time.ticks_ms()
try:
    from firmware.apps import validator

    validator.main(started_ms)
except Exception as error:
    sys.print_exception(error)
    machine.reset()
