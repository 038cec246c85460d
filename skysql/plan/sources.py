"""The columns of a plan's source: those of a sky table or a companion, told in model/companions.py, or of groups."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import InternalError
from ..model import companions
from ..model.companions import COLUMNS, ColumnRole, OfTable, SourceColumn
from ..model.table import Table
from .labels import KeyOf, label_of
from .path_scan import Changes, Column, Events, Expr, Groups, Pairs, Rounded, Sessions, Source, Sql

NO_TABLE = Table("", "", None, ())
"""What expressions belong to whose columns are labels, of no table."""

ROW = SourceColumn("row", "INTEGER", ColumnRole.DERIVED, hidden=True)
"""Of pairs: the number of the row that a pair was given with."""

_FIXED = {kind: {column.name: column for column in companions.fixed(kind)} for kind in COLUMNS}


def columns_of(kind: str, table: Table) -> tuple[SourceColumn, ...]:
    """The columns of a table's events, objects, sessions or changes, in order of declaration."""

    def own(place: OfTable) -> Iterator[SourceColumn]:
        if place is OfTable.OBJECT:
            yield from object_columns(table)
            return
        for property in table.states if place is OfTable.STATES else table.properties:
            yield SourceColumn(property.name, str(property.kind), ColumnRole.PROPERTY)

    return tuple(
        column
        for each in COLUMNS[kind]
        for column in ((each,) if isinstance(each, SourceColumn) else own(each))
    )


def object_columns(table: Table) -> tuple[SourceColumn, ...]:
    """The columns that tell the object: its id, and its key if it has one."""
    if table is NO_TABLE:
        return ()
    id = SourceColumn(table.object_name, "INTEGER", ColumnRole.OBJECT)
    return (id,) if table.key_name is None else (id, SourceColumn(table.key_name, "TEXT", ColumnRole.KEY))


def kind_of(source: Source) -> str:
    """Which of the tables a source's rows are rows of."""
    match source:
        case Groups():
            return kind_of(source.scan.source)
        case Events():
            return companions.EVENTS
        case Sessions():
            return companions.SESSIONS
        case Changes():
            return companions.CHANGES
    return companions.OBJECTS


def find_column(source: Source, table: Table, name: str) -> SourceColumn:
    """A column of a source that is no groups, by its name in any case; raises InternalError if there is none."""
    property = table.find(name)
    if property is not None:
        return SourceColumn(property.name, str(property.kind), ColumnRole.PROPERTY)
    folded = name.lower()
    for column in object_columns(table):
        if column.name.lower() == folded:
            return column
    if isinstance(source, Pairs) and folded == ROW.name:
        return ROW
    found = _FIXED[kind_of(source)].get(folded)
    if found is None:
        raise InternalError(f"the {kind_of(source)} of {table.name!r} have no column {name!r}")
    return found


def column_type(source: Source, table: Table, name: str) -> str | None:
    """The type of a column of a scan's source.

    None of a column of groups that has no affinity: an aggregate, or a key that is neither a column nor a CAST. And of
    labels, which are of no table.
    """
    if table is NO_TABLE:
        return None
    if not isinstance(source, Groups):
        return find_column(source, table, name).type
    key = label_of(name)
    if not isinstance(key, KeyOf):
        return None
    return expression_type(source.scan.source, table, source.scan.keys[key.number - 1])


def expression_type(source: Source, table: Table, expr: Expr) -> str | None:
    """The type from which an expression has its affinity: a column's, or a CAST's; None if it has neither."""
    if isinstance(expr, Column):
        return column_type(source, table, expr.name)
    if isinstance(expr, Rounded):
        return "INTEGER"
    return (expr.type or None) if isinstance(expr, Sql) else None


def object_names(source: Source, table: Table) -> frozenset[str]:
    """The names, in lower case, of the columns of a scan's source that tell the object."""
    if not isinstance(source, Groups):
        return frozenset(column.name.lower() for column in object_columns(table))
    held = object_names(source.scan.source, table)
    keys = enumerate(source.scan.keys, 1)
    return frozenset(KeyOf(at).name for at, key in keys if isinstance(key, Column) and key.name.lower() in held)
