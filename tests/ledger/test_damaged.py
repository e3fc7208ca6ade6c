"""A record that was whole once and is no longer is a finding, not just a torn slot."""

from host_tools.ledger import open_ledger
from host_tools.ledger.reconcile import reconcile
from tests.server.device import STORE, busy_validator, chain_up


def test_a_damaged_record_is_named_and_a_torn_one_is_not() -> None:
    validator, _ = busy_validator(taps=5)
    chain_up(validator, STORE)
    batch = list(validator.journal)
    batch[3], batch[6] = b"", None
    ledger = open_ledger("sqlite://", keys=STORE)
    ledger.commit(validator.device_id, validator.journal_id, 0, batch)
    ledger.commit(validator.device_id, validator.journal_id, 0, batch)
    named = [line for line in reconcile(ledger).findings if line.kind == "damaged_record"]
    assert len(named) == 1
    assert f"/{validator.journal_id.hex()}/3 " in named[0].text
    ledger.close()
