"""A buzzer on PWM: short tunes that differ by ear, played beside everything else.

A tune is a tuple of steps (hertz, milliseconds); 0 hertz is a pause. A new tune cuts the one that
plays. Left out: volume.
"""

from firmware.wake import Wake
from protocol.compat import const

_DUTY = const(32768)  # half of each period: loudest

ACCEPTED = ((2000, 150),)
ACCEPTED_REDUCED = ((2000, 90), (0, 60), (2000, 90))
REFUSED = ((400, 700),)
RETAP = ((900, 80), (0, 70), (900, 80), (0, 70), (900, 80))


class Sound:
    """`pwm` is a machine.PWM of the buzzer's pin, silent. `run` is a task of its own."""

    def __init__(self, pwm):
        self._pwm = pwm
        self._tune = None
        self._wake = Wake()

    def play(self, tune):
        """Start `tune` as soon as the other tasks let this one run."""
        self._tune = tune
        self._wake.wake()

    def _step(self, step):
        if step[0]:
            self._pwm.freq(step[0])
        self._pwm.duty_u16(_DUTY if step[0] else 0)

    async def run(self):
        """Play what `play` asks for, for ever."""
        while True:
            while self._tune is None:
                await self._wake.wait(60000)
            tune = self._tune
            self._wake.clear()
            for step in tune:
                if tune is self._tune:
                    self._step(step)
                    await self._wake.wait(step[1])
            if tune is self._tune:
                self._tune = None
                self._pwm.duty_u16(0)
