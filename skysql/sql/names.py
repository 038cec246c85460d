"""What the columns of a select mean: the relations that a path scan can produce, and the names that they have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from ..model import companions
from ..model.companions import SESSION_OF_EVENT, TIMESTAMP, TS
from ..model.table import Table
from ..plan.path_scan import Changes, Column, Duration, Events, Expr, Moment, Objects, Pairs, PathScan, Sessions, Source
from ..plan.path_scan import Groups as GroupsOf
from ..plan.sources import NO_TABLE, column_type
from ..plan.sources import object_names as object_columns_of
from .calls import has_aggregate
from .catalog import Idiom
from .comparisons import Conversions
from .dialect import SqlText as Text
from .dialect import span
from .edits import Arguments, EditedStatement, NotPushable
from .types import alias, items, seen_from


@dataclass(frozen=True, slots=True)
class KnownCount:
    """count(p) OVER the path so far: no value to ask for, but what the hand-written fill of p is grouped by."""

    column: Column


@dataclass(slots=True)
class Referent:
    """A FROM item that a path scan can produce: what its columns mean in terms of the source's.

    as_of: the moment of objects. idle: the gap that cuts paths into sessions. groups: the scan whose groups these are.
    ordered: whether a subquery orders the rows in its own way, which only some aggregates tell.
    labels: the names of columns that the source does not have: of values that come from other rows.
    """

    database: str
    table: Table
    kind: str  # 'events', 'objects', 'sessions', 'changes' or 'groups'
    columns: dict[str, Expr | KnownCount | None]
    names: list[str]
    where: list[Expr] = field(default_factory=list)
    as_of: Moment | None = None
    pairs: Pairs | None = None
    idle: Duration | None = None
    groups: PathScan | None = None
    ordered: bool = False
    labels: frozenset[str] = frozenset()


def source_of(relation: Referent) -> Source:
    """The plan's source for a relation."""
    if relation.pairs is not None:
        return relation.pairs
    if relation.groups is not None:
        return GroupsOf(relation.groups)
    if relation.kind == companions.OBJECTS:
        return Objects(relation.as_of)
    if relation.kind == companions.CHANGES:
        return Changes()
    return Sessions(relation.idle) if relation.kind == companions.SESSIONS else Events(relation.idle)


def object_names(relation: Referent) -> frozenset[str]:
    """The names, in lower case, of the columns of a relation's source that tell the object."""
    return object_columns_of(source_of(relation), relation.table)


def runs_of(keys: Sequence[str], table: Table) -> list[str]:
    """The keys (in lower case) by which groups that are objects, or sessions or moments of one, lie in order.

    [] of other groups: their events may be mixed with each other's.
    """
    objects = {table.object_name.lower(), (table.key_name or table.object_name).lower()}
    who = [key for key in keys if key in objects]
    when = [key for key in (SESSION_OF_EVENT.name, TS.name, TIMESTAMP.name) if key in keys]
    return [*who, *when] if who and {*who, *when} == set(keys) else []


def times_of(relation: Referent) -> frozenset[str]:
    """The names, in lower case, of the columns of a relation that hold times."""
    columns = {name: found.name for name, found in relation.columns.items() if isinstance(found, Column)}
    return frozenset(name for name, own in columns.items() if type_of(relation, own) == "TIMESTAMP")


def type_of(relation: Referent, name: str) -> str | None:
    """The declared type of a column of a relation's source; None of a label, which may be any value."""
    if name in relation.labels:
        return None
    return column_type(source_of(relation), relation.table, name)


def alias_of(item: exp.Expression) -> str:
    """The name by which the columns of a FROM item are qualified."""
    if isinstance(item, exp.Table) and isinstance(item.this, exp.Anonymous) and not item.alias:
        return str(item.this.name)
    return str(item.alias_or_name)


class Names:
    """One or more relations by alias, all over the rows of one scan."""

    def __init__(
        self,
        statement: EditedStatement,
        parsed: Text,
        relations: dict[str, Referent],
        arguments: Arguments,
        idioms: Sequence[Idiom] = (),
    ) -> None:
        self.statement = statement
        self.parsed = parsed
        self.relations = relations
        self.arguments = arguments
        self.idioms = idioms
        self.merged: set[str] = set()  # names of columns that USING has made one of two relations'
        self.whole = False  # whether every event of the table is a row, so that windows see whole paths

    @property
    def relation(self) -> Referent:
        """The first, which stands for the rows."""
        return next(iter(self.relations.values()))

    def is_time(self, column: Expr | KnownCount | None) -> bool:
        """Whether a column of the source holds timestamps."""
        if not isinstance(column, Column) or column.ever:
            return False
        return type_of(self.relation, column.name) == "TIMESTAMP"

    def is_fine_time(self, column: Column) -> bool:
        """Whether it holds times of which an expression is evaluated once for each interval: see granularity.py."""
        property = self.relation.table.find(column.name)
        timely = column.name.lower() == TIMESTAMP.name or (property is not None and property.kind.temporal)
        return timely and self.is_time(column)

    def is_object(self, column: Expr | KnownCount | None) -> bool:
        """Whether a column of the source holds the ids of objects."""
        if not isinstance(column, Column):
            return False
        named = column.name.lower() in object_names(self.relation)
        return named and type_of(self.relation, column.name) == "INTEGER"

    def is_key(self, column: Expr | KnownCount | None) -> bool:
        """Whether a column of the source holds the keys of objects."""
        if not isinstance(column, Column):
            return False
        return column.name.lower() in object_names(self.relation) and not self.is_object(column)

    def is_text(self, column: Column) -> bool:
        """Whether a column of the source holds texts."""
        return self._stored_type(column) == "TEXT"

    def is_integer(self, column: Column) -> bool:
        """Whether a column of the source holds integers."""
        return self._stored_type(column) in ("INTEGER", "BOOLEAN") and not column.ever

    def _stored_type(self, column: Column) -> str | None:
        """The type of a column of the table; None for a column of groups or a label, which may hold any values."""
        if self.relation.table is NO_TABLE:
            return None
        source = source_of(self.relation)
        if isinstance(source, GroupsOf) and column.name.lower() not in object_names(self.relation):
            return None
        return type_of(self.relation, column.name)

    # columns

    def find(self, node: exp.Column) -> Expr | KnownCount | None:
        """What a column reference means, or None if it is not one of these relations'."""
        name, qualifier = node.name.lower(), node.table.lower()
        if node.args.get("db"):
            return None
        having = [relation for alias, relation in self.relations.items() if qualifier in ("", alias)]
        having = [relation for relation in having if name in relation.columns]
        if len(having) > 1 and name not in self.merged:
            raise NotPushable(f"{node.name} may be of two tables")
        if not having:
            return None
        found = having[0].columns[name]
        if found is None:
            raise NotPushable(f"{node.name} cannot be computed by a scan")
        return found

    def declared_name(self, node: exp.Column) -> str:
        """What SQLite calls the column in a result: as it was declared."""
        for relation in self.relations.values():
            for name in relation.names:
                if name.lower() == node.name.lower():
                    return name
        return node.name.lower() if self.find(node) is not None else node.name  # a hidden column, or none

    def mentions(self, node: exp.Expression) -> bool:
        """Whether a column of these relations is read at or below the node."""
        return any(self.find(column) is not None for column in node.find_all(exp.Column))

    def constant(self, node: exp.Expression) -> bool:
        """Whether the node reads no column at all."""
        return next(node.find_all(exp.Column), None) is None

    # expressions

    def conversions(self) -> Conversions:
        """What has to be put into the form of times in the text that the names stand in."""
        return self.statement.conversions(self.parsed.tree)

    def leaf(self, _node: exp.Expression) -> Column | None:
        """The column that a node is as a whole, whatever is in it; None of most."""
        return None

    def leaves(self, node: exp.Expression) -> Iterator[tuple[tuple[int, int], Expr]]:
        """The columns at or below a node: the tokens of each, and what it means; raises NotPushable."""
        for column in node.find_all(exp.Column):
            found, at = self.find(column), span(column)
            if found is None or at is None or isinstance(found, KnownCount):
                raise NotPushable(f"{column.name} is not a column of the scan")
            yield (at[1] - (3 if column.table else 1), at[1]), found

    def refuses(self, node: exp.Expression) -> bool:
        """Whether a node has something in it that is no expression over the rows."""
        return has_aggregate(self.statement, node, self.parsed)

    def check_booleans(self, node: exp.Expression) -> None:
        """Raise NotPushable if TRUE or FALSE stands in the node, and is the name of a column."""
        named = [word for word in ("true", "false") if any(word in r.columns for r in self.relations.values())]
        if named and any(str(boolean.this).lower() in named for boolean in node.find_all(exp.Boolean)):
            raise NotPushable("TRUE or FALSE, which is the name of a column")

    def mentions_inside(self, query: exp.Expression) -> bool:
        """Whether a subquery may read columns of these relations: of their names, and of no FROM item within it."""
        selects = {id(select) for select in query.find_all(exp.Select)}
        return any(
            self._is_named(column) and not self._is_within(selects, column) for column in query.find_all(exp.Column)
        )

    def _is_named(self, column: exp.Column) -> bool:
        if column.table:
            return column.table.lower() in self.relations
        return any(column.name.lower() in relation.columns for relation in self.relations.values())

    def _is_within(self, selects: set[int], column: exp.Column) -> bool:
        """Whether one of these selects, where SQLite looks first, is known to have the column."""
        types, name, qualifier = self.statement.types, column.name.lower(), column.table.lower()
        for select in seen_from(column):
            if id(select) not in selects:
                return False
            for item in items(select):
                columns = types.columns(item) if qualifier in ("", alias(item)) else None
                if columns is not None and columns.find(name) is not None:
                    return True
        return False
