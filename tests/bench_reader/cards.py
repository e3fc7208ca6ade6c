"""A card in front of a reader, and the commands of a tap in words."""

from host_tools.bench.reader import ClassicCard, DirectReader, Faults, RfField
from host_tools.bench.reader.classic_access import access_bytes

UID_4 = bytes.fromhex("04a1b2c3")
UID_7 = bytes.fromhex("041d6aa2c35e80")
KEY_A = bytes.fromhex("a1a2a3a4a5a6")
KEY_B = bytes.fromhex("b1b2b3b4b5b6")
OK, TIMEOUT, REFUSED, AUTH_FAILED, WRONG_CONTEXT = 0x00, 0x01, 0x13, 0x14, 0x27
ONE_TRY, ENDLESS = 0x00, 0xFF


class Bench:
    """One field, one reader at 921,600 baud; the methods give the chip's status and data."""

    def __init__(self, *cards: ClassicCard, faults: Faults | None = None, tries: int = ONE_TRY):
        self.field = RfField()
        for card in cards:
            self.field.place(card, 0, faults or Faults())
        self.reader = DirectReader(self.field)
        self.stats = self.reader.stats
        self.command(b"\x32\x05\xff\x01" + bytes((tries,)))

    def command(self, command):
        """Response parameters of a command that the chip knows."""
        response = self.reader.exchange(b"\xd4" + command)
        assert response[:2] == bytes((0xD5, command[0] + 1)), (command.hex(), response)
        return response[2:]

    def listed(self, max_tg=1):
        """The targets of InListPassiveTarget as (Tg, SENS_RES, SEL_RES, UID)."""
        answer = self.command(bytes((0x4A, max_tg, 0)))
        targets = []
        rest = answer[1:]
        for _ in range(answer[0]):
            length = rest[4]
            targets.append((rest[0], rest[1:3], rest[3], rest[5:5 + length]))
            rest = rest[5 + length:]
        assert rest == b""
        return targets

    def exchange(self, data, tg=1):
        """(status, DataIn) of InDataExchange."""
        answer = self.command(bytes((0x40, tg)) + data)
        return answer[0], answer[1:]

    def auth(self, block, key=KEY_A, slot="A", uid_part=UID_4, tg=1):
        code = 0x60 if slot == "A" else 0x61
        return self.exchange(bytes((code, block)) + key + uid_part, tg)[0]

    def read(self, block):
        return self.exchange(bytes((0x30, block)))

    def write(self, block, content):
        return self.exchange(bytes((0xA0, block)) + content)[0]

    def compute(self, code, block, operand=0):
        return self.exchange(bytes((code, block)) + operand.to_bytes(4, "little"))[0]

    def transfer(self, block):
        return self.exchange(bytes((0xB0, block)))[0]

    def again(self):
        """Field off and on, the card selected anew: its idle state is certain."""
        self.command(b"\x32\x01\x00")
        assert len(self.listed()) == 1


def keyed_card(conditions=(0, 0, 0, 1), uid=UID_4, size="1k", sector=1):
    """A transport card whose `sector` has KEY_A, KEY_B and these access conditions."""
    card = ClassicCard.transport(uid, size)
    trailer = 4 * sector + 3 if sector < 32 else 128 + 16 * (sector - 32) + 15
    card.set_block(trailer, KEY_A + access_bytes(conditions) + b"\x69" + KEY_B)
    return card
