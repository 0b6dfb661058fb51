"""The words of documents, from phrases.toml: one table per phrase, one line per language."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from coop.reports.errors import LanguageUnavailable

LANGUAGES = ("en", "nb", "de", "fr")


@cache
def phrases() -> dict[str, dict[str, str]]:
    """Every phrase by key and language."""
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


@cache
def phrases_in(language: str) -> dict[str, str]:
    """Phrase by key in `language` ("en"). Refuses LANGUAGE_UNAVAILABLE beyond LANGUAGES."""
    if language not in LANGUAGES:
        offered = ", ".join(LANGUAGES)
        raise LanguageUnavailable(f'Documents are written in {offered}; not in "{language}".')
    return {key: texts[language] for key, texts in phrases().items()}
