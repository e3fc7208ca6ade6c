"""`machine` as an ESP32 has it, as far as the firmware uses it, over the bench's bus.

The rest of it is in _machine_more.py and _machine_spi.py, which come in when asked for. Left out:
ADC, DAC, Timer, I2S, touch, deep sleep, UART interrupts, the bit-banged buses.
"""

import _bus
from micropython import const

_OP_RESET = const(5)
_OP_WDT_START = const(7)
_OP_WDT_FEED = const(8)
_OP_PIN_MODE = const(20)
_OP_PIN_SET = const(21)
_OP_PIN_GET = const(22)
_OP_PIN_IRQ = const(23)
_OP_IRQ_TAKE = const(24)
_OP_PWM = const(25)
_OP_BITSTREAM = const(26)
_OP_UART_INIT = const(27)
_OP_UART_WRITE = const(28)
_OP_UART_READ = const(29)
_OP_UART_FLUSH = const(30)
_OP_I2C_INIT = const(31)
_OP_I2C_WRITE = const(32)
_OP_I2C_READ = const(33)

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5


def reset():
    _bus.call(_OP_RESET, HARD_RESET)


def soft_reset():
    _bus.call(_OP_RESET, SOFT_RESET)


def reset_cause():
    return _bus.boot[12]


def unique_id():
    return bytes(_bus.boot[13:19])


def bitstream(pin, encoding, timing, buf):
    bit_ns = timing[0] + timing[1]
    _bus.call(_OP_BITSTREAM, pin.id, bit_ns, len(buf), buf)


class Pin:
    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_DOWN = 1
    PULL_UP = 2
    IRQ_RISING = 1
    IRQ_FALLING = 2
    _handlers = {}

    def __init__(self, id, mode=-1, pull=-1, value=None):
        self.id = id
        self.init(mode, pull, value)

    def init(self, mode=-1, pull=-1, value=None):
        if value is not None:
            self.value(value)
        if mode != -1:
            _bus.call(_OP_PIN_MODE, self.id, mode | (0 if pull in (-1, None) else pull << 8))

    def value(self, level=None):
        if level is None:
            return _bus.call(_OP_PIN_GET, self.id)
        _bus.call(_OP_PIN_SET, self.id, 1 if level else 0)

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def irq(self, handler=None, trigger=3):
        if handler is None:
            self._handlers.pop(self.id, None)
            trigger = 0
        else:
            self._handlers[self.id] = (handler, self)
            _bus.irq = _run_irqs
        _bus.call(_OP_PIN_IRQ, self.id, trigger)


def _run_irqs():
    while _bus.ready & _bus.IRQ_READY:
        entry = Pin._handlers.get(_bus.call(_OP_IRQ_TAKE))
        if entry is not None:
            entry[0](entry[1])


class PWM:
    def __init__(self, pin, freq=-1, duty_u16=-1, duty=-1):
        self._pin = pin.id
        self._freq = 5000
        self._duty = 32768
        self.init(freq, duty_u16, duty)

    def init(self, freq=-1, duty_u16=-1, duty=-1):
        if freq != -1:
            self._freq = freq
        if duty != -1:
            duty_u16 = duty << 6
        if duty_u16 != -1:
            self._duty = duty_u16
        _bus.call(_OP_PWM, self._pin, self._freq, self._duty)

    def freq(self, hz=None):
        if hz is None:
            return self._freq
        self.init(hz)

    def duty_u16(self, duty=None):
        if duty is None:
            return self._duty
        self.init(-1, duty)

    def duty(self, duty=None):
        if duty is None:
            return self._duty >> 6
        self.init(-1, -1, duty)

    def deinit(self):
        _bus.call(_OP_PWM, self._pin, 0, 0)


class WDT:
    def __init__(self, id=0, timeout=5000):
        _bus.call(_OP_WDT_START, 0, timeout)

    def feed(self):
        _bus.call(_OP_WDT_FEED)


class UART:
    def __init__(self, id, baudrate=115200, *args, **kwargs):
        self._id = id
        self._rxbuf = self._txbuf = 256
        self.init(baudrate, *args, **kwargs)

    def init(
        self, baudrate=115200, bits=8, parity=None, stop=1, tx=-1, rx=-1, txbuf=-1, rxbuf=-1,
        timeout=0, timeout_char=0,
    ):
        if bits != 8 or parity is not None or stop != 1:
            raise ValueError("the bench has 8N1 only")
        if txbuf >= 0:
            self._txbuf = txbuf
        if rxbuf >= 0:
            self._rxbuf = rxbuf
        self._timeout_us = timeout * 1000
        self._gap_us = max(timeout_char * 1000, 13000000 // baudrate)
        _bus.call(_OP_UART_INIT, self._id, baudrate, self._rxbuf | self._txbuf << 16)

    def deinit(self):
        _bus.call(_OP_UART_INIT, self._id)

    def _readable(self):
        _bus.spend(1)
        return _bus.ready >> self._id & 1

    def any(self):
        return _bus.call(_OP_UART_READ, self._id) if self._readable() else 0

    def _take(self, buf, n, line):
        """What is there, at most `n` bytes into `buf`; at most one line if `line`."""
        if not self._readable():
            return 0
        return _bus.call(_OP_UART_READ, self._id, 2 if line else 1, n, None, buf)

    def _fill(self, buf, n):
        got = self._take(buf, n, False)
        wait_us = self._gap_us if got else self._timeout_us
        if self._timeout_us:
            view = memoryview(buf)
            while got < n:
                until = _bus.now + wait_us
                while not self._readable() and _bus.now < until:
                    _bus.idle(until)
                more = self._take(view[got:], n - got, False)
                if not more:
                    break
                got += more
                wait_us = self._gap_us
        return got

    def readinto(self, buf, n=-1):
        return self._fill(buf, len(buf) if n < 0 else min(n, len(buf))) or None

    def read(self, n=-1):
        if n < 0:
            n = self.any()
        buf = bytearray(n)
        got = self._fill(buf, n) if n else 0
        return bytes(memoryview(buf)[:got]) if got else None

    def readline(self):
        buf = bytearray(self.any())
        got = self._take(buf, len(buf), True)
        return bytes(memoryview(buf)[:got]) if got else None

    def write(self, buf, off=0, n=-1):
        if off:
            buf = memoryview(buf)[off:]
        if n < 0:
            n = len(buf)
        _bus.call(_OP_UART_WRITE, self._id, 0, n, buf)
        return n

    def flush(self):
        _bus.call(_OP_UART_FLUSH, self._id)

    def txdone(self):
        return _bus.call(_OP_UART_FLUSH, self._id, 1) == 0

    def ioctl(self, request, flags):
        if request != 3:
            return 0
        return (flags & 1 and _bus.ready >> self._id & 1) | flags & 4


class I2C:
    def __init__(self, id=0, scl=None, sda=None, freq=400000, timeout=50000):
        self._id = id
        self.init(freq=freq)

    def init(self, scl=None, sda=None, freq=400000):
        _bus.call(_OP_I2C_INIT, self._id, freq)

    def writeto(self, addr, buf, stop=True):
        return _bus.call(_OP_I2C_WRITE, self._id, addr, len(buf), buf)

    def writevto(self, addr, vector, stop=True):
        return self.writeto(addr, b"".join(vector))

    def writeto_mem(self, addr, memaddr, buf, addrsize=8):
        _bus.call(
            _OP_I2C_WRITE, self._id, addr | memaddr << 8 | addrsize << 21, len(buf), buf
        )

    def readfrom_into(self, addr, buf, stop=True):
        _bus.call(_OP_I2C_READ, self._id, addr, len(buf), None, buf)

    def readfrom(self, addr, n, stop=True):
        buf = bytearray(n)
        self.readfrom_into(addr, buf)
        return bytes(buf)

    def readfrom_mem_into(self, addr, memaddr, buf, addrsize=8):
        _bus.call(
            _OP_I2C_READ, self._id, addr | memaddr << 8 | addrsize << 21, len(buf), None, buf
        )

    def readfrom_mem(self, addr, memaddr, n, addrsize=8):
        buf = bytearray(n)
        self.readfrom_mem_into(addr, memaddr, buf, addrsize)
        return bytes(buf)

    def scan(self):
        found = []
        for addr in range(8, 120):
            try:
                self.writeto(addr, b"")
            except OSError:
                continue
            found.append(addr)
        return found


def __getattr__(name):
    if name == "SPI":
        return _bus.part("_machine_spi").SPI
    return getattr(_bus.part("_machine_more"), name)
