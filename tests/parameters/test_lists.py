"""Parameters of backgrounds, shadows and absorbers: named as in the configuration, read and set in its units."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cases import small_config

from nbjax import prepare
from nbjax.config.tree import Absorber, Background, Config, Shadow
from nbjax.fit.configuration import fitted_config
from nbjax.parameters import key_of, parameters_of
from nbjax.parameters.plural import beside, path_alone

TABLES: dict[str, tuple[object, ...]] = {
    "background": (
        Background(material="water", thickness_mm=0.1),
        Background(material="air", thickness_mm=20.0, scale=0.5),
    ),
    "shadow": (
        Shadow(distance_mm=20.0, diameter_mm=2.0, offset_mm=(0.1, -0.2)),
        Shadow(kind="arm", distance_mm=21.0, width_mm=0.4, angle_deg=30.0, penumbra_mm=0.1),
    ),
    "absorber": (
        Absorber(diameter_mm=0.2, attenuation_per_mm=3.0),
        Absorber(shape="box", size_mm=(0.1, 0.2, 0.3), attenuation_per_mm=1.0, angle_deg=10.0),
    ),
}


def config(water_um: float = 0.01) -> Config:
    return replace(small_config(crystal={"water_um": water_um}), **TABLES)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("background.0.thickness_mm", [0.1]),
        ("background.1.scale", [0.5]),
        ("shadow.0.diameter_mm", [2.0]),
        ("shadow.0.offset_mm", [0.1, -0.2]),
        ("shadow.1.width_mm", [0.4]),
        ("shadow.1.angle_deg", [30.0]),
        ("absorber.0.attenuation_per_mm", [3.0]),
        ("absorber.1.size_mm", [0.1, 0.2, 0.3]),
        ("absorber.1.angle_deg", [10.0]),
    ],
)
def test_a_number_is_read_set_and_written_under_its_key(path: str, value: list[float]) -> None:
    experiment = prepare(config())
    parameter = parameters_of(experiment)[path]
    assert parameter.get(experiment).tolist() == pytest.approx(value)
    changed = parameter.set(experiment, parameter.get(experiment) * 1.5)
    assert parameter.get(changed).tolist() == pytest.approx([1.5 * number for number in value])
    section, number, name = path.split(".")
    written = getattr(getattr(fitted_config(config(), changed, [path]), section)[int(number)], name)
    assert written == pytest.approx(1.5 * value[0] if len(value) == 1 else [1.5 * number for number in value])


def test_what_a_kind_does_not_have_is_no_parameter() -> None:
    found = set(parameters_of(prepare(config())))
    assert {"shadow.1.width_mm", "absorber.0.diameter_mm"} <= found
    assert not {"shadow.0.width_mm", "shadow.1.length_mm", "shadow.0.angle_deg", "absorber.0.size_mm"} & found


def test_names_of_listed_parameters() -> None:
    assert key_of("shadow.12.offset_mm") == "shadow.offset_mm"
    assert path_alone("shadow.1.offset_mm") == "shadow.1.offset_mm"
    assert beside("background.1.thickness_mm", "background.scale") == "background.1.scale"
