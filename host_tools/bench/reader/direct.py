"""The virtual PN532 without its line: one call a command, at the speed of the interpreter.

For exhaustive tests. Time is virtual and moves with every command by what the line and the air
would have taken; nothing waits.
"""

from host_tools.bench.reader.airtime import POLL_TRY_US, wire_ns
from host_tools.bench.reader.chip import IDLE, Pn532Chip, SyntaxFault
from host_tools.bench.reader.field import RfField
from host_tools.bench.reader.hsu import ACK, TFI_CHIP, TFI_HOST
from host_tools.bench.reader.stats import ReaderStats

FRAME_OVERHEAD = 7  # preamble, start code, LEN, LCS, DCS, postamble
ERROR_RESPONSE = b"\x7f"
ENDLESS_US = 5_000_000  # a command that takes longer than this is taken to have no end


class DirectReader:
    """A PN532 out of Low VBat mode. `now_us`: virtual time, may be moved forward by the caller."""

    def __init__(self, field: RfField, baud: int = 921600):
        self.field = field
        self.stats = ReaderStats()
        self.chip = Pn532Chip(field, self.stats)
        self.chip.low_vbat = False
        self.baud = baud
        self.now_us = 0

    def exchange(self, command: bytes) -> bytes | None:
        """`D4 code …` to `D5 code+1 …`; b"\\x7f" is the chip's error frame.

        None: no answer within `ENDLESS_US` (endless polling, no time-out set); the command has
        been ended then, as a host would with an ACK.
        """
        pcd = self.chip.pcd
        stats = self.stats
        stats.commands += 1
        self._line(len(command) + FRAME_OVERHEAD + len(ACK))
        pcd.now_us = self.now_us
        if len(command) < 2 or command[0] != TFI_HOST:
            response = ERROR_RESPONSE
        else:
            running = self.chip.execute(command[1:])
            try:
                spent = next(running)
                while pcd.now_us - self.now_us < ENDLESS_US:
                    if spent >= 0:
                        pcd.now_us += spent
                        spent = next(running)
                    elif spent == IDLE and self.chip.idle_tries is not None:
                        pcd.now_us += self.chip.idle_tries * POLL_TRY_US
                        spent = running.send(self.chip.idle_tries)
                    else:
                        break
                running.close()
                self.now_us = pcd.now_us
                return None
            except SyntaxFault:
                response = ERROR_RESPONSE
            except StopIteration as done:
                response = bytes((TFI_CHIP,)) + done.value
        self.now_us = pcd.now_us
        self._line(len(response) + FRAME_OVERHEAD)
        if self.chip.going_down:
            self.chip.power_down()
        if self.chip.next_baud is not None:
            self.baud, self.chip.next_baud = self.chip.next_baud, None
        return response

    def _line(self, byte_count: int) -> None:
        spent_ns = wire_ns(byte_count, self.baud)
        self.stats.link_bytes += byte_count
        self.stats.link_ns += spent_ns
        self.now_us += (spent_ns + 500) // 1000
