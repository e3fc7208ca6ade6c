"""Push buttons: pressed is low. The interrupt stamps and signals, the task debounces and calls.

A press counts when it comes at least 200 ms after the last one of any button. Left out: long
presses.
"""

import asyncio
import time

from protocol.compat import const

_BOUNCE_MS = const(200)


class Buttons:
    """`pins` are machine.Pin inputs with pull-ups; `actions` the functions called, one a pin."""

    def __init__(self, pins, actions):
        self._pins = pins
        self._actions = actions
        self._flag = asyncio.ThreadSafeFlag()
        self._pressed = -1
        for pin in pins:
            pin.irq(self._on_fall, pin.IRQ_FALLING)

    def _on_fall(self, pin):
        for index in range(len(self._pins)):
            if self._pins[index] is pin:
                self._pressed = index
        self._flag.set()

    async def run(self):
        """Call the actions as their buttons are pressed, for ever."""
        last = time.ticks_add(time.ticks_ms(), -_BOUNCE_MS)
        while True:
            await self._flag.wait()
            now = time.ticks_ms()
            if time.ticks_diff(now, last) >= _BOUNCE_MS:
                self._actions[self._pressed]()
            last = now
