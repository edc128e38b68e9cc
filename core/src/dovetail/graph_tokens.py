"""The words and marks of one line of a graph's text, with errors that name the place."""

from __future__ import annotations

import re

from dovetail.errors import ProgramError

__all__ = ["Line"]

_TOKEN = re.compile(
    r"""[ ]*(?:
        (?P<value>%[0-9]{1,18}(?![0-9A-Za-z_]))
      | (?P<number>-?(?:[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]{1,4})?|inf|nan)(?![0-9A-Za-z_.]))
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<string>'(?:[^'\\]|\\.)*')
      | (?P<mark>[@(){}\[\],:=*+])
    )""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-f]{1,6})\}|(.))")
_PLAIN = {"\\": "\\", "'": "'", "n": "\n", "t": "\t"}
_MAX_DIGITS = 40  # more than any number of the format; int() refuses 4,300


class Line:
    """A line being read; ``comment`` is what follows the ``#`` at its end."""

    def __init__(self, text: str, number: int) -> None:
        self.text = text.rstrip(" ")
        self.where = number
        self.comment = ""
        self.at = 0
        self.kind = ""  # of the token at ``at``; "end" after the last
        self.token = ""
        self._next()

    def fail(self, message: str) -> ProgramError:
        """An error that names the line; the caller raises it."""
        return ProgramError(f"line {self.where} of the graph: {message} (in {self.text.strip()!r})")

    def _next(self) -> None:
        match = _TOKEN.match(self.text, self.at)
        if match is None:
            rest = self.text[self.at :].lstrip(" ")
            if rest and not rest.startswith("#"):
                raise self.fail(f"{rest[:12]!r} cannot be read")
            self.comment = rest[1:].strip()
            self.kind, self.token, self.at = "end", "", len(self.text)
            return
        self.kind = match.lastgroup or ""
        self.token = match[self.kind]
        self.at = match.end()

    def peek(self) -> str:
        """Kind of the token to come: value, number, word, string, mark or end."""
        return self.kind

    def peek_text(self) -> str:
        """The token to come."""
        return self.token

    def take(self, kind: str, what: str) -> str:
        """The token to come, which must be of this kind."""
        if self.kind != kind:
            raise self.fail(f"{what} should come before {self._found()}")
        token = self.token
        self._next()
        return token

    def _found(self) -> str:
        return "the end of the line" if self.kind == "end" else repr(self.token)

    def accept(self, mark: str) -> bool:
        """Step over a mark if it comes next."""
        if self.kind == "mark" and self.token == mark:
            self._next()
            return True
        return False

    def mark(self, mark: str) -> None:
        """Step over a mark that must come next."""
        if not self.accept(mark):
            raise self.fail(f"{mark!r} should come before {self._found()}")

    def word(self, word: str) -> None:
        """Step over a word that must come next."""
        if self.kind != "word" or self.token != word:
            raise self.fail(f"{word!r} should come before {self._found()}")
        self._next()

    def end(self) -> None:
        """Nothing but a comment may follow."""
        if self.kind != "end":
            raise self.fail(f"the line should end before {self._found()}")

    def number(self) -> int | float:
        """An int, or a float where there is a point, an exponent, inf or nan."""
        text = self.take("number", "a number")
        if len(text) > _MAX_DIGITS:
            raise self.fail(f"the number {text[:12]}... has too many digits")
        return int(text) if text.lstrip("-").isdigit() else float(text)

    def string(self) -> str:
        """The content of a string literal."""
        text = self.take("string", "a 'string'")[1:-1]

        def plain(match: re.Match[str]) -> str:
            if match[1] is not None:
                code = int(match[1], 16)
                if code < 0x110000:
                    return chr(code)
            elif match[2] in _PLAIN:
                return _PLAIN[match[2]]
            raise self.fail(f"{match[0]!r} is no escape of the format")

        return _ESCAPE.sub(plain, text)
