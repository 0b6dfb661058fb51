"""Files by signed links. The signature is the whole authority: it was made for who may read them.

Whatever is wrong (the link, its age, the document, its file) is answered 404 alike.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import quote
from uuid import UUID

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from coop.db.engine import Database
from coop.kernel.clock import utc_now
from coop.kernel.ids import CooperativeId
from coop.reports.errors import DocumentMissing
from coop.reports.links import DocumentLinks
from coop.reports.queries import StoredDocument
from coop.reports.service import statement_document
from coop.reports.store import DocumentStore

log = structlog.get_logger()
_PRIVATE = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}


def download_routes(
    database: Database, links: DocumentLinks, store: DocumentStore
) -> list[BaseRoute]:
    """The route of every document's link."""

    async def download(request: Request) -> Response:
        found = await _document(database, links, request)
        if found is None:
            return _absent()
        pieces = store.read(found.stored_as)
        try:
            # The first piece decides: after it the status is sent.
            first = await anext(pieces, b"")
        except DocumentMissing:
            log.exception("document_missing", document=str(found.id), stored_as=found.stored_as)
            return _absent()
        return StreamingResponse(
            _from(first, pieces), media_type=found.media_type, headers=_headers(found)
        )

    return [Route("/documents/{cooperative}/{document}", download)]


async def _document(
    database: Database, links: DocumentLinks, request: Request
) -> StoredDocument | None:
    """The document that a request's link opens, if it is whole, young and of something."""
    asked = request.query_params
    try:
        cooperative_id = UUID(request.path_params["cooperative"])
        document_id = UUID(request.path_params["document"])
    except ValueError:
        return None
    expires, signature = asked.get("expires", ""), asked.get("signature", "")
    if not links.opens(cooperative_id, document_id, expires, signature, utc_now()):
        return None
    return await statement_document(database, CooperativeId(cooperative_id), document_id)


def _absent() -> Response:
    return PlainTextResponse("There is no such document, or the link has expired.", 404, _PRIVATE)


def _headers(found: StoredDocument) -> dict[str, str]:
    ascii_name = found.file_name.encode("ascii", "replace").decode().replace('"', "'")
    disposition = (
        f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(found.file_name)}"
    )
    return {
        **_PRIVATE,
        "Content-Length": str(found.size_bytes),
        "Content-Disposition": disposition,
        "ETag": f'"{found.sha256.hex()}"',
    }


async def _from(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece
