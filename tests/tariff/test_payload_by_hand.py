"""`pack` and the assembler of the shared tests read the specification alike, byte for byte."""

import pytest

from host_tools.tariff.pack import pack
from host_tools.tariff.unpack import unpack
from tests.shared import test_fares_budget, test_fares_tariff
from tests.shared.metro import a_metro
from tests.shared.tariff_payload import Sheet


def _with_services() -> Sheet:
    sheet = a_metro(joins=True, transfer={"limit_s": 600, "limit_type": 3})
    service = sheet.service(31, 5, 900, ((7, 1), (9, 0)))
    sheet.timeframe(3, service, 60, 86400)
    return sheet


@pytest.mark.parametrize(
    "make",
    [
        lambda: test_fares_tariff._sheet().payload(),
        lambda: test_fares_budget._city()[0],
        lambda: _with_services().payload(),
    ],
    ids=["small", "city", "services"],
)
def test_the_same_tables_are_the_same_bytes(make):
    payload = make()
    assert pack(unpack(payload)) == payload


def test_what_the_reader_of_tables_sees():
    tables = unpack(_with_services().payload())
    assert [row.id for row in tables.networks] == ["metro", "bus", "other"]
    assert tables.services[0].exceptions == ((7, 1), (9, 0))
    assert tables.timeframes[0][:2] == (3, 1)
    assert {row.duration_s for row in tables.transfers} == {600}
    assert [row.network for row in tables.joins] == [1]
