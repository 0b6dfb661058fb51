"""From an Authorization header to the viewer: the one way in for what comes over the network.

    coop_pat_…   its row, in one unit of work that notes its use → its subject's roles, narrowed
    a JWT        verified (bearer.py), remembered for a minute → its subject's roles, one round trip

Roles are read each time, so what was granted or ended counts from the next request on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from coop.db.engine import Database
from coop.kernel.clock import utc_now
from coop.members import queries
from coop.members.bearer import Verifier, bearer_of
from coop.members.domain.access_token import is_access_token, token_key
from coop.members.domain.roles import Viewer
from coop.members.service import viewer_of_token


@dataclass(frozen=True, slots=True)
class Recognised:
    """Who asks, and until when the token says so: a stream ends then at the latest."""

    viewer: Viewer
    expires_at: datetime


async def recognise(
    database: Database, verifier: Verifier, authorization: str | None
) -> Recognised:
    """Who an Authorization header speaks for.

    Refuses UNAUTHENTICATED, TOKEN_INVALID, TOKEN_EXPIRED, TOKEN_REVOKED, KEYS_UNAVAILABLE.
    """
    token = bearer_of(authorization)
    if is_access_token(token):
        key = token_key(token)
        viewer, until = await database.unit_of_work(
            key.cooperative_id, lambda connection: viewer_of_token(connection, key)
        )
        return Recognised(viewer, until)
    principal = await verifier.verify(token)
    return Recognised(await viewer_of_subject(database, principal.subject), principal.expires_at)


async def viewer_of_subject(database: Database, subject: str) -> Viewer:
    """`subject` with its roles as they are now, in one autocommitted round trip."""
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        return await queries.viewer_of(connection, subject, utc_now())
