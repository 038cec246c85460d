"""Texts on a terminal: control characters of values, names and messages are shown, and do nothing.

A value may hold what a terminal obeys: sequences that move the cursor, set its title, or type for its user. Into files
and pipes texts go as they are.
"""

from __future__ import annotations

import os
from typing import Any, TextIO, cast

_SHOWN = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}


def visible(text: str) -> str:
    r"""The text with its control characters as \x1b; line ends and tabs stay."""
    return text if text.isprintable() else text.translate(_SHOWN)


class Terminal:
    """A terminal's stream on which what is written is made visible; all else of it is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """Write the text, visibly."""
        return self.stream.write(visible(text))

    def writelines(self, lines: Any) -> None:
        """Write each of the lines, visibly."""
        self.stream.writelines(map(visible, lines))


def shown_on(stream: TextIO | None) -> TextIO:
    """The stream, to be written to by those who write texts that they do not know; None is one that was closed."""
    if stream is None:
        return open(os.devnull, "w")  # noqa: SIM115  (for as long as the process runs)
    return cast(TextIO, Terminal(stream)) if stream.isatty() else stream


def bare(stream: TextIO) -> TextIO:
    """The stream itself, to be written to by those who move the cursor."""
    return stream.stream if isinstance(stream, Terminal) else stream
