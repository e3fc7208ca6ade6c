"""What sync costs on the wire, by running it: for the bench and for a test."""

from protocol.sync import delta
from tests.shared.sync_world import World, tap


def wire_bytes_per_tap(taps_in_batch: int) -> dict[str, float]:
    """Bytes a tap (INTENT and OUTCOME) on the line, frames, seals and ACKs included.

    `taps_in_batch` taps are waiting when an open session goes on. `coded` are the delta-coded
    records alone, `up` what the device sends, `both` what both send.
    """
    world = World(taps=0)
    world.talk()
    for number in range(taps_in_batch):
        tap(world.journal, number, 20 + 7 * number)
    counted = {"up": 0, "both": 0}

    def carry(frame: bytes, to_server: bool) -> tuple[bytes, ...]:
        counted["up"] += len(frame) if to_server else 0
        counted["both"] += len(frame)
        return (frame,)

    world.talk(carry)
    assert world.synced()
    return {
        "coded": _coded(world, taps_in_batch) / taps_in_batch,
        **{name: total / taps_in_batch for name, total in counted.items()},
    }


def _coded(world: World, taps: int) -> int:
    out = bytearray(256 * taps)
    end = 0
    prediction = delta.Prediction()
    first = world.journal.head - 2 * taps
    for seq in range(first, world.journal.head):
        end = delta.put_record(prediction, world.journal.slots[seq], seq, out, end)
    return end
