"""A cooperative of its own for each test, and people in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from coop.db.engine import Database
from coop.kernel.ids import uuid7
from coop.members import queries, service
from coop.members.domain.people import Member
from coop.members.domain.roles import Role, RoleGrant, Viewer, system_viewer

BEGIN = date(2026, 1, 1)


def at() -> datetime:
    return datetime.now(UTC)


def system() -> Viewer:
    return system_viewer(at())


@dataclass(frozen=True)
class Town:
    """One cooperative, and short ways of asking things of it."""

    database: Database
    id: UUID
    slug: str

    async def order(self, do: Any, *given: Any, by: Viewer | None = None, **named: Any) -> Any:
        """One order in one unit of work, as the system unless `by` says otherwise."""
        viewer = by or system()
        return await self.database.unit_of_work(
            self.id, lambda connection: do(connection, viewer, self.id, *given, **named)
        )

    async def ask(self, question: Any, *given: Any, **named: Any) -> Any:
        async with self.database.snapshot(self.id) as connection:
            return await question(connection, self.id, *given, **named)

    async def admit(self, name: str, **named: Any) -> Member:
        found: Member = await self.order(
            service.admit_member, name=name, **{"joined_on": BEGIN, **named}
        )
        return found

    async def grant(self, subject: str, role: Role, **named: Any) -> RoleGrant:
        found: RoleGrant = await self.order(
            service.grant_role, subject=subject, role=role, **{"from_on": BEGIN, **named}
        )
        return found

    async def viewer(self, subject: str) -> Viewer:
        async with self.database.snapshot(None) as connection:
            return await queries.viewer_of(connection, subject, at())

    async def token(self, subject: str, by: Viewer | None = None, **named: Any) -> Any:
        given = {
            "name": "fund reports", "scopes": ["grant:read"], "grant_ids": [UUID(int=21)],
            "expires_at": at() + timedelta(days=30),
        }  # fmt: skip
        return await self.order(
            service.create_access_token, subject=subject, by=by, **{**given, **named}
        )


async def found(database: Database, **named: Any) -> Town:
    """A new cooperative."""
    new = uuid7()
    slug = f"town-{new.hex[-12:]}"
    town = Town(database, new, slug)
    given = {"slug": slug, "name": "Nor", "currency": "NOK", "time_zone": "Europe/Oslo"}
    await database.unit_of_work(
        new,
        lambda connection: service.create_cooperative(
            connection, system(), new, **{**given, **named}
        ),
    )
    return town
