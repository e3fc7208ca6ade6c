"""`minik demo`: a morning on a bus line, from taps to balanced books, on the virtual bench."""

from pathlib import Path
from typing import Annotated

import typer

from host_tools.cli.options import Json
from host_tools.errors import BadInput, CheckFailed

_SCENARIO = Path(__file__).parents[2] / "examples" / "demo.yaml"
_LEDGER = "demo-ledger.db"


def demo(
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the ledger and the display pictures go")
    ] = Path("build/demo"),
    json: Json = False,
) -> None:
    """Two buses, six cards, and everything that goes wrong at a door; then the books.

    It is `minik bench run examples/demo.yaml --story`; a ledger of an earlier demo in DIR is
    replaced. With --json no story, but what `bench run --json` prints, and the reports besides.
    Example: minik demo --out build/demo
    """
    from host_tools.cli.bench import run_scenario, verdict

    pictures = out / "pictures"
    ledger = out / _LEDGER
    try:
        pictures.mkdir(parents=True, exist_ok=True)
        for old in (ledger, Path(f"{ledger}-wal"), Path(f"{ledger}-shm")):
            old.unlink(missing_ok=True)
    except OSError as error:
        raise BadInput(f"{out}: cannot be written to ({error.strerror})") from error
    if not json:
        print(f"The ledger goes to {ledger}, the display pictures to {pictures}.", flush=True)
    result = run_scenario(
        _SCENARIO, json=json, story=not json, pictures=pictures, db=f"sqlite:///{ledger}",
        with_reports=json,
    )
    if not result.ok:
        raise CheckFailed(verdict(_SCENARIO, result))
    if not result.ledger["balanced"]:
        raise CheckFailed(result.ledger["verdict"])
