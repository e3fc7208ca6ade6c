"""One tap, from the cards the reader listed to the announcement: the heart of a validator.

`Validation.run` is a generator of actions; whoever drives it (the firmware's tap service, a test)
carries each out before it goes on:

| action | the driver does | and sends |
|---|---|---|
| EXCHANGE | the card command `tx[:tx_len]` | the answer, a memoryview, or throws an error |
| RESELECT | lists the field again | True if just this card is there |
| JOURNAL | appends `record_kind`, `body`; durable before it goes on | the journal seq |
| ANNOUNCE | light and sound from `decision`; the display once the run has ended | anything |

What is thrown in: CardLost, AuthError, FrameError, LinkLost. The order is that of SPEC §2.5:
INTENT, card, OUTCOME, announcement, confirmation. A refusal, a damaged card and a lost link end
in an announcement like any other tap; only the journal's own errors get out.
Left out here: which media there are besides MIFARE Classic, and everything about ports and pins.
"""

from protocol import outcomes
from protocol.cards import classic_session
from protocol.cards.classic import medium_of
from protocol.cards.classic_session import ClassicSession
from protocol.compat import const
from protocol.errors import AuthError, CardLost, FrameError, LayoutError, LinkLost
from protocol.fares.engine import Choice, Decision, is_passback, riders_of
from protocol.fields import find, get_uint, put, put_raw
from protocol.journal import records

EXCHANGE = classic_session.EXCHANGE
RESELECT = classic_session.RESELECT
JOURNAL = const(3)
ANNOUNCE = const(4)

_AIR_ERRORS = (CardLost, AuthError, FrameError, LinkLost)
_NO_INTENT = records.SEQ_NONE
_RECENT_TAGS = const(16)
_RECENT_RECORDS = const(64)

_TIME = find(records.HEADER_LAYOUT, "time")

_I_MEDIUM = find(records.INTENT_LAYOUT, "medium")
_I_UID_LENGTH = find(records.INTENT_LAYOUT, "uid_length")
_I_UID = find(records.INTENT_LAYOUT, "uid")
_I_FLAGS = find(records.INTENT_LAYOUT, "flags")
_I_CARD_SEQ = find(records.INTENT_LAYOUT, "card_seq")
_I_PRODUCT = find(records.INTENT_LAYOUT, "product")
_I_CATEGORY = find(records.INTENT_LAYOUT, "rider_category")
_I_RIDERS = find(records.INTENT_LAYOUT, "riders")
_I_CHARGE = find(records.INTENT_LAYOUT, "charge")
_I_COUNTER = find(records.INTENT_LAYOUT, "k")
_I_TAG_BEFORE = find(records.INTENT_LAYOUT, "tag_before")
_I_TAG_AFTER = find(records.INTENT_LAYOUT, "tag_after")
_I_GRANTED = find(records.INTENT_LAYOUT, "granted")
_I_GRANT_SEQ = find(records.INTENT_LAYOUT, "grant_seq")
_I_COMPANIONS = find(records.INTENT_LAYOUT, "companions")

_O_MEDIUM = find(records.OUTCOME_LAYOUT, "medium")
_O_UID_LENGTH = find(records.OUTCOME_LAYOUT, "uid_length")
_O_UID = find(records.OUTCOME_LAYOUT, "uid")
_O_FLAGS = find(records.OUTCOME_LAYOUT, "flags")
_O_OUTCOME = find(records.OUTCOME_LAYOUT, "outcome")
_O_REASON = find(records.OUTCOME_LAYOUT, "reason")
_O_PRODUCT = find(records.OUTCOME_LAYOUT, "product")
_O_CATEGORY = find(records.OUTCOME_LAYOUT, "rider_category")
_O_CHARGE = find(records.OUTCOME_LAYOUT, "charge")
_O_COUNTER = find(records.OUTCOME_LAYOUT, "k")
_O_TAG = find(records.OUTCOME_LAYOUT, "tag")
_O_INTENT_SEQ = find(records.OUTCOME_LAYOUT, "intent_seq")
_O_CARD_SEQ = find(records.OUTCOME_LAYOUT, "card_seq")
_O_GRANTED = find(records.OUTCOME_LAYOUT, "granted")
_O_GRANT_SEQ = find(records.OUTCOME_LAYOUT, "grant_seq")
_O_RIDERS = find(records.OUTCOME_LAYOUT, "riders")


class Validation:
    """Taps at one validator, one after another. `decision` and `card` tell the last one.

    `choice` is what is armed on the buttons; the next accepted tap uses it up. `recovered` says
    whether the tap announced a transaction that had been committed before.
    """

    def __init__(self, vault, fares, place):
        self._session = ClassicSession(vault)
        self._fares = fares
        self._tariff = fares.tariff
        self.place = place
        self.choice = Choice()
        self.decision = Decision()
        self._card = self._session.state  # what an OUTCOME speaks of
        self._card_known = False
        self.recovered = False
        self.record_kind = 0
        self.body = bytearray(records.BODY_BYTES)
        self._announced = bytearray(4 * _RECENT_TAGS)
        self._announced_at = [0] * _RECENT_TAGS
        self._announced_in = [0] * _RECENT_TAGS  # on which vehicle
        self._announced_next = 0
        self._intent_seq = _NO_INTENT
        self._unresolved = False

    @property
    def card(self):
        """The card's state as it is now, None if it could not be read."""
        return self._card if self._card_known else None

    @property
    def tx(self):
        """Buffer with the card command of an EXCHANGE."""
        return self._session.tx

    @property
    def tx_len(self):
        """Length of that command."""
        return self._session.tx_len

    def _remember_announced(self, tag, now):
        """This validator announced the transaction `tag` at `now`."""
        entry = self._announced_next
        for index in range(4):
            self._announced[4 * entry + index] = tag[index]
        self._announced_at[entry] = now
        self._announced_in[entry] = self.place.vehicle
        self._announced_next = (entry + 1) % _RECENT_TAGS

    def restore_announced(self, journal):
        """After a boot: the last records of `journal` (a recovered Ring) say what was announced.

        All but the newest: its announcement may be what the power cut prevented. A passenger
        who was told after all is at worst told again.
        """
        record = bytearray(records.RECORD_BYTES)
        body = memoryview(record)[records.BODY_OFFSET:]
        tag = None
        at = 0
        for seq in range(max(0, journal.head - _RECENT_RECORDS), journal.head):
            if (
                journal.read_into(seq, record)
                and record[4] == records.OUTCOME
                and body[_O_OUTCOME[1]] == outcomes.ACCEPTED
            ):
                if tag is not None:
                    self._remember_announced(tag, at)
                at = get_uint(record, _TIME[1], _TIME[2])
                tag = bytes(body[_O_TAG[1]:_O_TAG[1] + _O_TAG[2]])

    def _announced_entry(self, tag):
        """Which of the recent announcements was that of `tag`, or -1."""
        recent = self._announced
        for entry in range(_RECENT_TAGS):
            if recent[4 * entry:4 * entry + 4] == tag:
                return entry
        return -1

    def run(self, targets, count, now, clock_known):
        """One presentation: `count` cards in `targets` (pn532.Target), at time `now`."""
        self._card = self._session.state
        self._card_known = False
        self.recovered = False
        self._intent_seq = _NO_INTENT
        self._unresolved = False
        session = self._session
        if count != 1:
            session.start(b"", outcomes.MEDIUM_UNKNOWN)
            yield from self._refuse(outcomes.ONE_CARD_PLEASE)
            return
        target = targets[0]
        medium = medium_of(target.sak, len(target.uid))
        session.start(target.uid[:_I_UID[2]], medium)
        if medium == outcomes.MEDIUM_UNKNOWN:
            yield from self._refuse(outcomes.UNKNOWN_MEDIUM)
            return
        reason = yield from self._read()
        if reason:
            yield from self._refuse(reason)
            return
        state = session.state
        entry = self._announced_entry(state.tag)
        since_s = now - (state.tap_time if entry < 0 else self._announced_at[entry])
        told_here = entry >= 0 and self._announced_in[entry] == self.place.vehicle
        passback_s = self._tariff.passback_s
        if told_here and is_passback(state, self.place, since_s, passback_s):
            yield from self._refuse(outcomes.PASSBACK)
        elif entry < 0 and not session.announced and since_s <= self._tariff.recovery_s:
            yield from self._recover(now)
        else:
            yield from self._sell(now, clock_known)

    def _read(self):
        """Read the card; NO_REASON, or why it can't be."""
        try:
            yield from self._session.read()
        except AuthError:
            return outcomes.UNKNOWN_MEDIUM
        except LayoutError:
            return outcomes.BAD_SIGNATURE
        except (CardLost, FrameError, LinkLost):
            return outcomes.UNREADABLE
        self._card_known = True
        return outcomes.NO_REASON

    def _recover(self, now):
        """The card's last transaction is committed and nobody was told: tell it now."""
        session = self._session
        state = session.state
        self.recovered = True
        decision = self.decision
        decision.clear()
        decision.outcome = outcomes.ACCEPTED
        decision.charge_minor = session.last_charge_minor
        decision.transfer = (
            decision.charge_minor == 0 and state.journey_legs > 1 and not state.checked_in
        )
        decision.companions = state.companions
        decision.riders = riders_of(state.companions)
        decision.rider_category = state.rider_category
        if state.concession_ends and self._past_last_day(state.tap_time):
            decision.rider_category = self._tariff.default_category
        decision.product = state.leg_product
        if not state.extended and not state.checked_in:
            offer = self._fares.offer(decision.rider_category, self.place, state.tap_time)
            decision.product = offer[1]
        yield from self._announce(now)
        try:
            yield from session.confirm_recovered()
        except _AIR_ERRORS:
            pass  # other validators will tell it once more; this one remembers

    def _sell(self, now, clock_known):
        """Decide the tap and, if it is accepted, commit it."""
        session = self._session
        decision = self.decision
        reason = self._standing(now, clock_known)
        if reason:
            yield from self._refuse(reason)
            return
        session.propose()
        self._fares.decide(
            session.state, self.place, now, self.choice, decision, session.after
        )
        if decision.outcome != outcomes.ACCEPTED:
            yield from self._announce(now)
            return
        if not session.seal(decision.charge_minor, now):
            yield from self._refuse(outcomes.EXPIRED)
            return
        self._write_intent()
        self._intent_seq = yield JOURNAL
        try:
            yield from session.commit()
        except _AIR_ERRORS:
            self._not_committed()
            yield from self._announce(now)
            return
        self._card = session.after
        yield from self._announce(now)
        try:
            yield from session.confirm()
        except _AIR_ERRORS:
            pass  # as in _recover

    def _standing(self, now, clock_known):
        """What the card itself or our clock has against any tap; NO_REASON if nothing."""
        state = self._session.state
        if state.blocked:
            return outcomes.BLOCKED
        if not clock_known:
            return outcomes.CLOCK_UNKNOWN
        if self._past_last_day(now) and not state.concession_ends:
            return outcomes.EXPIRED
        return outcomes.NO_REASON

    def _past_last_day(self, now):
        return self._tariff.day(now) > self._session.state.valid_until

    def _not_committed(self):
        """The card went away in the middle: say what is certain."""
        session = self._session
        decision = self.decision
        decision.refuse(outcomes.UNREADABLE)
        if session.wrote:
            decision.refuse(outcomes.NO_REASON)
            decision.outcome = outcomes.RETAP
        self._unresolved = session.transfer_sent

    def _refuse(self, reason):
        self.decision.refuse(reason)
        yield from self._announce(0)

    def _announce(self, now):
        """Journal the OUTCOME, then tell the passenger."""
        self._write_outcome()
        yield JOURNAL
        accepted = self.decision.outcome == outcomes.ACCEPTED
        if accepted:
            self._remember_announced(self._card.tag, now)
        yield ANNOUNCE
        if accepted:
            self.choice.clear()

    # -- record bodies ---------------------------------------------------------------------

    def _flags(self):
        decision = self.decision
        flags = records.FLAG_TRANSFER if decision.transfer else 0
        if decision.capped:
            flags |= records.FLAG_CAPPED
        if decision.checkout:
            flags |= records.FLAG_CHECKOUT
        if decision.missed:
            flags |= records.FLAG_MISSED
        if self.recovered:
            flags |= records.FLAG_RECOVERED
        if self._unresolved:
            flags |= records.FLAG_UNRESOLVED
        return flags

    def _write_intent(self):
        self.record_kind = records.INTENT
        body = self.body
        before = self._session.state
        after = self._session.after
        decision = self.decision
        put(body, _I_MEDIUM, before.medium)
        put(body, _I_UID_LENGTH, len(before.uid))
        put_raw(body, _I_UID, before.uid)
        put(body, _I_FLAGS, self._flags())
        put(body, _I_CARD_SEQ, after.seq)
        put(body, _I_PRODUCT, decision.product)
        put(body, _I_CATEGORY, decision.rider_category)
        put(body, _I_RIDERS, decision.riders)
        put(body, _I_CHARGE, decision.charge_minor)
        put(body, _I_COUNTER, after.spent_counter)
        put_raw(body, _I_TAG_BEFORE, before.tag)
        put_raw(body, _I_TAG_AFTER, after.tag)
        put(body, _I_GRANTED, after.granted_minor)
        put(body, _I_GRANT_SEQ, after.grant_seq)
        put(body, _I_COMPANIONS, decision.companions)

    def _write_outcome(self):
        self.record_kind = records.OUTCOME
        body = self.body
        card = self._card
        decision = self.decision
        put(body, _O_MEDIUM, card.medium)
        put(body, _O_UID_LENGTH, len(card.uid))
        put_raw(body, _O_UID, card.uid)
        put(body, _O_FLAGS, self._flags())
        put(body, _O_OUTCOME, decision.outcome)
        put(body, _O_REASON, decision.reason)
        put(body, _O_PRODUCT, decision.product)
        rode = decision.outcome == outcomes.ACCEPTED
        put(body, _O_CATEGORY, decision.rider_category if rode else card.rider_category)
        put(body, _O_CHARGE, decision.charge_minor)
        put(body, _O_COUNTER, card.spent_counter)
        put_raw(body, _O_TAG, card.tag)
        put(body, _O_INTENT_SEQ, self._intent_seq)
        put(body, _O_CARD_SEQ, card.seq)
        put(body, _O_GRANTED, card.granted_minor)
        put(body, _O_GRANT_SEQ, card.grant_seq)
        put(body, _O_RIDERS, decision.riders)
