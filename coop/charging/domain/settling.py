"""Which rows of a chunk are new, which are here already, which contradict what is here. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from coop.charging.domain.session import Identity, Reading
from coop.charging.errors import SessionConflict
from coop.kernel.errors import Refusal


@dataclass(slots=True)
class Settled:
    """Positions in the chunk, in order; `refused` carries why."""

    fresh: list[int] = field(default_factory=list)
    duplicates: list[int] = field(default_factory=list)
    filtered: list[int] = field(default_factory=list)
    refused: list[tuple[int, Refusal]] = field(default_factory=list)


def settle(readings: Sequence[Reading], known: Mapping[Identity, bytes]) -> Settled:
    """Sort a chunk's readings, given the body hash of each identity that is stored.

    Of two rows with one identity in the chunk the first counts: an equal second is a duplicate, a
    different one is refused with SESSION_CONFLICT, like one that differs from what is stored.
    """
    found = Settled()
    bodies = dict(known)
    for position, reading in enumerate(readings):
        session = reading.session
        if reading.refusal is not None:
            found.refused.append((position, reading.refusal))
        elif session is None:
            found.filtered.append(position)
        elif session.identity not in bodies:
            bodies[session.identity] = session.body_sha256
            found.fresh.append(position)
        elif bodies[session.identity] == session.body_sha256:
            found.duplicates.append(position)
        else:
            found.refused.append((position, _conflict(session.identity)))
    return found


def _conflict(identity: Identity) -> Refusal:
    name = " ".join(identity)
    return SessionConflict(f"{name} is here already with other facts; a session never changes.")
