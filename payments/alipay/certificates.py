"""Certificate mode (公钥证书模式): what the two sides call their certificates, and whether Alipay's are Alipay's.

A certificate is named by the MD5 of its issuer and its serial number (opendocs.alipay.com, 自行实现签名: app_cert_sn,
alipay_root_cert_sn). MD5 is no protection here, only a name; what protects is the chain to a root we hold.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import md5
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from payments.port import NoticeKeyUnknown

PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
RSA_SIGNED = "1.2.840.113549.1.1."  # Alipay's root file holds SM2 roots too, which do not count


@dataclass(frozen=True, slots=True, kw_only=True)
class Certified:
    """A key of Alipay's, good in [starts_at, ends_at): as long as every certificate of its chain is."""

    public_key: RSAPublicKey
    starts_at: datetime
    ends_at: datetime


class CertificateTrust:
    """Our app's certificate, Alipay's certificates side by side, and the roots, as the open platform offers them.

    All are PEM: `app` is appCertPublicKey_….crt, each of `alipay` an alipayCertPublicKey_RSA2.crt (Alipay's own
    certificate, then the one between it and the root), `roots` alipayRootCert.crt. While Alipay changes its
    certificate, the old and the new one are both given. Raises `ValueError` when one does not chain to a root.
    """

    def __init__(self, *, app: bytes, alipay: Sequence[bytes], roots: bytes) -> None:
        anchors = _readable(roots)
        self._parameters = {
            "app_cert_sn": serial_of(x509.load_pem_x509_certificates(app)[0]),
            "alipay_root_cert_sn": root_serials(anchors),
        }
        self._certified = dict(_certify(x509.load_pem_x509_certificates(pem), anchors) for pem in alipay)
        if not self._certified:
            raise ValueError("without a certificate of Alipay's nothing it says can be believed")

    @property
    def parameters(self) -> Mapping[str, str]:
        return self._parameters

    def keys(self, serial: str | None, now: datetime) -> Sequence[RSAPublicKey]:
        """The named certificate's key. A notice names none: then all keys that are good today."""
        if serial is not None and serial not in self._certified:
            raise NoticeKeyUnknown(
                f"Alipay signs with its certificate {serial[:64]!r}, and we hold {', '.join(self._certified)}:"
                " fetch the new one from the open platform"
            )
        named = self._certified.values() if serial is None else (self._certified[serial],)
        good = [one.public_key for one in named if one.starts_at <= now < one.ends_at]
        if not good:
            raise NoticeKeyUnknown("Alipay's certificate is past its dates, or they have not begun")
        return good


def serial_of(certificate: x509.Certificate) -> str:
    """The name of a certificate (SN): its issuer from the last part to the first, then its number in decimal."""
    name = f"{certificate.issuer.rfc4514_string()}{certificate.serial_number}"
    return md5(name.encode(), usedforsecurity=False).hexdigest()


def root_serials(roots: Sequence[x509.Certificate]) -> str:
    """The names of the roots that are signed with RSA, in the order of the file."""
    return "_".join(
        serial_of(root) for root in roots if root.signature_algorithm_oid.dotted_string.startswith(RSA_SIGNED)
    )


def _readable(roots: bytes) -> list[x509.Certificate]:
    """Alipay's roots, but for what cannot be read.

    Its file holds an elliptic one ("… Authority E1") whose encoding is against the rules; it is none that counts.
    """
    found = []
    for pem in PEM.findall(roots):
        try:
            found.append(x509.load_pem_x509_certificate(pem))
        except ValueError:
            continue
    return found


def _certify(chain: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]) -> tuple[str, Certified]:
    """Check the chain, each certificate issued by the next and the last by a root, or raise `ValueError`.

    Ant's certificates do not say which of them may issue others (no basicConstraints, and a wrong key usage). So
    there is at most one between Alipay's and the root, as Ant has it: every merchant holds a certificate issued by
    that one, and could else be taken for an authority.
    """
    leaf, last = chain[0], chain[-1]
    if last in roots and len(chain) > 1:  # some files end with the root itself
        chain = chain[:-1]
        last = chain[-1]
    root = next((root for root in roots if _issued(last, root)), None)
    if root is None or len(chain) > 2 or not all(_issued(one, issuer) for one, issuer in pairwise(chain)):
        raise ValueError("Alipay's certificate does not chain to a root of ours")
    public_key = leaf.public_key()
    if not isinstance(public_key, RSAPublicKey):
        raise ValueError("Alipay's certificate holds no RSA key")
    whole = [*chain, root]
    return serial_of(leaf), Certified(
        public_key=public_key,
        starts_at=max(one.not_valid_before_utc for one in whole),
        ends_at=min(one.not_valid_after_utc for one in whole),
    )


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    if certificate.issuer != issuer.subject:
        return False  # first, since the keys of Alipay's SM2 roots cannot even be read
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
