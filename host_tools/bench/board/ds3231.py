"""A DS3231 real-time clock: keeps time over power cuts, follows the bench clock.

Registers 0x00 to 0x12 (DS3231 rev 10, figure 1): BCD time and date, alarms as plain storage,
control, status with the oscillator-stop flag, ageing, a temperature of 25 °C. 24-hour mode. Left
out: alarms going off, the square wave.
"""

from __future__ import annotations

from datetime import UTC, datetime

ADDRESS = 0x68
_REGISTER_COUNT = 0x13
_CONTROL = 0x0E
_STATUS = 0x0F
_TEMPERATURE = 0x11
_OSF = 0x80
_CENTURY = 0x80
_TIME_REGISTERS = 7


def _bcd(number: int) -> int:
    return number // 10 << 4 | number % 10


def _binary(bcd: int) -> int:
    return (bcd >> 4) * 10 + (bcd & 15)


class Ds3231:
    """`offset_us`: its time less the bench's true Unix time. `start_unix_us` is the bench's own
    start (`BenchClock.start_unix_us`), `drift_ppm` how much too fast it runs; `lost` True makes a
    chip whose battery was empty: the flag is set and the time is 2000.
    """

    def __init__(self, start_unix_us: int, drift_ppm: int = 0, lost: bool = False) -> None:
        self._start_unix_us = start_unix_us
        self._drift_ppm = drift_ppm
        self._set_at_us = 0
        self._base_unix_us = start_unix_us
        self._registers = bytearray(_REGISTER_COUNT)
        self._registers[_CONTROL] = 0x1C
        self._registers[_TEMPERATURE] = 25
        self._pointer = 0
        if lost:
            self.lose_battery(0)

    def lose_battery(self, now_us: int) -> None:
        """Battery and supply were both away: time is gone and OSF says so."""
        self._registers[_STATUS] |= _OSF
        self._base_unix_us = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
        self._set_at_us = now_us

    def unix_us(self, now_us: int) -> int:
        """The Unix time this chip believes in."""
        elapsed = now_us - self._set_at_us
        return self._base_unix_us + elapsed + elapsed * self._drift_ppm // 1_000_000

    def power(self, on: bool, now_us: int) -> None:
        """The battery takes over; only the register pointer is lost."""
        self._pointer = 0

    def write(self, chunk: bytes, now_us: int) -> None:
        """Register number, then values from there on."""
        if not chunk:
            return
        self._pointer = chunk[0] % _REGISTER_COUNT
        self._latch(now_us)
        set_time = False
        for value in chunk[1:]:
            if self._pointer == _STATUS:
                value &= self._registers[_STATUS] | ~_OSF  # OSF can be cleared, not set
            if self._pointer < _TEMPERATURE:
                self._registers[self._pointer] = value & 0xFF
            set_time = set_time or self._pointer < _TIME_REGISTERS
            self._pointer = (self._pointer + 1) % _REGISTER_COUNT
        if set_time:
            self._take_time(now_us)

    def read(self, n: int, now_us: int) -> bytes:
        """Registers from the pointer on; the time is latched at the start."""
        self._latch(now_us)
        out = bytes(self._registers[(self._pointer + i) % _REGISTER_COUNT] for i in range(n))
        self._pointer = (self._pointer + n) % _REGISTER_COUNT
        return out

    def _latch(self, now_us: int) -> None:
        now = datetime.fromtimestamp(self.unix_us(now_us) // 1_000_000, UTC)
        century = _CENTURY if now.year >= 2100 else 0
        self._registers[:_TIME_REGISTERS] = bytes([
            _bcd(now.second), _bcd(now.minute), _bcd(now.hour), now.isoweekday(),
            _bcd(now.day), _bcd(now.month) | century, _bcd(now.year % 100),
        ])

    def _take_time(self, now_us: int) -> None:
        second, minute, hour, _, day, month, year = self._registers[:_TIME_REGISTERS]
        whole_year = 2000 + _binary(year) + (100 if month & _CENTURY else 0)
        try:
            moment = datetime(
                whole_year, _binary(month & 0x1F), _binary(day & 0x3F), _binary(hour & 0x3F),
                _binary(minute & 0x7F), _binary(second & 0x7F), tzinfo=UTC,
            )
        except ValueError:
            return  # registers that are no date: the chip would count on from nonsense
        self._base_unix_us = int(moment.timestamp()) * 1_000_000
        self._set_at_us = now_us
