from __future__ import annotations

from pathlib import Path

import pytest

from nbjax.config.kinds import check_kind
from nbjax.config.load import load_config
from nbjax.dataset.load import load_recipe
from nbjax.errors import FileError
from nbjax.fit.settings import load_settings

CONFIGURATION = "[crystal]\ncell_A = [50.0, 50.0, 50.0]\n"
TEXTS = {
    "configuration": CONFIGURATION,
    "dataset": CONFIGURATION + '[dataset]\nkind = "stills"\n',
    "fit": 'config = "a.toml"\n[data]\nfiles = ["a.npy"]\n[parameters.scale]\n',
}
CURES = {
    "configuration": 'the fit\'s own file says config = "CONFIG.toml"',
    "dataset": "nbjax batch DATASET.toml --images N --out DIR makes it",
    "fit": "nbjax fit FIT.toml --out DIR runs it",
}
READERS = {"configuration": load_config, "dataset": load_recipe, "fit": load_settings}


@pytest.mark.parametrize("wanted", READERS)
@pytest.mark.parametrize("given", TEXTS)
def test_a_file_of_another_kind_names_the_command_that_takes_it(given: str, wanted: str, tmp_path: Path) -> None:
    path = tmp_path / "some.toml"
    path.write_text(TEXTS[given])
    if given == wanted or (given, wanted) == ("configuration", "dataset"):
        READERS[wanted](path)
        return
    with pytest.raises(FileError) as caught:
        READERS[wanted](path)
    assert str(caught.value).startswith(f"{path}: ")
    assert CURES[given] in str(caught.value)


def test_what_does_not_tell_its_kind_passes() -> None:
    for wanted in TEXTS:
        check_kind("some.toml", {}, wanted)
        check_kind("some.toml", {"cristal": {}}, wanted)
        check_kind("some.toml", {"beam": {}, "parameters": {}}, wanted)
