"""`minik bench reader`: a virtual reader alone, with media in its field, for foreign clients."""

import json as json_format
from typing import Annotated

import typer

from host_tools.cli.options import Json, on_stop
from host_tools.errors import BadInput

CHIPS = ("pn532",)


def reader(
    media: Annotated[
        list[str],
        typer.Option("--media", metavar="TYPE_OR_FILE...",
                     help="classic1k, classic4k, classic1k-7b or classic4k-7b, with :UID if it "
                          "matters (classic1k:04a1b2c3), or a dump of 1024 or 4096 bytes"),
    ],
    more: Annotated[
        list[str] | None, typer.Argument(metavar="[TYPE_OR_FILE]...", hidden=True)
    ] = None,
    chip: Annotated[str, typer.Option(help="The reader chip: pn532")] = "pn532",
    seed: Annotated[int, typer.Option(help="Chooses the UIDs that are not given")] = 0,
    save: Annotated[
        bool, typer.Option("--save", help="At the end put changed dumps back into their files")
    ] = False,
    json: Json = False,
) -> None:
    """Serve a virtual reader on a pseudo-terminal until interrupted.

    Example: minik bench reader --media classic1k:04a1b2c3 card.mfd --save
    """
    from host_tools.bench.reader import RfField, VirtualPn532
    from host_tools.bench.reader.media import load_media
    from host_tools.bench.reader.pty_server import PtyServer

    if chip not in CHIPS:
        raise BadInput(f"--chip {chip}: there is {', '.join(CHIPS)}")
    cards = load_media(media + (more or []), seed)
    field = RfField()
    for medium in cards:
        field.place(medium.card)
    server = PtyServer(VirtualPn532(field))
    on_stop(lambda _number: server.stop())
    described = [medium.describe() for medium in cards]
    if json:
        print(json_format.dumps({"pty": server.path, "media": described}), flush=True)
    else:
        for entry in described:
            print(f"In the field: {entry['type']} {entry['uid']} {entry['file'] or ''}".rstrip())
        print(f"Reader ({chip}) on {server.path}; end with Ctrl-C", flush=True)
    try:
        server.serve()
    finally:
        server.close()
        if save:
            for medium in cards:
                medium.save()
