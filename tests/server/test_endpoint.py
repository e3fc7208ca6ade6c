"""The ledger's end of the line against the device's half of sync, with no port in between."""

from host_tools.ledger import open_ledger
from host_tools.ledger.reconcile import reconcile
from host_tools.server.endpoint import LedgerEndpoint
from tests.ledger.world import START, Card, Validator, issue_all, sync
from tests.server.device import STORE, Device, busy_validator, chain_up


def rig(validator: Validator, cards: list[Card], path=None):
    url = f"sqlite:///{path}" if path else "sqlite://"
    ledger = open_ledger(url, keys=STORE, clock=lambda: START)
    issue_all(ledger, cards)
    drawn = iter(range(1, 1000))
    endpoint = LedgerEndpoint(ledger, lambda: START, lambda: next(drawn).to_bytes(8, "big"))
    return ledger, endpoint, Device(validator)


def talk(endpoint: LedgerEndpoint, device: Device, steps: int = 200) -> None:
    """Carry everything both ways until nobody has anything to say."""
    to_device = endpoint.knock()
    for _ in range(steps):
        to_server = device.feed(to_device, 1)
        if not to_server:
            return
        to_device = endpoint.feed(to_server)
    raise AssertionError("they never stop talking")


def test_a_journal_reaches_the_ledger_and_is_acknowledged():
    validator, cards = busy_validator(taps=100)
    ledger, endpoint, device = rig(validator, cards)
    talk(endpoint, device)
    assert device.journal.watermark == device.journal.head == 201
    assert endpoint.session.is_caught_up()
    assert ledger.totals() == (100, 1_000_000)
    assert reconcile(ledger).balanced


def test_what_was_acknowledged_is_in_the_file_when_the_server_dies(tmp_path):
    validator, cards = busy_validator(taps=100)
    _, endpoint, device = rig(validator, cards, tmp_path / "l.db")
    to_device = endpoint.knock()
    while device.journal.watermark < 64:
        to_device = endpoint.feed(device.feed(to_device, 1))
    acknowledged = device.journal.watermark
    again = open_ledger(f"sqlite:///{tmp_path / 'l.db'}", keys=STORE, create=False)
    assert again.position("V1", validator.journal_id)[0] >= acknowledged
    assert acknowledged < device.journal.head


def test_a_new_server_process_goes_on_where_the_ledger_stands(tmp_path):
    validator, cards = busy_validator(taps=10)
    ledger, endpoint, device = rig(validator, cards, tmp_path / "l.db")
    talk(endpoint, device)
    validator.tap(cards[0], 5000)
    chain_up(validator)
    ledger.close()
    again = open_ledger(f"sqlite:///{tmp_path / 'l.db'}", keys=STORE, create=False)
    talk(LedgerEndpoint(again, lambda: START), Device(validator, boot=2))
    assert again.totals() == (11, 105_000)


def test_a_journal_with_one_edited_record_is_refused_and_nothing_stored():
    validator, cards = busy_validator(taps=10)
    record = bytearray(validator.journal[2])
    record[16 + 14] ^= 1  # the charge of an OUTCOME
    validator.journal[2] = bytes(record)
    ledger, endpoint, device = rig(validator, cards)
    talk(endpoint, device)
    assert endpoint.session.fault == 1
    assert ledger.position("V1", validator.journal_id)[0] == 0
    assert device.journal.watermark == 0


def test_the_device_is_remembered_with_what_it_said():
    validator, cards = busy_validator(taps=1)
    ledger, endpoint, device = rig(validator, cards)
    talk(endpoint, device)
    with ledger.reading() as connection:
        row = connection.exec_driver_sql("SELECT device_id, last_seen, hello FROM devices").one()
    assert row[:2] == ("V1", START)
    assert '"firmware": "0.1.0"' in row[2]


def test_set_place_reaches_the_device():
    validator, cards = busy_validator(taps=1)
    _, endpoint, device = rig(validator, cards)
    talk(endpoint, device)
    answer = device.feed(endpoint.set_place(7, 8, 9), 2)
    endpoint.feed(answer)
    assert endpoint.session.place_held is True
    assert (validator.vehicle, validator.route) == (7, 8)


def test_direct_sync_of_the_world_and_the_session_agree():
    validator, cards = busy_validator(taps=10)
    ledger, endpoint, device = rig(validator, cards)
    talk(endpoint, device)
    direct = open_ledger("sqlite://", keys=STORE)
    sync(direct, validator)
    assert direct.position("V1", validator.journal_id) == ledger.position(
        "V1", validator.journal_id
    )
