"""Settings, read once from the environment (COOP_*).

Docs/operating.md lists them for the person who sets them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from coop.kernel.errors import Refusal

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_DOCUMENTS = ("s3", "gs", "az", "file", "memory", "https")


class SettingsInvalid(Refusal):
    """An environment variable that cannot be meant; `path` names it."""

    code = "SETTINGS_INVALID"


@dataclass(frozen=True, slots=True)
class Settings:
    """What one installation of coop is told from outside. Secrets never appear in its repr."""

    data_dir: Path
    """Everything this installation keeps on disk: embedded database, secrets, documents."""
    database_url: str | None
    """An existing PostgreSQL 18 for serving; None means the embedded one."""
    database_owner_url: str | None
    """The same server, with a login that may create roles and tables. Default: `database_url`."""
    jwks_url: str | None
    """Where the cooperative's identity provider publishes its keys."""
    issuer: str | None
    """The `iss` that provider writes."""
    audience: str
    """The `aud` every token must carry."""
    base_url: str | None
    """How clients reach the server, for links; default: where it listens."""
    documents_url: str | None
    """Where documents are kept; default: a directory of `data_dir`."""
    development: bool
    """Whether tokens minted by `coop token` are accepted; only ever on loopback."""

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Settings of `environment` (default: the process's). Refuses SETTINGS_INVALID."""
        env = os.environ if environment is None else environment
        data_dir = env.get("COOP_DATA_DIR") or platformdirs.user_data_dir("coop")
        database_url = env.get("COOP_DATABASE_URL") or None
        found = cls(
            data_dir=Path(data_dir).expanduser().absolute(),
            database_url=database_url,
            database_owner_url=env.get("COOP_DATABASE_OWNER_URL") or database_url,
            jwks_url=env.get("COOP_JWKS_URL") or None,
            issuer=env.get("COOP_ISSUER") or None,
            audience=env.get("COOP_AUDIENCE") or "coop",
            base_url=(env.get("COOP_BASE_URL") or "").rstrip("/") or None,
            documents_url=env.get("COOP_DOCUMENTS_URL") or None,
            development=env.get("COOP_DEVELOPMENT", "1") not in ("", "0", "false", "no"),
        )
        found._refuse_nonsense()
        return found

    def _refuse_nonsense(self) -> None:
        if (self.issuer is None) != (self.jwks_url is None):
            missing = "COOP_ISSUER" if self.issuer is None else "COOP_JWKS_URL"
            raise SettingsInvalid("A provider is an issuer and where its keys are.", (missing,))
        jwks = urlsplit(self.jwks_url or "https://none")
        if jwks.scheme != "https" and not (jwks.scheme == "http" and jwks.hostname in _LOOPBACK):
            raise SettingsInvalid(
                "Keys are fetched over https, or over http from loopback.", ("COOP_JWKS_URL",)
            )
        for name, url in (
            ("COOP_DATABASE_URL", self.database_url),
            ("COOP_DATABASE_OWNER_URL", self.database_owner_url),
        ):
            if url is not None and urlsplit(url).scheme not in ("postgresql", "postgres"):
                raise SettingsInvalid(
                    "A database is postgresql://user:password@host/name.", (name,)
                )
        if self.documents_url and urlsplit(self.documents_url).scheme not in _DOCUMENTS:
            raise SettingsInvalid(
                f"A store of documents is one of {', '.join(_DOCUMENTS)}.", ("COOP_DOCUMENTS_URL",)
            )

    def __repr__(self) -> str:
        """Where data lives and which kind of database; no URL, for they hold passwords."""
        kind = "server" if self.database_url else "embedded"
        return f"Settings(data_dir={str(self.data_dir)!r}, database={kind})"
