"""The tap service: polls for cards, carries out what `protocol.tap.Validation` asks for.

    state     what happens                                  next
    polling   nothing in the field: one command, ≤ 0.5 s    polling
    polling   cards are there                               tapping
    polling   no room in the journal, or its flash failed   closed
    closed    there is room again                           polling
    tapping   the generator has ended                       leaving
    leaving   the field is empty, or another single card    polling
    any       the reader does not answer                    restarting, then polling

Order of a tap (SPEC §2.5): every record is durable before the next step; after the OUTCOME record
light and sound tell it, then the card gets its last write, then come display and console line, so
that a card torn away finds hardly any time in between; housekeeping only when it has left.
"""

import asyncio
import gc
import time

from protocol import outcomes, tap
from protocol.compat import const
from protocol.errors import (
    AuthError,
    CardLost,
    FrameError,
    JournalCorrupt,
    JournalFull,
    LinkLost,
)

_CARD_THERE_PAUSE_MS = const(120)  # between two looks at a card that has not left yet
_DAMAGED_PAUSE_MS = const(50)
_DAMAGED_MAX = const(8)  # damaged answers in a row after which the reader is started anew
_CLOSED_PAUSE_MS = const(500)
_RESTART_PAUSE_MS = const(500)
_RESTARTS_UNTIL_RED = const(4)
_LINGER_MS = const(2000)  # an outcome stays on show that long after the card has left
_CARD_ERRORS = (CardLost, AuthError, FrameError, LinkLost)


class TapService:
    """Wires reader, `validation` (protocol.tap), `journal` (JournalStore), indicator and clock.

    `busy` is true while a tap is under way: then nobody else may write to the journal or change
    the place. `alive` is called at least every two seconds. `keys` (DoorKeys, None: there are
    none) may put another page in the place of the ready screen.
    """

    def __init__(self, reader, validation, journal, indicator, clock, alive):
        self._reader = reader
        self._validation = validation
        self._journal = journal
        self._indicator = indicator
        self._clock = clock
        self._alive = alive
        self.keys = None
        self._shown_at = 0
        self._linger_ms = _LINGER_MS
        self._paged = False  # what is shown is a page of the keys, which runs out by itself
        self._showing = False  # an outcome or a service page is still on the display
        self._uid = b""
        self._damaged = 0
        self._signalled = False  # light and sound have told an outcome, the display has not
        self.busy = False
        self.garbage_bytes = 0  # what the last tap allocated; less if the heap was collected in it
        self.idle = False  # nothing in the field, the ready screen is up

    async def start(self):
        """Bring the reader up and show that a card may come."""
        await self._restart_reader()
        await self.show_home()

    def answers_keys(self):
        """Is it between two taps, and a card may come?"""
        return not self.busy and (self.idle or self._showing)

    def shows_page(self):
        """Is a page of the keys on the display, and no outcome?"""
        return self._paged

    async def run(self):
        """Serve cards for ever."""
        count = 0
        while True:
            if not self._journal.can_sell():
                await self._closed()
                count = 0
            count = count or await self._poll(self._reader.poll)
            if count > 0:
                self.idle = False
                await self._tap(count)
                count = await self._until_gone(count)
                self._housekeeping()
            else:
                count = 0
                await self._settle()

    async def _poll(self, look):
        """Cards that `look` finds; -1 after a fault of the reader, which has been dealt with."""
        self._alive()
        try:
            found = await look()
            self._damaged = 0
            return found
        except FrameError:
            self._damaged += 1
            await asyncio.sleep_ms(_DAMAGED_PAUSE_MS)
        except LinkLost:
            self._damaged = _DAMAGED_MAX
        if self._damaged >= _DAMAGED_MAX:
            self._damaged = 0
            print("fault reader")
            await self._restart_reader()
        return -1

    # -- one tap

    async def _tap(self, count):
        """Run one validation to its end; a journal that fails in it ends the tap.

        What light and sound have told comes on the display too, however the validation ends.
        """
        if self.keys:
            self.keys.page()
        self.busy = True
        failed = False
        allocated = gc.mem_alloc()
        self._uid = self._reader.targets[0].uid
        run = self._validation.run(
            self._reader.targets, count, self._clock.now(), self._clock.quality > 0
        )
        try:
            action = run.send(None)
            while True:
                try:
                    reply = await self._do(action)
                except _CARD_ERRORS as error:
                    action = run.throw(error)
                else:
                    action = run.send(reply)
        except StopIteration:
            pass
        except (JournalFull, JournalCorrupt):
            failed = True
            run.close()
        finally:
            if self._signalled:
                self._signalled = False
                await self._show_outcome()
            self.busy = False
            self.garbage_bytes = gc.mem_alloc() - allocated
        if failed:
            await self._closed()

    async def _do(self, action):
        validation = self._validation
        if action == tap.EXCHANGE:
            return await self._reader.exchange(validation.tx, validation.tx_len)
        if action == tap.JOURNAL:
            return self._journal.append(validation.record_kind, validation.body)
        if action == tap.RESELECT:
            found = await self._reader.relist()
            return found == 1 and self._reader.targets[0].uid == self._uid
        self._indicator.signal(validation.decision, validation.card)
        self._signalled = True
        return None

    async def _show_outcome(self):
        validation = self._validation
        decision = validation.decision
        card = validation.card
        await self._indicator.outcome(decision, card, validation.recovered)
        if self.keys and decision.outcome == outcomes.ACCEPTED:
            self.keys.served()
        elif self.keys and (
            decision.outcome == outcomes.RETAP or decision.reason == outcomes.UNREADABLE
        ):
            self.keys.again()
        self.linger(_LINGER_MS)
        print(
            "tap outcome=%s reason=%s charged=%d balance=%s product=%s recovered=%d "
            "riders=%d transfer=%d capped=%d checkout=%d missed=%d" % (
                outcomes.OUTCOME_NAMES[decision.outcome],
                outcomes.REASON_NAMES[decision.reason] or "-",
                decision.charge_minor,
                "-" if card is None else card.balance_minor(),
                self._indicator.product(decision.product),
                validation.recovered, decision.riders, decision.transfer, decision.capped,
                decision.checkout, decision.missed,
            )
        )

    async def _until_gone(self, count):
        """Wait until the card has left; how many others are there instead (0 mostly).

        After two cards at once the field has to be empty: one of them must not be charged just
        because it leaves last.
        """
        single = count == 1
        while True:
            found = await self._poll(self._reader.relist)
            if not found or (single and found == 1 and self._reader.targets[0].uid != self._uid):
                print("removed")
                return found
            if self._paged:
                await self._settle()
            else:
                self._shown_at = time.ticks_ms()
            if found > 0:
                await asyncio.sleep_ms(_CARD_THERE_PAUSE_MS)

    # -- between taps

    def _housekeeping(self):
        if not self._journal.failed:
            try:
                self._journal.ring.erase_ahead()
            except OSError:
                self._journal.failed = True
        gc.collect()

    async def _settle(self):
        """Nothing is in the field: back to the ready screen once the outcome was there to read."""
        shown_ms = time.ticks_diff(time.ticks_ms(), self._shown_at)
        if self._showing and shown_ms >= self._linger_ms:
            await self.show_home()

    def linger(self, ms):
        """What the display shows now stays for `ms`, or until the next card."""
        self._showing = True
        self._paged = False
        self.idle = False
        self._shown_at = time.ticks_ms()
        self._linger_ms = ms

    async def show_home(self):
        """Show the ready screen, or the page of the keys that stands in its place."""
        page = self.keys and self.keys.page()
        if page:
            self.linger(page.left_ms())
            self._paged = True
            await page.draw()
            return
        self._showing = self._paged = False
        self.idle = True  # also while it is drawn, or a key pressed just then would be lost
        await self._indicator.ready()

    async def _closed(self):
        """Out of service while the journal takes no tap; loudly, and again once it does."""
        self.idle = self._showing = False
        fault = "journal failed" if self._journal.failed else "journal full"
        print("fault " + fault)
        await self._indicator.closed(fault)
        while not self._journal.can_sell():
            self._alive()
            await asyncio.sleep_ms(_CLOSED_PAUSE_MS)
        await self.show_home()

    async def _restart_reader(self):
        """Until the reader answers: blue at first, red when it stays away."""
        tries = 0
        while True:
            self._alive()
            try:
                await self._reader.start()
                break
            except LinkLost:
                tries += 1
            if tries == 1:
                self.idle = self._showing = False
                await self._indicator.wait()
            elif tries == _RESTARTS_UNTIL_RED:
                print("fault reader away")
                await self._indicator.closed("reader")
            await asyncio.sleep_ms(_RESTART_PAUSE_MS)
        if tries:
            await self.show_home()
