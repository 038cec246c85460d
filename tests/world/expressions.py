"""Random SQL expressions, as a text with marks in it from which two spellings are rendered: `Statement`.

    \\x01 sky \\x02 plain \\x03    the two differ here: the forms of a moment, and where state as of T is read
    \\x04 i \\x05                 bound parameter i, whose two values may differ as well
    \\x06 b ... \\x07             a condition that a shrinker may replace by 1, by 0, or by one within it
    \\x06 o ... \\x07             a clause that a shrinker may leave out

Kinds of expressions: I integer, R real, T text, D a timestamp column (compared with a moment in any form),
C canonical text of a moment, O an object's id, H a column of huge numbers (not calculated with), A any.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from tests.world.oracle import Schema, Value, moment, quote, timestamp

DAY = 86_400_000_000

PLAIN_NAMES = {"object_id", "timestamp", "action", "ts", "changes", "first_timestamp", "last_timestamp", "events",
               "property", "old_value", "new_value", "session", "session_event", "duration",
               "first_action", "last_action", "plan", "country", "amount", "url", "score", "vip", "seats",
               "Grade", "tail", "user", "paid"}  # fmt: skip
"""Names that need no quotes."""


@dataclass(frozen=True)
class Column:
    """A column in scope: how it is written, its kind, values to compare it with, whether its sums are exact,
    whether its values are `apart`: they have both signs, and no sum of them comes near 0; and whether it is a DECIMAL.
    """

    sql: str
    kind: str
    pool: tuple[Value, ...] = ()
    exact: bool = True
    name: str = ""
    apart: bool = False
    decimal: bool = False


@dataclass(frozen=True)
class Source:
    """Something to select from: its text, its columns, and conditions that belong to it."""

    sql: str
    columns: tuple[Column, ...]
    where: tuple[str, ...] = ()

    @property
    def single(self) -> bool:
        """Whether its rows come in one order."""
        return " JOIN " not in self.sql and ", " not in self.sql


@dataclass
class World:
    """What statements are made for. `moments` are those that `Oracle.load` was given; `columns` of the events table."""

    schema: Schema
    events: tuple[Column, ...]
    objects: tuple[Column, ...]
    changes: tuple[Column, ...]
    more: dict[str, tuple[Column, ...]]  # of the events under an idle time, and of the sessions
    times: list[int]
    moments: list[int]
    views: list[Source] = field(default_factory=list)


@dataclass
class Statement:
    """A text with marks, its parameters as (sky, plain) pairs, whether the order of its rows is defined, and whether
    its answer is that of the order in which rows lie (`lying`).
    """

    text: str
    parameters: list[tuple[Value, Value]]
    style: str
    ordered: bool
    lying: bool = False

    def sky(self) -> tuple[str, list[Value] | dict[str, Value]]:
        """SQL and parameters for the sky table."""
        return self._render(0)

    def plain(self) -> tuple[str, list[Value] | dict[str, Value]]:
        """SQL and parameters for the ordinary tables."""
        return self._render(1)

    def _render(self, side: int) -> tuple[str, list[Value] | dict[str, Value]]:
        text = re.sub("\x01([^\x02]*)\x02([^\x03]*)\x03", lambda m: m[1 + side], self.text)
        text = re.sub("\x06.|\x07", "", text)
        order: list[int] = []

        def place(match: re.Match[str]) -> str:
            i = int(match[1])
            if self.style == "?" or i not in order:
                order.append(i)
            return {"?": "?", "1": f"?{order.index(i) + 1}"}.get(self.style, f"{self.style}p{i}")

        text = re.sub("\x04(\\d+)\x05", place, text)
        if self.style in "?1":
            return text, [self.parameters[i][side] for i in order]
        return text, {f"p{i}": self.parameters[i][side] for i in order}


def literal(value: Value) -> str:
    """The value as SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, float) and abs(value) == float("inf"):
        return "9e999" if value > 0 else "-9e999"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)


def condition(sql: str) -> str:
    """The text, marked as a condition."""
    return f"\x06b{sql}\x07"


def optional(sql: str) -> str:
    """The text, marked as one that may be left out."""
    return f"\x06o{sql}\x07"


CUSTOMER_COLUMNS = (
    Column("id", "O", (1, 2, 3, 7)),
    Column("segment", "T", ("gold", "silver", "Gold", "")),
    Column("score", "R", (0.5, 1.25, 10.0, -3.0)),
)
TAG_COLUMNS = (Column("object", "O", (1, 2, 3, 7)), Column("tag", "T", ("a", "b", "B", "12")))
ORDER_COLUMNS = (Column("id", "I", (1, 5)), Column("customer", "O", (1, 2)), Column("total", "R", (1.5, 20.0)))
ORDINARY = {"customers": Source("customers", CUSTOMER_COLUMNS), "tags": Source("tags", TAG_COLUMNS)}


class Expressions:
    """Makes expressions over the columns in scope."""

    def __init__(self, rng: random.Random, world: World, binding: bool = True) -> None:
        self.rng = rng
        self.world = world
        self.binding = 0.0 if not binding else rng.choice([0.0, 0.0, 0.3, 0.8])
        self.style = rng.choice(["?", "?", "1", ":", "@", "$"])
        self.parameters: list[tuple[Value, Value]] = []
        self.scope: tuple[Column, ...] = ()
        self.exact = True  # False as soon as a column or an operation was used whose sums rounding may change
        self.lying = False  # True as soon as it was used that, of equal numbers, the first is shown
        self.single = False  # whether the rows of the scope come in one order
        self.names = 0

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def pick(self, *options: tuple[float, Callable[[], str | None]]) -> str:
        """The text of an option taken by weight; one that has nothing to say (None) is passed over."""
        for _ in range(20):
            (_, make), *_ = self.rng.choices(options, [weight for weight, _ in options])
            text = make()
            if text is not None:
                return text
        return "1"

    def name(self) -> str:
        self.names += 1
        return f"{self.rng.choice(['k', 'n', 'x'])}{self.names}"

    def value(self, value: Value) -> str:
        """A literal or a parameter."""
        if self.chance(self.binding):
            return self.bind(value, value)
        if isinstance(value, int) and value >= 0 and self.chance(0.03):
            return hex(value)
        return literal(value)

    def bind(self, sky: Value, plain: Value) -> str:
        self.parameters.append((sky, plain))
        return f"\x04{len(self.parameters) - 1}\x05"

    def moment(self, us: int) -> str:
        """A moment, in any form for the sky table."""
        plain = timestamp(us)
        form: Value = plain
        if self.chance(0.8):
            forms: list[Value] = [us, plain.replace(" ", "T"), plain + "Z", plain.replace(" ", "T") + "+00:00", plain]
            offset = timedelta(minutes=self.rng.choice([60, -90, 330, 840]))
            if -62_135_000_000_000_000 < us < 253_402_000_000_000_000:
                minutes = abs(offset) // timedelta(minutes=1)
                sign = "-" if offset < timedelta(0) else "+"
                shifted = (moment(us) + offset).isoformat(self.rng.choice(" T"), "microseconds")
                forms.append(f"{shifted}{sign}{minutes // 60:02}:{minutes % 60:02}")
            for tail, digits in ((".000000", 19), ("000", 23), ("00.000000", 16), ("00:00:00.000000", 10)):
                if plain.endswith(tail):
                    forms += [plain[:digits].rstrip(), plain[:digits].rstrip().replace(" ", "T")]
            form = self.rng.choice(forms)
        if self.chance(self.binding):
            return self.bind(form, plain)
        return f"\x01{literal(form)}\x02{literal(plain)}\x03"

    def time(self) -> int:
        """Microseconds at or near an event."""
        us = self.rng.choice(self.world.times)
        if self.chance(0.4):
            us = us // DAY * DAY
        elif self.chance(0.3):
            us += self.rng.choice([-1, 1, 500_000, 3_600_000_000])
        return max(-62_135_596_800_000_000, min(us, 253_402_300_799_999_999))

    def column(self, kinds: str) -> Column | None:
        columns = [c for c in self.scope if c.kind in kinds]
        if not columns:
            return None
        column = self.rng.choice(columns)
        self.exact = self.exact and column.exact
        return column

    def columns(self, kind: str) -> tuple[Column, ...]:
        """The columns of the events, the objects, the changes or the sessions, each in one of its spellings."""
        columns = {
            "events": self.world.events, "objects": self.world.objects, "changes": self.world.changes, **self.world.more
        }[kind]  # fmt: skip
        return tuple(replace(c, sql=self.spelled(c.name)) for c in columns)

    def spelled(self, name: str) -> str:
        forms = [quote(name)]
        if name in PLAIN_NAMES:
            forms += [name] * 8 + [name.upper(), f"`{name}`"]
        return self.rng.choice(forms if "]" in name else [*forms, f"[{name}]"])

    def near(self, column: Column) -> Value:
        """A value to compare the column with: one of its own, or nearly."""
        value = self.rng.choice(column.pool) if column.pool else self.rng.choice([0, 1, "x"])
        if isinstance(value, int | float) and self.chance(0.3):
            return value + self.rng.choice([-1, 1, 0.5] if column.kind != "H" else [0])
        return value

    def mismatch(self, column: Column) -> Value:
        """The same in another type, or something else altogether."""
        value = self.near(column)
        if isinstance(value, str):
            return self.rng.choice([12, 0, 12.0, 1e2, value + " ", value.upper(), "1", ""])
        return self.rng.choice([str(value), f" {value}", f"{value}.0", "abc", "", "0x10", 1e18, 5.5, -1, value])

    # numbers and texts

    def atom(self, kinds: str, fallback: Callable[[], Value]) -> str:
        column = self.column(kinds)
        if column is None or self.chance(0.15):
            return self.value(fallback())
        return column.sql

    def integer(self, depth: int = 2) -> str:
        def small() -> str:
            return self.atom("I", lambda: self.rng.randint(-3, 12))

        if depth <= 0 or self.chance(0.25):
            return small()
        one = self.integer
        operand = self.rng.choice
        return self.pick(
            (4, lambda: f"({one(depth - 1)} {operand(['+', '-', '*', '/', '%'])} {one(depth - 1)})"),
            (2, lambda: f"{small()} {operand(['+', '-', '*', '/', '%', '&', '|'])} {small()}"),
            (1, lambda: f"({one(depth - 1)} & {self.value(self.rng.choice([1, 3, 7, 255]))})"),
            (0.5, lambda: f"({small()} & 15) {operand(['<<', '>>'])} {self.value(self.rng.randint(-2, 4))}"),
            (0.5, lambda: f"{operand(['-', '~', '+'])} ({one(depth - 1)})"),
            (1, lambda: f"length({self.text(depth - 1)})"),
            (0.5, lambda: f"abs({one(depth - 1)})"),
            (0.7, lambda: f"cast({self.rng.choice([self.text, self.real])(depth - 1)} AS INTEGER)"),
            (0.4, lambda: f"instr({self.text(depth - 1)}, {self.value(self.rng.choice(['e', 'pro', '1']))})"),
            (0.3, lambda: f"{operand(['sign', 'unicode'])}({small()})"),
            (0.5, lambda: f"({self.boolean(depth - 1)})"),
            (0.8, lambda: self.bucket()),
            (0.5, lambda: self.modulo()),
            (2, lambda: self.choice(one, depth)),
        )

    def real(self, depth: int = 2) -> str:
        def small() -> str:
            return self.atom("R", lambda: self.rng.randint(-40, 40) / 4)

        if depth <= 0 or self.chance(0.3):
            return small()
        one = self.real
        operand = self.rng.choice
        return self.pick(
            (3, lambda: f"({one(depth - 1)} {operand('+-*')} {self.rng.choice([one, self.integer])(depth - 1)})"),
            (2, lambda: f"{small()} {operand('+-*')} {small()}"),
            (1, lambda: self.rounded(f"{small()} {operand('/%')} {small()}")),
            (0.6, lambda: f"cast({self.integer(depth - 1)} AS REAL)"),
            (0.5, lambda: self.rounded(f"round({one(depth - 1)}{operand(['', ', 1', ', 0'])})")),
            (0.5, lambda: f"{operand(['- ', 'abs'])}({one(depth - 1)})"),
            (2, lambda: self.choice(one, depth)),
        )

    def rounded(self, sql: str) -> str:
        """The text of an expression whose sums are not exact."""
        self.exact = False
        return sql

    def summand(self) -> str:
        """A number whose sums are no tiny part of what is added: of values that are apart, or never negative."""
        apart = [c.sql for c in self.scope if c.kind == "R" and c.apart]
        return self.rng.choice(apart) if apart and self.chance(0.4) else self.positive(self.rng.randint(0, 2))

    def positive(self, depth: int) -> str:
        """A number that is never negative."""
        if depth == 0:
            return f"abs({self.atom('R', lambda: 0.1)})"
        one, other = self.positive(depth - 1), self.rng.choice(["0.1", "3", "19.99", self.positive(0)])
        return self.rng.choice([
            one, f"({one} + {other})", f"({one} * {other})", f"round({one}, 1)", f"coalesce({one}, {other})",
            f"CASE WHEN {self.boolean(0)} THEN {one} ELSE {other} END", f"({one} / 3)",
        ])  # fmt: skip

    def mixed(self) -> str | None:
        """A number that is an integer at times, and at others a real."""
        whole, real = self.column("I"), self.column("R")
        if whole is None or real is None:
            return None
        a, b = self.rng.sample([whole.sql, real.sql], 2)
        return self.rng.choice([f"coalesce({a}, {b})", f"ifnull({a}, {b})", f"iif({self.boolean(0)}, {a}, {b})",
                                f"CASE WHEN {self.boolean(0)} THEN {a} ELSE {b} END", f"ifnull({real.sql}, 1)",
                                f"ifnull({whole.sql}, 1.0)"])  # fmt: skip

    def text(self, depth: int = 2) -> str:
        def small() -> str:
            return self.atom("T", lambda: self.rng.choice(["pro", "", "x", "12", "Ä", "it's"]))

        if depth <= 0 or self.chance(0.35):
            return small()
        one = self.text
        number = self.value(self.rng.randint(-3, 3))
        return self.pick(
            (2, lambda: f"{self.rng.choice(['lower', 'upper', 'trim', 'typeof', 'quote', 'hex'])}({small()})"),
            (2, lambda: f"{self.rng.choice(['substr', 'substring'])}({small()}, {number}, {self.rng.randint(0, 3)})"),
            (0.5, lambda: f"substr({small()}, {number})"),
            (1, lambda: f"({one(depth - 1)} || {one(depth - 1)})"),
            (0.5, lambda: f"{small()} || {self.integer(0)}"),
            (0.7, lambda: f"replace({small()}, {self.value('e')}, {self.value('')})"),
            (0.8, lambda: f"cast({self.rng.choice([self.integer, self.real])(depth - 1)} AS TEXT)"),
            (0.5, lambda: f"typeof({self.rng.choice([self.integer, self.real])(depth - 1)})"),
            (0.3, lambda: f"printf('%s-%d', {small()}, {self.integer(0)})"),
            (1, lambda: self.date()),
            (2, lambda: self.choice(one, depth)),
        )

    def choice(self, one: Callable[[int], str], depth: int) -> str:
        """The functions of NULL, and CASE, over expressions of one kind."""
        a, b = one(depth - 1), one(0)
        name = self.rng.choice(["coalesce", "ifnull", "nullif", "iif", "case", "case", "switch", "max", "min"])
        if name == "iif":
            return f"iif({self.boolean(depth - 1)}, {a}, {b})"
        if name == "case":
            otherwise = f" ELSE {b}" if self.chance(0.7) else ""
            return f"CASE WHEN {self.boolean(depth - 1)} THEN {a}{otherwise} END"
        if name == "switch":
            return f"CASE {self.text(0)} WHEN {self.text(0)} THEN {a} ELSE {b} END"
        return f"{name}({a}, {b})"

    def bucket(self) -> str | None:
        """A time bucket of `ts`."""
        column = next((c for c in self.scope if c.name == "ts"), None)
        size = self.rng.choice([DAY, 3_600_000_000, 7 * DAY])
        return column and f"{column.sql} / {self.value(size) if self.chance(0.3) else size}"

    def modulo(self) -> str | None:
        column = self.column("O")
        return column and f"{column.sql} {self.rng.choice('%&')} {self.rng.choice([2, 3, 7])}"

    def date(self) -> str | None:
        """A text made of a timestamp by SQLite's date functions."""
        column = self.column("DC")
        if column is None:
            return None
        if self.chance(0.3):
            modifier = self.rng.choice(["", ", 'start of month'", ", '+1 day'", ", 'weekday 0'", ", '-1 month'"])
            return f"{self.rng.choice(['date', 'datetime', 'time'])}({column.sql}{modifier})"
        form = self.rng.choice(["%Y", "%Y-%m", "%Y-%m-%d", "%H", "%H:%M:%S", "%s", "%w", "%j", "%Y-W%W", "%f"])
        return f"strftime('{form}', {column.sql})"

    # conditions

    def boolean(self, depth: int = 2) -> str:
        exact = self.exact
        sql = self.pick(
            (6, self.compare),
            (2, self.among),
            (1, self.between),
            (1.5, self.like),
            (2, self.null),
            (0.7, self.nocase),
            (1, lambda: self.extreme(depth)),
            (0.4, lambda: self.integer(depth - 1) if depth > 0 else None),
            (0.3, lambda: self.atom("TR", lambda: "1x")),
            (0.3, lambda: self.rng.choice(["1", "0", "NULL", "TRUE", "FALSE", "1 = 1", "'abc'", "0.5"])),
            (2.5, self.when),
            (1.5, self.who),
            (2.5, lambda: self.related(depth) if depth > 0 else None),
            (1.5, self.listed),
            (4 if depth > 0 else 0, lambda: self.logic(depth)),
            (0.3, self.recorded),
        )
        self.exact = exact
        return condition(sql)

    def logic(self, depth: int) -> str:
        a, b = self.boolean(depth - 1), self.boolean(depth - 1)
        forms = [f"({a} AND {b})", f"({a} OR {b})", f"NOT ({a})", f"({a} AND NOT {b})", f"{a} OR {b}", f"{a} AND {b}"]
        return self.rng.choice(forms)

    def extreme(self, depth: int) -> str:
        """A scalar min() or max() at the left end of an operator."""
        name = self.rng.choice(["min", "max"])
        call, text = f"{name}({self.integer(0)}, {self.integer(0)})", f"{name}({self.text(0)}, {self.text(0)})"
        return self.pick(
            (2, lambda: f"{call} {self.rng.choice(['AND', 'OR'])} {self.boolean(depth - 1)}"),
            (1, lambda: f"{call} {self.operator()} {self.value(self.rng.randint(-1, 9))}"),
            (1, lambda: f"{text} COLLATE NOCASE {self.operator()} {self.text(0)}"),
            (0.5, lambda: f"{name}('{{\"a\": 1}}', '[7]') ->> '$[0]' {self.operator()} {self.integer(0)}"),
            (0.5, lambda: f"{call} IN ({self.integer(0)}, {self.integer(0)})"),
        )

    def operator(self) -> str:
        return self.rng.choice(["=", "=", "=", "==", "<>", "!=", "<", "<=", ">", ">="])

    def compare(self) -> str | None:
        column = self.column("TIRHA")
        if column is None:
            return None
        left, right = column.sql, self.value(self.near(column) if self.chance(0.7) else self.mismatch(column))
        if self.chance(0.25):
            other = self.column("TIR")
            right = other.sql if other else right
        elif self.chance(0.3) and column.kind in "TIR":
            left = {"T": self.text, "I": self.integer, "R": self.real}[column.kind](1)
        return f"{right} {self.operator()} {left}" if self.chance(0.15) else f"{left} {self.operator()} {right}"

    def among(self) -> str | None:
        column = self.column("TTIRHA")
        if column is None:
            return None
        left = self.mixed() if column.kind in "IR" and self.chance(0.2) else None
        count = self.rng.randint(0, 4) if self.chance(0.95) else self.rng.choice([15, 17, 40])
        values = [self.value(self.near(column)) for _ in range(count)]
        if self.chance(0.2):
            values.append(self.rng.choice(["NULL", self.value(self.mismatch(column))]))
        if self.chance(0.2):
            values += [self.value(self.numeral(self.near(column))) for _ in range(self.rng.randint(1, 4))]
        return f"{left or column.sql} {self.rng.choice(['', 'NOT '])}IN ({self.elements(values)})"

    def numeral(self, value: Value) -> Value:
        """A text that may be a number, the same number or another; or a number that no integer equals."""
        odd: list[Value] = [
            *("1_0", "nan", "inf", "-Inf", "1e400", "-1e400", "0x1", "", ".", "+", "1e", "\u0663", "\xa01", "1\x0b"),
            *("9223372036854775807", "9223372036854775808", "-9223372036854775808", "9007199254740993.0", "1e18"),
            *(9.5, 1e400, -1e400, 9.3e18, 2.0**53, 2.0**63, -(2.0**63), "1.0000000000000000000001"),
        ]
        if isinstance(value, int | float) and abs(value) < 2**53 and self.chance(0.7):
            whole = f"{value:.0f}"
            arabic = "".join(chr(0x660 + int(digit)) for digit in whole if digit.isdigit())
            odd = [f" {value} ", f"+{value}", f"{whole}.0", f"{whole}.", f"{whole}e0", f"{whole}0e-1", f"{value}x",
                   f"0{whole}", f"\t{value}\n", float(value), arabic]  # fmt: skip
        return self.rng.choice(odd)

    def elements(self, items: list[str]) -> str:
        """What stands in the parentheses of IN: now and then a long list, of the same values many times."""
        return ", ".join(items * (150 // (len(items) or 1)) if self.chance(0.1) else items)

    def listed(self) -> str | None:
        """A column of any type among the rows of a subquery, of any type and affinity."""
        column = self.column("TTTIIRA")
        if column is None:
            return None
        ordinary = ["tag FROM tags", "segment FROM customers", "id FROM customers", "score FROM customers",
                    "object FROM tags WHERE object", "id || '' FROM customers", "total * 4 FROM orders"]  # fmt: skip
        values = [literal(self.near(column)) for _ in range(self.rng.randint(1, 3))]
        rows = " UNION ALL SELECT ".join([*values, self.rng.choice([*ordinary, "x'31'", "NULL"])])
        own = next((c for c in self.world.events if c.name == column.name), None)
        odd = " UNION ALL SELECT ".join(literal(self.numeral(self.near(column))) for _ in range(3))
        texts = [self.rng.choice(ordinary), rows, odd, f"cast(x AS TEXT) FROM (SELECT {values[0]} AS x)"]
        if own is not None:
            texts.append(f"{own.sql} FROM {quote(self.world.schema.name)}")
        return f"{column.sql} {self.rng.choice(['', '', 'NOT '])}IN (SELECT {self.rng.choice(texts)})"

    def between(self) -> str | None:
        column = self.column("TIRH")
        if column is None:
            return None
        low, high = (self.value(self.near(column)) for _ in "ab")
        return f"({column.sql} {self.rng.choice(['', 'NOT '])}BETWEEN {low} AND {high})"

    def like(self) -> str | None:
        column = self.column("TTTIR")
        if column is None:
            return None
        text = str(self.near(column))
        start = self.rng.randint(0, 3)
        piece = text[start : start + self.rng.randint(1, 3)]
        no = self.rng.choice(["", "", "NOT "])
        if self.chance(0.3):
            pattern = self.rng.choice([f"*{piece}*", f"{text[:1]}*", f"[{text[:1] or 'a'}-z]*", "?ro", text])
            return f"{column.sql} {no}GLOB {self.value(pattern)}"
        pattern = self.rng.choice([f"%{piece}%", f"{text[:2].upper()}%", f"%{text[-2:]}", "_r%", "%", text, "50!%", ""])
        escape = " ESCAPE '!'" if "!" in pattern else ""
        return f"{column.sql} {no}LIKE {self.value(pattern)}{escape}"

    def null(self) -> str | None:
        column = self.column("TIRHA")
        if column is None:
            return None
        value = self.value(self.rng.choice([None, self.near(column)]))
        forms = ["IS NULL", "IS NOT NULL", "ISNULL", "NOTNULL", f"IS {value}", f"IS NOT {value}"]
        forms += [f"IS DISTINCT FROM {value}", f"IS NOT DISTINCT FROM {value}", "= NULL"]
        return f"({column.sql} {self.rng.choice(forms)})"

    def nocase(self) -> str | None:
        column = self.column("T")
        value = column and self.near(column)
        if column is None or not isinstance(value, str):
            return None
        right = self.value(self.rng.choice([value.upper(), value.lower(), value + "  "]))
        right = self.rng.choice([right, f"max({right}, {self.text(0)})"]) if self.chance(0.2) else right
        return f"{column.sql} {self.operator()} {right} COLLATE {self.rng.choice(['NOCASE', 'NOCASE', 'RTRIM'])}"

    def when(self) -> str | None:
        """A condition on a timestamp."""
        column = self.column("D")
        if column is None:
            return None
        no = self.rng.choice(["", "", "NOT "])
        ts = next((c for c in self.scope if c.name == "ts"), None)
        if ts is not None and self.chance(0.25):
            return f"{ts.sql} {self.operator()} {self.value(self.time())}"
        low, high = sorted([self.time(), self.time()])
        one = column.sql if self.chance(0.6) else self.handed_on(column)
        return self.pick(
            (4, lambda: f"{one} {self.operator()} {self.moment(low)}"),
            (1, lambda: f"{self.moment(low)} {self.operator()} {one}"),
            (3, lambda: f"({one} >= {self.moment(low)} AND {column.sql} < {self.moment(high)})"),
            (2, lambda: f"({one} {no}BETWEEN {self.moment(low)} AND {self.moment(high)})"),
            (0.5, lambda: f"({self.moment(low)} {no}BETWEEN {one} AND {self.moment(high)})"),
            (1, lambda: f"{one} {no}IN ({self.elements([self.moment(low), self.moment(high)])})"),
            (0.5, lambda: f"{one} IS {no}{self.moment(low)}"),
            (0.5, lambda: f"(({one})) > {self.moment(low)}"),
            (0.5, lambda: f"CASE {one} WHEN {self.moment(low)} THEN 1 ELSE {self.rng.choice('01')} END"),
            (1, lambda: self.time_in_query(one, low, high)),
            (1, lambda: self.time_in_row(one, low, high)),
            (0.7, lambda: f"strftime('%Y-%m', {column.sql}) = '{timestamp(low)[:7]}'"),
            (0.5, lambda: f"date({column.sql}) >= '{timestamp(low)[:10]}'"),
            (0.3, lambda: f"{column.sql} LIKE '{timestamp(low)[:7]}%'"),
        )

    def handed_on(self, column: Column, depth: int = 2) -> str:
        """A time, made of a timestamp by what hands its values on."""
        if depth == 0:
            return column.sql
        one, other = (self.handed_on(self.column("D") or column, depth - 1) for _ in "ab")
        moments = [self.moment(self.time()) for _ in "ab"]
        name, events = self.rng.choice(["max", "min"]), quote(self.world.schema.name)
        condition = self.rng.choice([self.compare, self.null, self.who])() or "1"
        otherwise = self.rng.choice([other, "NULL"])
        return self.rng.choice([
            f"coalesce({one}, {other})", f"ifnull(NULL, {one})", f"nullif({one}, {moments[0]})", f"+{one}",
            f"iif({condition}, {one}, {other})", f"iif({condition}, {one}, 0, {other}, NULL)", f"likely({one})",
            f"CASE WHEN {condition} THEN {one} ELSE {otherwise} END",
            f"CASE {one} WHEN {moments[0]} THEN {other} ELSE {one} END", f"({one})", f"likelihood({one}, 0.25)",
            f"{name}({one}, {other})", f"{name}({one}, {moments[0]}, {moments[1]})", f"{name}({moments[0]}, {one})",
            f"(SELECT {name}(timestamp) FROM {events})", f"({one} COLLATE BINARY)",
        ])  # fmt: skip

    def time_in_query(self, one: str, low: int, high: int) -> str:
        """A time among the rows of a query, or a moment among times."""
        events, no = quote(self.world.schema.name), self.rng.choice(["", "NOT "])
        rows = self.rng.choice([
            f"SELECT {self.moment(low)}", f"VALUES ({self.moment(low)}), ({self.moment(high)})",
            f"SELECT {self.moment(low)} UNION ALL SELECT min(timestamp) FROM {events}",
            f"SELECT timestamp FROM {events} EXCEPT SELECT {self.moment(low)}",
            f"SELECT {self.moment(low)} INTERSECT SELECT timestamp FROM {events}",
            f"SELECT t FROM (SELECT max(timestamp) AS t FROM {events}) WHERE t > {self.moment(low)}",
        ])  # fmt: skip
        if self.chance(0.3):
            return f"{self.moment(low)} {no}IN (SELECT timestamp FROM {events})"
        return f"{one} {no}IN ({rows})"

    def time_in_row(self, one: str, low: int, high: int) -> str | None:
        """A row value with a time in it."""
        column = self.column("O")
        if column is None:
            return None
        who, id = column.sql, literal(self.near(column))
        other = literal(self.near(column))
        return self.rng.choice([
            f"({who}, {one}) {self.operator()} ({id}, {self.moment(low)})",
            f"({one}, {who}) {self.operator()} ({self.moment(low)}, {id})",
            f"({self.moment(low)}, {id}) {self.operator()} ({one}, {who})",
            f"({who}, {one}) IN (VALUES ({id}, {self.moment(low)}), ({other}, {self.moment(high)}))",
            f"({one}, {who}) BETWEEN ({self.moment(low)}, {id}) AND ({self.moment(high)}, {other})",
            f"({who}, {one}) IN (SELECT {id}, {self.moment(low)})",
        ])  # fmt: skip

    def who(self) -> str | None:
        """A condition on the object."""
        column = self.column("O")
        if column is None:
            return None
        ids = [self.value(self.near(column)) for _ in range(self.rng.randint(1, 5))]
        odd = [*ids[1:], *(self.value(self.numeral(self.near(column))) for _ in range(2))]
        wild = self.value(self.rng.choice([0, -1, "abc", str(self.near(column)), 1.0, 2.5, None, 9.3e18]))
        return self.pick(
            (3, lambda: f"{column.sql} {self.operator()} {ids[0]}"),
            (2, lambda: f"{column.sql} {self.rng.choice(['', 'NOT '])}IN ({self.elements(ids)})"),
            (1, lambda: f"{column.sql} {self.rng.choice(['', 'NOT '])}IN ({self.elements(odd)})"),
            (0.5, lambda: f"{column.sql} IN (SELECT {' UNION ALL SELECT '.join(odd)})"),
            (1, lambda: f"{column.sql} {self.operator()} {wild}"),
            (1, lambda: f"({column.sql} BETWEEN {ids[0]} AND {ids[-1]})"),
            (1, lambda: self.modulo() + " = 1"),  # type: ignore[operator]
        )

    def related(self, _depth: int) -> str | None:
        """A condition on the object by way of an ordinary table, or of the sky table itself."""
        column = self.column("O")
        if column is None:
            return None
        outer, exact = self.scope, self.exact
        within = self.rng.choice(["customers", "customers", "tags", "events"])
        if within == "events":
            self.scope = self.columns("events")
            key, source = self.scope[0].sql, quote(self.world.schema.name)
        else:
            self.scope = ORDINARY[within].columns
            key, source = self.scope[0].sql, within
        inner = self.boolean(0)
        self.scope, self.exact = outer, exact
        no = self.rng.choice(["", "", "NOT "])
        if within == "customers" and "." in column.sql and self.chance(0.3):
            return f"{no}EXISTS (SELECT 1 FROM customers WHERE id = {column.sql} AND {inner})"
        return f"{column.sql} {no}IN (SELECT {key} FROM {source} WHERE {inner})"

    def recorded(self) -> str | None:
        """A condition on the event's own changes."""
        if not any(c.name == "changes" for c in self.scope):
            return None
        column = next(c.sql for c in self.scope if c.name == "changes")
        names = [p.name for p in self.world.schema.states if p.name.isidentifier() and p.name.isascii()]
        if not names or self.chance(0.6):
            return f"{column} IS {self.rng.choice(['', 'NOT '])}NULL"
        return f"json_extract({column}, '$.{self.rng.choice(names)}') {self.operator()} {self.value('pro')}"
