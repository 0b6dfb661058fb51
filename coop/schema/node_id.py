"""Ids as clients see them: opaque, of every type alike, and never refused with a bang.

The text is base64url of "<Type>:<cooperative uuid>:<uuid>", and of ":<number>" after it for what is
numbered within another thing (the lines of an entry). It is no secret and grants nothing: what it
names is read under the viewer's own rights. Nonsense names nothing, so it gives None.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple
from uuid import UUID

from coop.kernel.errors import NotFound

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_PLAIN = re.compile(rf"([A-Z][A-Za-z]{{0,40}}):({_UUID}):({_UUID})(?::(0|[1-9][0-9]{{0,17}}))?")
_TEXT_MAX = 200


class NodeId(NamedTuple):
    """Which type, of which cooperative, which one, and which of its numbered parts."""

    type: str
    cooperative_id: UUID
    id: UUID
    part: int | None = None

    def __str__(self) -> str:
        """The opaque text."""
        plain = f"{self.type}:{self.cooperative_id}:{self.id}"
        if self.part is not None:
            plain += f":{self.part}"
        return urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def node_id_of(text: str) -> NodeId | None:
    """What `text` names, or None when no id is ever written so."""
    if len(text) > _TEXT_MAX or not text.isascii():
        return None
    try:
        plain = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError:  # binascii.Error and UnicodeDecodeError are ValueErrors
        return None
    match = _PLAIN.fullmatch(plain)
    if match is None:
        return None
    part = int(match[4]) if match[4] else None
    named = NodeId(match[1], UUID(match[2]), UUID(match[3]), part)
    return named if str(named) == text else None  # one spelling an id


def node_id_of_type(text: str, type: str, *path: str) -> NodeId:
    """What `text` names if it is a `type`. Refuses NOT_FOUND, at `path` of the input, otherwise."""
    named = node_id_of(text)
    if named is None or named.type != type:
        raise NotFound(f"There is no such {type}.", path)
    return named
