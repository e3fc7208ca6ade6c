"""docs/tariff.md against the code: its examples run, its tables name what is read."""

import json
import re
from itertools import pairwise

import pytest

from host_tools.tariff.file_specs import NOT_READ, SPECS
from host_tools.tariff.journey import read_journey
from host_tools.tariff.load import load_tariff
from host_tools.tariff.quote import quote
from host_tools.tariff.read_extensions import _SETTING_READERS
from tests.tariff.feeds import flat_feed, write_feed
from tests.tariff.journey_tables import TARIFFS, minor

DOCS = TARIFFS.parent
PAGE = (DOCS / "tariff.md").read_text(encoding="utf-8")
EXTENSIONS = [name for name, spec in SPECS.items() if spec.ours]

NETWORKS = {
    "networks.txt": "network_id,network_name\nbus,Buses\nexpress,Express\n",
    "route_networks.txt": "network_id,route_id\nbus,R5\nexpress,R7\n",
}
PRODUCTS = "fare_product_id,amount,currency\n{}"


def section(title: str) -> str:
    """The text below a heading, down to the next of any level."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", PAGE, re.M | re.S)
    assert found, title
    return found[1]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def indented(text: str) -> list[str]:
    """Indented blocks, as they were before they were indented."""
    found = re.findall(r"(?:^    .*\n)+", text + "\n", re.M)
    return [re.sub(r"^    ", "", block, flags=re.M) for block in found]


def table_column(text: str, index: int = 0) -> list[str]:
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    return [row[index].strip() for row in rows[2:]]


def charged(loaded, *legs: tuple[str, str]) -> list[int | None]:
    """What legs of (route, HH:MM) on one day cost."""
    journey = [{"route_id": route, "start": f"2026-11-20T{time}:00"} for route, time in legs]
    answer = quote(loaded, read_journey(json.dumps({"legs": journey}), loaded))
    return [leg.charge_minor for leg in answer.charges.legs]


def test_the_worked_example_is_what_quote_answers():
    journey, answer = blocks(section("From feed to quote: an example"), "json")
    loaded = load_tariff(TARIFFS / "bialystok")
    assert quote(loaded, read_journey(journey, loaded)).as_dict() == json.loads(answer)


def test_the_examples_of_empty_fields_cost_what_the_text_says(tmp_path):
    examples = indented(section("What an empty field means"))
    assert len(examples) == 3
    costs = []
    for number, rules in enumerate(examples):
        files = flat_feed() | NETWORKS | {"fare_leg_rules.txt": rules}
        files["fare_products.txt"] = PRODUCTS.format("ride,1.00,EUR\nairport,5.00,EUR\n")
        loaded = load_tariff(write_feed(files, tmp_path / str(number)))
        costs.append(charged(loaded, ("R5", "08:00"), ("R7", "08:00")))
    assert costs == [[100, 500], [100, 100], [100, 500]]


def test_a_longer_window_is_dearer_exactly_where_the_text_says(tmp_path):
    text = section('"Longer is never dearer", and when it is')
    products = {"tram": "1.00", "bus": "5.00", "express": "10.00"}
    rows = [line.split("|") for line in text.splitlines() if re.match(r"\| \d\d:", line)]
    legs = [(row[2].strip(), row[1].strip()) for row in rows]
    assert [(row[2].strip(), row[3].strip()) for row in rows] == list(products.items())
    assert [minor(total) for total in re.findall(r"\*\*([\d.]+)\*\*", text)] == [600, 1100]
    routes = "route_id,route_short_name,route_type,network_id\n"
    rules = "leg_group_id,network_id,fare_product_id\n"
    transfers = (
        "from_leg_group_id,to_leg_group_id,transfer_count,duration_limit,duration_limit_type,"
        "fare_transfer_type\nall,all,-1,{},1,0\n"
    )
    totals = []
    for minutes in (30, 45):
        files = flat_feed() | {
            "routes.txt": routes + "".join(f"{name},{name},3,{name}\n" for name in products),
            "fare_products.txt": PRODUCTS.format(
                "".join(f"{name},{price},EUR\n" for name, price in products.items())
            ),
            "fare_leg_rules.txt": rules + "".join(f"all,{name},{name}\n" for name in products),
            "fare_transfer_rules.txt": transfers.format(60 * minutes),
        }
        loaded = load_tariff(write_feed(files, tmp_path / str(minutes)))
        totals.append(charged(loaded, *legs))
    assert totals == [[100, 500, 0], [100, 0, 1000]]


def test_every_extension_file_has_its_section_and_no_other():
    assert re.findall(r"^### (minik_\S+)", PAGE, re.M) == [
        "minik_settings.txt",
        "minik_rider_categories.txt",
        "minik_fare_media.txt",
        "minik_products.txt",
        "minik_networks.txt",
        "minik_caps.txt",
    ]
    assert set(EXTENSIONS) == set(re.findall(r"^### (minik_\S+)", PAGE, re.M))


@pytest.mark.parametrize("name", [name for name in EXTENSIONS if name != "minik_settings.txt"])
def test_a_section_lists_the_columns_that_are_read_and_shows_them(name):
    text = section(name)
    table = text[text.index("| column") :].split("\n\n")[0]
    assert set(table_column(table)) == set(SPECS[name].columns)
    header, *rows = indented(text)[-1].splitlines()
    assert header.split(",") == table_column(table)
    assert rows
    assert all(row.count(",") == header.count(",") for row in rows)


def test_the_settings_are_those_that_are_read():
    listed = table_column(section("minik_settings.txt"))
    names = [name for cell in listed for name in cell.split(", ")]
    assert sorted(names) == sorted(_SETTING_READERS)


def test_the_files_that_are_read_are_all_there():
    listed = table_column(section("Which files are read"))
    named = {name for cell in listed for name in cell.split(", ")}
    assert named == set(SPECS) - set(EXTENSIONS)
    assert all(name in PAGE for name in NOT_READ)


def test_links_lead_somewhere():
    pages = [DOCS / "tariff.md", *sorted(TARIFFS.rglob("*.md"))]
    assert len(pages) >= 8
    for page in pages:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_picture_of_a_journey_shows_the_row_it_names():
    picture = (DOCS / "tariff-journey.svg").read_text(encoding="utf-8")
    assert "Baku-like, row 11" in picture
    shown = [minor(each) for each in re.findall(r">itinerary price ([\d.]+)<", picture)]
    legs = [("160", "08:00"), ("5", "08:40"), ("205", "09:05")]
    costs = charged(load_tariff(TARIFFS / "baku"), *legs)
    assert [shown[0]] + [b - a for a, b in pairwise(shown)] == costs
    assert [minor(each) for each in re.findall(r">charged ([\d.]+)<", picture)] == costs
