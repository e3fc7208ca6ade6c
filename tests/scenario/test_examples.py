"""Every example in the repository runs on real boards and ends as it says; so does the demo."""

import json
import re
from pathlib import Path

import pytest

from host_tools.bench.read_display import read_display
from host_tools.bench.scenario import schema
from host_tools.cli import run as minik

EXAMPLES = Path(__file__).parents[2] / "examples"
DEMO = EXAMPLES / "demo.yaml"
DOCS = EXAMPLES.parent / "docs" / "scenarios.md"


@pytest.mark.vm
@pytest.mark.parametrize(
    "path", sorted(set(EXAMPLES.glob("*.yaml")) - {DEMO}), ids=lambda path: path.stem
)
def test_example(path, capsys):
    code = minik(["bench", "run", str(path), "--json"])
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert (code, printed.err) == (0, "")
    assert result["ok"]
    assert result["ledger"]["balanced"]
    assert all(step["ok"] for step in result["steps"])


@pytest.mark.vm
def test_the_demo_tells_its_story_and_the_books_balance(tmp_path, capsys):
    assert minik(["demo", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    lines = printed.out.splitlines()
    assert lines[-1] == "books balance"
    assert "not as expected" not in printed.out
    pictures = re.findall(r"picture (\S+)", printed.out)
    assert len(pictures) > 10
    assert picture_text(Path(pictures[0])) == ["Single ticket ✓", "100.00₸", "Balance 400.00"]
    assert (tmp_path / "demo-ledger.db").stat().st_size > 0
    assert minik(["reconcile", "--db", f"sqlite:///{tmp_path}/demo-ledger.db"]) == 0


@pytest.mark.vm
def test_the_demo_for_machines_is_the_run_and_its_reports(tmp_path, capsys):
    assert minik(["demo", "--out", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    reports = told.pop("reports")
    assert minik(["bench", "run", str(DEMO), "--json"]) == 0
    assert told == json.loads(capsys.readouterr().out)
    assert [(one["report"], one["by"]) for one in reports] == [
        ("revenue", "line"), ("revenue", "category"), ("taps", "device"),
    ]
    for one in reports[:2]:
        assert one["total"]["revenue"] == told["ledger"]["revenue"] > 0


@pytest.mark.vm
def test_the_worked_example_of_the_documentation(tmp_path, capsys):
    path = tmp_path / "worked.yaml"
    path.write_text(re.search(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)[1])
    code = minik(["bench", "run", str(path)])
    assert code == 0, capsys.readouterr().out


def test_the_documentation_names_every_field():
    text = DOCS.read_text()
    models = [schema.Scenario, schema.Device, schema.Medium, schema.Tamper, schema.LinkQuality,
              schema.LedgerExpect, schema.Expect, *schema.STEP_KINDS.values()]
    fields = {name for model in models for name in model.model_fields}
    assert len(fields) > 40
    assert [name for name in sorted(fields) if not re.search(rf"\b{name}\b", text)] == []


def picture_text(path: Path) -> list[str]:
    """The text on a saved picture of a display, read as a person would."""
    from PIL import Image

    with Image.open(path) as picture:
        small = picture.convert("L").resize((128, 64), Image.Resampling.NEAREST)
    lit = small.point(lambda level: 1 if level > 100 else 0)
    return read_display([[lit.getpixel((x, y)) for x in range(128)] for y in range(64)])
