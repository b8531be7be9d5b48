"""The tables in docs/metrics.md equal the computed values."""

from pathlib import Path

import pytest

from helpers import conventions_scene

PAGE = Path(__file__).resolve().parents[1] / "docs" / "metrics.md"


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("tracking", conventions_scene.tracking_table),
        ("protocols", conventions_scene.protocol_table),
    ],
)
def test_a_table_of_the_page_equals_the_computed_values(name, table):
    text = PAGE.read_text(encoding="utf-8")
    shown = text.split(f"<!-- {name} -->\n")[1].split("<!-- end -->")[0]
    assert shown.strip().splitlines() == table()
