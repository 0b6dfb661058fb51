"""A JSON text read block by block: never more in memory than one of its values and a block."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, NoReturn

from coop.charging.domain.json_fields import decoder
from coop.charging.errors import FileMalformed, FileWrongEncoding

_MAX_VALUE_CHARACTERS = 64 * 1024 * 1024
_BLOCK = 64 * 1024
_BLANKS = re.compile(r"[ \t\r\n]*")
_decoder = decoder()


class JsonText:
    """A cursor over JSON. Refuses FILE_MALFORMED and FILE_ENCODING, each with the line."""

    def __init__(self, stream: BinaryIO, line: int = 1) -> None:
        self._stream = stream
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._text = ""
        self._at = 0
        self._line = line

    def peek(self) -> str:
        """The next character that is not blank; empty at the end."""
        while True:
            blanks = _BLANKS.match(self._text, self._at)
            self._advance(blanks.end() if blanks else self._at)
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def take(self, character: str) -> bool:
        """Step over `character` if it comes next."""
        if self.peek() != character:
            return False
        self._advance(self._at + 1)
        return True

    def expect(self, character: str) -> None:
        """Step over `character` ("" is the end), or refuse."""
        if not (self.peek() == "" if character == "" else self.take(character)):
            self._refuse(f'expected {character or "the end"}, not "{self.peek()}"')

    def value(self) -> tuple[Any, str, int]:
        """The next value, its text, and the line it begins on."""
        self.peek()
        while True:
            try:
                value, end = _decoder.raw_decode(self._text, self._at)
                # A number may go on in the next block.
                if end < len(self._text) or not self._more():
                    break
            except RecursionError:
                self._refuse("it is nested too deeply")
            except ValueError as error:
                if len(self._text) > _MAX_VALUE_CHARACTERS or not self._more():
                    self._refuse(f"it is not JSON, or breaks off: {error}")
        raw, line = self._text[self._at : end], self._line
        self._advance(end)
        return value, raw, line

    def elements(self) -> Iterator[tuple[Any, str, int]]:
        """The values of the array that comes next."""
        self.expect("[")
        if self.take("]"):
            return
        while True:
            yield self.value()
            if self.take("]"):
                return
            self.expect(",")

    def _advance(self, to: int) -> None:
        self._line += self._text.count("\n", self._at, to)
        self._at = to
        if to > _BLOCK:
            self._text, self._at = self._text[to:], 0

    def _more(self) -> bool:
        """Read on, twice as much as is waiting; whether there was more."""
        data = self._stream.read(max(_BLOCK, len(self._text) - self._at))
        try:
            self._text += self._decode(data, not data)
        except UnicodeDecodeError as error:
            before = self._text.count("\n", self._at) + error.object.count(b"\n", 0, error.start)
            line = self._line + before
            raise FileWrongEncoding(f"Line {line} is not UTF-8.", (str(line),)) from None
        return bool(data)

    def _refuse(self, why: str) -> NoReturn:
        raise FileMalformed(
            f"The file cannot be read at line {self._line}: {why}.", (str(self._line),)
        )
