"""The MLS encodings that a DAVE delivery service needs (RFC 9420; DAVE whitepaper, "Delivery Service").

Ciphersuite 2: P-256, AES-128-GCM, SHA-256. The service never decrypts anything. It makes external proposals, and it
parses commits only to find their end and their proposals.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

# Values of enumerations in RFC 9420.
_MLS10 = 1
_PUBLIC_MESSAGE = 1
_SENDER_MEMBER, _SENDER_EXTERNAL = 1, 2
_CONTENT_PROPOSAL, _CONTENT_COMMIT = 2, 3
_PROPOSAL_ADD, _PROPOSAL_REMOVE = 1, 3
_REFERENCE = 2
_BASIC_CREDENTIAL = 1


class MlsError(ValueError):
    """Bytes do not encode the expected MLS structure."""


def vector(data: bytes) -> bytes:
    """``data`` with its length in front, as a QUIC variable-length integer (RFC 9420 section 2.1.2)."""
    length = len(data)
    if length < 1 << 6:
        return bytes([length]) + data
    if length < 1 << 14:
        return struct.pack(">H", 0x4000 | length) + data
    return struct.pack(">I", 0x8000_0000 | length) + data


@dataclass(slots=True)
class _Reader:
    data: bytes
    at: int = 0

    def take(self, count: int) -> bytes:
        end = self.at + count
        if end > len(self.data):
            raise MlsError("the message ends too early")
        part, self.at = self.data[self.at : end], end
        return part

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self) -> bytes:
        first = self.number(1)
        size = 1 << (first >> 6)
        if size == 8:
            raise MlsError("a length that MLS does not allow")
        return self.take(int.from_bytes(bytes([first & 0x3F]) + self.take(size - 1), "big"))


class ExternalSender:
    """The delivery service's signing key, and the proposals that are signed with it."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        point = self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.package = vector(point) + struct.pack(">H", _BASIC_CREDENTIAL) + vector(b"seiyuu-sandbox")
        """The payload of op 25."""

    def add(self, group: int, epoch: int, key_package: bytes) -> bytes:
        """A signed proposal to add the member with this key package."""
        return self._propose(group, epoch, struct.pack(">H", _PROPOSAL_ADD) + key_package)

    def remove(self, group: int, epoch: int, leaf: int) -> bytes:
        """A signed proposal to remove the member at a leaf."""
        return self._propose(group, epoch, struct.pack(">HI", _PROPOSAL_REMOVE, leaf))

    def _propose(self, group: int, epoch: int, proposal: bytes) -> bytes:
        content = (
            vector(struct.pack(">Q", group))
            + struct.pack(">QBI", epoch, _SENDER_EXTERNAL, 0)
            + vector(b"")
            + bytes([_CONTENT_PROPOSAL])
            + proposal
        )
        head = struct.pack(">HH", _MLS10, _PUBLIC_MESSAGE)
        signed = vector(b"MLS 1.0 FramedContentTBS") + vector(head + content)
        return head + content + vector(self._key.sign(signed, ec.ECDSA(hashes.SHA256())))


@dataclass(frozen=True, slots=True)
class Commit:
    """The parts of a commit that a delivery service reads. ``message`` is the commit, ``welcome`` follows it."""

    message: bytes
    welcome: bytes
    epoch: int
    sender_leaf: int
    references: int
    """The number of proposals in the commit."""


def parse_commit(data: bytes) -> Commit:
    """Split the payload of op 28 into the commit and the welcome that follows it.

    Raises:
        MlsError: the payload does not begin with a member's commit.
    """
    reader = _Reader(data)
    if (reader.number(2), reader.number(2)) != (_MLS10, _PUBLIC_MESSAGE):
        raise MlsError("not a public MLS 1.0 message")
    reader.vector()
    epoch = reader.number(8)
    if reader.number(1) != _SENDER_MEMBER:
        raise MlsError("the commit does not come from a member")
    sender_leaf = reader.number(4)
    reader.vector()
    if reader.number(1) != _CONTENT_COMMIT:
        raise MlsError("not a commit")
    references = _count_references(reader.vector())
    if reader.number(1):
        _skip_leaf_node(reader)
        reader.vector()
    for _ in ("signature", "confirmation tag", "membership tag"):
        reader.vector()
    return Commit(data[: reader.at], data[reader.at :], epoch, sender_leaf, references)


def _count_references(proposals: bytes) -> int:
    reader, count = _Reader(proposals), 0
    while reader.at < len(proposals):
        if reader.number(1) != _REFERENCE:
            raise MlsError("the commit contains a proposal itself, not a reference to a proposal")
        reader.vector()
        count += 1
    return count


def _skip_leaf_node(reader: _Reader) -> None:
    reader.vector()
    reader.vector()
    if reader.number(2) != _BASIC_CREDENTIAL:
        raise MlsError("an unknown kind of credential")
    reader.vector()
    for _ in ("versions", "ciphersuites", "extensions", "proposals", "credentials"):
        reader.vector()
    match reader.number(1):
        case 1:
            reader.take(16)
        case 3:
            reader.vector()
        case 2:
            pass
        case source:
            raise MlsError(f"an unknown source of a leaf node: {source}")
    reader.vector()
    reader.vector()
