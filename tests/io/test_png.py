from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cases import images
from PIL import Image

from nbjax.io.png import grey, write_png


def shown(path: Path, image: np.ndarray) -> np.ndarray:
    write_png(path, image)
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.mode == "L"
        return np.asarray(picture)


def test_spots_are_dark_on_white_pixel_by_pixel(tmp_path: Path) -> None:
    image = images("lyso_default")["c"]
    picture = shown(tmp_path / "a.png", image)
    assert picture.shape == image.shape
    assert np.median(picture) > 245
    assert picture[np.unravel_index(image.argmax(), image.shape)] == 0


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_an_image_without_contrast_is_white(value: float, tmp_path: Path) -> None:
    assert (shown(tmp_path / "a.png", np.full((4, 5), value)) == 255).all()


def test_weak_spots_stay_visible_beside_a_very_bright_one() -> None:
    image = np.zeros((100, 100))
    image[::10, ::10] = 100.0 * np.random.default_rng(0).uniform(0.5, 2.0, (10, 10))
    image[50, 50] = 1e9
    black = grey(image)
    assert black[50, 50] == 255
    assert black[::10, ::10].min() > 25
    assert np.count_nonzero(black) == 100


def test_single_photons_are_visible() -> None:
    image = np.zeros((50, 50))
    image[3, 4:40:2] = 1.0
    image[5, 5] = 60.0
    black = grey(image)
    assert black[3, 4] > 25
    assert black[5, 5] == 255
    assert black[0, 0] == 0


def test_a_background_stays_light_and_spots_stand_out() -> None:
    rng = np.random.default_rng(0)
    mean = np.full((200, 200), 300.0)
    mean[::20, ::20] += 400.0
    black = grey(rng.poisson(mean))
    background = np.delete(np.delete(black, np.s_[::20], 0), np.s_[::20], 1)
    assert np.median(background) < 128
    assert black[::20, ::20].min() > np.percentile(background, 99.9)


def test_order_is_kept() -> None:
    image = images("mosaic_phi")["c"].ravel()
    black = grey(image.reshape(128, 128)).ravel()
    assert (np.diff(black[np.argsort(image)].astype(int)) >= 0).all()
