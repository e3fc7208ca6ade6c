"""The tariffs that a scenario names, loaded once, and every id of the file checked against them.

`tariff` and the `install` steps name a built-in tariff, or a feed (folder or zip) or a compiled
file beside the scenario. Where a tariff has lines, stops or zones, a device can only be at one of
these; where it has none, such as `flat`, any name of a line or stop will do.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from host_tools.bench.scenario import schema
from host_tools.bench.scenario.did_you_mean import did_you_mean
from host_tools.bench.scenario.schema import Scenario
from host_tools.cards.products import SINGLE, SoldProduct, sold_product
from host_tools.errors import BadInput
from host_tools.keys.store import KeyStore
from host_tools.ledger.tariff_kept import names_of
from host_tools.tariff.load import BUILT_IN, LoadedTariff, load_tariff
from host_tools.tariff.sign import sign
from host_tools.tariff.tables import CONCESSION, SOLD_ON_BOARD
from protocol.compat import EPOCH_UNIX_S


@dataclass(frozen=True)
class Install:
    """What a depot puts onto a device. `loaded` None: it is no tariff. `content`: the file as it
    is, because it is signed, or because it is no tariff; None: our agency signs it."""

    loaded: LoadedTariff | None
    content: bytes | None = None

    def file(self, store: KeyStore) -> bytes:
        """The bytes of the file."""
        if self.content is not None:
            return self.content
        assert self.loaded is not None
        return sign(self.loaded.payload, store)


@dataclass(frozen=True)
class Tariffs:
    """`base`: what all devices have first. `installs`: by the name in the step."""

    base: LoadedTariff
    installs: dict[str, Install] = field(default_factory=dict)


def load_tariffs(scenario: Scenario, path: Path) -> Tariffs:
    """All tariffs of the scenario in the file `path`, its ids checked; BadInput with one line."""
    base = _load(f"{path}: tariff", scenario.tariff, path.parent, None)
    installs: dict[str, Install] = {}
    for number, step in enumerate(scenario.steps, 1):
        if isinstance(step, schema.Install) and step.tariff not in installs:
            where = f"{path}: step {number}: tariff"
            installs[step.tariff] = _to_install(where, step.tariff, path.parent, base)
    tariffs = Tariffs(base, installs)
    for where, complaint in _wrong_ids(scenario, tariffs):
        raise BadInput(f"{path}: {where}: {complaint}")
    return tariffs


# -- loading


def _find(where: str, name: str, folder: Path) -> Path | None:
    """The file or folder `name` beside the scenario; None for a built-in tariff."""
    if name in BUILT_IN:
        return None
    target = folder / name
    try:
        if target.exists():
            return target
    except OSError as error:
        raise BadInput(f"{where}: {target}: {error.strerror}") from error
    if "/" in name or target.suffix:
        raise BadInput(f"{where}: {target}: no such file or folder")
    hint = did_you_mean(name, BUILT_IN)
    raise BadInput(f'{where}: "{name}" is no file here and no built-in tariff{hint}')


def _load(where: str, name: str, folder: Path, after: LoadedTariff | None) -> LoadedTariff:
    target = _find(where, name, folder)
    try:
        return load_tariff(target or name, after.tables if after else None)
    except BadInput as error:
        raise BadInput(f"{where}: {_one_line(str(error))}") from error


def _one_line(text: str) -> str:
    """Of many findings how many there are, and the first."""
    lines = text.splitlines()
    return lines[0] if len(lines) < 2 else f"{len(lines)} findings, the first: {lines[0]}"


def _to_install(where: str, name: str, folder: Path, base: LoadedTariff) -> Install:
    target = _find(where, name, folder)
    if target is None or target.is_dir() or target.suffix == ".zip":
        compiled = _load(where, name, folder, base)
        _check_codes(where, base, compiled)
        return Install(compiled)
    try:
        content = target.read_bytes()
    except OSError as error:
        raise BadInput(f"{where}: {target}: cannot be read ({error.strerror})") from error
    try:
        compiled = load_tariff(target)
    except BadInput:
        return Install(None, content)
    _check_codes(where, base, compiled)
    return Install(compiled, None if compiled.signed_key_id is None else content)


def _check_codes(where: str, base: LoadedTariff, put: LoadedTariff) -> None:
    """A tariff that devices would take must mean the same by every code as the one before."""
    if put.tables.currency != base.tables.currency or put.tables.version < base.tables.version:
        return  # they won't
    new = names_of(put.tables)
    for kind, names in names_of(base.tables).items():
        for code, name in names.items():
            if new[kind].get(code, name) != name:
                raise BadInput(
                    f"{where}: {kind} {code} is {name} in the scenario's tariff and"
                    f" {new[kind][code]} in this one; compile it with --after the other"
                )


# -- ids


def key_categories(tariff: LoadedTariff) -> dict[str, str]:
    """Which key of a validator adds a rider of which category (docs/validator.md)."""
    rows = tariff.tables.categories
    keys = {rows[tariff.tables.default_category].id: "riders"}
    for row in rows:
        if row.flags & CONCESSION:
            keys.setdefault(row.id, "reduced")
            break
    return keys


def place_ids(tariff: LoadedTariff, kind: str) -> list[str]:
    """Ids of the lines, stops or zones that the tariff knows."""
    tables = tariff.tables
    rows: Any = {"route": tables.routes, "stop": tables.stops, "zone": tables.areas}[kind]
    return [row.id for row in rows if row.name]  # without a name: gone


def _wrong_ids(scenario: Scenario, tariffs: Tariffs) -> Iterator[tuple[str, str]]:
    """(where, what is wrong) for every id that its tariff does not have."""
    for name, device in scenario.devices.items():
        place = {kind: getattr(device, kind) for kind in schema.PLACE_KEYS}
        yield from _wrong_place(f"devices.{name}.", place, tariffs.base)
    for name, medium in scenario.media.items():
        yield from _wrong_medium(scenario, f"media.{name}.", medium, tariffs.base)
    at_hand = dict.fromkeys(scenario.devices, tariffs.base)
    for number, step in enumerate(scenario.steps, 1):
        where = f"step {number}: "
        match step:
            case schema.SetPlace():
                yield from _wrong_place(where, step.named(), at_hand[step.set])
            case schema.Tap():
                yield from _wrong_choice(where, step, at_hand[step.on])
            case schema.Install():
                put = tariffs.installs[step.tariff].loaded
                at_hand[step.install] = put or at_hand[step.install]


def _wrong_place(
    where: str, place: dict[str, str | None], tariff: LoadedTariff
) -> Iterator[tuple[str, str]]:
    for kind in ("route", "stop", "zone"):
        wanted = place.get(kind)
        known = place_ids(tariff, kind)
        if wanted is None or wanted in known:
            continue
        if known:
            yield f"{where}{kind}", _is_no(kind, wanted, known)
        elif kind == "zone":
            yield f"{where}zone", f'"{wanted}": the tariff has no zones'


def _is_no(what: str, wanted: str, known: list[str]) -> str:
    return f'"{wanted}" is no {what} of the tariff{did_you_mean(wanted, known)}'


def _wrong_medium(
    scenario: Scenario, where: str, medium: schema.Medium, tariff: LoadedTariff
) -> Iterator[tuple[str, str]]:
    categories = {row.id: row for row in tariff.tables.categories if row.name}
    category = medium.rider_category
    if category is not None and category not in categories:
        names = ", ".join(categories)
        guess = did_you_mean(category, categories, only_close=True)
        yield f"{where}rider_category", f'"{category}" is none of {names}{guess}'
        return
    default = tariff.tables.categories[tariff.tables.default_category].id
    holds = categories[category or default]
    ceiling = tariff.tariff.purse_max_minor
    if ceiling is not None and medium.balance > ceiling:
        yield f"{where}balance", f"purse_ceiling: a card of this tariff holds {ceiling} at most"
    if medium.concession_until is not None and not holds.flags & CONCESSION:
        yield f"{where}concession_until", f'"{holds.id}" is no concession, it does not end'
    for at, held in enumerate(medium.products):
        complaint = _wrong_held(scenario, tariff.category_code(holds.id), held, tariff)
        if complaint is not None:
            yield f"{where}products.{at}", f'"{held.product}": {complaint}'


def _wrong_held(
    scenario: Scenario, holds: int, held: schema.HeldProduct, tariff: LoadedTariff
) -> str | None:
    """What the desk would say to a rider of category `holds` who asks for it; None: it sells."""
    try:
        held_product(held, tariff, holds, scenario.start)
    except BadInput as error:
        return str(error).removeprefix(f"--product {desk_text(held)}: ")
    return None


def desk_text(held: schema.HeldProduct) -> str:
    """What the desk is asked for, as with `minik card issue --product`."""
    return held.product if held.start is None else f"{held.product}@{held.start.isoformat()}"


def held_product(
    held: schema.HeldProduct, tariff: LoadedTariff, category: int, start: datetime
) -> SoldProduct:
    """What the desk puts on a card when the scenario starts; BadInput if it can't sell that."""
    now = int(start.timestamp()) - EPOCH_UNIX_S
    return sold_product(desk_text(held), tariff, category, now)


def _wrong_choice(
    where: str, step: schema.Tap, tariff: LoadedTariff
) -> Iterator[tuple[str, str]]:
    keys = key_categories(tariff)
    for category in step.riders if isinstance(step.riders, tuple) else ():
        if category not in keys:
            known = " and ".join(keys)
            yield (
                f"{where}riders",
                f'"{category}" has no key; the keys add {known}'
                f"{did_you_mean(category, keys, only_close=True)}",
            )
    if step.product is None:
        return
    products = {row.id: row for row in tariff.tables.products if row.name}
    product = products.get(step.product)
    if product is None:
        yield f"{where}product", _is_no("product", step.product, list(products))
    elif product.kind != SINGLE and not product.flags & SOLD_ON_BOARD:
        yield f"{where}product", f'"{step.product}" is not sold on board'
