"""From an Authorization header to the viewer: the one way in for what comes over the network.

    coop_pat_…   its row, in one unit of work that notes its use → its subject's roles, narrowed
    a JWT        verified (bearer.py), remembered for a minute → its subject's roles, one round trip

Roles are read when they are asked for and kept for a second, and whoever asks for the same subject
meanwhile waits for the same answer: what was granted or ended counts within a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from time import monotonic_ns
from typing import Final

from coop.db.engine import Database
from coop.kernel.clock import utc_now
from coop.members import queries
from coop.members.bearer import Verifier, bearer_of
from coop.members.domain.access_token import is_access_token, token_key
from coop.members.domain.roles import Viewer
from coop.members.service import viewer_of_token

KEEP_S: Final = 1.0
KEPT_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Recognised:
    """Who asks, and until when the token says so: a stream ends then at the latest."""

    viewer: Viewer
    expires_at: datetime


class Recogniser:
    """Recognises whoever comes to one server process. `clock_ns` is monotonic."""

    def __init__(
        self,
        database: Database,
        verifier: Verifier,
        *,
        keep_s: float = KEEP_S,
        clock_ns: Callable[[], int] = monotonic_ns,
    ) -> None:
        self._database = database
        self._verifier = verifier
        self._keep_ns = int(keep_s * 1_000_000_000)
        self._clock_ns = clock_ns
        self._asked: dict[str, tuple[int, asyncio.Future[Viewer]]] = {}

    async def recognise(self, authorization: str | None) -> Recognised:
        """Who an Authorization header speaks for.

        Refuses UNAUTHENTICATED, TOKEN_INVALID, TOKEN_EXPIRED, TOKEN_REVOKED, KEYS_UNAVAILABLE.
        """
        token = bearer_of(authorization)
        if is_access_token(token):
            key = token_key(token)
            viewer, until = await self._database.unit_of_work(
                key.cooperative_id, lambda connection: viewer_of_token(connection, key)
            )
            return Recognised(viewer, until)
        principal = await self._verifier.verify(token)
        return Recognised(await self._viewer(principal.subject), principal.expires_at)

    async def _viewer(self, subject: str) -> Viewer:
        now = self._clock_ns()
        kept = self._asked.get(subject)
        if kept is None or now >= kept[0]:
            if len(self._asked) >= KEPT_MAX:
                self._asked.clear()
            asking = asyncio.ensure_future(viewer_of_subject(self._database, subject))
            kept = self._asked[subject] = (now + self._keep_ns, asking)
        try:
            return await asyncio.shield(kept[1])
        except BaseException:
            if self._asked.get(subject) is kept and kept[1].done():
                del self._asked[subject]
            raise


async def viewer_of_subject(database: Database, subject: str) -> Viewer:
    """`subject` with its roles as they are now, in one autocommitted round trip."""
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        return await queries.viewer_of(connection, subject, utc_now())
