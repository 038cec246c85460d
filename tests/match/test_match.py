"""MATCH_RECOGNIZE: every feature has cases, and every case is answered in every way there is.

    sky        events of a sky table, by path scan and, where that may be, by regular expression
    rows       the same by the general matcher alone, from rows (pushdown=False)
    ordinary   an ordinary table of the same rows, by regular expression where that may be
    general    the same by the general matcher alone
    naive      match_oracle.py

All give the same rows. What they are is written in the list below for patterns, and in golden/match.txt for the rest.

    pytest tests/match/test_match.py                              the cases, and 60 random worlds
    SKYSQL_TEST_SEED=17 SKYSQL_TEST_WORLDS=1000 pytest ...  others, and more: the seed of a failure is shown
    SKYSQL_TEST_WRITE=1 pytest tests/match/test_match.py          write golden/match.txt anew; then read the difference
"""

from __future__ import annotations

import math
import os
import random
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

import skysql
from skysql.match import aggregates, matcher, measures, search
from skysql.match.lexer import TokenReader
from skysql.match.measures import numeric
from skysql.match.pattern import PatternParser, show
from skysql.match.program import compile_pattern
from skysql.match.regex import SEPARATOR, Regex
from skysql.model.tokens import tokenize
from tests.conftest import Connect
from tests.world import match_worlds
from tests.world.match_oracle import recognise

GOLDEN = Path(__file__).parents[1] / "golden" / "match.txt"
SEED = int(os.environ.get("SKYSQL_TEST_SEED", "1"))
WORLDS = int(os.environ.get("SKYSQL_TEST_WORLDS", "60"))

Rows = list[tuple[Any, ...]]

TICKER = [
    *(("A", day, price) for day, price in enumerate([10.0, 8.0, 6.0, 9.0, 12.0, 11.0, 7.0, 8.0], 1)),
    *(("B", day, price) for day, price in enumerate([5.0, 4.0, 4.5, 5.0], 1)),
    *(("C", day, price) for day, price in enumerate([3.0, 3.0, 2.0], 1)),
]

VISITS = [  # object, time, action, change of plan, amount
    (1, "2026-01-01 09:00:00", "sign up", "free", None),
    (1, "2026-01-01 09:10:00", "view", None, None),
    (1, "2026-01-01 09:20:00", "view", None, None),
    (1, "2026-01-01 10:00:00", "purchase", None, 9.5),
    (1, "2026-01-02 12:00:00", None, "pro", None),
    (1, "2026-01-03 08:00:00", "view", None, None),
    (1, "2026-01-03 08:30:00", "purchase", None, 20.0),
    (2, "2026-01-01 10:00:00", "sign up", "free", None),
    (2, "2026-01-01 10:30:00", "purchase", None, 5.25),
    (2, "2026-01-01 10:45:00", "view", None, None),
    (2, "2026-01-05 00:00:00", "view", None, None),
    (3, "2026-01-02 00:00:00", "view", None, None),
    (3, "2026-01-02 00:00:00", "purchase", None, 12.0),  # ties: in order of arrival
    (3, "2026-01-02 00:00:00", "view", None, None),
    (3, "2026-01-04 00:00:00", "sign up", "pro", None),
    (3, "2026-01-04 01:00:00", "purchase", None, 3.0),
]


def load_sky(db: skysql.Connection) -> None:
    db.execute("CREATE VIRTUAL TABLE visits USING sky(plan TEXT STATE, amount REAL)")
    db.executemany("INSERT INTO visits(object_id, timestamp, action, plan, amount) VALUES (?, ?, ?, ?, ?)", VISITS)
    db.execute("CREATE TABLE ticker(symbol TEXT, day INTEGER, price REAL)")
    db.executemany("INSERT INTO ticker VALUES (?, ?, ?)", TICKER)
    db.commit()


def load_plain(db: Any) -> None:
    """Ordinary tables of the rows that the sky table has."""
    db.execute("CREATE TABLE visits(object_id INTEGER, timestamp TIMESTAMP, action TEXT, plan TEXT, amount REAL)")
    plan: str | None = None
    before = 0
    for object, at, action, change, amount in VISITS:
        plan = change or (plan if object == before else None)
        before = object
        db.execute("INSERT INTO visits VALUES (?, ?, ?, ?, ?)", (object, f"{at}.000000", action, plan, amount))
    db.execute("CREATE TABLE ticker(symbol TEXT, day INTEGER, price REAL)")
    db.executemany("INSERT INTO ticker VALUES (?, ?, ?)", TICKER)


@pytest.fixture(scope="module")
def ways() -> Iterator[dict[str, skysql.Connection]]:
    """The world behind each way."""
    found = {}
    for name, pushdown, load in (
        ("sky", True, load_sky), ("rows", False, load_sky), ("ordinary", True, load_plain), ("general", False, load_plain)
    ):  # fmt: skip
        found[name] = skysql.connect(":memory:", pushdown=pushdown)
        load(found[name])
        found[name].commit()
    yield found
    for db in found.values():
        assert db.check() == []
        db.close()


@pytest.fixture(scope="module")
def plain() -> apsw.Connection:
    sqlite = apsw.Connection(":memory:")
    load_plain(sqlite)
    return sqlite


def ask(db: skysql.Connection, sql: str, parameters: Any = ()) -> tuple[list[str], Rows]:
    cursor = db.execute(sql, parameters)
    rows = cursor.fetchall()
    return [column[0] for column in cursor.description or ()], rows


def alike(a: Any, b: Any) -> bool:
    """Equal, and of one type."""
    return type(a) is type(b) and bool(a == b)


def same(a: Rows, b: Rows) -> bool:
    return len(a) == len(b) and all(
        len(x) == len(y) and all(map(alike, x, y)) for x, y in zip(a, b, strict=True)
    )


# Patterns: what is matched, row by row

CONDITIONS = {name: f"{name} AS c = '{name.lower()}'" for name in "ABCD"} | {
    "U": "U AS c IN ('a', 'b')", "N": "N AS NEXT(c) = 'c'", "R": "R AS c > PREV(c)", "E": "E AS c = PREV(c)",
}  # fmt: skip
"""X, Y and Z have none."""

PATTERNS = [  # pattern, the rows, the variables of each match; - is an empty one
    ("A", "aba", "A A"),
    ("A B", "aabab", "AB AB"),
    ("A B C", "abacabc", "ABC"),
    ("(A B) C", "abc", "ABC"),
    ("A (B C)", "abc", "ABC"),
    ("(A)", "aa", "A A"),
    # alternation
    ("A | B", "abc", "A B"),
    ("A | A B", "ab", "A"),
    ("A B | A", "abaa", "AB A A"),
    ("(A | B) C", "acbcc", "AC BC"),
    ("A | B | C", "cba", "C B A"),
    ("X | A", "a", "X"),
    ("A | X", "ab", "A X"),
    ("(A | X) (B | Y)", "abcc", "AB XY"),
    ("(A | A B) (C | B C)", "abc", "ABC"),
    ("(A | A B)(C | X)", "abc", "AX"),
    # greedy quantifiers
    ("A*", "aaba", "AA - A"),
    ("A+", "aaba", "AA A"),
    ("A?", "aab", "A A -"),
    ("A{2}", "aaaaa", "AA AA"),
    ("A{2,}", "abaaa", "AAA"),
    ("A{2,3}", "aaaaaa", "AAA AAA"),
    ("A{2,3}", "aaaa", "AAA"),
    ("A{,2}", "aaab", "AA A -"),
    ("A{1}", "aa", "A A"),
    ("A{0,1} B", "abb", "AB B"),
    ("A* B", "aabb", "AAB B"),
    ("A+ A", "aaa", "AAA"),
    ("A* A B", "aaab", "AAAB"),
    ("X* B", "abab", "XXXB"),
    ("A X* B", "accbab", "AXXXXB"),
    ("(A B)+", "ababa", "ABAB"),
    ("(A B)* C", "ababc", "ABABC"),
    ("(A B){2}", "ababab", "ABAB"),
    ("(A | B)+ C", "abbac", "ABBAC"),
    ("(A | B C)*", "abcab", "ABCA -"),
    ("(A+ B)+ C", "aabaabc", "AABAABC"),
    ("(A? B)+", "babb", "BABB"),
    # reluctant quantifiers
    ("A*?", "aa", "- -"),
    ("A+?", "aaa", "A A A"),
    ("A??", "a", "-"),
    ("A*? B", "aab", "AAB"),
    ("X*? B", "abab", "XB XB"),
    ("A X*? B", "accbab", "AXXB AB"),
    ("A{1,3}?", "aaa", "A A A"),
    ("A{2,3}? B", "aaab", "AAAB"),
    ("A{2,3}?", "aaaaa", "AA AA"),
    ("A{,2}? B", "aab", "AAB"),
    ("X+? Y+", "abc", "XYY"),
    ("X+ Y+", "abc", "XXY"),
    ("X{1,2}? Y{1,2}", "abcd", "XYY"),
    ("(A | B)*? C", "abc", "ABC"),
    ("(A B)+? A", "ababa", "ABA"),
    # what may be empty
    ("()", "ab", "- -"),
    ("A ()", "a", "A"),
    ("(A | ())", "ab", "A -"),
    ("(() | A)", "ab", "- -"),
    ("(A*)*", "aab", "AA -"),
    ("(A*)+ B", "aab", "AAB"),
    ("(A? B?)* C", "abbac", "ABBAC"),
    ("(() | A)* B", "aab", "AAB"),
    ("(() | A){2} B", "ab", "AB"),
    ("(A?){2} B", "aab", "AAB"),
    ("(A*?)* B", "aab", "AAB"),
    ("(() | A){0,2}", "aaa", "- - -"),
    ("(A??)?", "aa", "- -"),
    ("(A*?)?", "aa", "- -"),
    ("(A??){1,2}", "aa", "- -"),
    ("(() | A)?", "aa", "- -"),
    ("(A??)*", "aa", "- -"),
    ("(A??)* B", "aab", "AAB"),
    ("(A??)+? B", "aab", "AAB"),
    ("(A | () | B){0,2} C", "bc", "BC"),
    ("(X | () | B){2,3} C", "abc", "XXC"),
    ("(() | A){2,3}", "aa", "- -"),
    ("(A?){2,3}", "aaaab", "AAA A -"),
    ("((A??)*)* B", "aab", "AAB"),
    ("((A?){2})?", "aaab", "AA A -"),
    # anchors
    ("^ A", "aa", "A"),
    ("A $", "aa", "A"),
    ("^ A* $", "aaa", "AAA"),
    ("^ A* $", "aab", ""),
    ("A ^ A", "aa", ""),
    ("A $ A", "aa", ""),
    ("(^ A | B)", "aab", "A B"),
    ("^", "ab", "-"),
    ("A* $", "baa", "AA"),
    ("(^A B$|X)", "ab", "AB"),
    ("A B$", "abab", "AB"),
    ("^* A", "aa", "A A"),
    ("A B$+", "abab", "AB"),
    ("(A B)$? C", "abc", "ABC"),
    ("(A $|$A|B)", "aba", "B A"),
    ("A{,} B", "aab", "AAB"),
    ("A{,}? B", "aab", "AAB"),
    ("$A", "aa", ""),
    ("A ($B)?", "ab", "A"),
    # permutations
    ("PERMUTE(A, B)", "abba", "AB BA"),
    ("PERMUTE(A, B, C)", "cabbca", "CAB BCA"),
    ("PERMUTE(A)", "aa", "A A"),
    ("PERMUTE(X, A)", "aa", "XA"),
    ("PERMUTE(A, X)", "ab", "AX"),
    ("PERMUTE(A+, B)", "aabbaa", "AAB BAA"),
    ("PERMUTE(A B, C)", "cababc", "CAB ABC"),
    ("PERMUTE(A, B)+", "abbaab", "ABBAAB"),
    ("PERMUTE(X{1,2}, Y, B)", "abcc", "XBY"),
    ("PERMUTE(A, B, C, D, X)", "dcbax", "DCBAX"),
    ("PERMUTE(A | B, C)", "cbac", "CB AC"),
    # exclusions do not change what is matched
    ("A {- B+ -} C", "abbc", "ABBC"),
    ("{- A -} B", "ab", "AB"),
    ("{- A | B -}", "ab", "A B"),
    ("{- A -}* B", "aab", "AAB"),
    ("{- A {- B -} -} C", "abc", "ABC"),
    # conditions that overlap
    ("U+ A", "abba", "UUUA"),
    ("U* B", "abab", "UUUB"),
    ("U B", "bbb", "UB"),
    ("(U A)+", "baab", "UA"),
    ("A U* B U", "aababa", "AUUUBU"),
    ("N C", "abcc", "NC"),
    ("X R*", "abcab", "XRR XR"),
    ("X E+", "aabbb", "XE XEE"),
]


@pytest.fixture(scope="module")
def words() -> Iterator[tuple[dict[str, skysql.Connection], apsw.Connection]]:
    """Tables of letters, which each test fills."""
    found = {name: skysql.connect(":memory:", pushdown=pushdown) for name, pushdown in (("re", True), ("general", False))}
    sqlite = apsw.Connection(":memory:")
    for db in (*found.values(), sqlite):
        db.execute("CREATE TABLE word(i INTEGER, c TEXT)")
    for db in found.values():
        db.execute("CREATE VIRTUAL TABLE path USING sky(ignored TEXT)")
    yield found, sqlite
    for db in found.values():
        db.close()


def spell(words: tuple[dict[str, skysql.Connection], apsw.Connection], word: str) -> None:
    found, sqlite = words
    rows = list(enumerate(word))
    for db in (*found.values(), sqlite):
        db.execute("DELETE FROM word")
        db.executemany("INSERT INTO word VALUES (?, ?)", rows)
    for db in found.values():
        db.execute("DROP TABLE path")
        db.execute("CREATE VIRTUAL TABLE path USING sky(ignored TEXT)")
        db.executemany("INSERT INTO path(object_id, ts, action) VALUES (1, ?, ?)", rows)
        db.commit()


def conditions(pattern: str) -> str:
    names = [name for name in CONDITIONS if name in re.findall(r"\b[A-Z]\b", pattern.replace("$", " "))]
    return " DEFINE " + ", ".join(CONDITIONS[name] for name in names) if names else ""


@pytest.mark.parametrize(("pattern", "word", "expected"), PATTERNS, ids=[f"{p} in {w}" for p, w, _ in PATTERNS])
def test_pattern(
    words: tuple[dict[str, skysql.Connection], apsw.Connection], pattern: str, word: str, expected: str
) -> None:
    spell(words, word)
    found, sqlite = words
    clause = f"ORDER BY i MEASURES GROUP_CONCAT(CLASSIFIER(), '') AS path PATTERN ({pattern}){conditions(pattern)}"
    ordinary = f"SELECT * FROM word MATCH_RECOGNIZE ({clause})"
    events = f"SELECT path FROM (SELECT object_id AS o, ts AS i, action AS c FROM path) MATCH_RECOGNIZE (PARTITION BY o {clause})"
    answers = {"naive": recognise(sqlite, ordinary)[1]}
    for name, db in found.items():
        answers[f"{name}, ordinary"] = ask(db, ordinary)[1]
        answers[f"{name}, sky"] = ask(db, events)[1]
    for way, rows in answers.items():
        assert " ".join(path or "-" for (path,) in rows) == expected, way


# Everything else: golden/match.txt


def cases() -> tuple[str, list[tuple[str, str, str]]]:
    """(the lines on top, (title, statement, rows) of each case)."""
    head, *texts = re.split(r"^## ", GOLDEN.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = []
    for text in texts:
        title, _, rest = text.partition("\n")
        sql, _, rows = rest.partition("--- rows\n")
        found.append((title, sql.strip("\n"), rows.strip("\n")))
    return head, found


def literal(value: Any) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return "NULL" if value is None else repr(round(value, 9) if isinstance(value, float) else value)


def shown(names: list[str], rows: Rows) -> str:
    return "\n".join([" | ".join(names), *(" | ".join(map(literal, row)) for row in rows)])


@pytest.mark.parametrize(("title", "sql", "rows"), cases()[1], ids=[case[0] for case in cases()[1]])
def test_case(
    ways: dict[str, skysql.Connection], plain: apsw.Connection, title: str, sql: str, rows: str
) -> None:
    naive = shown(*recognise(plain, sql))
    for way, db in ways.items():
        assert shown(*ask(db, sql)) == naive, (title, way)
    if not os.environ.get("SKYSQL_TEST_WRITE"):
        assert naive == rows, title


@pytest.mark.skipif(not os.environ.get("SKYSQL_TEST_WRITE"), reason="writes the file")
def test_write(plain: apsw.Connection) -> None:
    head, found = cases()
    texts = [f"## {title}\n{sql}\n--- rows\n{shown(*recognise(plain, sql))}\n" for title, sql, _ in found]
    GOLDEN.write_text("\n".join([head.rstrip("\n") + "\n", *texts]), encoding="utf-8")


# Random worlds


def fill(db: Any, rows: match_worlds.Rows) -> None:
    db.execute("CREATE TABLE t(p INTEGER, i INTEGER, c TEXT, x INTEGER, y REAL)")
    db.executemany("INSERT INTO t VALUES (?, ?, ?, ?, ?)", rows)


def fill_sky(db: skysql.Connection, rows: match_worlds.Rows, kind: str) -> None:
    db.execute(f"CREATE VIRTUAL TABLE events USING sky(x INTEGER, y {kind}, kept TEXT STATE)")
    db.executemany("INSERT INTO events(object_id, ts, action, x, y, kept) VALUES (?, ?, ?, ?, ?, 'k')", rows)
    db.commit()


EVENTS = "(SELECT object_id AS p, ts AS i, action AS c, x, y FROM events)"


@pytest.mark.parametrize("seed", [SEED * 1_000_000 + at for at in range(WORLDS)])
def test_random_world(seed: int, connect: Connect) -> None:
    """All ways agree, in rows, names, types, and in refusing what cannot be skipped to."""
    rng = random.Random(seed)
    rows = [(p, i * 1_000_000, c, x, y) for p, i, c, x, y in match_worlds.rows(rng)]
    dbs = {pushdown: connect(pushdown=pushdown) for pushdown in (True, False)}
    plain = apsw.Connection(":memory:")
    fill(plain, rows)
    kind = rng.choice(["REAL", "DECIMAL(4,2)"])
    for db in dbs.values():
        fill(db, rows)
        fill_sky(db, rows, kind)
    for _ in range(4):
        clause = match_worlds.Generator(rng, back=rng.random() < 0.5).clause()
        expected: Any = None
        try:
            expected = recognise(plain, f"SELECT * FROM t MATCH_RECOGNIZE ({clause})")
        except LookupError:
            pass
        for (pushdown, db), item in ((way, item) for way in dbs.items() for item in ("t", EVENTS)):
            sql = f"SELECT * FROM {item} MATCH_RECOGNIZE ({clause})"
            where = f"seed {seed}, y {kind}, pushdown={pushdown}: {sql}"
            if expected is None:
                with pytest.raises(skysql.DataError, match="AFTER MATCH SKIP"):
                    ask(db, sql)
                continue
            names, found = ask(db, sql)
            assert names == expected[0], where
            assert same(found, expected[1]), f"{where}\n{rows}\n{found}\n{expected[1]}"


def test_long_partitions_and_many_conditions(connect: Connect) -> None:
    """What does not fit the regular expression (a long partition, too many combinations) goes another way, unseen."""
    rng = random.Random(SEED)
    rows = [(1 + (n > 9000), n, rng.choice("abc"), rng.randrange(4000), None) for n in range(9500)]
    fast, slow = connect(), connect(pushdown=False)
    many = ", ".join(f"V{bit} AS x >> {bit} & 1" for bit in range(10))
    clauses = [
        f"PATTERN (({' | '.join(f'V{bit}' for bit in range(10))})+) DEFINE {many}",
        "PATTERN (A X* C) DEFINE A AS c = 'a' AND x < 50, C AS c = 'c' AND x < 400",
        "PATTERN (A+ B) DEFINE A AS x < 3990, B AS x > 3998",
        "PATTERN (A B+ C) DEFINE A AS c = 'a', B AS c = 'b', C AS c = 'c'",
        "PATTERN ((A | B)*? C) DEFINE A AS c = 'a', B AS c <> 'b', C AS c = 'c'",
    ]
    for db in (fast, slow):
        fill(db, rows)
    for clause in clauses:
        measures = "FIRST(i) AS a, LAST(i) AS b, GROUP_CONCAT(CLASSIFIER(), '') AS path, LAST(CLASSIFIER(), 1) AS c"
        sql = f"SELECT * FROM t MATCH_RECOGNIZE (PARTITION BY p ORDER BY i MEASURES {measures} {clause})"
        assert "by regular expression" in str(fast.execute(sql).plan)
        assert ask(fast, sql) == ask(slow, sql), clause


# Time


EXPLOSIVE = [
    "(A+)+ B", "(A*)* B", "(A|A)* B", "(A | A A)+ B", "(A?){25} A{25} B", "A* A* A* A* A* A* B", "(A+ A+)+ B", "((A*)*)* B",
    "(A{1,3}){1,9} B", "(A*?)*? B", "PERMUTE(A+, A+, A+, B)", "(A | X)* B", "((A | X) (A | X))* B",
]  # fmt: skip


@pytest.mark.parametrize("pattern", EXPLOSIVE)
def test_explosive_pattern(connect: Connect, pattern: str) -> None:
    """Trying every way would take longer than the universe is old; a thousand rows are enough to see."""
    for pushdown in (True, False):
        db = connect(pushdown=pushdown)
        fill(db, [(1, i, "a", None, None) for i in range(1000)])
        define = "A AS c = 'a', B AS c = 'b'"
        sql = f"SELECT count(*) FROM t MATCH_RECOGNIZE (ORDER BY i PATTERN ({pattern}) DEFINE {define})"
        assert ask(db, sql)[1] == [(0,)]


def test_explosive_conditions_that_look_back(connect: Connect) -> None:
    db = connect()
    fill(db, [(1, i, "a", i % 7, None) for i in range(300)])
    define = "A AS x >= 0 AND COUNT(A.*) < 200 AND x <> LAST(A.x, 1), B AS B.x > 7 + FIRST(A.x)"
    sql = f"SELECT count(*) FROM t MATCH_RECOGNIZE (ORDER BY i PATTERN ((A+)+ B) DEFINE {define})"
    assert ask(db, sql)[1] == [(0,)]


def test_interrupt(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread can stop a search that would take long, once that has begun."""
    db = connect()
    fill(db, [(1, i, "a", None, None) for i in range(20_000)])
    sql = "SELECT count(*) FROM t MATCH_RECOGNIZE (ORDER BY i PATTERN (A+ B) DEFINE A AS COUNT(*) > 0, B AS c = 'b')"
    look, looks = matcher.look, []

    def stop() -> None:
        looks.append(1)
        if len(looks) == 10:
            thread = threading.Thread(target=db.interrupt)
            thread.start()
            thread.join()
        look()

    monkeypatch.setattr(matcher, "look", stop)
    with pytest.raises(skysql.OperationalError, match="interrupt"):
        db.execute(sql)
    assert len(looks) == 10
    assert ask(db, "SELECT count(*) FROM t")[1] == [(20_000,)]


def test_short_attempts_look_for_interrupts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many that take a step each, as those that take many."""
    tokens = tokenize("A B")
    program = compile_pattern(PatternParser(TokenReader("A B", tokens, 0, len(tokens), "PATTERN")).parse())
    looks: list[int] = []
    monkeypatch.setattr(matcher, "look", lambda: looks.append(1))
    found = matcher.Matcher(program)
    found.begin({"B": bytes(20_000)}, 0, 20_000, None)
    assert [found.match(row, None, 1) for row in range(20_000)] == [None] * 20_000
    assert len(looks) >= 20_000


def test_sums_of_matches_that_overlap_are_those_of_sqlite(connect: Connect) -> None:
    """A match from each row on: every range begins elsewhere. Prices, and what cancels out."""
    db = connect()
    rng = random.Random(3)
    values = [rng.choice([0.1, 19.99, 1e15, -1e15, -7.25, None]) for _ in range(300)]
    fill(db, [(1, i, "a", None, value) for i, value in enumerate(values)])
    asked = ", ".join(f"{name}(y) AS {name}" for name in ("sum", "total", "avg", "min", "max"))
    skip = "ONE ROW PER MATCH AFTER MATCH SKIP TO NEXT ROW PATTERN (A{1,90})"
    found = ask(db, f"SELECT * FROM t MATCH_RECOGNIZE (ORDER BY i MEASURES {asked} {skip})")[1]
    window = "OVER (ORDER BY i ROWS BETWEEN CURRENT ROW AND 89 FOLLOWING)"
    lists = [[v for v in values[at : at + 90] if v is not None] for at in range(300)]
    assert [row[1] for row in found] == [math.fsum(some) for some in lists]
    peers = db.execute(f"SELECT min(y) {window}, max(y) {window} FROM (SELECT * FROM t ORDER BY i)").fetchall()
    assert [row[3:] for row in found] == peers
    assert [row[2] for row in found] == [math.fsum(some) / len(some) if some else None for some in lists]


def test_values_that_are_added_one_by_one_are_bounded(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts, infinities and mixed types, of matches that overlap; not where all begin alike, or end alike."""
    db = connect()
    fill(db, [(1, i, "a", i, None) for i in range(100)])
    monkeypatch.setattr(measures, "MOST_STEPS", 1000)
    text = "SELECT * FROM t MATCH_RECOGNIZE (ORDER BY i MEASURES {} AS m {} PATTERN (A+))"
    assert len(ask(db, text.format("sum(i || '')", "ALL ROWS PER MATCH"))[1]) == 100
    for value in ("i || ''", "CASE i WHEN 1 THEN 9e999 ELSE 0.5 END"):
        with pytest.raises(skysql.OperationalError, match=r"sum\(\) of texts.*5,050 rows.*1,000 are the most"):
            ask(db, text.format(f"sum({value})", "AFTER MATCH SKIP TO NEXT ROW"))


def test_numbers_of_many_digits(connect: Connect) -> None:
    """Python reads no integer of 5,000 digits."""
    db = connect()
    fill(db, [(1, i, "a", i, None) for i in range(2)])
    nines, one = "9" * 5000, "0" * 5000 + "1"
    text = "SELECT * FROM t MATCH_RECOGNIZE (ORDER BY i MEASURES {} AS m PATTERN ({}) DEFINE A AS {})"
    for braces in (f"{{{nines}}}", f"{{1,{nines}}}", f"{{,{nines}}}"):
        with pytest.raises(skysql.NotSupportedError, match="more than 200,000 steps"):
            ask(db, text.format("count(*)", f"A{braces}", "1"))
    assert ask(db, text.format("count(*)", f"A{{{one}}}", "1"))[1] == [(1,), (1,)]
    assert ask(db, text.format(f"PREV(x, {nines})", "A", "1"))[1] == [(None,), (None,)]
    assert ask(db, text.format(f"NEXT(x, {one})", "A", f"x < {nines}"))[1] == [(1,), (None,)]
    for number in (nines, one[:-1]):
        with pytest.raises(skysql.Error, match="variable number must be between"):
            ask(db, text.format("count(*)", "A", f"x > ?{number}"))
    assert ask(db, text.format(f"sum(c || '{nines}') + sum('{one}' || substr(c, 1, 0))", "A{2}", "1"))[1] == [(2,)]
    assert ask(db, text.format("sum('١' || c)", "A{2}", "1"))[1] == [(0.0,)]  # no digit of SQLite's


def test_within_no_time(connect: Connect) -> None:
    """Rows of one moment are within '0 seconds' of each other."""
    for pushdown in (True, False):
        db = connect(pushdown=pushdown)
        db.execute("CREATE VIRTUAL TABLE u USING sky(x INTEGER)")
        rows = [(1, day, f"{day}", at) for at, day in enumerate((1, 1, 1, 2, 3, 3))]
        db.executemany("INSERT INTO u VALUES (?, ?, ?, ?)", [(o, f"2026-01-0{d}", a, x) for o, d, a, x in rows])
        for pattern, define in (("A B*", "B AS x > 0"), ("A B*", "B AS x > A.x")):
            text = f"""SELECT * FROM u MATCH_RECOGNIZE (PARTITION BY object_id ORDER BY timestamp
                MEASURES count(*) AS n PATTERN ({pattern}) WITHIN '0 seconds' DEFINE {define})"""
            assert [row[-1] for row in ask(db, text)[1]] == [3, 1, 2]


def test_a_regular_expression_takes_few_steps_between_two_looks(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in a long partition nor in many short ones, of which each by itself takes few."""
    bounds: list[float] = []
    split = search._split

    def counted(expression: Regex, text: bytes) -> Any:
        bounds.append(sum(expression.bound(len(part)) for part in text.split(bytes([SEPARATOR]))))
        return split(expression, text)

    monkeypatch.setattr(search, "_split", counted)
    monkeypatch.setattr(search, "_STEPS", 10_000)
    db = connect()
    fill(db, [(at if at < 300 else 300 + at // 50, at, "a", at, None) for at in range(3000)])
    pattern = "PARTITION BY p ORDER BY i PATTERN (A X*? B) DEFINE A AS c = 'a', B AS x % 50 = 49"
    assert ask(db, f"SELECT count(*) FROM t MATCH_RECOGNIZE ({pattern})")[1] == [(54,)]
    assert len(bounds) > 5 and max(bounds) <= 10_000


def test_states_are_bounded(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Conditions that look at the whole way make as many states as there are ways."""
    monkeypatch.setattr(matcher, "MOST_BACK", 1000)
    monkeypatch.setattr(matcher, "MOST_STATES", 1000)
    db = connect()
    fill(db, [(1, i, "a", i, None) for i in range(2000)])
    define = "A AS group_concat(CLASSIFIER()) <> '', B AS group_concat(CLASSIFIER()) <> '', C AS c = 'c'"
    for clause in (f"((A | B)+ C) DEFINE {define}", "((A+)+ C) DEFINE C AS c = 'c'"):
        with pytest.raises(skysql.OperationalError, match="more than 1,000 states.*bound it by WITHIN"):
            ask(db, f"SELECT * FROM t MATCH_RECOGNIZE (ORDER BY i MEASURES count(*) AS n PATTERN {clause})")


@pytest.mark.parametrize("pushdown", [True, False])
@pytest.mark.parametrize("rows", ["ONE ROW PER MATCH", "ALL ROWS PER MATCH"])
def test_rows_of_matches_that_overlap_are_bounded(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, rows: str, pushdown: bool
) -> None:
    """A match from each row to the last holds rows² of them; where nothing is told of each, they take no memory."""
    monkeypatch.setattr(search, "MOST_ROWS", 1000)
    db = connect(pushdown=pushdown)
    fill(db, [(1, i, "a", i, None) for i in range(100)])
    clause = f"ORDER BY i MEASURES {{}} AS m {rows} AFTER MATCH SKIP TO NEXT ROW PATTERN (A B*)"
    with pytest.raises(skysql.OperationalError, match="hold more than 1,000 rows.*SKIP PAST LAST ROW"):
        ask(db, f"SELECT * FROM t MATCH_RECOGNIZE ({clause.format('count(B.*)')})")
    if rows.startswith("ONE"):
        assert ask(db, f"SELECT max(m) FROM t MATCH_RECOGNIZE ({clause.format('count(*)')})")[1] == [(100,)]


def test_far_neighbours_of_long_partitions(connect: Connect) -> None:
    """However far: the time that it takes does not grow with that."""
    db = connect()
    fill(db, [(1 + (i >= 70_000), i, "a", i, None) for i in range(140_000)])
    sql = "SELECT x FROM t MATCH_RECOGNIZE (PARTITION BY p ORDER BY i MEASURES x AS x PATTERN (A) DEFINE A AS {})"
    assert ask(db, sql.format("PREV(x, 69998) >= 0"))[1] == [(69_998,), (69_999,), (139_998,), (139_999,)]
    assert ask(db, sql.format("NEXT(x, 69999) >= 0"))[1] == [(0,), (70_000,)]


# Errors

ERRORS = [  # clause (of ticker), the error, what it says
    ("PATTERN (A", "Programming", r"expected \) at the end of the clause"),
    ("PATTERN (A))", "Operational", "syntax error"),
    ("PATTERN (A |)", "Programming", r"expected a variable, .* in PATTERN .*>>>\)<<<"),
    ("PATTERN (A || B)", "Programming", r"expected a variable, .*>>>\|\|<<<"),
    ("PATTERN ()", "Programming", r"the empty pattern is \(\)"),
    ("PATTERN (* A)", "Programming", r"expected a variable, .*>>>\*<<<"),
    ("PATTERN (A**)", "Programming", "a quantifier cannot be repeated"),
    ("PATTERN (A+ {2})", "Programming", "a quantifier cannot be repeated"),
    ("PATTERN (A{})", "Programming", "expected a number of repetitions"),
    ("PATTERN (A{2)", "Programming", r"expected \}"),
    ("PATTERN (A{1.5})", "Programming", "whole number of repetitions"),
    ("PATTERN (A{3,2})", "Programming", "no less than 3, not 2"),
    ("PATTERN (A{0})", "Programming", "at least 1, not 0"),
    ("PATTERN (A{,0})", "Programming", "at least 1, not 0"),
    ("PATTERN (()*?)", "Programming", "the empty pattern cannot be reluctant"),
    ("PATTERN ($1)", "Programming", "expected a variable"),
    ("PATTERN ($)$A", "Programming", r"expected \) or one of the clauses that may follow"),
    ("PATTERN ({- A )", "Programming", "expected -, found"),
    ("PATTERN (PERMUTE(A,))", "Programming", "expected a variable"),
    ("PATTERN (PERMUTE(A,B,C,D,E,F,G,H,I))", "Programming", "PERMUTE takes at most 8 patterns, not 9"),
    ("PATTERN (A{400000})", "NotSupported", "more than 200,000 steps"),
    ("PATTERN (A B) DEFINE C AS price > 1", "Programming", r"C is no variable of the pattern.*there are A, B"),
    ("PATTERN (A B) DEFINE A AS price > 1, A AS price > 2", "Programming", "A is defined already"),
    ("PATTERN (A B) SUBSET U = (A, B) DEFINE U AS price > 1", "Programming", "U is a union, which cannot have"),
    ("PATTERN (A B) SUBSET U = (A, C)", "Programming", "C is no variable of the pattern"),
    ("PATTERN (A B) SUBSET A = (A, B)", "Programming", "there is a variable A already"),
    ("PATTERN (A B) SUBSET U = (A), U = (B)", "Programming", "there is a variable U already"),
    ("PATTERN (A B) SUBSET U = A", "Programming", r"expected \(, found A"),
    ("PATTERN (A B) DEFINE A price > 1", "Programming", "expected AS, found price"),
    ("PATTERN (A B) DEFINE A AS", "Programming", "expected an expression"),
    ("PATTERN (A B) DEFINE A AS prise > 1", "Programming", r"no column prise.*>>>prise<<<.*did you mean price\?"),
    ("PATTERN (A B) DEFINE A AS A.prise > 1", "Programming", r"no column prise.*did you mean price\?"),
    ("PATTERN (A B) DEFINE A AS C.price > 1", "Programming", "C is no variable of the pattern"),
    ("PATTERN (A B) DEFINE A AS ticker.price > 1", "Programming", "ticker is no variable of the pattern"),
    ('PATTERN (A B) DEFINE A AS symbol = "B"', "Programming", 'no column "B"'),
    ("PATTERN (A B) DEFINE A AS FINAL LAST(price) > 1", "Programming", "FINAL cannot be in a condition"),
    ("PATTERN (A B) DEFINE A AS PREV(FINAL LAST(price)) > 1", "Programming", "FINAL cannot be in a condition"),
    ("PATTERN (A B) DEFINE A AS FINAL SUM(price) > 1", "Programming", "FINAL cannot be in a condition"),
    ("PATTERN (A B) DEFINE A AS FIRST(PREV(price)) > 1", "Programming", r"PREV cannot be inside FIRST.*PREV\(FIRST"),
    ("PATTERN (A B) DEFINE A AS PREV(PREV(price)) > 1", "Programming", "PREV cannot be inside PREV"),
    ("PATTERN (A B) DEFINE A AS PREV(LAST(price) + 1) > 1", "Programming", "LAST has to be all of the argument of PREV"),
    ("PATTERN (A B) DEFINE A AS PREV(1 + LAST(price)) > 1", "Programming", "LAST cannot be inside PREV.*has to be all"),
    ("PATTERN (A B) DEFINE A AS LAST(FIRST(price)) > 1", "Programming", "FIRST cannot be inside LAST"),
    ("PATTERN (A B) DEFINE A AS PREV(SUM(price)) > 1", "Programming", "SUM cannot be inside PREV"),
    ("PATTERN (A B) DEFINE A AS SUM(PREV(price)) > 1", "Programming", "PREV cannot be inside SUM"),
    ("PATTERN (A B) DEFINE A AS SUM(COUNT(*)) > 1", "Programming", "COUNT cannot be inside SUM"),
    ("PATTERN (A B) DEFINE A AS LAST(MATCH_NUMBER()) > 1", "Programming", r"MATCH_NUMBER cannot be inside LAST"),
    ("PATTERN (A B) DEFINE A AS RUNNING PREV(price) > 1", "Programming", r"RUNNING is for .* PREV\(RUNNING LAST"),
    ("PATTERN (A B) DEFINE A AS PREV(price, -1) > 1", "Programming", "whole number that is written out"),
    ("PATTERN (A B) DEFINE A AS PREV(price, day) > 1", "Programming", "whole number that is written out"),
    ("PATTERN (A B) DEFINE A AS PREV(price, 1, 2) > 1", "Programming", "takes an expression and a number of rows"),
    ("PATTERN (A B) DEFINE A AS PREV() > 1", "Programming", "PREV needs an argument"),
    ("PATTERN (A B) DEFINE A AS LAST(1) > 1", "Programming", "LAST needs a column"),
    ("PATTERN (A B) DEFINE A AS LAST(A.price + B.price) > 1", "Programming", "belong to different variables"),
    ("PATTERN (A B) DEFINE A AS LAST(A.price + price) > 1", "Programming", "belong to different variables"),
    ("PATTERN (A B) DEFINE A AS SUM(A.price * B.price) > 1", "Programming", "belong to different variables"),
    ("PATTERN (A B) DEFINE A AS SUM() > 1", "Programming", "SUM needs an argument"),
    ("PATTERN (A B) DEFINE A AS CLASSIFIER(price) = 'A'", "Programming", "price is no variable of the pattern"),
    ("PATTERN (A B) DEFINE A AS CLASSIFIER(A, B) = 'A'", "Programming", "CLASSIFIER takes one variable or nothing"),
    ("PATTERN (A B) DEFINE A AS MATCH_NUMBER(1) = 1", "Programming", "MATCH_NUMBER takes no argument"),
    ("PATTERN (A B) DEFINE A AS LAST(CLASSIFIER(A) || B.price) = 'Ax'", "Programming", "belong to different variables"),
    ("PATTERN (A B) DEFINE A AS SUM(price) OVER () > 1", "Programming", "a window function cannot be inside"),
    ("PATTERN (A B) DEFINE A AS COUNT(A.*) FILTER (WHERE day > 1) > 1", "Programming", "belong to different variables"),
    ("PATTERN (A B) DEFINE A AS COUNT(*) FILTER (day > 1) > 1", "Programming", r"expected \(WHERE ...\) after FILTER"),
    ("PATTERN (A B) DEFINE A AS COUNT(*) FILTER (WHERE PREV(day) > 1) > 1", "Programming", "PREV cannot be inside COUNT"),
    ("PATTERN (A B) DEFINE A AS A.* > 1", "Programming", r"expected a column.*A\.\* is for count\(\) only"),
    ("PATTERN (A B) DEFINE B AS A.day IN (SELECT day FROM ticker)", "NotSupported", "IN .SELECT .* with other rows"),
    ("MEASURES price PATTERN (A)", "Programming", "expected AS and the name of the measure"),
    ("MEASURES price AS p, day AS P PATTERN (A)", "Programming", "there are two measures called P"),
    ("PARTITION BY day MEASURES price AS day PATTERN (A)", "Programming", "would give two columns called day"),
    ("MEASURES price AS price ALL ROWS PER MATCH PATTERN (A)", "Programming", "would give two columns called price"),
    ("MEASURES C.price AS p PATTERN (A B)", "Programming", "C is no variable of the pattern"),
    ("PARTITION BY nothing PATTERN (A)", "Programming", "the input has no column nothing"),
    ("ORDER BY dya PATTERN (A)", "Programming", r"no column dya.*did you mean day\?"),
    ("ORDER BY day, PATTERN (A)", "Programming", "expected a column"),
    ("MEASURES price AS p", "Programming", "expected PATTERN"),
    ("DEFINE A AS price > 1 PATTERN (A)", "Programming", "expected PATTERN, found DEFINE.*the order is"),
    ("PATTERN (A) MEASURES price AS p", "Programming", r"expected \) or one of the clauses that may follow.*the order is"),
    ("INITIAL PATTERN (A)", "Programming", "INITIAL is for the row patterns of windows, .*>>>INITIAL<<<.*leave INITIAL"),
    ("MEASURES price AS p SEEK PATTERN (A)", "Programming", "SEEK is for the row patterns of windows"),
    ("ORDER BY day INITIAL PATTERN (A)", "Programming", "INITIAL is for the row patterns of windows"),
    ("ONE ROWS PER MATCH PATTERN (A)", "Programming", "expected PATTERN, found ONE"),
    ("ALL ROWS PER MATCH OMIT MATCHES PATTERN (A)", "Programming", "expected EMPTY, found MATCHES"),
    ("ALL ROWS PER MATCH WITH UNMATCHED ROWS PATTERN ({- A -} B)", "Programming", "cannot be combined with WITH UNM"),
    ("AFTER MATCH SKIP TO C PATTERN (A B)", "Programming", "C is no variable of the pattern"),
    ("AFTER MATCH SKIP TO PATTERN (A B)", "Programming", "expected PATTERN"),
    ("AFTER MATCH SKIP NEXT ROW PATTERN (A B)", "Programming", "expected TO, found NEXT"),
    ("AFTER MATCH SKIP TO FIRST A PATTERN (A B)", "Data", "first row of the match, which would be found again for ever"),
    ("AFTER MATCH SKIP TO A PATTERN (A | B) DEFINE A AS day > 5", "Data", "no row of a match is mapped to it"),
    ("ORDER BY day PATTERN (A) WITHIN INTERVAL 'some time'", "Programming", "'some time' is not a duration"),
    ("ORDER BY day PATTERN (A) WITHIN INTERVAL '1' FORTNIGHT", "Programming", "'1 FORTNIGHT' is not a duration"),
    ("PATTERN (A) WITHIN INTERVAL '1' DAY", "Programming", "WITHIN needs an ORDER BY"),
    ("ORDER BY day DESC PATTERN (A) WITHIN INTERVAL '1' DAY", "Programming", "begins with an ascending time"),
    ("ORDER BY symbol PATTERN (A B) WITHIN INTERVAL '1' DAY", "Data", "ORDER BY of WITHIN: 'A' is not a timestamp"),
]


@pytest.mark.parametrize(("clause", "error", "message"), ERRORS, ids=[clause for clause, _, _ in ERRORS])
def test_error(ways: dict[str, skysql.Connection], clause: str, error: str, message: str) -> None:
    for name in ("ordinary", "general"):
        with pytest.raises(getattr(skysql, f"{error}Error"), match=message) as caught:
            ask(ways[name], f"SELECT * FROM ticker MATCH_RECOGNIZE ({clause})")
        assert "\n" not in str(caught.value)
    assert ask(ways["ordinary"], "SELECT count(*) FROM ticker")[1] == [(len(TICKER),)]


def test_errors_show_the_place(ways: dict[str, skysql.Connection]) -> None:
    sql = "SELECT *\nFROM ticker\nMATCH_RECOGNIZE (\n  PATTERN (A B+ | )\n)"
    with pytest.raises(skysql.ProgrammingError, match=r"found \) in PATTERN \(line 4, column 19\)"):
        ask(ways["ordinary"], sql)


@pytest.mark.parametrize("around", ["{}", "SELECT count(*) FROM ({})"])
@pytest.mark.parametrize("pattern", ["(A B", "((A B)", "(A (B)", "(A (B | A)?", "(PERMUTE(A, B)"])
def test_a_pattern_that_is_left_open_is_shown(
    ways: dict[str, skysql.Connection], pattern: str, around: str
) -> None:
    sql = around.format(f"SELECT *\nFROM ticker MATCH_RECOGNIZE (\nPATTERN {pattern} DEFINE A AS day > 1, B AS true)")
    with pytest.raises(skysql.ProgrammingError, match=r"expected \) at the end of PATTERN in .* \(line 3, column 9\)"):
        ask(ways["ordinary"], sql)


@pytest.mark.parametrize(
    ("sql", "error", "message"),
    [
        ("SELECT * FROM nobody MATCH_RECOGNIZE (PATTERN (A))", "Operational", "no such table: nobody"),
        ("SELECT * FROM MATCH_RECOGNIZE (PATTERN (A))", "Programming", "expected a table before MATCH_RECOGNIZE"),
        ("SELECT * FROM ticker MATCH_RECOGNIZE (PATTERN (A)) AS m(a, b)", "Programming", "gives 0 columns, and there are 2"),
        (
            "SELECT * FROM ticker MATCH_RECOGNIZE (PATTERN (A)) MATCH_RECOGNIZE (PATTERN (B))",
            "Programming",
            r"expected one MATCH_RECOGNIZE for each item of FROM.*FROM \(SELECT",
        ),
        (
            "SELECT * FROM ticker MATCH_RECOGNIZE (PATTERN (A)) AS m MATCH_RECOGNIZE (PATTERN (B))",
            "Programming",
            "expected one MATCH_RECOGNIZE for each item of FROM",
        ),
        (
            "SELECT (SELECT count(*) FROM (SELECT t.day AS d) MATCH_RECOGNIZE (PATTERN (A))) FROM ticker t",
            "Programming",
            "no such column: t.day .it cannot read columns of the statement around it",
        ),
        (
            "CREATE TRIGGER x AFTER INSERT ON ticker BEGIN SELECT * FROM ticker MATCH_RECOGNIZE (PATTERN (A)); END",
            "NotSupported",
            "cannot be in a trigger",
        ),
        (
            "CREATE VIEW w AS SELECT * FROM ticker MATCH_RECOGNIZE (MEASURES (SELECT 1) AS one PATTERN (A))",
            "NotSupported",
            "a view's MATCH_RECOGNIZE cannot hold a subquery",
        ),
    ],
)
def test_error_around_it(ways: dict[str, skysql.Connection], sql: str, error: str, message: str) -> None:
    with pytest.raises(getattr(skysql, f"{error}Error"), match=message):
        ask(ways["ordinary"], sql)


# In statements

PATHS = """visits MATCH_RECOGNIZE (PARTITION BY object_id ORDER BY timestamp
    MEASURES FIRST(timestamp) AS began, LAST(timestamp) AS ended, COUNT(V.*) AS views, P.amount AS amount
    PATTERN (V* P) DEFINE V AS action = 'view', P AS action = 'purchase')"""

STATEMENTS = [  # a statement, its parameters, its rows
    (f"SELECT views, count(*), sum(amount) FROM {PATHS} GROUP BY views ORDER BY views", (),
     [(0, 2, 8.25), (1, 2, 32.0), (2, 1, 9.5)]),
    (f"SELECT count(*) FROM {PATHS} AS m WHERE m.object_id = 1", (), [(2,)]),
    (f"SELECT count(*) FROM {PATHS} WHERE object_id = ?", (3,), [(2,)]),
    (f"SELECT object_id, views FROM {PATHS} m ORDER BY amount DESC LIMIT 2", (), [(1, 1), (3, 1)]),
    (f"SELECT u, views FROM (SELECT 1 AS u UNION SELECT 9) LEFT JOIN {PATHS} AS m ON m.object_id = u ORDER BY 1, 2", (),
     [(1, 1), (1, 2), (9, None)]),
    (f"SELECT a.object_id, b.views FROM {PATHS} a JOIN {PATHS} b ON a.object_id = b.object_id WHERE a.views = 2"
     " ORDER BY b.views", (), [(1, 1), (1, 2)]),
    (f"SELECT m.o, m.n FROM {PATHS} AS m(o, a, z, n, m) WHERE m.n > ?", (0,), [(1, 2), (1, 1), (3, 1)]),
    ("WITH bought AS (SELECT * FROM visits WHERE amount > ?), n(k) AS (SELECT 1)"
     " SELECT * FROM bought MATCH_RECOGNIZE (PARTITION BY object_id ORDER BY timestamp MEASURES COUNT(*) AS n"
     " PATTERN (A+)) WHERE n > (SELECT k FROM n)", (3.5,), [(1, 2)]),
    ("SELECT *, ? AS z FROM visits MATCH_RECOGNIZE (PARTITION BY object_id ORDER BY timestamp"
     " MEASURES B.amount * ? AS more, ? AS tag PATTERN (A? B) DEFINE A AS action = ?, B AS amount > ?) WHERE more < ?",
     ("z", 10, "tag", "view", 4, 150), [(1, 95.0, "tag", "z"), (2, 52.5, "tag", "z"), (3, 120.0, "tag", "z")]),
    ("SELECT * FROM visits MATCH_RECOGNIZE (PARTITION BY object_id ORDER BY timestamp MEASURES P.amount AS a"
     " PATTERN (P) DEFINE P AS action IS :action AND amount > @least)", {"action": "purchase", "least": 9.5},
     [(1, 20.0), (3, 12.0)]),
    ("SELECT count(*) FROM visits MATCH_RECOGNIZE (PARTITION BY object_id ORDER BY timestamp PATTERN (A) DEFINE A AS action IS ?)",
     (None,), [(1,)]),
    ("SELECT * FROM visits MATCH_RECOGNIZE (PARTITION BY object_id ORDER BY timestamp MEASURES P.amount AS a,"
     " (SELECT count(*) FROM ticker) AS n PATTERN (P) DEFINE P AS amount > (SELECT avg(amount) FROM visits))", (),
     [(1, 20.0, 15), (3, 12.0, 15)]),
    ("SELECT * FROM visits MATCH_RECOGNIZE (PARTITION BY object_id ORDER BY timestamp MEASURES P.amount AS a"
     " PATTERN (P) DEFINE P AS amount IN (SELECT max(amount) FROM visits))", (), [(1, 20.0)]),
    ("SELECT * FROM ticker MATCH_RECOGNIZE (ORDER BY day MEASURES (SELECT count(*) FROM visits MATCH_RECOGNIZE"
     " (PATTERN (X X))) AS pairs PATTERN (A) DEFINE A AS day = 8)", (), [(8,)]),
    (f"WITH bought AS (SELECT * FROM {PATHS}) SELECT * FROM ticker MATCH_RECOGNIZE (ORDER BY day MEASURES (SELECT max(n)"
     " FROM bought MATCH_RECOGNIZE (MEASURES count(*) AS n PATTERN (X+))) AS n PATTERN (A) DEFINE A AS day = 8)", (),
     [(5,)]),
    ("SELECT * FROM (SELECT object_id, action, max(timestamp) AS t, count(*) AS n FROM visits GROUP BY object_id, action)"
     " MATCH_RECOGNIZE (PARTITION BY object_id ORDER BY t MEASURES sum(n) AS n PATTERN (A+))", (),
     [(1, 7), (2, 4), (3, 5)]),
    ("SELECT * FROM ticker MATCH_RECOGNIZE (PARTITION BY symbol ORDER BY day MEASURES sum(MATCH_NUMBER()) AS s,"
     " max(A.day * 10 + MATCH_NUMBER()) AS m, LAST(lower(CLASSIFIER())) AS c, LAST(coalesce(CLASSIFIER(B), 'no')) AS n,"
     " count(*) FILTER (WHERE day > 1) AS later, count(A.*) FILTER (WHERE A.day > 1) AS a, LAST(price, 1000) AS far"
     " PATTERN (A B{2}) DEFINE B AS count(*) FILTER (WHERE day > 1) > 0)where symbol='A'and m>?limit 9", (1,),
     [("A", 3, 11, "b", "B", 2, 0, None), ("A", 6, 42, "b", "B", 3, 1, None)]),
    ("SELECT m.n FROM ticker MATCH_RECOGNIZE(MEASURES count(*)AS n PATTERN(A+))m", (), [(15,)]),
    ("SELECT n FROM ticker MATCH_RECOGNIZE(MEASURES count(*)AS n PATTERN(A+))limit 1", (), [(15,)]),
    ('SELECT*FROM"ticker"MATCH_RECOGNIZE(MEASURES count(*)AS n PATTERN(A+))union select ?', (9,), [(9,), (15,)]),
    ("SELECT * FROM ticker MATCH_RECOGNIZE (ORDER BY day MEASURES count(*) AS n PATTERN (A B) DEFINE"
     " A AS day=?and symbol='A', B AS LAST(A.day)=?and B.symbol>A.symbol and LAST(A.day)=1and 1)", (1, 1), [(2,)]),
    ("SELECT count(*), ? FROM ticker /* MATCH_RECOGNIZE ( */ WHERE symbol <> 'match_recognize ('", (5,), [(15, 5)]),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "parameters", "rows"), STATEMENTS)
def test_statement(ways: dict[str, skysql.Connection], sql: str, parameters: Any, rows: Rows) -> None:
    for way, db in ways.items():
        assert ask(db, sql, parameters)[1] == rows, way


def test_statement_without_it_is_left_alone(ways: dict[str, skysql.Connection]) -> None:
    sql = "SELECT 'MATCH_RECOGNIZE (PATTERN (A))', ? -- MATCH_RECOGNIZE (\n"
    assert ways["sky"].engine.prepare(sql).sql == sql


@pytest.mark.parametrize("offset", [1 << 62, (1 << 63) - 1, 1 << 63, 1 << 64, 10**30, int("7" * 4000)])
def test_offsets_beyond_every_row(ways: dict[str, skysql.Connection], offset: int) -> None:
    """Nothing is there; an offset may have any number of digits."""
    sql = f"""SELECT * FROM ticker MATCH_RECOGNIZE (ORDER BY day MEASURES LAST(day, {offset}) AS a, PREV(day, {offset}) AS b,
        NEXT(FIRST(day, {offset}), {offset}) AS c, PREV(LAST(day), {offset}) AS d PATTERN (A+) DEFINE A AS
        PREV(day, {offset}) IS NULL AND NEXT(FIRST(A.day), {offset}) IS NULL AND LAST(A.day, {offset}) IS NULL)"""
    for way, db in ways.items():
        assert ask(db, sql)[1] == [(None, None, None, None)], way


def test_the_word_is_a_name_elsewhere(connect: Connect) -> None:
    """Tables, columns, CTEs, types, aliases and functions may be called match_recognize."""
    db = connect()
    db.create_function("match_recognize", 1, lambda x: x + 1, deterministic=True)
    db.execute("CREATE TABLE match_recognize (a match_recognize(3), match_recognize)")
    db.execute("INSERT INTO match_recognize (a) VALUES (1)")
    db.execute("CREATE INDEX i ON match_recognize (a)")
    statements = {
        "SELECT match_recognize (a), - match_recognize(a) FROM match_recognize WHERE match_recognize (a) > 1": [(2, -2)],
        "WITH match_recognize (b) AS (SELECT 7) SELECT * FROM match_recognize": [(7,)],
        "WITH one AS (SELECT 1), match_recognize (b) AS (SELECT 7) SELECT * FROM match_recognize": [(7,)],
        "SELECT * FROM match_recognize MATCH_RECOGNIZE (MEASURES match_recognize(a) AS m PATTERN (A))": [(2,)],
        "SELECT m.* FROM match_recognize AS x MATCH_RECOGNIZE (MEASURES a AS m PATTERN (A)) AS m": [(1,)],
        "SELECT match_recognize.a FROM main.match_recognize MATCH_RECOGNIZE (MEASURES a AS a PATTERN (A)) match_recognize": [
            (1,)
        ],
        "SELECT CASE WHEN match_recognize (1) THEN match_recognize (2) END, ?": [(3, None)],
    }
    for sql, rows in statements.items():
        assert ask(db, sql, (None,) * sql.count("?"))[1] == rows, sql


def test_writes_from_matches(connect: Connect) -> None:
    db = connect()
    load_sky(db)
    db.execute("CREATE TABLE found(o, n)")
    db.execute(f"INSERT INTO found SELECT object_id, views FROM {PATHS} WHERE views < ?", (2,))
    db.execute(f"UPDATE found SET n = m.amount FROM {PATHS} AS m WHERE m.object_id = found.o AND m.views = found.n")
    assert ask(db, "SELECT * FROM found ORDER BY o, n")[1] == [(1, 20.0), (2, 5.25), (3, 3.0), (3, 12.0)]
    db.execute(f"DELETE FROM found WHERE o IN (SELECT object_id FROM {PATHS} WHERE views = 2)")
    db.execute(f"CREATE TABLE copy AS SELECT object_id, began FROM {PATHS}")
    assert ask(db, "SELECT (SELECT count(*) FROM found), (SELECT count(*) FROM copy)")[1] == [(3, 5)]


def test_uncommitted_rows_are_matched(connect: Connect) -> None:
    db = connect()
    load_sky(db)
    db.execute("INSERT INTO visits(object_id, timestamp, action, amount) VALUES (9, '2026-01-01', 'purchase', 1)")
    assert ask(db, f"SELECT count(*) FROM {PATHS} WHERE object_id = 9")[1] == [(1,)]
    db.rollback()
    assert ask(db, f"SELECT count(*) FROM {PATHS} WHERE object_id = 9")[1] == [(0,)]


def test_times_are_compared_as_times(connect: Connect) -> None:
    """In conditions, of neighbours, looking back, and of the result; in whatever form they are written."""
    for pushdown in (True, False):
        db = connect(pushdown=pushdown)
        load_sky(db)
        over = "visits MATCH_RECOGNIZE (PARTITION BY object_id ORDER BY timestamp MEASURES FIRST(timestamp) AS began,"
        for condition, count in (
            ("timestamp >= '2026-01-03T08:00Z'", 5),
            ("PREV(timestamp) >= '2026-01-03T08:00Z'", 2),
            ("timestamp BETWEEN '2026-01-01T10:00' AND '2026-01-01T11:30+01:00'", 3),
            ("timestamp > A.timestamp AND A.timestamp < '2026-01-01T09:01' AND timestamp > '2026-01-01T09:05Z'", 1),
        ):
            pattern = "A B" if "A." in condition else "B"
            sql = f"SELECT count(*) FROM {over} COUNT(*) AS n PATTERN ({pattern}) DEFINE B AS {condition})"
            assert ask(db, sql)[1] == [(count,)], (pushdown, condition)
        for condition, count in (("began >= '2026-01-03T08:00Z'", 2), ("began = '2026-01-01T09:10'", 1)):
            assert ask(db, f"SELECT count(*) FROM {PATHS} WHERE {condition}")[1] == [(count,)], (pushdown, condition)
            assert ask(db, f"SELECT count(*) FROM (SELECT began FROM {PATHS}) WHERE {condition}")[1] == [(count,)]


def test_sessions_and_keys(connect: Connect) -> None:
    for pushdown in (True, False):
        db = connect(pushdown=pushdown)
        load_sky(db)
        sql = """SELECT * FROM visits('30 minutes') MATCH_RECOGNIZE (PARTITION BY object_id, session ORDER BY ts
            MEASURES COUNT(*) AS n, FIRST(action) AS first PATTERN (X+)) WHERE object_id = 1"""
        assert ask(db, sql)[1] == [(1, 1, 3, "sign up"), (1, 2, 1, "purchase"), (1, 3, 1, None), (1, 4, 1, "view"),
                                   (1, 5, 1, "purchase")]  # fmt: skip
        sql = """SELECT * FROM visits_sessions('30 minutes') MATCH_RECOGNIZE (PARTITION BY object_id ORDER BY session
            MEASURES COUNT(*) AS n PATTERN (ONE{2,}) DEFINE ONE AS events = 1)"""
        assert ask(db, sql)[1] == [(1, 4), (3, 2)]
        db.execute("CREATE VIRTUAL TABLE planes USING sky(tail TEXT OBJECT, airport TEXT STATE)")
        flown = [("N2", 1, "A"), ("N1", 2, "B"), ("N2", 3, "B"), ("N2", 4, "A"), ("N1", 5, "A")]
        db.executemany("INSERT INTO planes(tail, ts, action, airport) VALUES (?, ?, 'arrive', ?)", flown)
        sql = """SELECT * FROM planes MATCH_RECOGNIZE (PARTITION BY tail ORDER BY ts
            MEASURES X.airport || Y.airport AS trip AFTER MATCH SKIP TO NEXT ROW
            PATTERN (X Y) DEFINE Y AS airport <> PREV(airport)) ORDER BY tail, trip"""
        assert ask(db, sql)[1] == [("N1", "BA"), ("N2", "AB"), ("N2", "BA")]


def test_collations_and_affinities(connect: Connect) -> None:
    """A column that is looked up compares as it does anywhere else."""
    for pushdown in (True, False):
        db = connect(pushdown=pushdown)
        db.execute("CREATE TABLE k(s TEXT COLLATE NOCASE, n INTEGER, t TEXT, b)")
        rows = [("a", 1, "1", 1), ("A", 2, "10", "1"), ("b", 10, "9", 1.0), ("a", 3, "2", None), ("B", 4, "x", b"1")]
        db.executemany("INSERT INTO k VALUES (?, ?, ?, ?)", rows)
        sql = "SELECT * FROM k MATCH_RECOGNIZE (PARTITION BY s ORDER BY n MEASURES COUNT(*) AS n, FIRST(t) AS t PATTERN (X+))"
        assert ask(db, sql)[1] == [("a", 3, "1"), ("B", 2, "x")]
        assert ask(db, f"{sql} WHERE s = 'A'")[1] == [("a", 3, "1")]
        for condition, found in (
            ("s = PREV(s)", [(2,), (10,)]),
            ("s = X.s", [(2,), (10,)]),
            ("s = LAST(X.s) AND 'A' = X.s", [(2,)]),
            ("n > '2'", [(3,), (10,)]),
            ("PREV(n) < '10'", [(2,), (4,)]),
            ("t < PREV(t)", [(10,)]),
            ("X.t < 2", [(2,)]),
            ("X.n < n AND X.n < '3'", [(2,)]),
        ):
            clause = f"ORDER BY n MEASURES Y.n AS n PATTERN (X Y) DEFINE Y AS {condition}"
            assert ask(db, f"SELECT * FROM k MATCH_RECOGNIZE ({clause})")[1] == found, (pushdown, condition)
        sql = "SELECT * FROM k MATCH_RECOGNIZE (PARTITION BY b ORDER BY n MEASURES COUNT(*) AS c PATTERN (X+))"
        assert ask(db, sql)[1] == [(None, 1), (1, 2), ("1", 1), (b"1", 1)]


def test_view(connect: Connect, path: str) -> None:
    """A view keeps its MATCH_RECOGNIZE, for other connections too, and views may read it."""
    first = connect(path)
    load_sky(first)
    first.execute(f"CREATE VIEW paths AS SELECT * FROM {PATHS}")
    first.execute("CREATE VIEW counts AS SELECT * FROM paths MATCH_RECOGNIZE (PARTITION BY object_id MEASURES COUNT(*) AS n"
                  " PATTERN (P+))")  # fmt: skip
    first.commit()
    for db in (first, connect(path), connect(path, pushdown=False), connect(path, read_only=True)):
        assert ask(db, "SELECT * FROM counts")[1] == [(1, 2), (2, 1), (3, 2)]
        assert ask(db, "SELECT object_id FROM paths WHERE began > '2026-01-03T00:00'")[1] == [(1,), (3,)]
    first.execute("DROP VIEW counts")
    first.execute("DROP VIEW paths")
    with pytest.raises(skysql.OperationalError, match="no such table"):
        first.execute("SELECT * FROM paths")


@pytest.mark.parametrize("pushdown", [True, False])
def test_view_of_another_file(connect: Connect, path: str, pushdown: bool) -> None:
    """It is known by its text, and so refused where another database has a table of the name that it reads."""
    near, clause = connect(path), "PARTITION BY object_id MEASURES LAST(n) AS n PATTERN (A+)"
    near.engine.pushdown = pushdown
    near.execute("ATTACH ':memory:' AS far")
    near.execute("CREATE VIRTUAL TABLE far.users USING sky(n INTEGER)")
    near.execute("INSERT INTO far.users(object_id, ts, action, n) VALUES (1, 1, 'a', 2)")
    near.execute(f"CREATE VIEW far.last AS SELECT * FROM users MATCH_RECOGNIZE ({clause})")
    near.execute("CREATE VIEW far.again AS SELECT * FROM last")
    for view in ("last", "far.last", "again"):
        assert ask(near, f"SELECT * FROM {view}")[1] == [(1, 2)]
    near.execute("CREATE VIRTUAL TABLE main.users USING sky(n INTEGER)")
    near.execute("INSERT INTO users(object_id, ts, action, n) VALUES (1, 1, 'a', 3)")
    for view in ("last", '"far".last', "again", "far.[again]"):
        with pytest.raises(skysql.NotSupportedError, match="in 'far', and another"):
            near.execute(f"SELECT * FROM {view}")
    near.execute(f"CREATE VIEW main.last AS SELECT * FROM users MATCH_RECOGNIZE ({clause})")
    assert ask(near, "SELECT * FROM last")[1] == ask(near, "SELECT * FROM main.last")[1] == [(1, 3)]
    near.execute("DROP VIEW far.last")
    near.execute("DROP TABLE main.users")


def test_view_of_an_altered_table(connect: Connect, path: str) -> None:
    """Its columns are those of the table now, for every connection; a change that would break it is refused."""
    clause = "PARTITION BY object_id ORDER BY timestamp MEASURES amount * 2 AS more ALL ROWS PER MATCH PATTERN (P+)"
    first = connect(path)
    load_sky(first)
    first.execute(f"CREATE VIEW every AS SELECT * FROM visits MATCH_RECOGNIZE ({clause})")
    first.execute("CREATE VIEW outer AS SELECT * FROM every")
    first.commit()
    second = connect(path, pushdown=False)
    before = [ask(db, "SELECT * FROM outer") for db in (first, second)]
    assert before[0] == before[1]
    with pytest.raises(skysql.ProgrammingError, match="view every would not work any more"):
        first.execute("SELECT sky_alter('visits', 'DROP amount')")
    assert ask(first, "SELECT * FROM outer") == before[0]
    first.execute("SELECT sky_alter('visits', 'ADD city TEXT STATE')")
    first.commit()
    names, rows = before[0]
    for db in (first, second):
        assert ask(db, "SELECT * FROM outer") == ([*names, "city"], [(*row, None) for row in rows])


def test_schema_changes_are_seen(connect: Connect) -> None:
    db = connect()
    sql = "SELECT * FROM t MATCH_RECOGNIZE (MEASURES LAST(a) AS a ALL ROWS PER MATCH PATTERN (X+))"
    with pytest.raises(skysql.OperationalError, match="no such table"):
        db.execute(sql)
    db.execute("CREATE TABLE t(b)")
    with pytest.raises(skysql.ProgrammingError, match="the input has no column a"):
        db.execute(sql)
    db.execute("DROP TABLE t")
    db.execute("CREATE TABLE t(b, c INTEGER)")
    db.execute("INSERT INTO t VALUES (1, 2)")
    assert ask(db, sql.replace("LAST(a)", "LAST(c)"))[1] == [(2, 1, 2)]


def test_functions_of_the_user(connect: Connect) -> None:
    db = connect()
    load_sky(db)
    db.create_function("twice", 1, lambda x: x and x * 2, deterministic=True)

    class Longest:
        def __init__(self) -> None:
            self.value = ""

        def step(self, value: str | None) -> None:
            self.value = max(self.value, value or "", key=len)

        def finalize(self) -> str:
            return self.value

    db.create_aggregate("longest", 1, Longest)
    sql = """SELECT * FROM visits MATCH_RECOGNIZE (PARTITION BY object_id ORDER BY timestamp MEASURES longest(action) AS l
        PATTERN (P+ | Q) DEFINE P AS twice(amount) > 20, Q AS longest(Q.action) = 'view' AND PREV(amount) IS NULL)"""
    assert ask(db, sql)[1] == [
        (1, "view"), (1, "view"), (1, "view"), (1, "purchase"), (2, "view"), (3, "view"), (3, "purchase")
    ]  # fmt: skip


def test_explain(ways: dict[str, skysql.Connection]) -> None:
    sql = f"SELECT count(*) FROM {PATHS} WHERE object_id = 1"
    detail = ways["sky"].execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()[0][3]
    assert detail.split("MATCH RECOGNIZE ")[1].splitlines() == [
        "visits",
        "├─ only where object_id = ?",
        "├─ read events by path scan",
        "├─ partition by object_id",
        "├─ order by timestamp",
        "├─ pattern V* P by regular expression",
        "├─ define V as action = 'view'",
        "├─ define P as action = 'purchase'",
        "├─ measure began as FIRST(timestamp)",
        "├─ measure ended as LAST(timestamp)",
        "├─ measure views as COUNT(V.*)",
        "├─ measure amount as P.amount",
        "└─ one row per match, then skip past last row",
    ]
    plan = str(ways["rows"].execute(sql).plan)
    assert "read rows by query" in plan
    assert "pattern V* P by the general matcher" in plan


def test_columns_have_types(ways: dict[str, skysql.Connection]) -> None:
    cursor = ways["sky"].execute(f"SELECT * FROM {PATHS}")
    assert [column[:2] for column in cursor.description] == [
        ("object_id", "INTEGER"), ("began", "TIMESTAMP"), ("ended", "TIMESTAMP"), ("views", None), ("amount", "REAL")
    ]  # fmt: skip


# Parts


@pytest.mark.parametrize("function", ["count", "sum", "total", "avg", "min", "max"])
def test_aggregates_are_those_of_sqlite(function: str) -> None:
    """Bit by bit, overflow and infinities among them."""
    rng = random.Random(SEED)
    sqlite = apsw.Connection(":memory:")
    reals = [0.1, 0.2, 3.3, 1e16, -1e16, 1e308, -1e308, float("inf"), -float("inf")]
    texts = ["12", " -3.5 ", "1e3x", "abc", "", "9223372036854775808", b"7"]
    integers = [1 << 62, (1 << 63) - 1, -(1 << 63), 7, -1]
    kinds = [[1, 2, -5], reals, integers, [*reals, *integers], [*reals, *integers, *texts, 1, 2]]
    for _ in range(1500):
        values = rng.choices(rng.choice(kinds), k=rng.randrange(6))
        expected, found = "overflow", "overflow"
        listed = ", ".join("(?)" for _ in values) or "(1)"
        where = "" if values else " WHERE 0"
        try:
            expected = sqlite.execute(f"SELECT {function}(column1) FROM (VALUES {listed}){where}", values).fetchall()[0][0]
        except apsw.SQLError:
            pass
        state = aggregates.begin(function)
        try:
            for value in values:
                state = aggregates.step(function, state, numeric(value) if function in aggregates.SUMS else value)
            found = aggregates.finish(function, state)
        except apsw.SQLError:
            pass
        assert (type(found), repr(found)) == (type(expected), repr(expected)), values


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("a b|c", "A B | C"),
        ("(a (b | c)+)*? {- d -}", "(A (B | C)+)*? {- D -}"),
        ('"x y"{2} ^ $ ()', '"x y"{2} ^ $ ()'),
        ("permute(a, b c){2,}? d??", "PERMUTE(A, B C){2,}? D??"),
        ("a{,3}", "A{0,3}"),
        ("(^a b$)", "^ A B $"),
        ("a | ()", "A | ()"),
        ("()* a", "()* A"),
    ("$a | b$ {,}", "$ A | B ($)*"),
    ],
)
def test_patterns_print_as_sql(text: str, printed: str) -> None:
    def parse(text: str) -> Any:
        tokens = tokenize(text)
        return PatternParser(TokenReader(text, tokens, 0, len(tokens), "PATTERN")).parse()

    assert show(parse(text)) == printed
    assert parse(printed) == parse(text)
