"""A code as a picture for a phone's screen or for paper.

A normal QR (never Micro QR, which common scanners can't read) with error level Q: 24 digits are version 1-Q, the
smallest there is, and a quarter of it may be scratched or glaring.
"""

from functools import lru_cache
from io import BytesIO

import qrcode
from qrcode.constants import ERROR_CORRECT_M, ERROR_CORRECT_Q
from qrcode.image.pure import PyPNGImage
from qrcode.image.svg import SvgPathFillImage

BORDER_MODULES = 4  # the quiet zone that ISO/IEC 18004 asks for
PNG_PIXELS_A_MODULE = 12
KEPT = 512  # drawing takes some 8 ms of CPU; a phone that asks again, or under 15 aliases, gets the same pictures


@lru_cache(KEPT)
def svg(code: str) -> bytes:
    """An SVG document with a white ground, sharp at every size."""
    return _picture(code, SvgPathFillImage, 10)


@lru_cache(KEPT)
def pass_svg(digits: str) -> bytes:
    """A voucher's pass: 212 digits are version 6 at level M, 41 modules, which a phone's screen shows large enough."""
    stream = BytesIO()
    qr = pass_qr(digits)
    qr.make_image(image_factory=SvgPathFillImage).save(stream)
    return stream.getvalue()


def pass_qr(digits: str) -> "qrcode.QRCode":
    qr = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=BORDER_MODULES)
    qr.add_data(digits, optimize=0)
    qr.make(fit=True)
    return qr


@lru_cache(KEPT)
def png(code: str) -> bytes:
    """A black and white PNG, 12 pixels a module: 348 × 348 for a code of 24 digits."""
    return _picture(code, PyPNGImage, PNG_PIXELS_A_MODULE)


def _picture(code: str, kind: type[SvgPathFillImage] | type[PyPNGImage], box_size: int) -> bytes:
    stream = BytesIO()
    _qr(code, box_size=box_size).make_image(image_factory=kind).save(stream)
    return stream.getvalue()


def _qr(code: str, *, box_size: int) -> "qrcode.QRCode":
    qr = qrcode.QRCode(error_correction=ERROR_CORRECT_Q, border=BORDER_MODULES, box_size=box_size)
    qr.add_data(code)
    qr.make(fit=True)
    return qr
