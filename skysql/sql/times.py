"""Two rules that hold for every statement, pushed down or not.

A time reads as text, but is never compared as any text: the other side is put into the one form that times have.
'2026-01-01T09:00' becomes '2026-01-01 09:00:00.000000'; what is no constant goes through sky_timestamp. types.py says
what is a time, and comparisons.py what is compared. And FOR SYSTEM_TIME AS OF becomes the argument that it stands for.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise

from sqlglot import exp

from ..errors import NotSupportedError
from ..model.quoting import literal as quoted
from ..model.quoting import quote
from ..model.tokens import Token, tokenize
from .catalog import Catalog
from .comparisons import Form, canonical, canonical_list
from .dialect import is_star, parse, span
from .edits import EditedStatement
from .lists import Listed, elements
from .path_order import check_views
from .types import Timeliness, alias, star_columns


def lower_system_time(statement: EditedStatement) -> None:
    """`users_objects FOR SYSTEM_TIME AS OF x AS o` -> `users_objects(x) AS o`."""
    for table in statement.parsed.tree.find_all(exp.Table):
        version = table.args.get("version")
        where = span(table)
        if version is None or where is None:
            continue
        entry = statement.catalog.find(table.db or None, table.name)
        if entry is None or entry.kind != "objects":
            continue
        at = span(version.expression)
        assert at is not None
        first = where[0] + (3 if table.db else 1)
        literal = canonical(version.expression) if isinstance(version.expression, exp.Literal) else None
        if literal is not None:
            statement.edit(first, at[1], f"({literal})")
        else:
            statement.edit(first, at[0], "(sky_timestamp(")
            statement.wrap(first, at[1], "", "))")


def normalize_times(statement: EditedStatement) -> None:
    """Put what is compared with times into their form."""
    for call in statement.parsed.tree.find_all(exp.Anonymous):
        entry = statement.catalog.find(None, call.name) if isinstance(call.parent, exp.Table) else None
        if entry is not None and entry.kind == "objects" and len(call.expressions) == 1:
            _normalize(statement, call.expressions[0], Form.TIME)
    found = statement.conversions(statement.parsed.tree)
    for node, form in found.nodes.values():
        _normalize(statement, node, form)
    for select, places in found.stars.values():
        _write_stars(statement, select, places)
    for table, places in found.tables.values():
        _convert_table(statement, table, places)
    for item, names in found.joined.values():
        _convert_item(statement, item, names)
    _shield_patterns(statement)


_TRIGGER = re.compile(r"\s*CREATE\s+(TEMP\w*\s+)?TRIGGER\b", re.IGNORECASE)


def normalize_trigger(text: str, catalog: Catalog) -> str:
    """A CREATE TRIGGER with what its WHEN and its statements compare with times in form; any other text as it is."""
    if not _TRIGGER.match(text):
        return text
    tokens = tokenize(text)
    pieces, done = [], 0
    for first, last, before in _parts(tokens):
        start, end = tokens[first].start, tokens[last].end
        pieces += [text[done:start], _normalized(before + text[start:end], catalog).removeprefix(before)]
        done = end
    return "".join([*pieces, text[done:]])


def _parts(tokens: Sequence[Token]) -> Iterator[tuple[int, int, str]]:
    """A trigger's WHEN and statements: (first token, last token, what makes a statement of it)."""
    words = [token.word for token in tokens]
    begins = (at for at, (word, after) in enumerate(pairwise(words)) if word == "BEGIN" and after in _FIRST)
    begin = next(begins, len(words))
    if "WHEN" in words[:begin]:
        yield words.index("WHEN") + 1, begin - 1, "SELECT "
    first = begin + 1
    for at in range(first, len(tokens)):
        if tokens[at].text == ";" and first < at:
            yield first, at - 1, ""
            first = at + 1


_FIRST = {"INSERT", "REPLACE", "UPDATE", "DELETE", "SELECT", "VALUES", "WITH"}
"""What a statement of a trigger begins with; a column may be called begin, too."""


def _normalized(text: str, catalog: Catalog) -> str:
    """One statement of a trigger, or its WHEN as one."""
    parsed = parse(text)
    if parsed is None:
        return text
    statement = EditedStatement(parsed, catalog)
    check_views(statement)
    normalize_times(statement)
    return statement.text()


def time_names(statement: EditedStatement, item: exp.Expression) -> set[str]:
    """The names of the times that a FROM item has, in lower case."""
    columns = statement.types.columns(item)
    every = (*columns.shown, *columns.hidden) if columns is not None else ()
    return {name.lower() for name, kind in every if kind is Timeliness.TIME}


def _normalize(statement: EditedStatement, node: exp.Expression, form: Form) -> None:
    where = span(node)
    if where is None or isinstance(node, exp.Null):
        return
    before, after = _call(form)
    if isinstance(node, Listed):
        written = zip(canonical_list(node, form), elements(statement.written(*where)), strict=True)
        statement.edit(*where, ", ".join(known or f"{before}{text}{after}" for known, text in written))
        return
    known = canonical(node, form) if isinstance(node, exp.Literal) else None
    if known is not None:
        statement.edit(*where, known)
    else:
        statement.wrap(*where, before, after)


def _call(form: Form) -> tuple[str, str]:
    """What stands around a value that is put into form."""
    return "sky_timestamp(", f", {quoted(form)})" if form else ")"


def _write_stars(statement: EditedStatement, select: exp.Select, places: Mapping[int, Form]) -> None:
    """Write out the columns that stars show, so that some of them can be put into form."""
    at = 0
    for item in select.expressions:
        where, texts = span(item), []
        if where is None:
            raise _unnamed()
        if not is_star(item):
            if at in places:
                _normalize(statement, item.this if isinstance(item, exp.Alias) else item, places[at])
            at += 1
            continue
        for column in _columns_of_star(statement, select, item):
            name = quote(column.rpartition("\0")[2])
            text = ".".join(map(quote, column.split("\0")))
            if at in places:
                before, after = _call(places[at])
                text = f"{before}{text}{after} AS {name}"
            texts.append(text)
            at += 1
        statement.edit(*where, ", ".join(texts))


def _convert_table(statement: EditedStatement, table: exp.Column, places: Mapping[int, Form]) -> None:
    """Put columns of a table after IN into form."""
    where, outputs, texts = span(table), statement.types.outputs(table), []
    if where is None or outputs is None:
        raise _unnamed()
    for at, (name, _) in enumerate(outputs):
        before, after = _call(places[at]) if at in places else ("", "")
        texts.append(f"{before}{quote(name)}{after}")
    statement.wrap(*where, f"(SELECT {', '.join(texts)} FROM ", ")")


def _columns_of_star(statement: EditedStatement, select: exp.Select, star: exp.Expression) -> list[str]:
    """The columns that a star shows: alias and name, with a zero between them."""
    columns = star_columns(select, star, statement.types)
    if columns is None or not all(alias(item) for item, _, _ in columns):
        raise _unnamed()
    return [f"{alias(item)}\0{name}" for item, name, _ in columns]


def _unnamed() -> NotSupportedError:
    return NotSupportedError("a column that is compared with a timestamp is one of *", "write its name out")


def _convert_item(statement: EditedStatement, item: exp.Expression, names: Collection[str]) -> None:
    """Put columns of a FROM item into form, by which USING joins."""
    where, columns = span(item), statement.types.columns(item)
    if where is None or columns is None:
        raise _unnamed()
    texts = [quote(name) for name, _ in columns.shown]
    texts = [f"sky_timestamp({text}) AS {text}" if text[1:-1].lower() in names else text for text in texts]
    name = item.alias_or_name or alias(item)
    statement.wrap(*where, f"(SELECT {', '.join(texts)} FROM ", f") AS {quote(name)}")


def _shield_patterns(statement: EditedStatement) -> None:
    """Keep SQLite from asking for a range of texts where a time is matched with a pattern."""
    for node in statement.parsed.tree.find_all(exp.Glob, exp.Like):
        where = span(node.this)
        if (
            where is not None
            and isinstance(node.this, exp.Column)
            and statement.types.kind(node.this) is Timeliness.TIME
        ):
            statement.wrap(*where, "+", "")
