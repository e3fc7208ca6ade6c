"""What a reader has spent: the figures a tap is judged by."""


class ReaderStats:
    """Counters since the last `reset()`; plain integers, written by the chip and its line.

    `rf_us` is air time with the cards' own computing and the chip's waiting for answers, `frames`
    the RF frames the chip sent, `commands` the PN532 commands, `link_bytes` the bytes on the
    serial line both ways with framing and ACK, `link_us` their wire time.
    """

    __slots__ = ("commands", "frames", "link_bytes", "link_ns", "rf_us")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.rf_us = 0
        self.link_ns = 0
        self.commands = 0
        self.frames = 0
        self.link_bytes = 0

    @property
    def link_us(self) -> int:
        return (self.link_ns + 500) // 1000

    def snapshot(self) -> dict[str, int]:
        return {"rf_us": self.rf_us, "link_us": self.link_us, "commands": self.commands,
                "frames": self.frames, "link_bytes": self.link_bytes}
