"""Double entry: what the books should say about a card or a ride, and the entries that get there.

Entries are only ever added. A ride or a grant knows what was posted for it so far; when the facts
now say something else (the intent of another line arrives after its announcement), the
difference is posted. So the accounts depend on what is known, not on the order it came in.

Amounts are minor units, debit positive, credit negative; the entries of a posting sum to zero.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

CASH = "cash"
FLOAT = "float"
UNBOOKED = "unbooked"
SALES = "sales"
_REVENUE = "revenue:"

# account → (class, title)
FIXED_ACCOUNTS = {
    CASH: ("asset", "Money taken by card desks"),
    FLOAT: ("liability", "Value held on cards"),
    UNBOOKED: ("asset", "Value found on cards that no desk booked"),
    SALES: ("income", "Passes and rides sold by card desks"),
}


def revenue_account(route: int) -> str:
    """The income account of a line, by its route code (0: no line was set)."""
    return f"{_REVENUE}{route}"


def account_row(account: str) -> dict[str, str]:
    """The row of `accounts` for an account that appears for the first time."""
    if account in FIXED_ACCOUNTS:
        account_class, title = FIXED_ACCOUNTS[account]
    else:
        account_class, title = "income", f"Fares on route code {account.removeprefix(_REVENUE)}"
    return {"account": account, "class": account_class, "title": title}


@dataclass
class Postings:
    """Rows for `postings` and `entries`, gathered and then inserted at once."""

    postings: list[dict] = field(default_factory=list)
    entries: list[dict] = field(default_factory=list)

    def add(self, posting: str, kind: str, time: int, amounts: Iterable[tuple[str, int]]) -> None:
        """One posting; amounts on the same account are summed, zeros left out."""
        by_account: dict[str, int] = {}
        for account, amount in amounts:
            by_account[account] = by_account.get(account, 0) + amount
        entries = [(account, amount) for account, amount in by_account.items() if amount]
        assert sum(by_account.values()) == 0, "a posting must sum to zero"
        if not entries:
            return
        self.postings.append({"posting": posting, "kind": kind, "time": time})
        self.entries += [
            {"posting": posting, "account": account, "amount": amount}
            for account, amount in entries
        ]

    def accounts(self) -> set[str]:
        """The accounts these entries touch."""
        return {entry["account"] for entry in self.entries}


def post_ride(into: Postings, row: dict) -> None:
    """Bring the books to what the committed transaction `row` says; updates its posted fields.

    Debit the float by the charge, credit the revenue of the line where the ride was taken.
    """
    charge, route = row["charge"], row["route"]
    before, route_before = row["posted_charge"], row["posted_route"]
    if (charge, route) == (before, route_before):
        return
    amounts = [(FLOAT, charge - before), (revenue_account(route), -charge)]
    if route_before is not None:
        amounts.append((revenue_account(route_before), before))
    posting = f"ride/{row['uid']}/{row['card_seq']}/{row['tag']}/{row['posted_times']}"
    into.add(posting, "ride", row["time"], amounts)
    row["posted_charge"], row["posted_route"] = charge, route
    row["posted_times"] += 1


def post_sale(into: Postings, uid: str, time: int, amount: int) -> None:
    """A desk was paid `amount` for passes or rides that it put on a card: debit cash, credit
    sales. What they are worth is on the card, not in the float: nobody can spend it as money.
    """
    into.add(f"sale/{uid}", "sale", time, [(CASH, amount), (SALES, -amount)])


def post_grants(into: Postings, card: dict) -> None:
    """Bring the books to the value granted to `card`; updates its posted fields.

    Credit the float by what was granted; debit cash by what desks booked and `unbooked` by the
    rest.
    """
    granted = card["granted"] - card["posted_granted"]
    booked = card["booked"] - card["posted_booked"]
    if not granted and not booked:
        return
    amounts = [(FLOAT, -granted), (CASH, booked), (UNBOOKED, granted - booked)]
    into.add(f"grant/{card['uid']}/{card['posted_times']}", "grant", card["seen"], amounts)
    card["posted_granted"], card["posted_booked"] = card["granted"], card["booked"]
    card["posted_times"] += 1
