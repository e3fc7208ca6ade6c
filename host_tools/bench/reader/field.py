"""The air between one reader and its cards: who hears a frame, and what several answers become.

Two answers at once are one signal: equal bits are readable, others collide, which is what bit-wise
anticollision works with. Left out: attenuation, noise and a stronger card drowning a weaker one.
"""

from host_tools.bench.reader.picc import NO_FAULTS, RAW, Answer, Faults, Picc


def _collide(first: Answer, second: Answer) -> Answer:
    """Both answers on top of each other; the bits that differ are marked and read as ones."""
    mine = int.from_bytes(first.payload, "little")
    other = int.from_bytes(second.payload, "little")
    collided = first.collided | second.collided | (mine ^ other)
    bit_count = max(first.bit_count, second.bit_count)
    if first.bit_count != second.bit_count or first.kind != second.kind:
        collided |= 1 << min(first.bit_count, second.bit_count)
    merged = (mine | other).to_bytes(max(len(first.payload), len(second.payload)), "little")
    kind = first.kind if first.kind == second.kind else RAW
    return Answer(merged, kind, bit_count, max(first.busy_us, second.busy_us), collided)


class RfField:
    """Cards in front of one antenna. `rf_on` belongs to the reader chip."""

    def __init__(self) -> None:
        self._cards: list[Picc] = []
        self.rf_on = False
        self.changed_us = 0

    @property
    def cards(self) -> tuple[Picc, ...]:
        """The cards placed and not removed; one that a fault took away is still listed."""
        return tuple(self._cards)

    @property
    def occupied(self) -> bool:
        """Whether any card can hear the reader."""
        return any(not card.gone for card in self._cards)

    def place(self, card: Picc, now_us: int = 0, faults: Faults = NO_FAULTS) -> None:
        """A new presentation of `card`, with its counters at zero. Raises ValueError if it is
        there already.
        """
        if card in self._cards:
            raise ValueError("this card is in the field already")
        card.present_again(faults)
        self._cards.append(card)
        self.changed_us = now_us

    def remove(self, card: Picc, now_us: int = 0) -> None:
        """Take `card` away at `now_us`; a write it is in tears. ValueError if it is not there."""
        self._cards.remove(card)
        card.power_lost(now_us)
        self.changed_us = now_us

    def clear(self, now_us: int = 0) -> None:
        """Take every card away."""
        for card in self.cards:
            self.remove(card, now_us)

    def switch(self, on: bool, now_us: int) -> None:
        """The reader turns its carrier on or off; off resets every card."""
        if self.rf_on and not on:
            for card in self._cards:
                card.power_lost(now_us)
        self.rf_on = on

    def exchange(self, payload: bytes, flags: int, last_bits: int, now_us: int) -> Answer | None:
        """One frame to every card; what comes back, None for silence."""
        if not self.rf_on:
            return None
        answer = None
        for card in self._cards:
            one = card.receive(payload, flags, last_bits, now_us)
            if one is not None:
                answer = one if answer is None else _collide(answer, one)
        return answer
