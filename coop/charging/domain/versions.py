"""Versions of tariffs: which one is in force where, for whom, when."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from coop.charging.domain.tariff import Tariff, read_tariff
from coop.kernel.ids import HubId
from coop.members.domain.classes import NO_CLASS

# (hub or None for every hub, class or "" for every class)
Scope = tuple[HubId | None, str]


@dataclass(frozen=True, slots=True)
class TariffVersion:
    """A tariff of a hub (None: of every hub) for a class (empty: for every class).

    Sessions that start at or after `from_at` are charged by it, until the next. `document` is
    canonical JSON, `corrects_id` the version whose place it takes.
    """

    cooperative_id: UUID
    id: UUID
    hub_id: HubId | None
    member_class: str
    version: int
    from_at: datetime
    name: str
    currency: str
    document: str
    document_sha256: bytes
    corrects_id: UUID | None
    resolution: str | None
    set_by: str
    set_at: datetime

    @property
    def scope(self) -> Scope:
        """Where and for whom it is."""
        return (self.hub_id, self.member_class)

    @property
    def tariff(self) -> Tariff:
        """The document, read."""
        return _read(self.document)


@lru_cache(maxsize=1024)
def _read(document: str) -> Tariff:
    return read_tariff(document)


def sha256_of(document: str) -> bytes:
    """The hash of a canonical document."""
    return hashlib.sha256(document.encode()).digest()


class TariffBook:
    """Versions, found by scope and instant."""

    def __init__(self, versions: Iterable[TariffVersion]) -> None:
        self._by_id = {one.id: one for one in versions}
        self._by_scope: dict[Scope, list[TariffVersion]] = {}
        for one in sorted(self._by_id.values(), key=_order):
            self._by_scope.setdefault(one.scope, []).append(one)

    def add(self, version: TariffVersion) -> None:
        """Know one more."""
        self._by_id[version.id] = version
        known = self._by_scope.setdefault(version.scope, [])
        known.append(version)
        known.sort(key=_order)

    def get(self, id_: UUID) -> TariffVersion | None:
        """The version of that id."""
        return self._by_id.get(id_)

    def prices(self, hub_id: HubId) -> bool:
        """Whether anything is said of sessions of any class at the hub."""
        return (hub_id, NO_CLASS) in self._by_scope or (None, NO_CLASS) in self._by_scope

    def in_force(self, hub_id: HubId, member_class: str, at: datetime) -> TariffVersion | None:
        """The version a session that starts at `at` is charged by, or None when there is none.

        The most specific of (hub and class, hub, class, all) that has one; in it the latest begun,
        and of two from one instant the one that corrects the other.
        """
        scopes: list[Scope] = [(hub_id, member_class), (hub_id, NO_CLASS)]
        scopes += [(None, member_class), (None, NO_CLASS)]
        for scope in scopes if member_class else scopes[1::2]:
            found = self._begun(scope, at)
            if found is not None:
                return found
        return None

    def _begun(self, scope: Scope, at: datetime) -> TariffVersion | None:
        known = self._by_scope.get(scope, ())
        place = bisect_right(known, at, key=_from_at)
        return known[place - 1] if place else None


def _order(version: TariffVersion) -> tuple[datetime, int]:
    return (version.from_at, version.version)


def _from_at(version: TariffVersion) -> datetime:
    return version.from_at
