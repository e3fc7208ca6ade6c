"""Every example in the repository runs on real boards and ends as it says; so does the demo."""

import json
import re
from pathlib import Path

import pytest

from host_tools.bench.read_display import read_display
from host_tools.cli import run as minik

EXAMPLES = Path(__file__).parents[2] / "examples"
DEMO = EXAMPLES / "demo.yaml"


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


def picture_text(path: Path) -> list[str]:
    """The text on a saved picture of a display, read as a person would."""
    from PIL import Image

    with Image.open(path) as picture:
        small = picture.convert("L").resize((128, 64), Image.Resampling.NEAREST)
    lit = small.point(lambda level: 1 if level > 100 else 0)
    return read_display([[lit.getpixel((x, y)) for x in range(128)] for y in range(64)])
