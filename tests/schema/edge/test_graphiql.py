"""GraphiQL: whole, unchanged, ours alone to serve."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha384

import pytest

from coop.schema.graphiql import FILES
from tests.schema.edge.conftest import Client

# As published with the packages and named by the page they were made for.
PUBLISHED = {
    "react.production.min.js": "tMH8h3BGESGckSAVGZ82T9n90ztNXxvdwvdM6UoR56cYcf+0iGXBliJ29D+wZ/x8",
    "react-dom.production.min.js": "bm7MnzvK++ykSwVJ2tynSE5TRdN+xL418osEVF2DE/L/gfWHj91J2Sphe582B1Bh",
    "graphiql.min.js": "HbRVEFG0JGJZeAHCJ9Xm2+tpknBQ7QZmNlO/DgZtkZ0aJSypT96YYGRNod99l9Ie",
    "graphiql.min.css": "Mq3vbRBY71jfjQAt/DcjxUIYY33ksal4cgdRt9U/hNPvHBCaT2JfJ/PTRiPKf0aM",
    "explorer.umd.js": "2oonKe47vfHIZnmB6ZZ10vl7T0Y+qrHQF2cmNTaFDuPshpKqpUMGMc9jgj9MLDZ9",
    "explorer.css": "5DFJlDPW2tSATRbM8kzoP1j194jexLswuNmClWoRr2Q0x7R68JIQzPHZ02Faktwi",
}


def test_the_files_are_those_published_and_within_their_size() -> None:
    for name, digest in PUBLISHED.items():
        assert b64encode(sha384((FILES / name).read_bytes()).digest()).decode() == digest
    assert sum(file.stat().st_size for file in FILES.iterdir()) < 4_500_000
    assert "MIT License" in (FILES / "LICENSES.txt").read_text()


@pytest.mark.anyio
async def test_the_page_needs_nobody_else(client: Client) -> None:
    page = await client.http.get("/graphiql")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert not re.search(r"https?:|\*|unsafe-eval", policy + page.text)
    assert "script-src 'self';" in policy
    parts = re.findall(r'(?:src|href)="(/[^"]+)"', page.text)
    assert len(parts) == 8
    for part in parts:
        assert (await client.http.get(part)).status_code == 200, part


def test_headers_are_not_stored() -> None:
    assert "shouldPersistHeaders: false" in (FILES / "start.js").read_text()
