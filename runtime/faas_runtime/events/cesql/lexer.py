"""Text to tokens. Source: cesql/CESQLLexer.g4."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from faas_runtime.events.cesql.errors import CESQLSyntaxError

Sort = Literal["integer", "string", "name", "keyword", "operator", "end"]

_KEYWORDS = frozenset({"AND", "OR", "XOR", "NOT", "LIKE", "EXISTS", "IN", "TRUE", "FALSE"})
_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
    (?P<word>[A-Za-z0-9_]+)
  | (?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
  | (?P<operator><=|>=|<>|!=|[-+*/%=<>(),])
  | (?P<end>\Z)
  )""",
    re.VERBOSE | re.DOTALL,
)
_SPACE = re.compile(r"[ \t\r\n]*")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MEANT = {  # what people write who know another language
    "!": "write NOT, or != to compare",
    "&": "write AND",
    "|": "write OR",
    ".": "an expression sees the event's attributes, not what is inside of them nor the data",
    "$": "attributes are written as they are named, without $",
    "`": "attributes are written as they are named, without quotes",
    "[": "sets are written in parentheses: type IN ('a', 'b')",
}


@dataclass(frozen=True, slots=True)
class Token:
    sort: Sort
    text: str  # of a string: what it says; of a keyword: in upper case
    position: int
    end: int

    def is_operator(self, *texts: str) -> bool:
        return self.sort == "operator" and self.text in texts

    def is_keyword(self, *texts: str) -> bool:
        return self.sort == "keyword" and self.text in texts

    def __str__(self) -> str:
        match self.sort:
            case "end":
                return "the end"
            case "string":
                return "a string"
        return repr(self.text)


def tokens(text: str) -> list[Token]:
    """All tokens, the last is the end. Raises: CESQLSyntaxError."""
    found: list[Token] = []
    at = 0
    while True:
        match = _TOKEN.match(text, at)
        if match is None:
            raise _unreadable(text, _after_space(text, at))
        at = match.end()
        token = _token(match, text)
        if token.sort == "string" and found and found[-1].sort == "string" and found[-1].end == token.position:
            quote = text[token.position]
            raise CESQLSyntaxError(f"a {quote} inside of a string is written \\{quote}", token.position, text)
        found.append(token)
        if token.sort == "end":
            return found


def _token(match: re.Match[str], text: str) -> Token:
    sort = match.lastgroup or "end"
    start, end = match.span(sort)
    written = match[sort]
    if sort == "string":
        return Token("string", _unquoted(written), start, end)
    if sort == "word":
        if written.isdigit():
            return Token("integer", written, start, end)
        if written.upper() in _KEYWORDS:
            return Token("keyword", written.upper(), start, end)
        return Token("name", written, start, end)
    return Token("operator" if sort == "operator" else "end", written, start, end)


def _unquoted(written: str) -> str:
    """Only the quote itself is unescaped: LIKE has escapes of its own, and any other backslash is one."""
    quote = written[0]
    return _ESCAPED.sub(lambda match: quote if match[1] == quote else match[0], written[1:-1])


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _unreadable(text: str, position: int) -> CESQLSyntaxError:
    character = text[position]
    if character in "'\"":
        return CESQLSyntaxError(f"this string has no closing {character}", position, text)
    hint = _MEANT.get(character, "")
    return CESQLSyntaxError(f"unexpected {character!r}" + (f": {hint}" if hint else ""), position, text)
