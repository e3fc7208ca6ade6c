"""A scenario file is read to the letter, and what is wrong is one line: file, step, field."""

from pathlib import Path

import pytest

from host_tools.bench.scenario import schema
from host_tools.bench.scenario.load import load_scenario
from host_tools.errors import BadInput
from host_tools.keys.store import KeyStore
from host_tools.tariff.load import load_tariff
from host_tools.tariff.sign import sign
from tests.scenario.sample import CITY_SAMPLE, SAMPLE
from tests.tariff.feeds import changed, city_feed, write_feed


def load(folder: Path, text: str) -> schema.Scenario:
    path = folder / "day.yaml"
    path.write_text(text, encoding="utf-8")
    return load_scenario(path)


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(BadInput) as caught:
        load(folder, text)
    line = str(caught.value)
    assert caught.value.exit_code == 2
    assert "\n" not in line
    assert line.startswith(f"{folder / 'day.yaml'}: ")
    return line.removeprefix(f"{folder / 'day.yaml'}: ")


def test_every_kind_of_step_is_read(tmp_path):
    scenario = load(tmp_path, SAMPLE)
    assert [type(step) for step in scenario.steps] == [
        schema.Tap, schema.Tap, schema.Tap, schema.Advance, schema.SetPlace, schema.Link,
        schema.Link, schema.PowerCut, schema.Boot, schema.Sync, schema.ExpectLedger,
    ]
    taps = scenario.steps[:3]
    assert [step.tap for step in taps] == [("adult1",), ("adult1", "adult2"), ("adult1",)]
    assert taps[0].on == "V1"
    assert taps[0].expect.model_fields_set == {"outcome", "charged", "light"}
    assert taps[2].remove_after_frames == 6
    assert scenario.steps[3].advance == 5400
    assert scenario.steps[6].state == schema.LinkQuality(loss=0.2, latency_ms=400)
    assert (scenario.steps[7].at_flash_op, scenario.steps[7].torn) == (3, True)
    assert scenario.steps[10].expect_ledger.revenue == 10000
    assert scenario.start.timestamp() == 1795143600
    assert (scenario.seed, scenario.tariff) == (7, "flat")


def test_words_that_yaml_1_1_would_turn_into_other_things_stay_words(tmp_path):
    scenario = load(tmp_path, SAMPLE)
    assert scenario.steps[0].expect.light == "off"
    assert scenario.steps[4].stop == "0101"
    assert scenario.media["adult2"].uid == "04010203"
    assert load(tmp_path, SAMPLE.replace('"101"', "101")).devices["V1"].vehicle == "101"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("outcome: accepted", "outcom: accepted",
         'step 1: expect.outcom: unknown field; did you mean "outcome"?'),
        ("outcome: accepted", "outcome: acepted",
         'step 1: expect.outcome: "acepted" is none of accepted, refused, retap; '
         'did you mean "accepted"?'),
        ("reason: one_card_please", "reason: one_card",
         "step 2: expect.reason: "),
        ("charged: 10000", "charged: '10000'", "step 1: expect.charged: must be a whole number"),
        ("charged: 10000", "charged: 100.00", "step 1: expect.charged: must be a whole number"),
        ("light: off", "light: purple",
         'step 1: expect.light: "purple" is none of green, red, blue, off'),
        ("adult1, on: V1, exp", "adult1, on: V2, exp",
         'step 1: on: no device is named "V2"; known: V1'),
        ("tap: adult1, on: V1, rem", "tap: adlt1, on: V1, rem",
         'step 3: tap: no card is named "adlt1"; did you mean "adult1"?'),
        ("tap: adult1, on: V1, rem", "tap: adult1, rem", "step 3: on: is missing"),
        ("tap: [adult1, adult2]", "tap: [adult1, adult1]", "step 2: tap: a card is there twice"),
        ("tap: [adult1, adult2]", "tap: []", "step 2: tap: "),
        ("tap: [adult1, adult2]", "tap: {adult1: 1}", "step 2: tap.0: must be a text"),
        ("remove_after_frames: 6", "remove_after_frames: -1", "step 3: remove_after_frames: "),
        ("remove_after_frames: 6", "remove_after_frame: 6",
         'step 3: remove_after_frame: unknown field; did you mean "remove_after_frames"?'),
        ("1h30m", "90 min", "step 4: advance: a duration is written like "),
        ("1h30m", "0s", "step 4: advance: a duration lies between 1s and 400d"),
        (", stop: 0101", "", "step 5: set: name a stop, a zone, a route or a"),
        ("stop: 0101", "stopp: S7", 'step 5: stopp: unknown field; did you mean "stop"?'),
        ("state: down", "state: dwn",
         'step 6: state: "dwn" is none of up, down; did you mean "down"?'),
        ("loss: 0.2", "los: 0.2", 'step 7: state.los: unknown field; did you mean "loss"?'),
        ("loss: 0.2", "loss: 2", "step 7: state.loss: must be at most 1"),
        ("at_flash_op: 3, ", "", "step 8: torn: needs at_flash_op, it tears that operation"),
        ("at_flash_op: 3", "at_flash_op: 0", "step 8: at_flash_op: "),
        ("boot: V1", "bot: V1", 'step 9: bot: no kind of step; did you mean "boot"?'),
        ("{boot: V1}", "{}", "step 9: "),
        ("{boot: V1}", "boot", "step 9: must be a block of fields"),
        ("boot: V1", "boot: V1, sync: V1", "step 9: boot and sync are two steps; "),
        ("balanced: true", "balanced: yes", "step 11: expect_ledger.balanced: must be true or "),
        ("+05:00", "", "start: the time needs its offset, as in 2026-11-20T08:00:00+05:00"),
        ("T08:00:00+05:00", "", "start: the time of day is missing, "),
        ("2026-11-20T08:00:00+05:00", "soon", "start: not an ISO time with offset"),
        ("2026-11-20T", "1999-11-20T", "start: the time lies between 2020 and 2053"),
        ("tariff: flat", "tariff: feed.zip", "tariff: "),
        ("stop: 0101", "zone: Z1", 'step 5: zone: "Z1": the tariff has no zones'),
        ("tariff: flat", "tariff: flt",
         'tariff: "flt" is no file here and no built-in tariff; did you mean '),
        ("classic1k", "desfire",
         'media.adult1.type: "desfire" is not in this version; use classic1k or classic4k'),
        ("classic1k", "clasic1k", 'media.adult1.type: "clasic1k" is none of '),
        ("role: validator", "role: inspector",
         'devices.V1.role: "inspector" is not in this version; use validator'),
        ("reader: pn532", "reader: mfrc522",
         'devices.V1.reader: "mfrc522" is not in this version; use pn532'),
        ("  V1: {", "  V 1: {", 'devices: "V 1": a device is named with '),
        ("rider_category: adult", "rider_category: adlt",
         'media.adult1.rider_category: "adlt" is none of adult, reduced; did you mean "adult"?'),
        ("balance: 50000", "balance: 500.00", "media.adult1.balance: must be a whole number"),
        ("balance: 50000", "balance: -1", "media.adult1.balance: "),
        ("balance: 50000", "balance: 536870912", "media.adult1.balance: "),
        ("balance: 50000", "balanc: 5", 'media.adult1.balanc: unknown field; did you mean "bal'),
        ("uid: 04010203", "uid: 040102", "media.adult2.uid: a UID has 4 or 7 bytes, not 3"),
        ("uid: 04010203", "uid: 0401020x", "media.adult2.uid: a UID is written in hexadecimal"),
        ("uid: 04010203", "uid: 04010203, uid_length: 7",
         "media.adult2: uid 04010203 does not have 7 bytes"),
        ("balance: 50000", "balance: 5, blank: true",
         "media.adult1: balance does not go with blank: it is not issued here"),
        ("rider_category: adult, balance: 50000", "file: gone.mfd", "media.adult1.file: "),
        ("rider_category: adult, balance: 50000", f"file: {'f' * 300}", "media.adult1.file: "),
        ("rider_category: adult, balance: 50000", "tamper: {block: 64, byte: 0, xor: 1}",
         "media.adult1: tamper: a classic1k card has 64 blocks"),
        ("rider_category: adult, balance: 50000", "tamper: {block: 4, byte: 16, xor: 1}",
         "media.adult1.tamper.0.byte: "),
        ("rider_category: adult, balance: 50000", "uid: '04010203'",
         "media.adult2.uid: 04010203 is the UID of adult1 too"),
        ("balance: 50000", "valid_until: 2019-12-31",
         "media.adult1.valid_until: the day lies between 2020 and 2189"),
        ("balance: 50000", "valid_until: tomorrow", "media.adult1.valid_until: must be a date"),
        ("remove_after_frames: 6", "remove_after_frames: -1",
         "step 3: remove_after_frames: must be at least 0"),
        ("remove_after_frames: 6", "answer_lost: 0", "step 3: answer_lost: must be at least 1"),
        ("remove_after_frames: 6", "torn_write: 0", "step 3: torn_write: must be at least 1"),
        ("2026-11-20T08", "2020-01-01T00", "start: the time lies between 2020 and 2053, in UTC"),
        ("2026-11-20T08", "2026-11-20T25", "line "),
        ("seed: 7", "seed: !!bool x", "line 2: this is no bool"),
        ("seed: 7", "seed: !!timestamp foo", "line 2: this is no timestamp"),
        ("scenario: 1", 'scenario: "1"', 'scenario: version "1" is not known; this is version 1'),
        ("balance: 50000", "balance: 999999999999", "media.adult1.balance: must be at most "),
        ("route: R5", "route: ''", "devices.V1.route: must not be empty"),
        ("route: R5", f"route: {'R' * 65}", "devices.V1.route: must have at most 64 letters"),
        ("tap: [adult1, adult2]", "tap: []", "step 2: tap: must have at least 1, not 0"),
        ("seed: 7", "seed: seven", "seed: must be a whole number"),
        ("seed: 7", "sead: 7", 'sead: unknown field; did you mean "seed"?'),
        ("seed: 7", "seed: 7\nseed: 8", 'line 3: "seed" stands here twice'),
        ("scenario: 1", "scenario: 2", "scenario: version 2 is not known; this is version 1"),
        ("scenario: 1\n", "", "scenario: is missing; write scenario: 1"),
        ("devices:", "devices: [", "line "),
        ("steps:", "steps: {", "line "),
        ("steps:", "stops:", "steps: is missing"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(tmp_path, old, new, line):
    assert old in SAMPLE
    assert complaint(tmp_path, SAMPLE.replace(old, new, 1)).startswith(line)


@pytest.mark.parametrize("text", ["", "- 1", "just words", "5", "[" * 100_000, "a: &a [*a]", "\t"])
def test_what_is_no_scenario_at_all(tmp_path, text):
    complaint(tmp_path, text)


@pytest.mark.parametrize("raw", [b"scenario: \xff", b"\x00\x01", b"x" * (1 << 20) + b"x"])
def test_what_is_no_text(tmp_path, raw):
    path = tmp_path / "day.yaml"
    path.write_bytes(raw)
    with pytest.raises(BadInput, match=r"day\.yaml: "):
        load_scenario(path)


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(BadInput, match="no such file"):
        load_scenario(tmp_path / "gone.yaml")
    with pytest.raises(BadInput, match="cannot be read"):
        load_scenario(tmp_path)


def test_a_dump_must_fit_its_card(tmp_path):
    (tmp_path / "short.mfd").write_bytes(bytes(1000))
    text = SAMPLE.replace("rider_category: adult, balance: 50000", "file: short.mfd")
    assert "has 1000 bytes; a dump of a classic1k card has 1024" in complaint(tmp_path, text)
    (tmp_path / "short.mfd").write_bytes(bytes(1024))
    assert load(tmp_path, text).media["adult1"].file == "short.mfd"


# -- tariffs ---------------------------------------------------------------------------------


@pytest.fixture
def city(tmp_path):
    """A folder with a feed and a newer one, where scenarios are written."""
    feed = city_feed()
    write_feed(feed, tmp_path / "feed")
    newer = changed(feed, "minik_settings.txt", "version,3", "version,4")
    write_feed(newer, tmp_path / "newer.zip")
    return tmp_path


def test_a_feed_beside_the_scenario_is_its_tariff(city):
    scenario = load(city, CITY_SAMPLE)
    tariffs = scenario.tariffs
    assert (tariffs.base.tables.version, tariffs.base.tables.currency) == (3, "KZT")
    assert tariffs.installs["newer.zip"].loaded.tables.version == 4
    assert tariffs.installs["newer.zip"].content is None
    first, second, moved, pressed, _ = scenario.steps
    assert (first.riders, second.riders, second.product) == (3, ("adult", "reduced"), "day")
    assert moved.named() == {"stop": "S2", "zone": None}
    assert pressed.keys == ("riders", "ticket")


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("tariff: feed", "tariff: gone/feed", "tariff: {city}/gone/feed: no such file or folder"),
        ("tariff: feed", "tariff: feet",
         'tariff: "feet" is no file here and no built-in tariff; known: flat'),
        ("tariff: feed", f"tariff: {'f' * 300}", "tariff: {city}/fff"),
        ("newer.zip", "gone.zip", "step 5: tariff: {city}/gone.zip: no such file or folder"),
        ("route: R5", "route: R6",
         'devices.V1.route: "R6" is no route of the tariff; known: R5, R7'),
        ("zone: inner", "zone: iner",
         'devices.V1.zone: "iner" is no zone of the tariff; did you mean "inner"?'),
        ("zone: inner", "zone: inner, stop: S1", "devices.V1: zone does not go with stop"),
        ("stop: S2", "stop: S9", 'step 3: stop: "S9" is no stop of the tariff; known: C, C1, '),
        ("stop: S2", "stop: S2, zone: inner", "step 3: zone does not go with stop"),
        ("rider_category: reduced", "rider_category: redused",
         'media.olga.rider_category: "redused" is none of adult, reduced; did you mean "red'),
        ("rider_category: reduced", "rider_category: adult",
         'media.olga.concession_until: "adult" is no concession, it does not end'),
        ("concession_until: 2026-12-31", "concession_until: soon",
         "media.olga.concession_until: must be a date"),
        ("concession_until: 2026-12-31", "concession_until: 2026-12-31, valid_until: 2026-12-31",
         "media.olga: concession_until does not go with valid_until"),
        ("balance: 50000", "balance: 2000001",
         "media.dana.balance: purse_ceiling: a card of this tariff holds 2000000 at most"),
        ("product: month, start", "product: moth, start",
         'media.dana.products.0: "moth": the passes and rides of this tariff are day, month'),
        ("product: month, start: 2026-11-01", "product: ride",
         'media.dana.products.0: "ride": a single ride is paid when it is taken'),
        ("product: month, start", "product: ten, start",
         'media.dana.products.0: "ten": this product begins when it is sold; leave @2026'),
        ("start: 2026-11-01", "start: 2026-10-01", 'media.dana.products.0: "month": it would be'),
        ("start: 2026-11-01", "start: then", "media.dana.products.0.start: must be a date"),
        ("start: 2026-11-01", "begin: 2026-11-01", 'media.dana.products.0.begin: unknown field'),
        ("[{product: month, start: 2026-11-01}]",
         "[{product: day}, {product: ten}, {product: month}]",
         "media.dana.products: must have at most 2, not 3"),
        ("[{product: month, start: 2026-11-01}]", "month", "media.dana.products: must be a list"),
        ("riders: 3, e", "riders: 0, e", "step 1: riders: how many ride, from 1 to 16, or"),
        ("riders: 3, e", "riders: 17, e", "step 1: riders: how many ride"),
        ("riders: 3, e", "riders: many, e", "step 1: riders: how many ride"),
        ("riders: 3, e", "riders: true, e", "step 1: riders: how many ride"),
        ("riders: 3, e", "riders: [{a: 1}], e", "step 1: riders.0: must be a text"),
        ("[adult, reduced]", "[adult, child]",
         'step 2: riders: "child" has no key; the keys add adult and reduced'),
        ("product: day}", "product: dai}",
         'step 2: product: "dai" is no product of the tariff; did you mean "day"?'),
        ("product: day}", "product: month}", 'step 2: product: "month" is not sold on board'),
        ("keys: [riders, ticket]", "keys: [rider]",
         'step 4: keys.0: "rider" is none of riders, reduced, ticket, driver, service; did you'),
        ("keys: [riders, ticket]", "keys: []", "step 4: keys: must have at least 1, not 0"),
        ("press: V1, keys: [riders, ticket]", "press: V1", "step 4: keys: is missing"),
        ("press: V1", "press: V2", 'step 4: press: no device is named "V2"; known: V1'),
        ("install: V1", "install: V2", 'step 5: install: no device is named "V2"; known: V1'),
        (", tariff: newer.zip", "", "step 5: tariff: is missing"),
        ("tariff: 4", "tariff: four", "step 5: expect.tariff: must be a whole number"),
    ],
)
def test_what_does_not_fit_the_tariff_is_named_in_one_line(city, old, new, line):
    assert old in CITY_SAMPLE
    assert complaint(city, CITY_SAMPLE.replace(old, new, 1)).startswith(line.format(city=city))


def test_a_feed_with_errors_is_one_line_with_their_count_and_the_first(city):
    broken = changed(city_feed(), "fare_products.txt", "ride,One ride,adult,card,100.00",
                     "ride,One ride,adult,card,1O0.00")
    broken = changed(broken, "minik_settings.txt", "passback_s,45", "passback_s,soon")
    write_feed(broken, city / "broken")
    line = complaint(city, CITY_SAMPLE.replace("tariff: feed", "tariff: broken"))
    assert line.startswith("tariff: ")
    assert "2 findings, the first: " in line
    assert "fare_products.txt:2: amount: " in line


def test_a_newer_feed_must_leave_the_codes_as_they_are(city):
    newer = changed(city_feed(), "minik_settings.txt", "version,3", "version,4")
    swapped = changed(newer, "rider_categories.txt", "adult,Adult,1,\nreduced,Reduced,0,",
                      "reduced,Reduced,0,\nadult,Adult,1,")
    write_feed(swapped, city / "newer.zip")
    scenario = load(city, CITY_SAMPLE)
    kept = scenario.tariffs.installs["newer.zip"].loaded.tables.categories
    assert [row.id for row in kept] == ["adult", "reduced"]


def test_a_compiled_one_that_gives_a_code_another_meaning_is_refused(city):
    newer = changed(city_feed(), "minik_settings.txt", "version,3", "version,4")
    newer = changed(newer, "rider_categories.txt", "adult,Adult,1,\nreduced,Reduced,0,",
                    "reduced,Reduced,0,\nadult,Adult,1,")
    payload = load_tariff(write_feed(newer, city / "swapped")).payload
    (city / "swapped.bin").write_bytes(sign(payload, None))
    assert complaint(city, CITY_SAMPLE.replace("newer.zip", "swapped.bin")) == (
        "step 5: tariff: category 0 is adult in the scenario's tariff and reduced in this one;"
        " compile it with --after the other"
    )


def test_what_the_tariff_no_longer_has_is_not_there(city):
    old = load_tariff(city / "feed")
    fewer = changed(city_feed(), "minik_products.txt", "ten,rides,10,,purchase,,,,90\n", "")
    fewer = changed(fewer, "fare_products.txt", "ten,Ten rides,,card,800.00,KZT\n", "")
    fewer = changed(fewer, "fare_leg_rules.txt", ",bus,,,,,ten,\n", "")
    payload = load_tariff(write_feed(fewer, city / "fewer"), old.tables).payload
    (city / "fewer.bin").write_bytes(sign(payload, None))
    text = CITY_SAMPLE.replace("tariff: feed", "tariff: fewer.bin")
    assert load(city, text).tariffs.base.product_code("weekend") == 8
    assert 'product: "ten" is no product of the tariff; ' in complaint(
        city, text.replace("product: day}", "product: ten}")
    )


def test_what_is_no_tariff_is_put_onto_the_device_as_it_is(city):
    (city / "junk.bin").write_bytes(b"MNKT and no more")
    scenario = load(city, CITY_SAMPLE.replace("newer.zip", "junk.bin"))
    put = scenario.tariffs.installs["junk.bin"]
    assert (put.loaded, put.content) == (None, b"MNKT and no more")
    assert "junk.bin" in complaint(city, CITY_SAMPLE.replace("tariff: feed", "tariff: junk.bin"))


def test_compiled_files_are_tariffs_too_and_a_signature_is_kept(city):
    store = KeyStore.deterministic("somebody else")
    payload = load(city, CITY_SAMPLE).tariffs.installs["newer.zip"].loaded.payload
    (city / "plain.bin").write_bytes(sign(payload, None))
    (city / "signed.bin").write_bytes(sign(payload, store))
    for name in ("plain.bin", "signed.bin"):
        text = CITY_SAMPLE.replace("tariff: feed", f"tariff: {name}")
        assert load(city, text).tariffs.base.tables.version == 4
        put = load(city, CITY_SAMPLE.replace("newer.zip", name)).tariffs.installs[name]
        assert put.loaded.tables.version == 4
        signed_as_it_is = put.content == (city / name).read_bytes()
        assert signed_as_it_is == (name == "signed.bin")
