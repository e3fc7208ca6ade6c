"""Random mornings from a seed: cards, buses, every fault, journals handed in by pieces."""

import random
from dataclasses import dataclass, field

from host_tools.bench.nor import PowerCut
from host_tools.bench.reader import ClassicCard, Faults
from host_tools.ledger.reconcile import Reconciliation, reconcile
from host_tools.ledger.store import Issue, open_ledger
from protocol.outcomes import MEDIUM_CLASSIC1K
from tests.tap.line import (
    NO_FAULTS,
    START,
    STORE,
    TEN_RIDES,
    Told,
    Validator,
    copy_of,
    issued_card,
    spent_on,
)
from tests.tap.town import BUS, flat, town

GRANTED = 200_000
FRESH = (issued_card("04d1b2c3", GRANTED), issued_card("04d1b2c4", GRANTED, 1))
TOWN_FRESH = (FRESH[0], issued_card("04d1b2c4", GRANTED, 1, contracts=(TEN_RIDES,)))
PAUSES_S = (0, 1, 2, 5, 30, 70, 400, 4000, 50_000)
PIECE_MAX = 6


@dataclass
class Morning:
    """What a seed led to: the cards as they are, the validators, and what each tap told."""

    cards: list[ClassicCard]
    validators: list[Validator]
    told: list[tuple[int, Told]] = field(default_factory=list)


def live(seed: int) -> Morning:
    """Three validators on two buses, two cards, three to eight taps, most of them disturbed.

    Every other seed lives in a town with caps, where one of the cards has rides on it.
    """
    source = random.Random(seed)
    tariff, route, fresh = (town(), BUS, TOWN_FRESH) if seed % 2 else (flat(), 5, FRESH)
    morning = Morning(
        [copy_of(card) for card in fresh],
        [
            Validator(f"V{number}", 101 + number % 2, tariff=tariff, route=route)
            for number in range(3)
        ],
    )
    now = START
    for _ in range(source.randrange(3, 9)):
        now += source.choice(PAUSES_S)
        _tap(source, morning, now)
    return morning


def _tap(source: random.Random, morning: Morning, now: int) -> None:
    number = source.randrange(len(morning.cards))
    validator = source.choice(morning.validators)
    card = copy_of(morning.cards[number])
    faults = source.choice((
        NO_FAULTS,
        NO_FAULTS,
        Faults(remove_after_frames=source.randrange(1, 38)),
        Faults(answer_lost=source.randrange(1, 36)),
        Faults(torn_write=source.randrange(1, 9), seed=source.randrange(9)),
    ))
    cut_before = source.randrange(1, 60)  # of the actions of a tap; mostly beyond the last
    if source.random() < 0.15:
        validator.nor.arm_cut(
            source.randrange(1, 4), torn=source.random() < 0.5, seed=source.randrange(99)
        )
    count = 0

    def before_action(_action: int) -> None:
        nonlocal count
        count += 1
        if count == cut_before:
            raise PowerCut

    morning.told.append((number, validator.tap(card, now, faults, before_action)))
    dead = count >= cut_before or not validator.nor.powered
    validator.nor.disarm()
    if dead:
        validator.boot()
    morning.cards[number] = copy_of(card)


def handed_in(seed: int, morning: Morning) -> Reconciliation:
    """The books after every journal came in, by pieces in an order of its own."""
    source = random.Random(f"{seed} pieces")
    ledger = open_ledger("sqlite://", keys=STORE, tariff=flat().tables)
    try:
        for card in morning.cards:
            ledger.issue(Issue(card.uid.hex(), 1, MEDIUM_CLASSIC1K, GRANTED, START - 9000))
        owed = {one.device_id: (one, one.journal()) for one in morning.validators}
        sent = dict.fromkeys(owed, 0)
        while waiting := [name for name in owed if sent[name] < len(owed[name][1])]:
            name = source.choice(waiting)
            validator, journal = owed[name]
            piece = journal[sent[name] : sent[name] + source.randrange(1, PIECE_MAX)]
            ledger.commit(name, validator.journal_id, sent[name], piece)
            sent[name] += len(piece)
        return reconcile(ledger)
    finally:
        ledger.close()


def harm_of(seed: int) -> str | None:
    """What went wrong in the morning of `seed`; None if passengers, cards and books agree."""
    morning = live(seed)
    found = handed_in(seed, morning)
    spent = sum(spent_on(card) for card in morning.cards)
    if not found.balanced:
        return found.verdict()
    if not found.revenue <= spent <= found.revenue + found.pending:
        return f"cards {spent}, revenue {found.revenue}, pending {found.pending}"
    for number, card in enumerate(morning.cards):
        told = sum(one.charged for at, one in morning.told if at == number)
        untold = spent_on(card) - told
        if untold > 0 and not _may_be_untold(morning, number):
            return f"card {number} paid {untold} that nobody was told of"
    return None


def _may_be_untold(morning: Morning, number: int) -> bool:
    """The card's last tap may have gone wrong; or one that did was past its recovery window."""
    return any(one.outcome != "accepted" for at, one in morning.told if at == number)
