"""What a tariff, a card or a device has room for (SPEC §6.2, §6.4), and what --after forbids.

Every limit is an error that names the file, the row and the number. What the reader of feeds
checks already is checked here again where a wrong number would not fit its field.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from host_tools.tariff.codes import AllCodes, named, place_of
from host_tools.tariff.feed import Feed
from host_tools.tariff.findings import Findings
from host_tools.tariff.layout import TEXT_BYTES_MAX
from host_tools.tariff.legs import (
    EXITS_MAX,
    ROWS_MAX,
    RULES_OF_A_SET_MAX,
    RULES_OF_ALL_EXITS_MAX,
    Legs,
)
from host_tools.tariff.pack import pack
from host_tools.tariff.tables import KINDS, SINGLE, Tables
from protocol.lists.signed import PAYLOAD_BYTES_MAX

MONEY_MAX = 0xFFFFFF  # 24 bits: what a card can count
PURSE_MAX = 0x1FFFFFFF  # what a card can spend in its life (SPEC §2.2)
VERSION_MAX = 0x7FFFFFFF
TRANSFER_COUNT_MAX = 15
DURATION_S_MAX = 65_534
RIDES_MAX = 255
STOPS_MAX = 0x7FFF  # from 0x8000 on a stop code is a zone
U8, U16, U32 = 0xFF, 0xFFFF, 0xFFFFFFFF

_SETTINGS = "minik_settings.txt"
_LEGS = "fare_leg_rules.txt"
# (rows of Feed, field of a row, the field's name in the file, lowest, highest)
_RANGES: tuple[tuple[str, str, str, int, int], ...] = (
    ("media", "fare_media_type", "fare_media_type", 0, U8),
    ("media", "risk_limit_minor", "risk_limit", 0, U32 - 1),
    ("prices", "amount_minor", "amount", -MONEY_MAX, MONEY_MAX),
    ("products", "length", "length", 0, U16),
    ("products", "weekdays", "weekdays", 0, 127),
    ("products", "priority", "priority", 0, U8),
    ("products", "passback_s", "passback_s", 0, U16),
    ("products", "valid_days", "valid_days", 0, U16),
    ("networks", "ride_s_max", "ride_s_max", 0, U16),
    ("timeframes", "start_s", "start_time", 0, 86_400),
    ("timeframes", "end_s", "end_time", 0, 86_400),
    ("leg_rules", "rule_priority", "rule_priority", 0, 2**63),
    ("transfer_rules", "transfer_count", "transfer_count", -1, TRANSFER_COUNT_MAX),
    ("transfer_rules", "duration_limit_s", "duration_limit", 1, DURATION_S_MAX),
    ("transfer_rules", "duration_limit_type", "duration_limit_type", 0, 3),
    ("transfer_rules", "fare_transfer_type", "fare_transfer_type", 0, 2),
    ("caps", "amount_minor", "amount", 0, MONEY_MAX),
)
_SETTING_RANGES: tuple[tuple[str, str, int, int], ...] = (
    ("version", "version", 1, VERSION_MAX),
    ("passback_s", "passback_s", 0, U16),
    ("recovery_s", "recovery_s", 0, U32),
    ("service_day_start_s", "service_day_start", 0, 43_200),
    ("purse_max_minor", "purse_max", 0, PURSE_MAX),
)
_TEXTS: tuple[tuple[str, str], ...] = (
    ("categories", "rider_category_id"),
    ("media", "fare_media_id"),
    ("products", "fare_product_id"),
    ("networks", "network_id"),
    ("routes", "route_id"),
    ("stops", "stop_id"),
    ("areas", "area_id"),
)
# (codes, file, what they are called, how many there may be)
_CODE_COUNTS: tuple[tuple[str, str, str, int], ...] = (
    ("categories", "rider_categories.txt", "rider categories", U8),
    ("media", "fare_media.txt", "fare media", U8 - 1),
    ("products", "fare_products.txt", "fare products", U8),
    ("networks", "networks.txt", "networks", U8),
    ("routes", "routes.txt", "routes", U16),
    ("stops", "stops.txt", "stops", STOPS_MAX),
    ("areas", "areas.txt", "areas", STOPS_MAX),
    ("groups", _LEGS, "leg groups", U8),
    ("timeframes", "timeframes.txt", "timeframe groups in use", U8),
    ("services", "timeframes.txt", "services", U8),
)
# (table, file, what its rows are called, how many there may be)
_TABLE_COUNTS: tuple[tuple[str, str, str, int], ...] = (
    ("prices", "fare_products.txt", "prices", ROWS_MAX),
    ("route_stops", "stop_times.txt", "stops of routes", ROWS_MAX),
    ("leg_rows", _LEGS, "kinds of departure", ROWS_MAX),
    ("cells", _LEGS, "different kinds of departure", ROWS_MAX),
    ("rule_sets", _LEGS, "different sets of matching rules", ROWS_MAX),
    ("rules", _LEGS, "rules in all sets of matching ones", ROWS_MAX),
    ("timeframes", "timeframes.txt", "timeframes", ROWS_MAX),
    ("transfers", "fare_transfer_rules.txt", "transfer rules", ROWS_MAX),
    ("caps", "minik_caps.txt", "caps", 64),
    ("joins", "fare_leg_join_rules.txt", "join rules", 64),
)


def check_feed(feed: Feed, findings: Findings) -> None:
    """Numbers and texts that would not fit their fields; a feed that sells nothing."""
    for rows, attribute, name, low, high in _RANGES:
        for row in getattr(feed, rows):
            value = getattr(row, attribute)
            if value is not None and not low <= value <= high:
                text = f"{value:,} is not from {low:,} to {high:,}"
                findings.error(*place_of(row.where), name, text)
    for attribute, name, low, high in _SETTING_RANGES:
        value = getattr(feed.settings, attribute)
        if value is not None and not low <= value <= high:
            findings.error(_SETTINGS, None, name, f"{value:,} is not from {low:,} to {high:,}")
    for product in feed.products:
        if product.kind == "rides" and not 0 < product.length <= RIDES_MAX:
            text = f"{product.length:,} rides; a card counts 1 to {RIDES_MAX}"
            findings.error(*place_of(product.where), "length", text)
    _check_texts(feed, findings)
    _check_money_and_days(feed, findings)
    if not feed.leg_rules:
        findings.error(_LEGS, None, None, "there is no leg rule, so nobody could ride")


def _check_texts(feed: Feed, findings: Findings) -> None:
    texts: list[tuple[str, str, str]] = [
        ("agency.txt", "agency_name", feed.agency_name),
        ("agency.txt", "agency_timezone", feed.timezone),
    ]
    texts += [(rule.where, "leg_group_id", rule.leg_group_id or "") for rule in feed.leg_rules]
    for rows, id_field in _TEXTS:
        for row in getattr(feed, rows):
            texts.append((row.where, id_field, getattr(row, id_field)))
            texts.append((row.where, id_field.removesuffix("_id") + "_name", row.name))
    for where, name, text in texts:
        size = len(text.encode())
        if size > TEXT_BYTES_MAX:
            said = f"{size:,} bytes of UTF-8; a tariff has room for {TEXT_BYTES_MAX}"
            findings.error(*place_of(where), name, said)


def _check_money_and_days(feed: Feed, findings: Findings) -> None:
    currency = feed.currency
    if len(currency) != 3 or not (currency.isascii() and currency.isupper()):
        findings.error("fare_products.txt", None, "currency", f"'{currency}' is no currency code")
    settings = feed.settings
    first, last = settings.valid_from, settings.valid_until
    if first is not None and last is not None and last < first:
        findings.error(_SETTINGS, None, "valid_until", f"{last} is before valid_from {first}")
    for name, day in (("valid_from", first), ("valid_until", last)):
        if day is not None and not 2020 <= day.year < 2199:
            findings.error(_SETTINGS, None, name, f"{day} is not between 2020 and 2199")


def check_tables(
    feed: Feed, compiled: Tables, codes: AllCodes, legs: Legs, findings: Findings
) -> None:
    """Counts of everything that a device reads row by row, or numbers with few bits."""
    for kind, file, what, most in _CODE_COUNTS:
        _check_count(findings, file, what, len(getattr(codes, kind)), most)
    for table, file, what, most in _TABLE_COUNTS:
        _check_count(findings, file, what, len(getattr(compiled, table)), most)
    exits = sum(len(cell.exits) for cell in set(compiled.cells))
    _check_count(findings, _LEGS, "rule sets of unknown exits", exits, ROWS_MAX)
    _check_each(
        findings, feed.products, "prices", 32, Counter(p.fare_product_id for p in feed.prices)
    )
    for route in feed.routes:
        if len(route.stop_ids) > U8:
            text = (
                f"{named('route', route.route_id)} has {len(route.stop_ids):,} stops; {U8} at most"
            )
            findings.error(*place_of(route.where), None, text)
    _check_times(feed, compiled, codes, findings)
    _check_legs(feed, compiled, codes, legs, findings)
    pairs = Counter((row.from_key, row.to_key) for row in compiled.transfers)
    for (begin, end), count in pairs.items():
        names = [codes.groups.ids[key - 1] if key else "(empty)" for key in (begin, end)]
        what = f"transfer rules from {names[0]} to {names[1]}"
        _check_count(findings, "fare_transfer_rules.txt", what, count, 64)


def check_size(compiled: Tables, findings: Findings) -> None:
    """A device hashes no more in one go."""
    size = len(pack(compiled))
    if size > PAYLOAD_BYTES_MAX:
        text = f"the tariff comes to {size:,} bytes; a device takes {PAYLOAD_BYTES_MAX:,}"
        findings.error("stops.txt", None, None, text)


def _check_count(findings: Findings, file: str, what: str, count: int, most: int) -> None:
    if count > most:
        findings.error(file, None, None, f"{count:,} {what}; a tariff has room for {most:,}")


def _check_each(
    findings: Findings, products: Iterable, what: str, most: int, counts: Counter[str]
) -> None:
    for product in products:
        count = counts[product.fare_product_id]
        if count > most:
            text = (
                f"{named('product', product.fare_product_id)} has {count:,} {what}; {most} at most"
            )
            findings.error(*place_of(product.where), None, text)


def _check_times(feed: Feed, compiled: Tables, codes: AllCodes, findings: Findings) -> None:
    for code, count in Counter(row.group for row in compiled.timeframes).items():
        if count > 16:
            what = named("timeframe group", codes.timeframes.ids[code - 1])
            findings.error("timeframes.txt", None, None, f"{what} has {count:,} rows; 16 at most")
    for name, service in zip(codes.services.ids, compiled.services, strict=True):
        if len(service.exceptions) > 32:
            text = (
                f"{named('service', name)} has {len(service.exceptions):,} exceptions; 32 at most"
            )
            findings.error("calendar_dates.txt", None, None, text)


def _check_legs(
    feed: Feed, compiled: Tables, codes: AllCodes, legs: Legs, findings: Findings
) -> None:
    for number, (_, count) in enumerate(compiled.rule_sets):
        if count > RULES_OF_A_SET_MAX:
            lines = [place_of(feed.leg_rules[n].where)[1] for n in legs.sources[number]]
            text = f"{count:,} rules match the same leg; {RULES_OF_A_SET_MAX} at most"
            findings.error(_LEGS, lines[0], None, text)
    for network_class in sorted(set(legs.network_classes.values()) | {0}):
        which = "networks that no rule names"
        if network_class:
            which = named("network", codes.networks.ids[network_class - 1])
        cells = legs.cells_of(network_class)
        most = max(len(cell.exits) for cell in cells)
        if most > EXITS_MAX:
            text = f"{most:,} different fares by exit in {which}; {EXITS_MAX} at most"
            findings.error(_LEGS, None, "to_area_id", text)
        most = max(sum(legs.rule_sets[exit_][1] for exit_ in cell.exits) for cell in cells)
        if most > RULES_OF_ALL_EXITS_MAX:
            text = (
                f"{most:,} rules match a leg whose exit is not known in {which}; "
                f"{RULES_OF_ALL_EXITS_MAX} at most"
            )
            findings.error(_LEGS, None, "to_area_id", text)


def check_after(feed: Feed, after: Tables, codes: AllCodes, findings: Findings) -> None:
    """What cards and devices that know the older tariff would take for something else."""
    version = feed.settings.version
    if version < after.version:
        text = f"{version} is below {after.version} of the older tariff: devices would refuse it"
        findings.error(_SETTINGS, None, "version", text)
    elif version == after.version:
        text = f"{version} is that of the older tariff too: nobody could tell the two apart"
        findings.warn(_SETTINGS, None, "version", text)
    if (feed.currency, feed.exponent) != (after.currency, after.exponent):
        text = f"{feed.currency}, but what cards hold is {after.currency}"
        findings.error("fare_products.txt", None, "currency", text)
    kinds = {row.id: row.kind for row in after.products}
    for product in feed.products:
        kind = kinds.get(product.fare_product_id, SINGLE)
        if kind not in (SINGLE, KINDS.index(product.kind)):
            text = (
                f"{named('product', product.fare_product_id)} was of kind {KINDS[kind]} and cards "
                "hold it; give the new one an id of its own"
            )
            findings.error(*place_of(product.where), "kind", text)
    _warn_of_gone(after, codes, findings)


def _warn_of_gone(after: Tables, codes: AllCodes, findings: Findings) -> None:
    def warn(file: str, what: str, ids: Sequence[str], then: str) -> None:
        for name in ids:
            findings.warn(file, None, None, f"{named(what, name)} is gone: {then}")

    warn(
        "rider_categories.txt",
        "rider category",
        [row.id for row in after.categories if row.name and row.id not in codes.categories.alive],
        "cards of it are charged only prices that are for every category",
    )
    warn(
        "fare_products.txt",
        "product",
        [
            row.id
            for row in after.products
            if row.name and row.kind != SINGLE and row.id not in codes.products.alive
        ],
        "cards that hold it are charged as if they didn't",
    )
