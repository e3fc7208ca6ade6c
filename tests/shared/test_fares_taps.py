"""Before the fare: pass-back, clocks apart, money, categories, plain cards (SPEC §7.4 to §7.6)."""

from protocol.cards.state import CardState, Contract
from protocol.fares.engine import Choice, Decision
from tests.shared.fare_world import DAY, MONDAY, NOON, Rider
from tests.shared.tariff_payload import ANY, CENTRAL_EUROPE, Sheet, rule

_FARE, _REDUCED = 100, 50
_PLAIN = 8


def _flat(flags=1 | _PLAIN):
    """Like the built-in tariff: one free transfer in half an hour."""
    sheet = Sheet()
    sheet.flags = flags
    sheet.category("adult")
    sheet.category("reduced", concession=True)
    sheet.route("r")
    group = sheet.group("g")
    single = sheet.product("single", ((0, ANY, _FARE), (1, ANY, _REDUCED)))
    sheet.legs[0, 0, 0] = (rule(single, group),)
    sheet.transfer(group, group, 1, limit_type=1, limit_s=1800)
    return sheet


def test_the_last_coin_is_enough_and_one_less_is_not():
    assert Rider(_flat(), balance=_FARE).tap(NOON) == _FARE
    assert Rider(_flat(), balance=_FARE - 1).tap(NOON) == "insufficient_funds"
    rider = Rider(_flat(), balance=_FARE)
    assert [rider.tap(NOON), rider.tap(NOON + 90)] == [_FARE, 0]  # a free leg needs no money
    assert rider.tap(NOON + 200) == "insufficient_funds"


def test_pass_back_on_the_same_vehicle():
    rider = Rider(_flat())
    assert rider.tap(NOON) == _FARE
    for since in (-3600, -1, 0, 1, 59):
        assert rider.tap(NOON + since) == "passback"
    assert rider.tap(NOON + 60) == 0
    rider = Rider(_flat())
    assert rider.tap(NOON) == _FARE
    assert rider.tap(NOON + 1, vehicle=102) == 0
    assert rider.tap(NOON + 2) == _FARE  # the last tap was on another one


def test_vehicles_that_nobody_knows_are_not_the_same():
    rider = Rider(_flat())
    assert [rider.tap(NOON, vehicle=0), rider.tap(NOON + 1, vehicle=0)] == [_FARE, 0]


def test_a_card_that_never_rode_has_no_last_tap():
    rider = Rider(_flat())
    rider.state.vehicle = 101
    assert rider.tap(0) == _FARE


def test_clocks_more_than_an_hour_apart():
    rider = Rider(_flat())
    assert rider.tap(NOON) == _FARE
    assert rider.tap(NOON - 3600) == "passback"
    assert rider.tap(NOON - 3600, vehicle=102) == 0
    rider = Rider(_flat())
    assert rider.tap(NOON) == _FARE
    assert rider.tap(NOON - 3601) == _FARE  # neither pass-back nor transfer
    assert rider.state.journey_legs == 1


def test_a_plain_tariff_leaves_the_card_without_extension():
    rider = Rider(_flat())
    for at in (NOON, NOON + 100):
        rider.tap(at, vehicle=at & 0xFFFF)
        state = rider.state
        assert not (state.extended)
        assert not (state.annexed)
        assert not (state.leg_block)
        assert not (state.base_block)
    assert (state.journey_legs, state.run_transfers, state.journey_age_s) == (2, 1, 100)


def test_a_plain_card_with_companions_says_its_group():
    rider = Rider(_flat())
    assert rider.tap(NOON, companions=1) == 2 * _FARE
    assert rider.state.extended
    assert rider.state.leg_group == 1
    assert rider.tap(NOON + 100) == 0
    assert not rider.state.extended


def test_other_tariffs_keep_group_and_product():
    rider = Rider(_flat(flags=1))
    assert rider.tap(NOON) == _FARE
    assert rider.state.extended
    assert (rider.state.leg_group, rider.state.leg_product) == (1, 1)
    assert rider.tap(NOON + 100) == 0
    rider = Rider(rider.fares)
    rider.state.journey_legs = 1  # a card from a plain tariff is of no group here
    rider.state.tap_time = NOON
    assert rider.tap(NOON + 100) == _FARE


def test_a_concession_ends_after_its_day_and_the_card_does_not():
    sheet = _flat()
    sheet.zone = CENTRAL_EUROPE
    rider = Rider(sheet, category=1)
    rider.state.valid_until = MONDAY // DAY
    rider.state.concession_ends = True
    end = MONDAY + DAY - 3600  # local midnight
    assert (rider.tap(end - 1), rider.decision.rider_category) == (_REDUCED, 1)
    assert (rider.tap(end + 3600), rider.decision.rider_category) == (_FARE, 0)
    assert rider.state.rider_category == 1
    assert rider.state.concession_ends
    rider.state.concession_ends = False  # then the card ends, which is not the fare's business
    assert rider.tap(end + 7200) == _REDUCED


def test_the_default_category_is_the_tariffs():
    sheet = _flat()
    sheet.default_category = 1
    rider = Rider(sheet, category=0)
    rider.state.valid_until = 0
    rider.state.concession_ends = True
    assert rider.tap(NOON) == _REDUCED


def test_a_decision_says_who_was_refused():
    rider = Rider(_flat(), balance=0, category=1)
    assert rider.tap(NOON, companions=0x13) == "insufficient_funds"
    decision = rider.decision
    assert (decision.rider_category, decision.product, decision.charge_minor) == (1, 0, 0)


def test_a_tap_leaves_everything_else_on_the_card():
    rider = Rider(_flat())
    state = rider.state
    state.medium, state.uid, state.grant_seq, state.action_seq = 1, b"\x01\x02\x03\x04", 7, 8
    state.valid_until = 999
    assert rider.tap(NOON) == _FARE
    assert (state.medium, state.uid, state.grant_seq, state.action_seq) == (
        1, b"\x01\x02\x03\x04", 7, 8)
    assert (state.valid_until, state.vehicle, state.rider_category) == (999, 101, 0)


def test_a_state_is_copied_and_cleared_whole():
    state = CardState()
    names = [name for name in dir(state) if name[0] != "_" and name != "contracts"]
    fields = [name for name in names if not callable(getattr(state, name))]
    blank = CardState()
    for index, name in enumerate(fields):
        setattr(state, name, index + 1)
    for slot in range(2):
        contract = state.contracts[slot]
        contract.product, contract.start, contract.rides = 10 + slot, 20 + slot, 30 + slot
    copy = CardState()
    copy.copy_from(state)
    state.clear()
    for index, name in enumerate(fields):
        assert getattr(copy, name) == index + 1, name
        assert getattr(state, name) == getattr(blank, name), name
    for slot in range(2):
        contract = copy.contracts[slot]
        assert (contract.product, contract.start, contract.rides) == (10 + slot, 20 + slot,
                                                                      30 + slot)
        assert state.contracts[slot].product == 0
    contract.clear()
    assert (contract.product, contract.start, contract.rides) == (0, 0, 0)
    assert isinstance(contract, Contract)


def test_a_choice_counts_its_riders():
    choice = Choice()
    assert choice.riders() == 1
    choice.companions = 0x2F13
    choice.product = 4
    assert choice.riders() == 1 + 3 + 15
    choice.clear()
    assert (choice.product, choice.companions) == (0, 0)
    assert Decision().riders == 1
