"""One card in the field: reading its state and committing a transaction, by SPEC §2.4 and §2.5.

A session is driven from outside: its methods are generators that yield EXCHANGE, with the card
command in `tx[:tx_len]`, and are sent the card's answer (a memoryview, valid until the next
exchange), or yield RESELECT and are sent True if the same card answers again. What goes wrong on
the air is thrown in: CardLost, AuthError, FrameError, LinkLost. Card commands are those of
NXP MF1S50yyX/V1 §9 as the PN532 takes them (UM0701-02 §7.3.8).
"""

from protocol.cards import classic, purse
from protocol.cards.state import CardState
from protocol.compat import const
from protocol.errors import AuthError, CardLost, LayoutError
from protocol.fields import put_uint

EXCHANGE = const(1)
RESELECT = const(2)

_AUTH_A = const(0x60)
_AUTH_B = const(0x61)
_READ = const(0x30)
_WRITE = const(0xA0)
_DECREMENT = const(0xC0)
_RESTORE = const(0xC2)
_TRANSFER = const(0xB0)
_BLOCK = const(16)
_KEY_WIDTH = const(6)
_SEQ_MAX = const(0xFFFFFF)
_SHORT_ANSWER = const(0x13)  # status the chip gives for an answer of the wrong form


class ClassicSession:
    """The card in the field. `state` is what was read, `announced` whether its last tap was told.

    `last_charge_minor` is the charge of a last tap that was not.
    """

    def __init__(self, vault):
        self._vault = vault
        self._seal = classic.StateSeal(vault)
        self.tx = bytearray(2 + _BLOCK)
        self.tx_len = 0
        self.state = CardState()
        self.after = CardState()
        self.announced = True
        self.last_charge_minor = 0
        self._values = bytearray(2 * _BLOCK)
        self._current = 0  # the value block that holds the counter in force
        self._blocks = bytearray(classic.COPY_WIDTH)  # the state copy in hand
        self.wrote = False
        self.transfer_sent = False

    def start(self, uid, medium):
        """A card was listed: forget the one before."""
        self._vault.forget()
        self.state.clear()
        self.state.uid = uid
        self.state.medium = medium
        self.after.clear()
        self.announced = True
        self.last_charge_minor = 0
        self.wrote = False
        self.transfer_sent = False

    # -- card commands ---------------------------------------------------------------------

    def _authenticate(self, sector, slot):
        tx = self.tx
        uid = self.state.uid
        tx[0] = _AUTH_A if slot == classic.KEY_A else _AUTH_B
        tx[1] = classic.first_block(sector)
        self._vault.fill_classic_auth(tx, 2, "debit", uid, sector, slot)
        start = len(uid) - 4  # of a longer UID the last cascade level's bytes (NXP AN10927 §3.2.5)
        for index in range(4):
            tx[8 + index] = uid[start + index]
        self.tx_len = 12
        try:
            yield EXCHANGE
        finally:
            for index in range(2, 2 + _KEY_WIDTH):
                tx[index] = 0

    def _command(self, code, block):
        self.tx[0] = code
        self.tx[1] = block
        self.tx_len = 2

    def _read(self, block, out, base):
        self._command(_READ, block)
        answer = yield EXCHANGE
        if len(answer) != _BLOCK:
            raise CardLost(_SHORT_ANSWER)
        for index in range(_BLOCK):
            out[base + index] = answer[index]

    def _write(self, block, content, base):
        self._command(_WRITE, block)
        for index in range(_BLOCK):
            self.tx[2 + index] = content[base + index]
        self.tx_len = 2 + _BLOCK
        self.wrote = True
        yield EXCHANGE

    # -- reading ---------------------------------------------------------------------------

    def read(self):
        """Read the state of the card (SPEC §2.4).

        Raises AuthError if the card is none of ours, LayoutError if it is but nothing on it
        verifies, CardLost if it went away.
        """
        try:
            yield from self._authenticate(classic.PURSE_SECTOR, classic.KEY_A)
        except AuthError as error:
            yield from self._still_there(error)
            yield from self._authenticate(classic.PURSE_SECTOR, classic.KEY_A)
        yield from self._read(classic.VALUE_BLOCKS[0], self._values, 0)
        yield from self._read(classic.VALUE_BLOCKS[1], self._values, _BLOCK)
        newest = 1 if self._counter(1) > self._counter(0) else 0
        found = yield from self._read_state(newest)
        if not found and self._counter(0) != self._counter(1):
            found = yield from self._read_state(1 - newest)
        if not found:
            raise LayoutError("no state copy fits the purse")
        before = self._counter(1 - self._current)
        charge_minor = purse.charge_between(before, self.state.spent_counter)
        self.announced = charge_minor == purse.MALFORMED
        self.last_charge_minor = 0 if self.announced else charge_minor

    def _still_there(self, error):
        """A wrong key and a card that left look alike to the reader: ask for the card again."""
        if not (yield RESELECT):
            raise CardLost(*error.args)

    def _counter(self, value_block):
        """K in that value block, or MALFORMED."""
        return purse.counter_of(self._values, value_block * _BLOCK)

    def _read_state(self, value_block):
        """Read the copy that K of `value_block` names; True, with `state` filled, if it fits."""
        counter = self._counter(value_block)
        if counter < 0:
            return False
        copy = counter & 1
        blocks = self._blocks
        try:
            yield from self._authenticate(classic.STATE_SECTORS[copy], classic.KEY_B)
            for index in range(classic.COPY_BLOCKS):
                if not classic.in_use(blocks, index):
                    continue
                if index == classic.ANNEX_BLOCK:
                    yield from self._authenticate(classic.ANNEX_SECTORS[copy], classic.KEY_B)
                yield from self._read(classic.block_of(copy, index), blocks, index * _BLOCK)
                if not classic.is_layout(blocks, index):
                    return False
        except AuthError as error:
            yield from self._still_there(error)
            raise LayoutError("a sector refuses the key")
        state = self.state
        if not self._seal.fits(state.uid, counter, blocks):
            return False
        classic.get_state(blocks, state)
        state.spent_counter = counter
        self._current = value_block
        return True

    # -- one transaction -------------------------------------------------------------------

    def propose(self):
        """Make `after` a copy of `state` for the fares to change."""
        self.after.copy_from(self.state)

    def seal(self, charge_minor, now):
        """Number, date and seal `after`; False if the card can't say such a state any more.

        Its counter has come to its end then. Afterwards `after.tag` names the transaction.
        Nothing was sent to the card.
        """
        state = self.state
        after = self.after
        counter = state.spent_counter + purse.step(charge_minor)
        if counter > purse.START or state.seq >= _SEQ_MAX:
            return False
        after.seq = state.seq + 1
        after.spent_counter = counter
        after.tap_time = now
        try:
            classic.put_state(self._blocks, after)
        except ValueError:
            return False
        self._seal.seal(state.uid, counter, self._blocks)
        after.tag = classic.tag_of(self._blocks)
        return True

    def commit(self):
        """Write the sealed copy, move the counter (SPEC §2.5, steps 2 and 3).

        If it raises, `wrote` says whether a write was sent at all and `transfer_sent` whether
        the transaction may have been committed.
        """
        copy = self.after.seq & 1
        blocks = self._blocks
        yield from self._authenticate(classic.STATE_SECTORS[copy], classic.KEY_B)
        for index in range(classic.COPY_BLOCKS):
            if not classic.in_use(blocks, index):
                continue
            if index == classic.ANNEX_BLOCK:
                yield from self._authenticate(classic.ANNEX_SECTORS[copy], classic.KEY_B)
            yield from self._write(classic.block_of(copy, index), blocks, index * _BLOCK)
        yield from self._authenticate(classic.PURSE_SECTOR, classic.KEY_A)
        moved = self.after.spent_counter - self.state.spent_counter
        yield from self._compute(_DECREMENT, self._current, moved)
        self.transfer_sent = True
        yield from self._transfer(1 - self._current)
        self._current = 1 - self._current

    def confirm(self):
        """Copy the new counter over the old one, in the purse sector that `commit` left open."""
        yield from self._compute(_RESTORE, self._current, 0)
        yield from self._transfer(1 - self._current)

    def confirm_recovered(self):
        """The same for a transaction that an earlier tap committed."""
        yield from self._authenticate(classic.PURSE_SECTOR, classic.KEY_A)
        yield from self.confirm()

    def _compute(self, code, value_block, operand):
        self._command(code, classic.VALUE_BLOCKS[value_block])
        put_uint(self.tx, 2, 4, operand)
        self.tx_len = 6
        yield EXCHANGE

    def _transfer(self, value_block):
        self._command(_TRANSFER, classic.VALUE_BLOCKS[value_block])
        yield EXCHANGE
