"""Random SELECT statements, each in two spellings with one answer: for a sky table, and for ordinary tables.

A `Generator` knows a `World`: a schema, the values in it, and the ordinary tables beside it.

Every statement has one right answer, in plain SQLite too. So what SQLite leaves open is never written: bare columns
beside GROUP BY; LIMIT without a total order; which of 1 and 1.0, or of 'a' and 'A' under NOCASE, stands for a group;
the order of what is concatenated. (Where all rows come from one table, a statement may show the first of 1 and 1.0:
it is `lying`.) Nor is anything added up whose sum may have another last bit in another order: what is added is exact
(as multiples of 0.25 are), never negative, or of values that are apart. So all sums may be ordered and grouped by.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from tests.world.expressions import (
    CUSTOMER_COLUMNS,
    DAY,
    ORDER_COLUMNS,
    ORDINARY,
    Column,
    Expressions,
    Source,
    Statement,
    condition,
    optional,
)
from tests.world.oracle import Value, quote
from tests.world.oracle_sessions import IDLES


@dataclass(frozen=True)
class Item:
    """An output column: its expression, its alias or "", its kind, whether it may be grouped by (`exact`), whether
    its sums may, and whether it is `added`: a sum, or of one, that may be ordered by at least.
    """

    sql: str
    alias: str
    kind: str
    exact: bool = True
    sums: bool = True
    added: bool = False

    def __str__(self) -> str:
        return f"{self.sql} AS {self.alias}" if self.alias else self.sql


@dataclass(frozen=True)
class Query:
    """A SELECT: its text, its output columns, and whether the order of its rows is defined."""

    sql: str
    items: tuple[Item, ...]
    ordered: bool = False


class Generator(Expressions):
    """Makes whole statements."""

    def statement(self) -> Statement:
        """One statement."""
        shapes: list[tuple[int, Callable[[], Query]]] = [
            (28, lambda: self.grouped(self.source())),
            (10, lambda: self.grouped(self.source(), keys=0)),
            (14, lambda: self.rows(self.source())),
            (12, lambda: self.grouped(self.join())),
            (3, lambda: self.rows(self.join())),
            (8, self.from_query),
            (6, self.compound),
            (5, self.scalars),
            (4, self.per_customer),
            (4, self.restricted),
            (3, self.orders),
        ]
        (_, make), *_ = self.rng.choices(shapes, [weight for weight, _ in shapes])
        query = make()
        return Statement(query.sql, self.parameters, self.style, query.ordered, self.lying)

    def view(self, name: str) -> tuple[str, Source]:
        """A CREATE VIEW with marks, and the source that it makes, whose columns have names of their own."""
        self.names = self.rng.randrange(100, 10**6)
        scope = self.source(plain=True)
        if self.chance(0.3):
            query = self.grouped(scope, nested=True)
        else:
            query = self.rows(scope, nested=True)
        return f"CREATE VIEW {name} AS {query.sql}", self.wrap(name, query)

    # sources

    def source(self, plain: bool = False) -> Source:
        """The events, a companion, or a view; `plain`: only the first two, without an alias."""
        name = self.world.schema.name
        if self.chance(0.12) and self.world.views and not plain:
            return self.rng.choice(self.world.views)
        kind = self.rng.choices(["events", "objects", "at", "changes", "idle"], [70, 8, 10, 14, 10])[0]
        if kind == "idle" and not plain:
            return self.idle()
        kind = "events" if kind == "idle" else kind
        if kind == "at" and not plain:
            return self.as_of()
        columns = self.columns("objects" if kind == "at" else kind)
        table = name if kind == "events" else f"{name}_{'objects' if kind == 'at' else kind}"
        if self.chance(0.15):
            return Source(f"main.{quote(table)}", columns)
        if self.chance(0.3):
            return self.aliased(quote(table), columns, self.rng.choice(["u", "e", '"the events"']))
        sql = table if table.startswith("users") else quote(table)
        return self.prefixed(sql, columns, sql) if self.chance(0.1) else Source(sql, columns)

    def aliased(self, sql: str, columns: tuple[Column, ...], alias: str) -> Source:
        return self.prefixed(f"{sql} {self.rng.choice(['', 'AS '])}{alias}", columns, alias)

    def prefixed(self, sql: str, columns: tuple[Column, ...], prefix: str) -> Source:
        return Source(sql, tuple(replace(c, sql=f"{prefix}.{c.sql}") for c in columns))

    def as_of(self) -> Source:
        """The objects as of one of the world's moments, in the three ways to say so."""
        i = self.rng.randrange(len(self.world.moments))
        table = quote(f"{self.world.schema.name}_objects")
        at = quote(f"{self.world.schema.name}_objects_at_{i}")
        binding, self.binding = self.binding, 0.0
        when = self.moment(self.world.moments[i])
        self.binding = binding
        form = re.sub("\x02.*", "", when).strip("\x01")
        form = f"(SELECT max({form}) FROM {quote(self.world.schema.name)})" if self.chance(0.2) else form
        way = self.rng.choice(["for", "for", "argument", "column"])
        sky = {"for": f"{table} FOR SYSTEM_TIME AS OF {form}", "argument": f"{table}({form})", "column": table}[way]
        if way == "column":
            source = self.prefixed(f"\x01{sky} o\x02{at} o\x03", self.columns("objects"), "o")
            return replace(source, where=(f"\x01o.as_of = {form}\x021\x03",))
        if self.chance(0.5):
            return self.prefixed(f"\x01{sky} AS o\x02{at} AS o\x03", self.columns("objects"), "o")
        return Source(f"\x01{sky}\x02{at}\x03", self.columns("objects"))

    def idle(self) -> Source:
        """The events with their sessions, or the sessions, for one of the idle times, in the two ways to say so."""
        kind = self.rng.choice(["idle", "sessions"])
        name, (i, text) = self.world.schema.name, self.rng.choice(list(enumerate(IDLES)))
        columns = self.columns(kind)
        table = quote(name if kind == "idle" else f"{name}_sessions")
        at = quote(f"{name}_{kind}_{i}")
        if self.chance(0.3):
            source = self.prefixed(f"\x01{table} s\x02{at} s\x03", columns, "s")
            return replace(source, where=(f"\x01s.idle = '{text}'\x021\x03",))
        if self.chance(0.5):
            return self.prefixed(f"\x01{table}('{text}') AS s\x02{at} AS s\x03", columns, "s")
        return Source(f"\x01{table}('{text}')\x02{at}\x03", columns)

    def join(self) -> Source:
        """Events, or objects, joined with an ordinary table by the object."""
        kind = self.rng.choice(["events", "events", "events", "events", "objects", "changes"])
        table = self.world.schema.name + (f"_{kind}" if kind != "events" else "")
        other = self.rng.choice(["customers", "customers", "tags"])
        left = self.prefixed(f"{quote(table)} u", self.columns(kind), "u")
        right = self.prefixed(f"{other} c", ORDINARY[other].columns, "c")
        on = [left.columns[0].sql, right.columns[0].sql]
        self.rng.shuffle(on)
        match = f"{on[0]} = {on[1]}"
        columns = left.columns + right.columns
        first, second = (left, right) if self.chance(0.7) else (right, left)
        way = self.rng.choice(["JOIN", "JOIN", "INNER JOIN", "LEFT JOIN", ",", "more"])
        if way == ",":
            return Source(f"{first.sql}, {second.sql}", columns, (match,))
        if way == "more":
            self.scope = columns
            return Source(f"{first.sql} JOIN {second.sql} ON {match} AND {self.boolean(1)}", columns)
        return Source(f"{first.sql} {way} {second.sql} ON {match}", columns)

    def wrap(self, sql: str, query: Query) -> Source:
        """A named query as a source."""
        columns = [Column(i.alias, i.kind, self.pool(i.kind), i.sums) for i in query.items if i.exact]
        return Source(sql, tuple(columns))

    def pool(self, kind: str) -> tuple[Value, ...]:
        return {"T": ("pro", "free", "x", "2026-01"), "I": (0, 1, 2, 5), "R": (0.5, 10.0), "O": (1, 2, 3)}.get(kind, ())

    # parts of a SELECT

    def where(self, source: Source) -> str:
        self.scope = source.columns
        terms = list(source.where)
        terms += [self.boolean() for _ in range(self.rng.choices([0, 1, 2, 3], [25, 50, 18, 7])[0])]
        return f" WHERE {' AND '.join(f'({t})' if ' OR ' in t else t for t in terms)}" if terms else ""

    def expression(self, depth: int = 1) -> Item:
        """A value of one kind: a column, or something made of some."""
        self.exact = True
        column = self.column("TTTIIRDOHS") if self.chance(0.5) else None
        if column is not None:
            return Item(column.sql, "", column.kind, sums=column.exact)
        kind = self.rng.choice("TTIIR")
        sql = {"T": self.text, "I": self.integer, "R": self.real}[kind](depth)
        return Item(sql, "", kind, sums=self.exact)

    def grouped(self, source: Source, keys: int | None = None, nested: bool = False, kinds: str = "") -> Query:
        """SELECT ... GROUP BY; `kinds` fixes those of keys, with one count beside them, for a compound."""
        self.scope = source.columns
        self.single = source.single
        count = self.rng.choices([1, 2, 3], [60, 30, 10])[0] if keys is None else keys
        key_items = [self.of_kind(k) for k in kinds] if kinds else [self.key() for _ in range(count)]
        where = self.where(source)
        values = [self.aggregate() for _ in range(1 if kinds else self.rng.randint(1, 4))]
        if kinds:
            values = [Item("count(*)", "", "I")]
        items = [self.label(i, nested or bool(kinds)) for i in key_items + values]
        shown = items if nested or kinds or self.chance(0.9) else items[len(key_items):]
        head = "SELECT DISTINCT" if self.chance(0.08) and all(i.exact for i in shown) else "SELECT"
        if head.endswith("DISTINCT") and nested:
            shown = self.some(items)
        by = self.group_by(items[: len(key_items)], shown is items)
        having = ""
        if self.chance(0.25) and key_items and not kinds:
            having = optional(f" HAVING {self.having(shown)}")
        first = any(i.kind == "A" for i in key_items)  # is shown of 1 and 1.0, unless SQLite sorts by more
        if shown is items and not nested and not kinds and key_items and not first and self.chance(0.15):
            items.append(self.label(self.window(items, len(key_items)), False))
        texts = [str(i) if j < len(key_items) or j == 0 or nested else None for j, i in enumerate(shown)]
        columns = ", ".join(t for t in texts if t is not None)
        columns += "".join(optional(f", {i}") for i, t in zip(shown, texts, strict=True) if t is None)
        order, ordered = ("", False) if nested or kinds else self.order(shown, head, len(key_items), shown is items)
        return Query(f"{head} {columns} FROM {source.sql}{where}{by}{having}{order}", tuple(shown), ordered)

    def by_object(self, source: Source, nested: bool = False) -> Query:
        """Groups of which each is within an object: its path, a session, or so much of it as reads one value."""
        who = [c for c in source.columns if c.kind == "O"]
        if not who:
            return self.grouped(source, nested=nested)
        sessions = [c for c in source.columns if c.name == "session"]
        self.scope = source.columns
        keys = [Item(who[0].sql, "", "O")]
        if sessions and self.chance(0.5):
            keys.append(Item(sessions[0].sql, "", "I"))
        elif self.chance(0.3):
            keys.append(self.key())
        self.rng.shuffle(keys)
        where = self.where(source)
        values = [self.path_function() or self.aggregate() for _ in range(self.rng.randint(1, 3))]
        items = [self.label(i, nested) for i in (*keys, *values)]
        distinct = nested and self.chance(0.2) and all(item.exact for item in items)
        shown, head = (self.some(items), "SELECT DISTINCT") if distinct else (items, "SELECT")
        having = optional(f" HAVING {self.having(shown)}") if self.chance(0.2) else ""
        by = self.group_by(items[: len(keys)], shown is items)
        return Query(f"{head} {', '.join(map(str, shown))} FROM {source.sql}{where}{by}{having}", tuple(shown))

    def some(self, items: list[Item]) -> list[Item]:
        """At least one of the items."""
        return self.rng.sample(items, self.rng.randint(1, len(items)))

    def path_function(self) -> Item | None:
        """A function over a path, of events."""
        times = [c for c in self.scope if c.name in ("ts", "timestamp")]
        if not times or self.chance(0.4):
            return None
        column, value = self.rng.choice(times), self.atom("TI", lambda: "x")
        ts, numbers = column.sql, [0, 1, DAY, 30 * DAY] if column.name == "ts" else []
        hour, one_unit = ("3600000000", "1") if numbers else ("'1 hour'", "'1 microsecond'")
        span = self.value(self.rng.choice([*numbers, "1 hour", "7 days"]))
        one, *more = (self.boolean(1) for _ in range(self.rng.randint(1, 4)))
        conditions = ", ".join([one, *more])
        count = len(more) + 1
        steps = [f"(?{self.rng.randint(1, count)})" for _ in range(self.rng.randint(1, 3))]
        between = self.rng.choice(["", ".*", ".", f".*(?t<={hour})", f"(?t>{one_unit})"])
        pattern = between.join(steps).replace("'", "''")
        modes = "".join(
            f"'{mode}', " for mode in ("strict_deduplication", "strict_order", "strict_increase", "strict_once")
            if self.chance(0.2)
        )  # fmt: skip
        directions = [("forward", "head"), ("backward", "tail"), ("forward", "first_match"), ("backward", "last_match")]
        direction, base = self.rng.choice(directions)
        kind, sql = self.rng.choice([
            ("I", f"window_funnel({span}, {modes}{ts}, {conditions})"),
            ("I", f"sequence_match('{pattern}', {ts}, {conditions})"),
            ("I", f"sequence_count('{pattern}', {ts}, {conditions})"),
            ("T", f"sequence_match_events('{pattern}', {ts}, {conditions})"),
            ("T", f"retention({conditions})"),
            ("T", f"sequence_next_node('{direction}', '{base}', {ts}, {value}, {conditions}, 1)"),
            ("R", f"duration_in({value}, {self.value(self.rng.choice(['pro', 1, None]))}, {ts})"),
            ("T", f"state_timeline({value}, {ts})"),
            ("T", f"path_string({value}, '>', {self.rng.choice('01')}, {ts})"),
        ])  # fmt: skip
        return Item(sql + self.filter(), "", kind, exact=kind != "R")

    def of_kind(self, kind: str) -> Item:
        if kind == "D":
            column = self.column("D")
            return Item(self.handed_on(column, self.rng.randint(0, 1)) if column is not None else "NULL", "", kind)
        sql = {"T": self.text, "I": self.integer, "R": self.real}[kind](1)
        return Item(sql, "", kind)

    def key(self) -> Item:
        """Something to group by."""
        self.exact = True
        way = self.rng.random()
        column = self.column("TIO") if way < 0.65 else None
        date = self.date() if 0.65 <= way < 0.75 else None
        bucket = self.bucket() if 0.75 <= way < 0.8 else None
        mixed = self.mixed() if 0.8 <= way < 0.87 and self.single else None
        if mixed is not None:
            self.lying = True
            return Item(mixed, "", "A")
        if column is not None:
            return Item(column.sql, "", column.kind)
        if date is not None:
            return Item(date, "", "T")
        return Item(bucket, "", "I") if bucket is not None else self.expression()

    def label(self, item: Item, always: bool) -> Item:
        """The item, with an alias if it needs one: if its text differs between the spellings, or to be referred to."""
        if always or "\x01" in item.sql or self.chance(0.4):
            return replace(item, alias=self.name())
        return item

    def group_by(self, keys: list[Item], shown: bool) -> str:
        if not keys:
            return ""
        forms = []
        for i, key in enumerate(keys):
            ways = [key.sql, key.sql]
            if shown:
                ways += [str(i + 1)] + [key.alias] * 2 * bool(key.alias)
            way = self.rng.choice(ways)
            forms.append(str(i + 1) if shown and not key.sql.strip("0123456789.- ") else way)
        return f" GROUP BY {', '.join(forms)}"

    def having(self, items: list[Item]) -> str:
        """A condition on groups, or two."""
        one = self.having_one(items)
        if self.chance(0.6):
            return one
        return f"{condition(one)} {self.rng.choice(['AND', 'OR', 'AND NOT'])} {condition(self.having_one(items))}"

    def having_one(self, items: list[Item]) -> str:
        scope, self.scope = self.scope, tuple(Column(i.alias, i.kind, (1, 2, 5), i.exact) for i in items
                                              if i.alias and i.exact and i.kind in "TIRD")  # fmt: skip
        alias = self.rng.choice([self.compare, self.when])() if self.chance(0.4) else None
        self.scope = scope
        if alias is not None:
            return alias
        threshold = self.value(self.rng.choice([0, 1, 2, 5, "2", 2.5]))
        extremes = [f"max(count(*), {self.value(2)})", f"min({self.value(3)}, count(*))"]
        left = self.rng.choice(extremes) if self.chance(0.3) else "count(*)"
        left = self.rng.choice([left, *(i.sql for i in items if i.added)])
        if self.chance(0.4) and left.startswith(("sum(", "avg(", "total(")):
            return f"{left} {self.rng.choice(['=', '<>', '<='])} round({left}, {self.rng.randint(0, 2)})"
        return f"{left} {self.rng.choice(['>', '>=', '<', '<>'])} {threshold}"

    def order(self, items: list[Item], head: str, keys: int, all_shown: bool) -> tuple[str, bool]:
        """ORDER BY and LIMIT, and whether the order is total: the keys, or all that is shown, stand last in it."""
        first = any(i.kind == "A" for i in items[:keys])
        if self.chance(0.35) or first or not all(i.exact for i in items[:keys]):
            return "", False
        terms = []
        for item in self.rng.sample(items, self.rng.randint(0, min(2, len(items)))):
            if (item.exact or item.added) and item.kind != "H" and "OVER" not in item.sql:
                way = self.rng.choice([item.sql, item.alias or item.sql, item.alias or item.sql])
                way = str(items.index(item) + 1) if not item.sql.strip("0123456789.- ") else way
                terms.append(way + self.direction(item))
        total = all_shown and self.chance(0.8) and not (head.endswith("DISTINCT") and not keys)
        if total:
            terms += [f"{i + 1}{self.direction(items[i])}" for i in range(keys)]
        if not terms:
            return "", False
        limit = ""
        if total and self.chance(0.5):
            limit = f" LIMIT {self.value(self.rng.choice([0, 1, 3, 10, -1]))}"
            limit += f" OFFSET {self.value(self.rng.randint(0, 3))}" if self.chance(0.3) else ""
        return optional(f" ORDER BY {', '.join(terms)}{limit}"), total

    def direction(self, item: Item) -> str:
        nulls = self.rng.choice(["", "", " NULLS FIRST", " NULLS LAST"])
        return self.rng.choice(["", "", " ASC", " DESC"]) + nulls

    def window(self, items: list[Item], keys: int) -> Item:
        """A window function over the grouped rows, whose order is total."""
        by = ", ".join(i.sql for i in items[:keys])
        if any(not i.sql.strip("0123456789.- ") for i in items[:keys]):
            by = "count(*)"
            return Item(f"rank() OVER (ORDER BY {by})", "", "I")
        numbers = [i.sql for i in items[keys:] if i.kind == "I" and i.exact and "DISTINCT" not in i.sql]
        value = self.rng.choice(numbers) if numbers else "count(*)"
        form = self.rng.choice([
            f"rank() OVER (ORDER BY {value} DESC)", f"row_number() OVER (ORDER BY {by})",
            f"sum({value}) OVER (ORDER BY {by})", f"lag({value}) OVER (ORDER BY {by})",
            f"count(*) OVER (PARTITION BY {items[0].sql})", f"{value} - first_value({value}) OVER (ORDER BY {by})",
        ])  # fmt: skip
        return Item(form, "", "I")

    def window_time(self, column: Column) -> str:
        """A time of the rows around, or one made of it."""
        who = next((c.sql for c in self.scope if c.kind == "O"), "1")
        name = self.rng.choice(["max({})", "min({})", "first_value({})", "last_value({})", "nth_value({}, 1)"])
        window = f"{name.format(column.sql)} OVER (PARTITION BY {who} ORDER BY {column.sql})"
        return self.rng.choice([window, f"coalesce({window}, NULL)", self.handed_on(column)])

    def aggregate(self) -> Item:
        """An aggregate, or a little expression of some."""
        self.exact = True
        way = self.rng.random()
        if way < 0.08:
            a, b = self.simple_aggregate("IR"), self.simple_aggregate("I")
            forms = ["{a} * 1.0 / {b}", "coalesce({a}, 0) + {b}", "{a} > {b}", "100 * {b} / count(*)"]
            forms += ["{a} AND {b} > 1", "max({b}, 2) AND {a}", "min({a}, {b}) OR {b}", "max({b}, {b}) -> 0"]
            form = self.rng.choice(forms)
            return Item(form.format(a=a.sql, b=b.sql), "", "A", exact=False)
        if way < 0.14:
            huge = self.column("H")
            if huge is not None:
                name = self.rng.choice(["sum", "total", "avg", "max", "min", "count", "sum"])
                return Item(f"{name}({huge.sql}){self.filter()}", "", "H", exact=False)
        if way < 0.2 and self.single and (mixed := self.mixed()) is not None:
            return self.of_mixed(mixed)
        if way < 0.25 and (text := self.column("T")) is not None:
            return Item(f"sum({self.handed(text)}){self.filter()}", "", "A", exact=False, added=True)
        if way < 0.35:
            return self.statistic()
        return self.simple_aggregate("TIRD")

    def statistic(self) -> Item:
        """An aggregate whose value is the nearest REAL, or one of the values; or an exact sum of decimals."""
        decimals = [c for c in self.scope if c.decimal]
        if decimals and self.chance(0.4):
            name = self.rng.choice(["sum", "sum", "total", "avg"])
            value = self.rng.choice(["", "", "DISTINCT "]) + self.rng.choice(decimals).sql
            plain = f"{name}_of_cents({value})"
            return Item(f"\x01{name}({value})\x02{plain}\x03{self.filter()}", "", "R", sums=False, added=True)
        if self.chance(0.2) and (column := self.column("TTIRD")) is not None:
            return Item(f"mode({column.sql}){self.filter()}", "", column.kind, sums=column.exact)
        numbers = [self.rng.choice([self.integer, self.real])(self.rng.choice([0, 0, 1])) for _ in "yx"]
        some = self.rng.choice(["stddev", "stddev_samp", "stddev_pop", "var_samp", "var_pop", "median"])
        fraction = self.value(self.rng.choice([0.5, 0.9, 0.25, 0, 1]))
        sql = self.pick(
            (4, lambda: f"{some}({self.rng.choice(['', '', 'DISTINCT '])}{numbers[0]})"),
            (2, lambda: f"{self.rng.choice(['percentile_cont', 'percentile_disc'])}({numbers[0]}, {fraction})"),
            (1, lambda: f"percentile({numbers[0]}, {self.value(self.rng.choice([50, 12.5, 0, 100]))})"),
            (2, lambda: f"corr({', '.join(numbers)})"),
        )
        return Item(sql + self.filter(), "", "R", sums=False, added=True)

    def handed(self, text: Column) -> str:
        """A text column, or what hands its values on."""
        return self.rng.choice([text.sql, text.sql, f"coalesce({text.sql}, 1)", f"nullif({text.sql}, '12')",
                                f"trim({text.sql})", f"CASE WHEN {self.boolean(0)} THEN {text.sql} ELSE 2 END"])

    def of_mixed(self, mixed: str) -> Item:
        """An aggregate of integers among reals."""
        name = self.rng.choice(["max", "min", "sum", "total", "avg", "count", "count(DISTINCT", "sum(DISTINCT"])
        self.lying |= name in ("max", "min", "sum(DISTINCT")
        if name in ("sum", "total", "avg", "sum(DISTINCT"):
            mixed = f"abs({mixed})"
        return Item(f"{name}{'(' * ('(' not in name)} {mixed}){self.filter()}", "", "A", exact=False, added=True)

    def simple_aggregate(self, kinds: str) -> Item:
        kind = self.rng.choice(kinds)
        self.exact = True
        if kind == "T" and self.chance(0.4):
            return self.concatenation()
        if kind in "TD":
            column = self.column("DDS") if kind == "D" else None
            argument = column.sql if column is not None else self.text(1)
            kind = column.kind if column is not None else "T"
            if kind == "D" and self.chance(0.3):
                argument = self.handed_on(column)  # type: ignore[arg-type]
            return Item(f"{self.rng.choice(['min', 'max'])}({argument}){self.filter()}", "", kind)
        if kind == "R":
            argument, exact = self.real(self.rng.choice([0, 0, 1, 2])), self.exact
            name = self.rng.choice(["sum", "sum", "total", "avg", "min", "max"])
            if name in ("sum", "total", "avg") and (not exact or self.chance(0.2)):
                argument, exact = self.summand(), False
            return Item(f"{name}({argument}){self.filter()}", "", "R", sums=exact and name != "avg", added=True)
        return self.count()

    def count(self) -> Item:
        """An aggregate that gives an integer (or, of integers, an average)."""
        column = self.column("TIRDOHA")
        one = column.sql if column is not None else "1"
        number = self.integer(self.rng.choice([0, 0, 1, 2]))
        wide = self.rng.choice([self.text, self.integer, self.real])(1)
        sql = self.pick(
            (5, lambda: "count(*)"),
            (1, lambda: f"count({self.rng.choice(['1', one, one, wide])})"),
            (3, lambda: f"count(DISTINCT {self.rng.choice([one, one, wide])})"),
            (3, lambda: f"sum({number})"),
            (1, lambda: f"{self.rng.choice(['min', 'max'])}({number})"),
            (1, lambda: f"sum(DISTINCT {number})"),
            (1.5, lambda: f"sum({self.boolean(1)})"),
            (1.5, lambda: f"{self.rng.choice(['sum', 'count'])}(CASE WHEN {self.boolean(1)} THEN 1 END)"),
            (0.6, lambda: f"COUNT ( DISTINCT {self.text(0)} COLLATE NOCASE )"),
            (0.2, lambda: "count()"),
        )
        if self.chance(0.1):
            return Item(f"{self.rng.choice(['total', 'avg'])}({number}){self.filter()}", "", "R", sums=False)
        return Item(sql + self.filter(), "", "I")

    def concatenation(self) -> Item:
        column = self.column("TTI")
        one = column.sql if column is not None else self.text(0)
        order = self.rng.choice([one, f"{one} DESC", f"length({one}), {one}"])
        ts = next((c.sql for c in self.scope if c.name == "ts"), None)
        if ts is not None and self.chance(0.4):
            order = f"{ts}, {one}"
        if self.chance(0.2):
            return Item(f"group_concat(DISTINCT {one} ORDER BY {one}){self.filter()}", "", "T")
        separator = self.value(self.rng.choice([",", " > ", ""]))
        form = self.rng.choice([f"group_concat({one} ORDER BY {order})", f"string_agg({one}, ',' ORDER BY {order})",
                                f"group_concat({one}, {separator} ORDER BY {order})"])  # fmt: skip
        return Item(form + self.filter(), "", "T")

    def filter(self) -> str:
        return optional(f" FILTER (WHERE {self.boolean(1)})") if self.chance(0.12) else ""

    # whole queries

    def rows(self, source: Source, nested: bool = False) -> Query:
        """Rows read one by one: DISTINCT, or in a total order, at times."""
        where = self.where(source)
        items = [self.label(self.expression(2), nested) for _ in range(self.rng.randint(1, 5))]
        if not nested and (recorded := self.column("J")) is not None and self.chance(0.2):
            items.append(Item(f"{recorded.sql} IS NULL", "", "I"))
        if nested:
            columns = self.rng.sample(source.columns, min(self.rng.randint(2, 6), len(source.columns)))
            items += [self.label(Item(c.sql, "", c.kind, sums=c.exact), True) for c in columns if c.kind != "A"]
            items += [self.label(Item(self.window_time(c), "", "D"), True) for c in columns if c.kind == "D"]
        elif (anything := self.column("A")) is not None and self.chance(0.6):
            items.append(Item(anything.sql, "", "A", exact=False))
        head = "SELECT DISTINCT" if self.chance(0.2) and all(i.exact for i in items) else "SELECT"
        order, ordered = ("", False) if nested else self.order(items, "SELECT", len(items), True)
        return Query(f"{head} {', '.join(map(str, items))} FROM {source.sql}{where}{order}", tuple(items), ordered)

    def from_query(self) -> Query:
        """A CTE or a subquery, selected from, and joined with an ordinary table at times."""
        make = self.rng.choice([self.grouped, self.grouped, self.rows, self.by_object, self.by_object])
        inner = make(self.source(), nested=True)
        name = self.name()
        way = self.rng.choice(["with", "with", "materialized", "from"])
        source = self.wrap(name if way != "from" else f"({inner.sql}) {name}", inner)
        if not source.columns:
            source = replace(source, columns=(Column("1", "I", (1,)),))
        who = [c for c in source.columns if c.kind == "O"]
        if who and self.chance(0.4):
            on = f"{name}.{who[0].sql} = c.id"
            mine = self.prefixed(source.sql, source.columns, name)
            theirs = self.prefixed("customers c", CUSTOMER_COLUMNS, "c")
            source = Source(f"{mine.sql} JOIN {theirs.sql} ON {on}", mine.columns + theirs.columns)
        outer = self.rows(source) if self.chance(0.6) else self.grouped(source)
        if way == "from":
            return outer
        hint = self.rng.choice(["MATERIALIZED ", "NOT MATERIALIZED "]) if way == "materialized" else ""
        return replace(outer, sql=f"WITH {name} AS {hint}({inner.sql}) {outer.sql}")

    def compound(self) -> Query:
        """UNION and its kin, of two or three queries of the same kinds."""
        kinds = self.rng.choice(["T", "I", "TT", "TI", "R", "D", "DI"])
        parts = [self.grouped(self.source(), kinds=kinds) for _ in range(self.rng.choice([2, 2, 3]))]
        sql = parts[0].sql
        for part in parts[1:]:
            sql += f" {self.rng.choice(['UNION', 'UNION ALL', 'UNION ALL', 'INTERSECT', 'EXCEPT'])} {part.sql}"
        if self.chance(0.4):
            order = ", ".join(str(i + 1) for i in range(len(kinds) + 1))
            return Query(f"{sql}{optional(f' ORDER BY {order} LIMIT 20')}", parts[0].items, True)
        return Query(sql, parts[0].items)

    def scalar(self) -> tuple[str, str]:
        """A subquery of one value, and its kind."""
        source = self.source()
        self.scope = source.columns
        item = next((i for i in (self.aggregate() for _ in range(9)) if i.exact), Item("count(*)", "", "I"))
        return f"(SELECT {item.sql} FROM {source.sql}{self.where(source)})", item.kind

    def scalars(self) -> Query:
        """Scalar subqueries: as columns, or as a threshold."""
        if self.chance(0.5):
            items = tuple(Item(*self.labelled(*self.scalar())) for _ in range(self.rng.randint(1, 3)))
            return Query(f"SELECT {', '.join(map(str, items))}", items)
        threshold, kind = self.scalar()
        source = self.source()
        self.scope = source.columns
        column = self.column({"I": "I", "R": "R", "D": "D"}.get(kind, "T"))
        if column is None:
            return self.grouped(source)
        extra = condition(f"{column.sql} {self.operator()} {threshold}")
        return self.grouped(replace(source, where=(*source.where, extra)))

    def labelled(self, sql: str, kind: str) -> tuple[str, str, str]:
        return sql, self.name() if "\x01" in sql else "", kind

    def per_customer(self) -> Query:
        """A correlated subquery over the events of each row of an ordinary table."""
        events = self.prefixed(f"{quote(self.world.schema.name)} u", self.columns("events"), "u")
        who = f"{events.columns[0].sql} = c.id"
        self.scope = events.columns
        item = self.simple_aggregate("TIRD")
        inner = f"(SELECT {item.sql} FROM {events.sql}{self.where(replace(events, where=(who,)))})"
        return Query(f"SELECT c.id, {inner} AS n FROM customers c ORDER BY c.id", (), True)

    def restricted(self) -> Query:
        """Aggregates over the objects that an ordinary table, or a scan, gives."""
        source = self.source()
        self.scope = source.columns
        extra = self.related(1) or self.boolean()
        return self.grouped(replace(source, where=(*source.where, condition(extra))))

    def orders(self) -> Query:
        """A select over a point-in-time join."""
        source = self.at_orders()
        return self.grouped(source) if self.chance(0.6) else self.rows(source)

    def at_orders(self) -> Source:
        """The point-in-time join: the state of each order's customer when the order was made."""
        name = self.world.schema.name
        table = f"\x01{quote(name + '_objects')} s\x02{quote(name + '_objects_as_of')} s\x03"
        mine = self.prefixed(table, self.columns("objects"), "s")
        theirs = self.prefixed("orders o", ORDER_COLUMNS, "o")
        way = self.rng.choice(["JOIN", "JOIN", "LEFT JOIN"])
        sql = f"orders o {way} {table} ON {mine.columns[0].sql} = o.customer AND s.as_of = o.created_at"
        return Source(sql, mine.columns + theirs.columns)
