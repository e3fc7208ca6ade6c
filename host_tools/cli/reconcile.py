"""`minik reconcile`: do the books balance?"""

import typer

from host_tools.cli.options import Db, Json, print_json
from host_tools.errors import CheckFailed


def reconcile(db: Db, json: Json = False) -> None:
    """Check that the books balance; the last line says so. Exit 1 if they don't.

    Example: minik reconcile --db sqlite:///ledger.db
    """
    from host_tools.ledger import open_ledger
    from host_tools.ledger.reconcile import reconcile as check

    ledger = open_ledger(db, create=False)
    try:
        found = check(ledger)
    finally:
        ledger.close()
    if json:
        print_json(found.as_dict())
    else:
        _print(ledger, found)
    if not found.balanced:
        raise typer.Exit(CheckFailed.exit_code)


def _print(ledger, found) -> None:
    text = ledger.amount_text
    print(f"rides            {found.taps}")
    print(f"revenue          {text(found.revenue)}")
    print(f"desk sales       {text(found.sales)}")
    print(f"cash             {text(found.cash)}")
    print(f"float account    {text(found.float_account)}")
    print(f"value on cards   {text(found.value_on_cards)}")
    print(f"in transit       {text(found.in_transit)}")
    print(f"pending          {text(found.pending)}")
    for title, lines in (
        ("problem", found.problems),
        ("open", found.open),
        ("finding", found.findings),
    ):
        for line in lines:
            print(f"{title}: {line.text}")
    print(found.verdict())
