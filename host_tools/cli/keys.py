"""`minik keys`: make the agency's key store and say what is in it."""

import json
from pathlib import Path
from typing import Annotated

import typer

from host_tools.keys.store import KeyStore

app = typer.Typer(
    no_args_is_help=True,
    help="Make and show the agency's keys.",
    epilog="Example: minik keys init keys",
)


def _show(directory: Path, store: KeyStore, as_json: bool) -> None:
    keys = store.listing()
    if as_json:
        typer.echo(json.dumps({"store": str(directory), "agency": store.agency, "keys": keys}))
        return
    typer.echo(f"agency {store.agency}, key store {directory}")
    for key in keys:
        number = "" if key["id"] is None else f"id {key['id']}"
        typer.echo(
            f"  {key['name']:<12} {key['kind']:<15} {number:<6} version {key['version']}"
            f"  fingerprint {key['fingerprint']}"
        )


@app.command(epilog="Example: minik keys init keys/ --agency 7")
def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Made; must hold nothing yet.")],
    agency: Annotated[int, typer.Option(help="Number of the agency, 1 to 65535.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Make a key store with fresh random keys."""
    _show(directory, KeyStore.create(directory, agency), as_json)


@app.command("list", epilog="Example: minik keys list keys/ --json")
def list_keys(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A key store.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show names, ids, versions and fingerprints of the keys; never the keys."""
    _show(directory, KeyStore.load(directory), as_json)
