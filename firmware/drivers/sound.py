"""A buzzer on PWM: short tunes that differ by ear, played beside everything else.

A tune is a tuple of steps (hertz, milliseconds); 0 hertz is a pause. A new tune cuts the one that
plays. Left out: volume.
"""

from firmware.wake import Wake
from protocol.compat import const

_DUTY = const(32768)  # half of each period: loudest
_CUT_MS = const(40)  # silence between a tune that was cut and the next, or they sound as one
_IDLE_MS = const(60000)

ACCEPTED = ((2000, 150),)
ACCEPTED_REDUCED = ((2000, 90), (0, 60), (2000, 90))
REFUSED = ((400, 700),)
RETAP = ((900, 80), (0, 70), (900, 80), (0, 70), (900, 80))


class Sound:
    """`pwm` is a machine.PWM of the buzzer's pin, silent. `run` is a task of its own."""

    def __init__(self, pwm):
        self._pwm = pwm
        self._tune = ()
        self._asked = False
        self._sounds = False
        self._wake = Wake()

    def play(self, tune):
        """Start `tune` as soon as the other tasks let this one run."""
        self._tune = tune
        self._asked = True
        self._wake.wake()

    def _step(self, hz):
        self._sounds = hz > 0
        if self._sounds:
            self._pwm.freq(hz)
        self._pwm.duty_u16(_DUTY if self._sounds else 0)

    async def run(self):
        """Play what `play` asks for, for ever."""
        while True:
            while not self._asked:
                await self._wake.wait(_IDLE_MS)
            self._asked = False
            self._wake.clear()
            if self._sounds:
                self._step(0)
                await self._wake.wait(_CUT_MS)
            for hz, ms in self._tune:
                if self._asked:
                    break
                self._step(hz)
                await self._wake.wait(ms)
            else:
                self._step(0)
