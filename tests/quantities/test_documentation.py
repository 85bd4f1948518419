from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from nbjax.config.edit import section_types
from nbjax.quantities import QUANTITIES, UNITS

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
SECTIONS = dict(re.findall(r"^## `\[+(\w+)\]+`$(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("section", SECTIONS)
def test_units_and_usual_ranges_are_those_of_the_table(section: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \|([^|]*)\|([^|]*)\|", SECTIONS[section], re.MULTILINE)
    listed = {f"{section}.{key}": (unit.strip(), usual.strip()) for key, unit, usual in rows}
    wanted = {
        key: (UNITS[quantity.unit].shown, quantity.range_shown)
        for key, quantity in QUANTITIES.items()
        if quantity.section == section and quantity.name in {field.name for field in fields(section_types()[section])}
    }
    assert {key: listed.get(key) for key in wanted} == wanted
