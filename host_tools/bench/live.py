"""A bus line that goes on in real time with its lines on pseudo-terminals (`minik bench up`).

Everything that speaks to real devices (`minik serve`, `minik logs pull`, a terminal) can speak to
these. What the scenario's steps did before, they did in bench time.
"""

from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from host_tools.bench.board import ConsolePty, PtyBridge, serve
from host_tools.bench.bus_line import BusLine


def run_live(
    line: BusLine, keys: Path, say: Callable[[dict[str, Any]], None], stop: Callable[[], bool]
) -> None:
    """Keep the boards of `line` running until `stop()`; `say` is told where they are, once.

    `keys`: the folder with the agency's key store, for whoever serves these devices.
    """
    with ExitStack() as terminals:
        consoles = []
        devices = {}
        for name, door in line.doors.items():
            console = terminals.enter_context(closing(ConsolePty(door.board)))
            bridge = terminals.enter_context(closing(PtyBridge()))
            door.attach_sync(bridge)
            consoles.append(console)
            devices[name] = {"console": console.path, "sync": bridge.path}
        line.clock.go_real()
        say({"devices": devices, "keys": str(keys)})
        serve([door.board for door in line.doors.values()], line.clock, stop, consoles)
