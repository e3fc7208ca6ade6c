"""Opening a ledger: new, foreign, damaged, locked, another version; what a commit leaves."""

import sqlite3

import pytest

from host_tools.errors import BadInput
from host_tools.ledger import Issue, facts, measure, open_ledger
from host_tools.ledger.reconcile import reconcile
from tests.ledger.world import START, Card, Keys, Validator, issue_all, new_ledger, sync


def refused(url: str, **options) -> str:
    with pytest.raises(BadInput) as caught:
        open_ledger(url, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_new_ledger_is_laid_out_and_opened_again(tmp_path):
    url = f"sqlite:///{tmp_path / 'a.db'}"
    open_ledger(url).close()
    again = open_ledger(url, create=False)
    assert (again.currency, again.exponent, again.amount_text(-12345)) == ("KZT", 2, "-123.45 KZT")
    assert again.names("category") == {0: "adult", 1: "reduced"}


def test_a_bare_path_is_a_sqlite_file(tmp_path):
    open_ledger(str(tmp_path / "a.db")).close()
    assert (tmp_path / "a.db").is_file()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "is empty"),
        ("postgresql://minik:secret@host/db", "PostgreSQL is not supported yet"),
        ("mysql://host/db", "can't live in 'mysql'"),
        ("://", "no database URL"),
        ("sqlite:///nowhere/at/all.db", "the folder nowhere/at does not exist"),
    ],
)
def test_bad_urls(url, says):
    text = refused(url)
    assert says in text
    assert "secret" not in text


def test_nothing_there_and_not_to_be_made(tmp_path):
    assert "there is no ledger here" in refused(str(tmp_path / "a.db"), create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_directory(tmp_path):
    assert "directory" in refused(str(tmp_path))


@pytest.mark.parametrize("create", [True, False])
def test_a_file_that_is_no_database_is_left_alone(tmp_path, create):
    path = tmp_path / "a.db"
    path.write_bytes(b"tap tap tap\n" * 1000)
    assert "no database" in refused(str(path), create=create)
    assert path.read_bytes() == b"tap tap tap\n" * 1000


@pytest.mark.parametrize("create", [True, False])
def test_a_foreign_database_is_left_alone(tmp_path, create):
    path = tmp_path / "a.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE songs (name TEXT)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    assert "not a Minik ledger" in refused(str(path), create=create)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.db"]


def test_another_schema_version(tmp_path):
    path = tmp_path / "a.db"
    open_ledger(str(path)).close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE ledger_meta SET value = '99' WHERE name = 'schema_version'")
    connection.commit()
    connection.close()
    assert "schema version 99" in refused(str(path))


def test_a_damaged_ledger_is_named_and_does_not_balance(tmp_path):
    path = tmp_path / "a.db"
    ledger = new_ledger(path)
    card = Card(b"\x04\x01\x02\x03", 1_000_000)
    issue_all(ledger, [card])
    validator = Validator("V1")
    for _ in range(60):
        validator.tap(card, 5000)
    sync(ledger, validator)
    ledger.close()
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 8192] = b"\xff" * 8192
    path.write_bytes(content)
    found = reconcile(open_ledger(str(path), create=False))
    assert not found.balanced
    assert "the database file is damaged" in found.verdict()


def test_a_locked_ledger_is_named(tmp_path):
    path = tmp_path / "a.db"
    open_ledger(str(path)).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    ledger = open_ledger(str(path), lock_wait_s=0, keys=Keys())
    with pytest.raises(BadInput, match="another process is writing"):
        ledger.register("route", 5, "R5")
    assert reconcile(ledger).balanced, "readers are not held up"
    other.execute("COMMIT")
    ledger.register("route", 5, "R5")
    assert ledger.names("route") == {5: "R5"}


def test_a_writer_holds_the_lock_from_its_first_moment(tmp_path):
    ledger = new_ledger(tmp_path / "a.db")
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None, timeout=0)
    with ledger.writing(), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    with ledger.reading():
        other.execute("BEGIN IMMEDIATE")
        other.execute("ROLLBACK")


def test_commits_are_synced_to_the_disk(tmp_path):
    ledger = new_ledger(tmp_path / "a.db")
    with ledger.writing() as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"


def test_a_batch_that_fails_half_way_leaves_nothing(tmp_path, monkeypatch):
    ledger = new_ledger(tmp_path / "a.db")
    card = Card(b"\x04\x01\x02\x03", 100_000)
    issue_all(ledger, [card])
    validator = Validator("V1")
    validator.tap(card, 10000)

    def fail(*_):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("host_tools.ledger.ingest.write_postings", fail)
    with pytest.raises(BadInput, match="disk is full"):
        sync(ledger, validator)
    monkeypatch.undo()
    assert ledger.position("V1", validator.journal_id)[0] == 0
    with ledger.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM records").scalar() == 0
    sync(ledger, validator)
    assert ledger.totals() == (1, 10000)


def test_a_stranger_has_no_position():
    ledger = new_ledger()
    assert ledger.device_keys("X1", bytes(4)) is None
    with pytest.raises(BadInput, match="no device 'X1'"):
        ledger.position("X1", bytes(4))


def test_a_card_is_booked_once():
    ledger = new_ledger()
    issue = Issue("04010203", 7, 1, 5000, START)
    ledger.issue(issue)
    with pytest.raises(BadInput, match="booked already"):
        ledger.issue(issue)
    with pytest.raises(BadInput, match="booked already"), ledger.booking("04010203"):
        pytest.fail("the sale must not begin")


def test_codes_get_names_and_the_latest_wins():
    ledger = new_ledger()
    ledger.register("stop", 1, "S1")
    ledger.register("stop", 1, "Main square")
    assert ledger.names("stop") == {1: "Main square"}
    with pytest.raises(BadInput, match="none of vehicle, route"):
        ledger.register("colour", 1, "red")


def test_look_ups_never_walk_through_a_whole_table():
    ledger = new_ledger()
    with ledger.writing() as connection:
        facts.fetch(connection, {("04010203", 2)})
        for query in (facts._INTENTS, facts._TAPS, facts._TRANSACTIONS):
            text = str(query.compile(ledger._engine))
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").all()
            steps = [row[3] for row in plan if "batch_numbers" not in row[3]]
            assert any("SEARCH" in step and "card_seq=?" in step for step in steps), steps
            assert not any(step.startswith("SCAN") for step in steps), steps


def test_the_measured_rides_are_good_rides():
    ledger = new_ledger()
    journal = measure.ride_records(2001)
    ledger.commit("V1", b"\x00\x00\x00\x01", 0, journal)
    assert ledger.totals() == (1000, 1000 * 10000)
    found = reconcile(ledger)
    assert found.findings == []
    assert {problem.kind for problem in found.problems} == {"unbooked"}
    figures = measure.ingest_benchmark(201, batch=64)
    assert figures.ours_rows_s > 0
    assert figures.executemany_rows_s > 0


def test_a_ledger_that_may_only_be_read_is_read(tmp_path, monkeypatch):
    path = tmp_path / "a #1.db"
    ledger = open_ledger(str(path))
    ledger.issue(Issue("04010203", 7, 1, 5000, START))
    ledger.close()
    monkeypatch.setattr("host_tools.ledger.database.os.access", lambda *_: False)
    archive = open_ledger(str(path), create=False)
    assert reconcile(archive).cash == 5000
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    with pytest.raises(BadInput, match="its folder, may only be read"):
        archive.issue(Issue("04010204", 8, 1, 5000, START))
    archive.close()
