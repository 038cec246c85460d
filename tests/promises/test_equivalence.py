"""Every SELECT gives what plain SQLite gives on an ordinary table of the same rows.

Random schemas, histories and statements (worlds.py, statements.py); for each statement three answers must agree in
column names, values and types: a connection with pushdown, one without, and plain SQLite on the rows of the naive model
(oracle.py). REAL values are the same bit for bit; rows are a multiset unless the statement orders them; an error must
be an error everywhere.

    pytest tests/promises/test_equivalence.py              6,000 statements and the Hypothesis tests
    SKYSQL_TEST_SEED=random pytest tests/promises/...      others each time: the seed is printed
    SKYSQL_TEST_SEED=17 pytest tests/promises/...          the same ones again
    SKYSQL_TEST_STATEMENTS=100000 pytest tests/...         the longer run
    SKYSQL_TEST_SEED=17/4/33 pytest tests/... -k bulk      one statement: seed/database/statement
    python -m tests.promises.test_equivalence              the bulk run alone, every cause reported

A failure is shrunk, in its statement and in its events, and reported with its seed, DDL, statements and answers.
"""

from __future__ import annotations

import json
import os
import random
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import apsw
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from skysql.functions import FUNCTIONS
from tests.world.answers import Difference, different
from tests.world.databases import SIZES, Databases, Plain
from tests.world.expressions import Statement
from tests.world.oracle import Event, Oracle, Property, Schema, quote
from tests.world.oracle_sessions import IDLES, event_numbers, session_columns, session_rows
from tests.world.statements import Generator
from tests.world.worlds import Script, Write, random_script

SEED = os.environ.get("SKYSQL_TEST_SEED", "1")
STATEMENTS = int(os.environ.get("SKYSQL_TEST_STATEMENTS", "6000"))
PER_DATABASE = 100
VIEWS = 3
PATIENCE = 8.0
"""Seconds that shrinking one failure may take."""


# shrinking


def regions(text: str) -> list[tuple[int, int]]:
    """Start and end of every marked region, outer ones first."""
    found, open_ = [], []
    for i, character in enumerate(text):
        if character == "\x06":
            open_.append(i)
        elif character == "\x07":
            found.append((open_.pop(), i + 1))
    return sorted(found)


def smaller(statement: Statement) -> list[Statement]:
    """Statements with one region less."""
    text, candidates = statement.text, []
    for start, end in regions(text):
        inner = text[start + 2 : end - 1]
        if text[start + 1] == "o":
            substitutes = [""]
        else:
            substitutes = ["1", "0", *(inner[s:e] for s, e in regions(inner))]
        for substitute in substitutes:
            if len(substitute) < end - start and inner not in ("0", "1"):
                ordered = statement.ordered and not inner.startswith(" ORDER BY")
                candidates.append(replace(statement, text=text[:start] + substitute + text[end:], ordered=ordered))
    return candidates


def shrink_statement(statement: Statement, fails: Callable[[Statement], bool], until: float) -> Statement:
    """The smallest statement found that still fails."""
    found = True
    while found and time.monotonic() < until:
        found = False
        for candidate in smaller(statement):
            if time.monotonic() < until and fails(candidate):
                statement, found = candidate, True
                break
    return statement


def shrink_script(script: Script, fails: Callable[[Script], bool], until: float) -> Script:
    """The fewest events found with which it still fails, in one write if that will do."""
    step = max(1, len(script.events) // 2)
    for write in (Write(script.events, "many"), Write(script.events, "many", compact=True)):
        candidate = replace(script, writes=[write], open=False)
        if fails(candidate):
            script = candidate
            break
    while step and time.monotonic() < until:
        start = 0
        while start < len(script.events) and time.monotonic() < until:
            gone = set(map(id, script.events[start : start + step]))
            writes = [replace(w, events=[e for e in w.events if id(e) not in gone]) for w in script.writes]
            candidate = replace(script, writes=writes)
            if fails(candidate):
                script = candidate
            else:
                start += step
        step //= 2
    return script


@dataclass
class Failure:
    """A statement whose answers differ, and where it came from."""

    seed: str
    script: Script
    statement: Statement
    difference: Difference

    def cause(self) -> str:
        """What failures of one cause have in common, as far as can be told."""
        return re.sub(r"['\"].*?['\"]|\d+", "…", str(self.difference))[:160]

    def shrunk(self) -> Failure:
        """The same failure, as small as it gets in a few seconds."""
        until = time.monotonic() + PATIENCE
        script = self.script

        def same(found: Difference | None) -> bool:
            return found is not None and found.kind == self.difference.kind and found.where == self.difference.where

        with Databases(script) as databases:
            if not same(databases.difference(self.statement)):
                return self
            statement = shrink_statement(self.statement, lambda s: same(databases.difference(s)), until - PATIENCE / 2)
        used = [v for v in script.views if v.split()[2] in statement.text]

        def fails(candidate: Script) -> bool:
            with Databases(candidate) as databases:
                return same(databases.difference(statement))

        if fails(replace(script, views=used)):
            script = replace(script, views=used)
        script = shrink_script(script, fails, until)
        return Failure(self.seed, script, statement, self.difference)

    def report(self) -> str:
        """Everything needed to see it again."""
        with Databases(self.script) as databases:
            answers = databases.answers(self.statement)
            rewritten = databases.pushed.rewritten(self.statement.sky()[0])
        lines = [f"SKYSQL_TEST_SEED={self.seed}: {self.difference}", f"  {self.script.schema.ddl()}"]
        lines += [f"  {Statement(view, [], '?', False).sky()[0]}" for view in self.script.views]
        lines.append(f"  {len(self.script.events)} events in {len(self.script.writes)} writes")
        if len(self.script.events) <= 12:
            lines += [f"    {event}" for event in self.script.events]
        for name, (sql, parameters) in (("sky", self.statement.sky()), ("plain", self.statement.plain())):
            lines.append(f"  {name}: {sql}{f'   with {parameters!r}' if parameters else ''}")
        lines.append(f"  to SQLite: {rewritten}")
        lines += [f"  {name}: {answer}" for name, answer in answers.items()]
        return "\n".join(lines)


# the bulk run


def database_script(seed: str, number: int) -> tuple[Script, Callable[[Plain, int], Statement]]:
    """The script of one database of a run, with its views, and its statements by number.

    A statement that gives no rows is mostly passed over, as it would hide a difference.
    """
    rng = random.Random(f"{seed}/{number}")
    script, world = random_script(rng, rng.choice(SIZES))
    for i in range(VIEWS):
        text, source = Generator(random.Random(f"{seed}/{number}/view{i}"), world, binding=False).view(f"v{i}")
        plain = Plain(script)
        if plain.ask(Statement(text, [], "?", False).plain()[0]).error is None:
            script.views.append(text)
            world.views.append(source)
        plain.close()

    def statement(plain: Plain, j: int) -> Statement:
        for attempt in range(4):
            made = Generator(random.Random(f"{seed}/{number}/{j}/{attempt}"), world).statement()
            answer = plain.ask(*made.plain())
            if answer.error is not None or any(value not in (None, 0) for row in answer.rows for value in row):
                break
        return made

    return script, statement


def run(seed: str, statements: int, stop_after: int) -> tuple[list[Failure], int]:
    """Ask that many statements; returns the failures, and how many statements plain SQLite refused."""
    failures: list[Failure] = []
    refused = 0
    parts = seed.split("/")
    numbers = [int(parts[1])] if len(parts) > 1 else range(-(-statements // PER_DATABASE))
    for number in numbers:
        script, statement = database_script(parts[0], number)
        some = [int(parts[2])] if len(parts) > 2 else range(min(PER_DATABASE, statements - number * PER_DATABASE))
        with Databases(script, on_disk=number % 3 == 0) as databases:
            for j in some:
                asked = statement(databases.plain, j)
                difference = databases.difference(asked)
                refused += databases.plain.ask(*asked.plain()).error is not None
                if difference is not None:
                    failures.append(Failure(f"{parts[0]}/{number}/{j}", script, asked, difference))
        if len(failures) >= stop_after:
            break
    return failures, refused


def summary(failures: list[Failure], examples: int) -> str:
    """The failures by cause, the shortest examples of each shrunk."""
    causes: dict[str, list[Failure]] = {}
    for failure in failures:
        causes.setdefault(failure.cause(), []).append(failure)
    lines = []
    for cause, some in sorted(causes.items(), key=lambda item: -len(item[1])):
        lines.append(f"=== {len(some)} x {cause}")
        for failure in sorted(some, key=lambda f: len(f.statement.text))[:examples]:
            lines.append(failure.shrunk().report())
    return "\n".join(lines)


@pytest.mark.parametrize("number", range(1 if "/" in SEED else -(-STATEMENTS // PER_DATABASE)))
def test_bulk(number: int) -> None:
    """Thousands of statements, a database a case."""
    seed = str(random.SystemRandom().randrange(10**6)) if SEED == "random" else SEED
    seed = seed if "/" in seed else f"{seed}/{number}"
    print(f"SKYSQL_TEST_SEED={seed}")
    failures, _ = run(seed, STATEMENTS, stop_after=20)
    assert not failures, f"\n{summary(failures, 1)}"


@settings(max_examples=100, database=None, suppress_health_check=list(HealthCheck),
          phases=[Phase.generate])  # fmt: skip
@given(st.randoms(use_true_random=False))
def test_small_worlds(rng: random.Random) -> None:
    """A few statements about a few events. Hypothesis chooses; our own shrinker knows better what may be left out."""
    script, world = random_script(rng, rng.randint(1, 10))
    with Databases(script) as databases:
        for _ in range(3):
            statement = Generator(rng, world).statement()
            difference = databases.difference(statement)
            if difference is not None:
                break
    assert difference is None, Failure("-", script, statement, difference).shrunk().report()


@pytest.mark.parametrize("seed", range(40))
def test_whole_tables(seed: int) -> None:
    """The events in path order, the objects and the changes read as the naive model has them."""
    rng = random.Random(f"whole/{seed}")
    script, _ = random_script(rng, rng.choice(SIZES))
    with Databases(script, on_disk=seed % 2 == 0) as databases:
        compare_tables(script, databases)


def compare_tables(script: Script, databases: Databases) -> None:
    """Both connections' events, objects, changes and sessions against the naive model's."""
    oracle, name = databases.plain.oracle, script.schema.name
    tables = [
        (quote(name), oracle.event_columns(), oracle.event_rows()),
        (quote(f"{name}_objects"), oracle.object_columns(), oracle.object_rows()),
        (quote(f"{name}_changes"), oracle.change_columns(), oracle.change_rows()),
        (quote(f"{name}_sessions"), session_columns(oracle), session_rows(oracle, None)),
    ]
    numbers = [("session", "INTEGER"), ("session_event", "INTEGER")]
    for text, idle in IDLES.items():
        tables.append((f"{quote(name)}('{text}')", numbers, event_numbers(oracle, idle)))
        tables.append((f"{quote(name + '_sessions')}('{text}')", session_columns(oracle), session_rows(oracle, idle)))
    for side in (databases.pushed, databases.by_row):
        for table, columns, expected in tables:
            names = tuple(column for column, _ in columns)
            answer = side.ask(f"SELECT {', '.join(map(quote, names))} FROM {table}")
            assert answer.error is None and answer.names == names
            places = [i for i, column in enumerate(names) if column == "changes"]
            assert [parsed(row, places) for row in answer.rows] == [parsed(row, places) for row in expected]


def parsed(row: tuple[Any, ...], places: list[int]) -> list[Any]:
    """The row with types, and its JSON read."""
    return [(None if v is None else json.loads(v)) if i in places else (type(v), v) for i, v in enumerate(row)]


# the naive model itself


@pytest.mark.parametrize("seed", range(30))
def test_the_model_agrees_with_sql(seed: int) -> None:
    """State at events and as of T, written independently: the latest change, by correlated subqueries."""
    script, _ = random_script(random.Random(f"model/{seed}"), 40)
    oracle = Oracle(script.schema, script.events)
    sqlite = apsw.Connection(":memory:")
    sqlite.execute("CREATE TABLE e(arrival INTEGER PRIMARY KEY, o, ts); CREATE TABLE c(arrival, property, value)")
    for arrival, event in enumerate(script.events):
        sqlite.execute("INSERT INTO e VALUES (?, ?, ?)", (arrival, oracle.object_id(event), event.ts))
        sqlite.executemany("INSERT INTO c VALUES (?, ?, ?)", [(arrival, *change) for change in event.changes.items()])
    latest = """(SELECT c.value FROM c JOIN e f USING (arrival) WHERE f.o = {o} AND c.property = ? AND {until}
                 ORDER BY f.ts DESC, f.arrival DESC LIMIT 1)"""
    at_event = latest.format(o="e.o", until="(f.ts, f.arrival) <= (e.ts, e.arrival)")
    for p in script.schema.states:
        rows = sqlite.execute(f"SELECT o, ts, {at_event} FROM e ORDER BY o, ts, arrival", (p.name,)).fetchall()
        place = column_place(oracle.event_columns(), p)
        assert [row[2] for row in rows] == [row[place] for row in oracle.event_rows()]
        for moment in script.moments:
            then = latest.format(o="g.o", until=f"f.ts <= {moment}")
            rows = sqlite.execute(
                f"SELECT o, count(*), {then} FROM e g WHERE ts <= {moment} GROUP BY o ORDER BY o", (p.name,)
            ).fetchall()
            place = column_place(oracle.object_columns(), p)
            counts = column_place(oracle.object_columns(), Property("events", "INTEGER", False))
            assert rows == [(row[0], row[counts], row[place]) for row in oracle.object_rows(moment)]


def column_place(columns: list[tuple[str, str]], p: Property) -> int:
    """Where the property's column is."""
    return [name for name, _ in columns].index(p.name)


def test_the_model_by_hand() -> None:
    """The example of the documentation: late events, equal timestamps and a change to NULL."""
    schema = Schema("users", (Property("plan", "TEXT", True), Property("amount", "REAL", False)))
    events = [
        Event(1, 30, "late", {}, {"plan": None}),
        Event(1, 10, "sign up", {}, {"plan": "free"}),
        Event(1, 20, "first", {"amount": 2.5}),
        Event(1, 20, None, {}, {"plan": "pro"}),
        Event(1, 20, "last"),
    ]
    oracle = Oracle(schema, events)
    read = [(row[2], row[3], row[4]) for row in oracle.event_rows()]
    assert read == [("sign up", "free", None), ("first", "free", 2.5), (None, "pro", None), ("last", "pro", None),
                    ("late", None, None)]  # fmt: skip
    assert [row[-1] for row in oracle.object_rows(20)] == ["pro"] and oracle.object_rows(9) == []
    assert [row[3:] for row in oracle.change_rows()] == [(None, "free"), ("free", "pro"), ("pro", None)]


def test_the_statements_are_sql() -> None:
    """Plain SQLite refuses few of them, and each has one answer: it does not change with the order of the rows."""
    refused, total = 0, 600
    for number in range(total // 50):
        script, statement = database_script("sql", number)
        plain, shuffled = Plain(script), Plain(script)
        shuffled.shuffle()
        for j in range(50):
            asked = statement(plain, j)
            if asked.lying or any(f"{name}(" in asked.text for name in FUNCTIONS):
                continue  # the order of rows of one time, which is that of arrival, means something to them
            answer, other = plain.ask(*asked.plain()), shuffled.ask(*asked.plain())
            refused += answer.error is not None
            assert different(answer, other, asked.ordered) is None, f"{asked.plain()}\n{answer}\n{other}"
    assert refused < total * 0.03


if __name__ == "__main__":
    chosen = str(random.SystemRandom().randrange(10**6)) if SEED == "random" else SEED
    print(f"SKYSQL_TEST_SEED={chosen}")
    started = time.monotonic()
    everything, errors = run(chosen, STATEMENTS, stop_after=10**9)
    print(summary(everything, 3))
    print(f"{len(everything)} failures; plain SQLite refused {errors}; {time.monotonic() - started:.0f} s")
    sys.exit(bool(everything))
