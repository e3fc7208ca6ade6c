"""The ledger's side of the tap tests: every journal goes in, and the books must agree."""

from collections.abc import Iterable, Sequence

from host_tools.bench.reader import ClassicCard
from host_tools.ledger.reconcile import Reconciliation, reconcile
from host_tools.ledger.store import Issue, open_ledger
from protocol.outcomes import MEDIUM_CLASSIC1K
from tests.tap.line import START, STORE, Validator, state_of
from tests.tap.town import flat


def findings_of(validators: Sequence[Validator], uid: str) -> set[str]:
    """Hand in the journals of a fraud; the kinds of findings the ledger made."""
    ledger = open_ledger("sqlite://", keys=STORE, tariff=flat().tables)
    try:
        ledger.issue(Issue(uid, 1, MEDIUM_CLASSIC1K, 50_000, START - 9000))
        for validator in validators:
            ledger.commit(validator.device_id, validator.journal_id, 0, validator.journal())
        return {line.kind for line in reconcile(ledger).findings}
    finally:
        ledger.close()


def settle(
    validators: Sequence[Validator],
    cards: Iterable[ClassicCard],
    granted_minor: int = 50_000,
    unresolved: int | None = 0,
) -> Reconciliation:
    """Hand in every validator's journal, in this order; the books must balance.

    The revenue must be what the cards themselves say was spent on them, and `unresolved` taps
    must remain that a later sighting has to explain (None: any number).
    """
    ledger = open_ledger("sqlite://", keys=STORE, tariff=flat().tables)
    try:
        spent = 0
        for card in cards:
            state, _ = state_of(card)
            spent += state.spent_minor()
            ledger.issue(Issue(card.uid.hex(), 1, MEDIUM_CLASSIC1K, granted_minor, START - 9000))
        for validator in validators:
            batch = validator.journal()
            position = ledger.commit(validator.device_id, validator.journal_id, 0, batch)
            assert position[0] == len(batch)
        found = reconcile(ledger)
    finally:
        ledger.close()
    assert found.balanced, found.verdict()
    pending = [line for line in found.open if line.kind == "unresolved"]
    assert unresolved is None or len(pending) == unresolved, pending
    if unresolved == 0:
        assert found.revenue == spent
    return found
