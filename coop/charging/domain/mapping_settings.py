"""Reading the settings of a TOML document one by one, so that unknown ones can be refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NoReturn, TypeVar, overload

from coop.charging.errors import MappingInvalid
from coop.kernel.errors import Refusal
from coop.kernel.rate import exact_decimal

T = TypeVar("T")
Text = TypeVar("Text", bound=str)
_REQUIRED = "\0required"


class Settings:
    """One table of the document; what no reader asked for is refused by `refuse_unknown`."""

    def __init__(self, values: dict[str, Any], path: tuple[str, ...] = ()) -> None:
        self._values = values
        self._path = path
        self._known: set[str] = set()
        self._children: list[Settings] = []

    def refuse(self, name: str, why: str) -> NoReturn:
        """Refuse the setting `name` of this table."""
        where = ".".join((*self._path, name))
        raise MappingInvalid(f"{where}: {why}.", (*self._path, name))

    def missing(self, name: str) -> NoReturn:
        """Refuse the absence of `name`."""
        self.refuse(name, "is missing")

    def has(self, name: str) -> bool:
        """Whether `name` is set."""
        return name in self._values

    def refuse_unknown(self) -> None:
        """Refuse the first setting, here or below, that nothing read."""
        unknown = sorted(self._values.keys() - self._known)
        if unknown:
            self.refuse(unknown[0], f"is not a setting; known are {', '.join(sorted(self._known))}")
        for child in self._children:
            child.refuse_unknown()

    def _take(self, name: str, kind: type[T], what: str) -> T | None:
        self._known.add(name)
        value = self._values.get(name)
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            self.refuse(name, f"must be {what}")
        return value

    def table(self, name: str, *, optional: bool = False) -> Settings:
        """The table [name]; an absent one is refused unless `optional`, then it is empty."""
        values = self._take(name, dict, "a table")
        if values is None and not optional:
            self.missing(name)
        child = Settings(values or {}, (*self._path, name))
        self._children.append(child)
        return child

    def tables(self, name: str) -> list[Settings]:
        """The array of tables [[name]], perhaps empty."""
        found = self._take(name, list, "an array of tables") or []
        if not all(isinstance(values, dict) for values in found):
            self.refuse(name, "must be an array of tables")
        children = [Settings(values, (*self._path, name, str(i))) for i, values in enumerate(found)]
        self._children.extend(children)
        return children

    @overload
    def text(self, name: str, default: str = _REQUIRED) -> str: ...
    @overload
    def text(self, name: str, default: None) -> str | None: ...
    def text(self, name: str, default: str | None = _REQUIRED) -> str | None:
        """A text that is not blank; without it the default, without a default a refusal."""
        value = self._take(name, str, "a text")
        if value is not None and not value.strip():
            self.refuse(name, "must not be blank")
        if value is None and default is _REQUIRED:
            self.missing(name)
        return default if value is None else value

    def character(self, name: str, default: str) -> str:
        """One ASCII character; it may be a blank or a tab."""
        value = self._take(name, str, "a text") or default
        if len(value) != 1 or not value.isascii() or value in "\r\n\0":
            self.refuse(name, "must be one character")
        return value

    def choice(self, name: str, choices: Sequence[Text], default: Text) -> Text:
        """One of `choices`."""
        value = self._take(name, str, "a text")
        for choice in choices:
            if choice == (default if value is None else value):
                return choice
        return self.refuse(name, f"must be one of {', '.join(choices)}")

    def texts(self, name: str) -> list[str]:
        """A list of texts, perhaps empty."""
        found = self._take(name, list, "a list of texts") or []
        if not all(isinstance(text, str) for text in found):
            self.refuse(name, "must be a list of texts")
        return found

    def texts_by_name(self, name: str) -> dict[str, str]:
        """A table whose values are texts."""
        found = self._take(name, dict, "a table") or {}
        if not all(isinstance(text, str) for text in found.values()):
            self.refuse(name, "must hold texts")
        return found

    def flag(self, name: str) -> bool:
        """True or false; false when absent."""
        self._known.add(name)
        value = self._values.get(name, False)
        if not isinstance(value, bool):
            self.refuse(name, "must be true or false")
        return value

    def integer(self, name: str, default: int) -> int:
        """A whole number."""
        value = self._take(name, int, "a whole number")
        return default if value is None else value

    @overload
    def decimal(self, name: str, default: Decimal) -> Decimal: ...
    @overload
    def decimal(self, name: str, default: None) -> Decimal | None: ...
    def decimal(self, name: str, default: Decimal | None) -> Decimal | None:
        """An exact number, not negative."""
        self._known.add(name)
        value = self._values.get(name)
        return default if value is None else self._exact(name, value)

    def decimals_by_name(self, name: str) -> dict[str, Decimal]:
        """A table whose values are exact numbers, not negative."""
        found = self._take(name, dict, "a table") or {}
        return {key: self._exact(f"{name}.{key}", value) for key, value in found.items()}

    def _exact(self, name: str, value: object) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            self.refuse(name, "must be a number")
        number = self.checked(name, exact_decimal, str(value))
        if number < 0:
            self.refuse(name, "must not be negative")
        return number

    def checked(self, name: str, reader: Callable[[str], T], text: str) -> T:
        """`reader(text)`, its refusal turned into one of this setting."""
        try:
            return reader(text)
        except Refusal as refusal:
            self.refuse(name, refusal.message.rstrip("."))
