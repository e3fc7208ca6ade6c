"""Starts the app of the device's role; whatever gets out of it ends in a reset, not in a prompt.

The pause before that bounds how many BOOT records a fault that comes back can journal. Ctrl-C on
the console leads to the prompt, until the watchdog bites.
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
    time.sleep(8)
    machine.reset()
