from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cases import CASES, GOLDEN, INPUTS, images

from nbjax.errors import FileError
from nbjax.io.smv import header_number, header_overflows, read_smv, write_smv

PIXELS = np.arange(6, dtype=np.uint16).reshape(2, 3) * 10000


def words_of(text: str) -> list[tuple[str, str]]:
    """Header words after the six that describe the pixels themselves."""
    lines = text.split("}")[0].splitlines()[1:]
    return [(key, value) for key, _, value in (line.rstrip(";").partition("=") for line in lines)][6:]


def smv(header: str, data: bytes, size: int = 512) -> bytes:
    return f"{{\nHEADER_BYTES={size};\n{header}}}\f".encode().ljust(size) + data


@pytest.mark.parametrize("case", CASES)
def test_headers_are_those_of_the_c_program(case: str, tmp_path: Path) -> None:
    text = (GOLDEN / case / "smv_header.txt").read_text()
    size = dict(line.rstrip(";").split("=") for line in text.splitlines() if line.startswith("SIZE"))
    pixels = np.zeros((int(size["SIZE2"]), int(size["SIZE1"])), np.uint16)
    write_smv(tmp_path / "a.img", pixels, words_of(text), reference_overflow=True)
    content = (tmp_path / "a.img").read_bytes()
    assert content == text.encode().ljust(512) + bytes(2 * pixels.size)
    assert header_overflows(pixels.shape, words_of(text)) == (len(text) > 512)


@pytest.mark.parametrize("case", CASES)
def test_headers_fit_and_pixels_survive(case: str, tmp_path: Path) -> None:
    words = words_of((GOLDEN / case / "smv_header.txt").read_text())
    pixels = images(case)["c_int"]
    write_smv(tmp_path / "a.img", pixels, words)
    found = read_smv(tmp_path / "a.img")
    assert found.pixels.dtype == np.uint16
    np.testing.assert_array_equal(found.pixels, pixels)
    assert {key: found.header[key] for key, _ in words} == dict(words)


@pytest.mark.parametrize(("text_bytes", "size"), [(150, 512), (512, 512), (514, 1024), (1024, 1024), (5000, 5120)])
def test_the_header_is_the_least_multiple_of_512(text_bytes: int, size: int, tmp_path: Path) -> None:
    start = (
        f"{{\nHEADER_BYTES={size};\nDIM=2;\nBYTE_ORDER=little_endian;\nTYPE=unsigned_short;\nSIZE1=3;\nSIZE2=2;\nKEY="
    )
    value = "v" * (text_bytes - len(start) - len(";\n}\f"))
    write_smv(tmp_path / "a.img", PIXELS, [("KEY", value)])
    assert (tmp_path / "a.img").read_bytes() == f"{start}{value};\n}}\f".encode().ljust(size) + PIXELS.tobytes()
    np.testing.assert_array_equal(read_smv(tmp_path / "a.img").pixels, PIXELS)


def test_byte_order_size_and_repeated_keys(tmp_path: Path) -> None:
    header = "SIZE1=9;\nSIZE1= 3 ;\nSIZE2=2;\nEMPTY=\nBYTE_ORDER=big_endian;\nDISTANCE=1;\nDISTANCE=2;\nNAME=a b"
    (tmp_path / "a.img").write_bytes(smv(header, PIXELS.astype(">u2").tobytes(), 1024))
    found = read_smv(tmp_path / "a.img")
    np.testing.assert_array_equal(found.pixels, PIXELS)
    assert found.pixels.dtype.isnative
    assert (found.header["DISTANCE"], found.header["EMPTY"], found.header["NAME"]) == ("2", "", "a b")


@pytest.mark.parametrize("order", ["little_endian", "big_endian"])
@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("TYPE=unsigned_short", "u2"),
        ("TYPE=signed_short", "i2"),
        ("TYPE=long", "i4"),
        ("TYPE=float", "f4"),
        ("Data_type=short int", "i2"),
        ("Data_type=unsigned short int", "u2"),
        ("Data_type=long int", "i4"),
        ("Data_type=unsigned long int", "u4"),
        ("Data_type=float IEEE", "f4"),
        ("Data_type=signed char", "i1"),
        ("Data_type=unsigned char", "u1"),
        ("TYPE=unsigned_short;\nData_type=long int", "i4"),
    ],
)
def test_pixels_have_the_type_and_the_order_of_the_header(words: str, kind: str, order: str, tmp_path: Path) -> None:
    pixels = np.array([[0, 1, 2], [127, 100, 3]]) - (100 if kind[0] in "if" else 0)
    stored = pixels.astype(np.dtype(kind).newbyteorder(">" if order[0] == "b" else "<"))
    (tmp_path / "a.img").write_bytes(smv(f"SIZE1=3;\nSIZE2=2;\nBYTE_ORDER={order};\n{words};\n", stored.tobytes()))
    found = read_smv(tmp_path / "a.img").pixels
    assert found.dtype == np.dtype(kind)
    np.testing.assert_array_equal(found, pixels)


@pytest.mark.parametrize("end", ["}\f", "}\n\f\n"])
def test_nested_braces_and_long_headers_keep_every_word(end: str, tmp_path: Path) -> None:
    words = "NOTE={a {b} c};\n" + "".join(f"KEY{i}=value {i};\n" for i in range(300)) + "SIZE1=3;\nSIZE2=2;\n"
    text = f"{{\nHEADER_BYTES= 8192;\n{words}ADC_OFFSET=7;\n{end}".encode().ljust(8192)
    (tmp_path / "a.img").write_bytes(text + PIXELS.tobytes())
    found = read_smv(tmp_path / "a.img")
    assert (found.header["NOTE"], found.header["KEY299"], found.header["ADC_OFFSET"]) == ("{a {b} c}", "value 299", "7")
    np.testing.assert_array_equal(found.pixels, PIXELS)


def test_a_brace_that_does_not_pair_hides_no_word(tmp_path: Path) -> None:
    (tmp_path / "a.img").write_bytes(smv("NOTE={ of a user;\nSIZE1=3;\nSIZE2=2;\n", PIXELS.tobytes()))
    np.testing.assert_array_equal(read_smv(tmp_path / "a.img").pixels, PIXELS)


def test_three_dimensions_are_a_stack(tmp_path: Path) -> None:
    both = np.stack([PIXELS, PIXELS + 1])
    (tmp_path / "a.img").write_bytes(smv("DIM=3;\nSIZE1=3;\nSIZE2=2;\nSIZE3=2;\n", both.tobytes()))
    np.testing.assert_array_equal(read_smv(tmp_path / "a.img").pixels, both)


def test_the_golden_inputs_are_read() -> None:
    image = read_smv(INPUTS / "header.img")
    assert image.pixels.shape == (96, 128)
    assert header_number(image.header, "PIXEL_SIZE") == 0.15
    assert header_number(image.header, "TWOTHETA") is None
    mask = read_smv(INPUTS / "mask.img").pixels != 0
    assert 0 < mask.mean() < 1


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "does not look like an SMV image"),
        (b"P5\n2 2\n255\n1234", "does not look like an SMV image"),
        (b"{\nDIM=2;\n}", "does not look like an SMV image"),
        (smv("SIZE1=3;\n", bytes(12)), "lacks whole numbers SIZE1 and SIZE2"),
        (smv("SIZE1=3;\nSIZE2=two;\n", bytes(12)), "lacks whole numbers SIZE1 and SIZE2"),
        (smv("SIZE1=3;\nSIZE2=2;\n", bytes(11)), "is cut short: 3 x 2 pixels need 12 bytes .* it has 11"),
        (smv("SIZE1=3;\nSIZE2=2;\n", bytes(12))[:100], "is cut short"),
        (smv("SIZE1=-3;\nSIZE2=-2;\n", bytes(12)), "has -3 x -2 pixels"),
        (smv("SIZE1=3;\nSIZE2=2;\nTYPE=mad;\n", bytes(24)), "has pixels of TYPE=mad"),
        (smv("SIZE1=3;\nSIZE2=2;\nData_type=Compressed;\n", bytes(24)), "has pixels of Data_type=Compressed"),
        (smv("SIZE1=3;\nSIZE2=2;\nData_type=long int;\n", bytes(23)), "is cut short: 3 x 2 pixels need 24 bytes"),
        (smv("SIZE1=3;\nSIZE2=2;\n", bytes(24)), "does not say their type"),
        (smv("SIZE1=3;\nSIZE2=2;\nBYTE_ORDER=other;\n", bytes(12)), "BYTE_ORDER=other"),
        (smv("SIZE1=3;\nSIZE2=2;\nDIM=3;\n", bytes(12)), "lacks whole numbers SIZE1 and SIZE2 and SIZE3"),
        (smv("SIZE1=1;\nSIZE2=1;\nRAXIS_COMPRESSION_RATIO=8;\n", b"\x00\x80"), "packed by RAXIS_COMPRESSION_RATIO=8"),
    ],
)
def test_other_files_are_refused(content: bytes, problem: str, tmp_path: Path) -> None:
    (tmp_path / "a.img").write_bytes(content)
    with pytest.raises(FileError, match=rf"a\.img: .*{problem}"):
        read_smv(tmp_path / "a.img")


@pytest.mark.parametrize("value", ["", "80 mm", "nan"])
def test_a_word_that_is_no_number_is_refused(value: str) -> None:
    with pytest.raises(FileError, match=f"DISTANCE={value} is not a number"):
        header_number({"DISTANCE": value}, "DISTANCE")
