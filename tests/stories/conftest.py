"""Stories are told to the real application, as its tests of fields are."""

from __future__ import annotations

from tests.schema.conftest import app, desk, http, issuer

__all__ = ["app", "desk", "http", "issuer"]
