"""What a bus line is made of: cards from the seed, codes of the fleet, lossy lines, tunes."""

from datetime import date, datetime

import pytest

from host_tools.bench.board import PixelStrip, Tone
from host_tools.bench.card_box import CardBox, make_uid
from host_tools.bench.door import light_name, sound_name, trace_fields
from host_tools.bench.fleet import Fleet
from host_tools.bench.nor import NorFlash
from host_tools.bench.place_session import PlaceEndpoint
from host_tools.bench.provisioning import put_file
from host_tools.bench.reader import DirectReader, RfField
from host_tools.bench.scenario.schema import LinkQuality, Medium
from host_tools.bench.sync_line import SyncLine
from host_tools.cards.show import CardReading
from host_tools.device.image import DEFAULT_LAYOUT, flash_image, read_littlefs
from host_tools.device.pn532_client import Pn532Client
from host_tools.errors import BadInput
from host_tools.keys.store import KeyStore
from host_tools.ledger import open_ledger
from host_tools.tariff.load import load_tariff
from tests.server.device import STORE, Device, busy_validator
from tests.tariff.feeds import city_feed, write_feed

FLAT = load_tariff("flat")
START = datetime.fromisoformat("2026-11-20T08:00:00+05:00")


@pytest.fixture
def box(tmp_path):
    return CardBox(7, tmp_path, START, KeyStore.deterministic(7), FLAT)


def medium(**fields) -> Medium:
    return Medium.model_validate({"type": "classic1k", **fields})


def test_uids_follow_from_seed_and_name_and_are_ones_a_maker_could_give():
    uids = [make_uid(seed, f"card{n}", length)
            for seed in range(3) for n in range(200) for length in (4, 7)]
    assert len(set(uids)) == len(uids)
    assert uids == [make_uid(seed, f"card{n}", length)
                    for seed in range(3) for n in range(200) for length in (4, 7)]
    assert all(uid[0] not in (0x08, 0x88) for uid in uids if len(uid) == 4)
    assert all(uid[0] == 0x04 and uid[3] != 0x88 for uid in uids if len(uid) == 7)


def test_an_issued_card_is_to_be_booked_and_a_blank_or_foreign_one_is_not(box):
    own = box.make("own", medium(balance=50000, uid="04010203"))
    assert (own.issue.uid, own.issue.granted_minor, own.issue.serial) == ("04010203", 50000, 1)
    assert box.make("blank", medium(blank=True)).issue is None
    foreign = box.make("foreign", medium(balance=50000, agency="other", uid="04010203"))
    assert foreign.issue is None
    assert foreign.card.block(7) != own.card.block(7)  # keys of its purse sector
    assert box.make("4k", Medium(type="classic4k", uid_length=7)).card.sak == 0x18


def test_tampering_changes_just_the_named_bytes(box, tmp_path):
    plain = box.make("a", medium(balance=50000, uid="04010203")).card
    box = CardBox(7, tmp_path, START, KeyStore.deterministic(7), FLAT)
    changed = box.make("a", medium(
        balance=50000, uid="04010203",
        tamper=[{"block": 12, "byte": 4, "xor": 1}, {"block": 0, "byte": 15, "xor": 0x80}],
    )).card
    differing = [
        (at // 16, at % 16, one ^ other)
        for at, (one, other) in enumerate(zip(plain.image, changed.image, strict=True))
        if one != other
    ]
    assert differing == [(0, 15, 0x80), (12, 4, 1)]


def test_a_dump_is_the_card_it_was_taken_from(box, tmp_path):
    taken = box.make("a", medium(balance=50000)).card
    (tmp_path / "a.mfd").write_bytes(taken.image)
    read = box.make("b", medium(file="a.mfd"))
    assert (read.card.uid, read.card.image, read.issue) == (taken.uid, taken.image, None)
    (tmp_path / "short.mfd").write_bytes(taken.image[:-1])
    with pytest.raises(BadInput, match=r"short\.mfd"):
        box.make("c", medium(file="short.mfd"))


def test_codes_are_the_numbers_in_the_ids_where_they_are_free(tmp_path):
    books = open_ledger(f"sqlite:///{tmp_path}/ledger.db")
    fleet = Fleet(books)
    assert fleet.place(FLAT, {"vehicle": "101", "route": "R5", "stop": None}) == (101, 5, 0)
    assert [fleet.code("route", name) for name in ("5", "R5", "N99999", "Ring")] == [1, 5, 2, 3]
    assert Fleet(books).code("route", "Ring") == 3
    assert books.names("route") == {5: "R5", 1: "5", 2: "N99999", 3: "Ring"}
    assert fleet.code("stop", "32768") == 1  # from there on are zones
    books.close()


def test_lines_stops_and_zones_have_the_codes_of_the_tariff(tmp_path):
    write_feed(city_feed(), tmp_path / "feed")
    city = load_tariff(tmp_path / "feed")
    books = open_ledger(f"sqlite:///{tmp_path}/ledger.db", tariff=city.tables)
    fleet = Fleet(books)
    place = {"vehicle": "7", "route": "R7", "stop": "S1", "zone": None}
    codes = fleet.place(city, place)
    assert codes == (7, 2, city.stop_code("S1"))
    assert fleet.names(city, *codes[1:]) == {"route": "R7", "stop": "S1", "zone": None}
    codes = fleet.place(city, {"zone": "outer"})
    assert codes == (0, 0, 0x8002)
    assert fleet.names(city, *codes[1:]) == {"route": None, "stop": None, "zone": "outer"}
    assert fleet.place(FLAT, {"route": "N9"}) == (0, 9, 0)
    assert fleet.names(FLAT, 9, 0) == {"route": "N9", "stop": None, "zone": None}
    books.close()


def test_a_card_is_issued_with_its_passes_and_their_price_is_booked(tmp_path):
    write_feed(city_feed(), tmp_path / "feed")
    city = load_tariff(tmp_path / "feed")
    box = CardBox(7, tmp_path, START, KeyStore.deterministic(7), city)
    made = box.make("a", medium(
        balance=50000, rider_category="reduced", concession_until=date(2026, 12, 31),
        products=[{"product": "month", "start": date(2026, 11, 1)}, {"product": "ten"}],
    ))
    assert (made.issue.granted_minor, made.issue.products_minor) == (50000, 900000 + 80000)
    field = RfField()
    field.place(made.card)
    client = Pn532Client(DirectReader(field))
    client.start()
    view = CardReading(client, KeyStore.deterministic(7), city).show()
    assert (view.rider_category, view.granted_minor) == ("reduced", 50000)
    assert [(one.fare_product_id, one.rides_left) for one in view.contracts] == [
        ("month", None), ("ten", 10),
    ]
    assert view.contracts[0].ends == "2026-11-30"
    assert view.concession_until_day == (date(2026, 12, 31) - date(2020, 1, 1)).days
    other = box.make("b", medium(agency="other", products=[{"product": "ten"}]))
    assert other.issue is None


def test_a_file_is_put_onto_a_device_that_is_off():
    layout = DEFAULT_LAYOUT
    flash = NorFlash(layout.size, image=flash_image({"/config.json": b"{}"}))
    before = bytes(flash.image)
    put_file(flash, "/tariff.new", b"x" * 5000)
    vfs = layout.find("vfs")
    files = read_littlefs(bytes(flash.image[vfs.offset:vfs.end]))
    assert files == {"/config.json": b"{}", "/tariff.new": b"x" * 5000}
    assert flash.image[:vfs.offset] == before[:vfs.offset]
    assert flash.image[vfs.end:] == before[vfs.end:]
    flash.image[vfs.offset:vfs.end] = bytes(vfs.size)
    with pytest.raises(BadInput, match="not a sound littlefs"):
        put_file(flash, "/tariff.new", b"x")

class Echo:
    """An endpoint that answers every frame with itself."""

    def __init__(self):
        self.heard = []

    def feed(self, received):
        self.heard.append(received)
        return b"\x00ok\x00"

    def tick(self):
        return b"\x00tick\x00"


def test_a_line_that_is_unplugged_or_down_carries_nothing():
    line, echo = SyncLine("seed"), Echo()
    line.feed(b"\x00hello\x00", 0, 115200)
    assert line.next_event_us() is None
    line.plug(echo, None)
    line.feed(b"\x00hello\x00", 0, 115200)
    line.send(b"\x00knock\x00", 0)
    assert line.run(500_000) == b""
    assert (echo.heard, line.frames_lost) == ([], 2)


def test_frames_take_the_latency_each_way_and_ticks_go_on():
    line, echo = SyncLine("seed"), Echo()
    line.plug(echo, LinkQuality(latency_ms=400))
    line.send(b"\x00knock\x00", 0)
    line.feed(b"\x00hel", 100, 115200)
    assert line.next_event_us() == 400_000
    assert line.run(399_999) == b""
    assert line.run(400_000) == b"\x00knock\x00"
    line.feed(b"lo\x00\x00bye\x00", 500_000, 115200)
    assert line.run(900_000) == b""
    assert echo.heard == [b"\x00hello\x00", b"\x00bye\x00"]
    assert line.run(1_300_000) == b"\x00ok\x00\x00ok\x00"
    assert line.next_event_us() == 1_900_000
    line.run(1_900_000)
    assert line.run(2_300_000) == b"\x00tick\x00"


def test_losses_are_a_share_of_whole_frames_and_follow_from_the_seed():
    def lost(seed):
        line, echo = SyncLine(seed), Echo()
        line.plug(echo, LinkQuality(loss=0.25))
        for at in range(1000):
            line.feed(bytes((0, 1 + at % 200, 0)), at, 115200)
            line.run(at)
        return line.frames_lost, echo.heard

    assert lost("a") == lost("a")
    assert lost("a") != lost("b")
    count, heard = lost("a")
    assert 380 < count < 500  # of 2,000 at most, those that got through one way go back
    assert all(len(frame) == 3 for frame in heard)


def tones(*pitches):
    return [Tone(at * 1000, hz, 100) for at, hz in enumerate(pitches)]


def test_tunes_and_lights_have_names():
    assert [sound_name(tones(*hz)) for hz in (
        (), (2000,), (2000, 2000), (900, 900, 900), (400,), (2000, 400),
    )] == [None, "beep", "two_beeps", "three_beeps", "buzz", "high-low"]
    assert [light_name(PixelStrip([colour] * 8)) for colour in (
        (0, 0, 0), (0, 96, 0), (120, 0, 0), (0, 0, 120), (10, 0, 60),
    )] == ["off", "green", "red", "blue", "blue"]
    assert light_name(PixelStrip()) == "off"


def test_a_trace_line_is_read_with_its_absent_values():
    assert trace_fields("tap outcome=refused reason=- charged=0 product=day%20%3D1") == {
        "outcome": "refused", "reason": None, "charged": "0", "product": "day =1",
    }


def test_the_cable_of_a_place_takes_no_records_with_it():
    validator, _ = busy_validator(taps=5)
    device = Device(validator)
    head = device.journal.head
    endpoint = PlaceEndpoint(STORE, lambda: bytes(8), (202, 9, 7), lambda: 0)
    to_device = endpoint.knock()
    for _ in range(6):
        to_device = endpoint.feed(device.feed(to_device, 1))
    assert endpoint.held is True
    assert (validator.vehicle, validator.route) == (202, 9)
    assert device.journal.watermark == 0
    assert device.journal.head == head + 1  # the place


def test_a_place_that_the_device_refuses_is_told():
    validator, _ = busy_validator(taps=1)
    device = Device(validator)
    device.set_place = lambda *place: False
    endpoint = PlaceEndpoint(STORE, lambda: bytes(8), (202, 9, 7), lambda: 0)
    to_device = endpoint.knock()
    for _ in range(6):
        to_device = endpoint.feed(device.feed(to_device, 1))
    assert endpoint.held is False
