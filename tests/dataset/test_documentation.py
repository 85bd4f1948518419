"""The page of datasets lists every key."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from nbjax.dataset.section import DatasetSection, Draw, Labels

PAGE = Path(__file__).parents[2] / "docs" / "datasets.md"


@pytest.mark.parametrize(
    ("heading", "kind"),
    [("[dataset]", DatasetSection), ("[[dataset.draws]]", Draw), ("[dataset.labels]", Labels)],
)
def test_every_key_is_documented(heading: str, kind: type) -> None:
    text = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)
    (section,) = (part for part in text if part.startswith(f"`{heading}`"))
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == {field.name for field in fields(kind)}
