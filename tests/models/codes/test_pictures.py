"""A code's picture holds the code, in the smallest normal QR, with error level Q and a quiet zone."""

from collections.abc import Callable
from io import BytesIO
from xml.etree import ElementTree

import png as pypng
import pytest

from models.codes import pictures
from tests.models.codes import qr_reader

CODES = ["133931153232591335073807", "200000000000000000000048", "199999999999999999999995"]


@pytest.mark.parametrize("code", CODES)
def test_the_png_reads_back_as_the_code_with_error_level_q(code: str) -> None:
    level, digits = qr_reader.read(_inner_modules(pictures.png(code)))
    assert (level, digits) == ("Q", code)


def test_the_png_has_four_light_modules_on_every_side() -> None:
    grid = _modules(pictures.png(CODES[0]))
    assert len(grid) == 21 + 2 * 4
    edges = [*grid[:4], *grid[-4:], *(row[:4] for row in grid), *(row[-4:] for row in grid)]
    assert not any(dark for edge in edges for dark in edge)
    assert grid[4][4], "the finder begins right after the quiet zone"


def test_the_svg_is_one_document_with_a_white_ground_and_the_same_size_in_modules() -> None:
    root = ElementTree.fromstring(pictures.svg(CODES[0]))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("viewBox") == "0 0 29 29"
    ground, dark = list(root)
    assert (ground.get("fill"), ground.get("width")) == ("white", "100%")
    assert dark.tag.endswith("path")


def test_the_svg_and_the_png_show_the_same_modules() -> None:
    path = list(ElementTree.fromstring(pictures.svg(CODES[0])))[1].get("d") or ""
    dark_in_svg = {tuple(int(n) for n in move.split("H")[0].split(",")) for move in path.split("M")[1:]}
    dark_in_png = {
        (x, y) for y, row in enumerate(_modules(pictures.png(CODES[0]))) for x, dark in enumerate(row) if dark
    }
    assert dark_in_svg == dark_in_png


def _modules(picture: bytes) -> list[list[bool]]:
    side, height, rows, _ = pypng.Reader(file=BytesIO(picture)).asRGB8()
    assert side == height
    step = pictures.PNG_PIXELS_A_MODULE
    return [[row[3 * x] == 0 for x in range(0, side, step)] for row in list(rows)[::step]]


def _inner_modules(picture: bytes) -> list[list[bool]]:
    return [row[4:-4] for row in _modules(picture)[4:-4]]


@pytest.mark.parametrize("draw", [pictures.svg, pictures.png])
def test_a_code_that_is_asked_for_again_is_not_drawn_again(draw: Callable[[str], bytes]) -> None:
    """One request under 15 aliases would else cost 4 s of CPU."""
    assert draw("1" * 24) is draw("1" * 24)
