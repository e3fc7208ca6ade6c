"""`minik serve`: take devices' records into the ledger over a serial port."""

import json as json_format
import math
from pathlib import Path
from typing import Annotated, Any

import typer

from host_tools.cli.options import Db, Json, on_stop
from host_tools.cli.progress import while_waiting
from host_tools.errors import BadInput

WAIT_S = 30.0


def serve(
    keys: Annotated[Path, typer.Option(metavar="DIR", help="The agency's key store")],
    db: Db,
    port: Annotated[str, typer.Option(metavar="PORT", help="Serial port or PTY of the device")],
    once: Annotated[bool, typer.Option("--once", help="End when a device has no more")] = False,
    wait: Annotated[
        float | None, typer.Option(help="With --once: seconds to wait for a device (default 30)")
    ] = None,
    tariff: Annotated[
        str | None,
        typer.Option(metavar="NAME_OR_PATH", help="A tariff for the ledger to take names from"),
    ] = None,
    json: Json = False,
) -> None:
    """Take records from the device on PORT until interrupted; one line for whatever happens.

    A ledger takes currency, calendar and names from --tariff; a new one without it from `flat`.
    Example: minik serve --keys keys --db sqlite:///ledger.db --port /dev/ttyUSB0 --once
    """
    from host_tools.keys.store import KeyStore
    from host_tools.ledger import open_ledger
    from host_tools.server.endpoint import LedgerEndpoint
    from host_tools.server.serial_line import SerialLine, open_port
    from host_tools.tariff.load import load_tariff

    if wait is not None and not once:
        raise BadInput("--wait goes with --once: without it there is no end to the waiting")
    wait_s = WAIT_S if wait is None else wait
    if not 0 < wait_s < math.inf:
        raise BadInput(f"--wait {wait_s:g}: give a number of seconds above 0")
    stopping: list[int] = []
    on_stop(stopping.append)
    store = KeyStore.load(keys)
    tables = None if tariff is None else load_tariff(tariff).tables
    open_port(port).close()  # before a new ledger is laid out for nothing
    ledger = open_ledger(db, keys=store, tariff=tables)
    try:
        line = SerialLine(port, LedgerEndpoint(ledger), lambda: bool(stopping))
        try:
            _say({"event": "serving", "port": port}, json)
            events = line.events(once, wait_s)
            for event in while_waiting(f"waiting for {port}", events) if once else events:
                _say(event, json)
        finally:
            line.close()
    finally:
        ledger.close()


def _say(event: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json_format.dumps(event), flush=True)
        return
    rest = " ".join(f"{name}={value}" for name, value in event.items() if name != "event")
    print(f"{event['event'].replace('_', ' ')}: {rest}", flush=True)
