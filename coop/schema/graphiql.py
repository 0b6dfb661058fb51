"""GraphiQL from our own files: works offline, loads nothing from elsewhere, stores no header."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

FILES: Final = Path(__file__).parent / "static" / "graphiql"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; font-src 'self' data:; img-src 'self' data:; "
    "style-src 'self' 'unsafe-inline'; "  # the editor places text by inline styles
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>coop GraphiQL</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{files}/graphiql.min.css">
<link rel="stylesheet" href="{files}/explorer.css">
<link rel="stylesheet" href="{files}/page.css">
</head>
<body>
<div id="graphiql" data-endpoint="{endpoint}">Loading…</div>
<script src="{files}/react.production.min.js"></script>
<script src="{files}/react-dom.production.min.js"></script>
<script src="{files}/graphiql.min.js"></script>
<script src="{files}/explorer.umd.js"></script>
<script src="{files}/start.js"></script>
</body>
</html>
"""


def graphiql_routes(path: str = "/graphiql", endpoint: str = "/graphql") -> list[BaseRoute]:
    """The page at `path`, asking the API at `endpoint`, and the files it is made of."""
    page = _PAGE.format(files=escape(f"{path}/files"), endpoint=escape(endpoint))

    async def graphiql(_request: Request) -> HTMLResponse:
        return HTMLResponse(page, headers=_HEADERS)

    return [Route(path, graphiql), Mount(f"{path}/files", StaticFiles(directory=FILES))]
