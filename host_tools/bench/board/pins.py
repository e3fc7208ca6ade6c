"""What a board's pins show and take: levels, buttons and interrupts, tones, lights.

Observers only record; nothing here makes a sound or draws.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

IRQ_RISING = 1
IRQ_FALLING = 2
Schedule = Callable[[int, Callable[[], None]], None]


@dataclass(frozen=True)
class Tone:
    """A sound that ended; `duration_us` None while it still sounds."""

    start_us: int
    hz: int
    duration_us: int | None


@dataclass
class PwmPin:
    """One pin's PWM: the tones so far and what it does now (`hz` 0: silent)."""

    tones: list[Tone] = field(default_factory=list)
    hz: int = 0
    duty_u16: int = 0
    since_us: int = 0

    def set(self, hz: int, duty_u16: int, now_us: int) -> None:
        """Change frequency or duty; duty 0 or frequency 0 is silence."""
        sounding = bool(self.hz and self.duty_u16)
        wanted = bool(hz and duty_u16)
        if sounding and (not wanted or hz != self.hz):
            self.tones.append(Tone(self.since_us, self.hz, now_us - self.since_us))
            sounding = False
        if wanted and not sounding:
            self.since_us = now_us
        self.hz, self.duty_u16 = hz, duty_u16

    def heard(self) -> list[Tone]:
        """All tones, the one still sounding last."""
        if self.hz and self.duty_u16:
            return [*self.tones, Tone(self.since_us, self.hz, None)]
        return list(self.tones)


@dataclass
class PixelStrip:
    """WS2812 lights on one pin: `colours` as (red, green, blue), and every change."""

    colours: list[tuple[int, int, int]] = field(default_factory=list)
    history: list[tuple[int, tuple[tuple[int, int, int], ...]]] = field(default_factory=list)

    def show(self, grb: bytes, now_us: int) -> None:
        """Three bytes a light, green first."""
        self.colours = [
            (grb[at + 1], grb[at], grb[at + 2]) for at in range(0, len(grb) - 2, 3)
        ]
        self.history.append((now_us, tuple(self.colours)))


class Pins:
    """Digital pins of a board. A pin nothing drives reads as pulled: up, or low without a pull."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._outside: dict[int, int] = {}
        self._triggers: dict[int, int] = {}
        self._modes: dict[int, int] = {}
        self._levels: dict[int, int] = {}
        self.pending_irqs: deque[int] = deque()

    def reset(self) -> None:
        """The board was reset: every pin is an input, no interrupts. Buttons stay as held."""
        self._triggers.clear()
        self._modes.clear()
        self._levels.clear()
        self.pending_irqs.clear()

    def mode(self, pin: int, mode: int, pull: int) -> None:
        """Direction (bit 1 drives) and pull (2 up) as the firmware set them."""
        self._modes[pin] = mode | pull << 8

    def set(self, pin: int, level: int) -> None:
        """The firmware drives the pin."""
        self._levels[pin] = level

    def level(self, pin: int) -> int:
        """What the pin reads."""
        mode = self._modes.get(pin, 0)
        if mode & 2 and pin in self._levels:
            return self._levels[pin]
        if pin in self._outside:
            return self._outside[pin]
        return 1 if mode >> 8 & 2 else 0

    def irq(self, pin: int, trigger: int) -> None:
        """Interrupt on which edges (0: none)."""
        if trigger:
            self._triggers[pin] = trigger
        else:
            self._triggers.pop(pin, None)

    def drive(self, pin: int, level: int | None) -> None:
        """From outside: hold the pin at `level`, or let go of it (None). An edge may interrupt."""
        before = self.level(pin)
        if level is None:
            self._outside.pop(pin, None)
        else:
            self._outside[pin] = level
        after = self.level(pin)
        edge = 0 if after == before else IRQ_RISING if after else IRQ_FALLING
        if edge & self._triggers.get(pin, 0):
            self.pending_irqs.append(pin)

    def press(self, pin: int, ms: int, at_us: int) -> None:
        """A button to ground: pressed at `at_us` for `ms`."""
        self._schedule(at_us, lambda: self.drive(pin, 0))
        self._schedule(at_us + ms * 1000, lambda: self.drive(pin, None))
