"""Every way to write "state at the time of the action" becomes a path scan with the rows of the plain column.

golden/idioms.txt holds, for each statement, its plan, the text that SQLite gets, and its rows; `python -m
tests.sql.test_idioms` writes it anew, to be reviewed by eye. The rows are also those of the statement row by row.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import skysql
from tests.world.scripts import renumbered

GOLDEN = Path(__file__).parents[1] / "golden" / "idioms.txt"

PLAIN = "SELECT plan, count(*) AS n, sum(amount) AS s FROM users WHERE action = 'purchase' GROUP BY plan ORDER BY plan"

CASES = {
    "the property itself": PLAIN,
    "the latest change, by a correlated subquery": """
        SELECT (SELECT c.new_value FROM users_changes c WHERE c.object_id = u.object_id AND c.property = 'plan'
                AND c.timestamp <= u.timestamp ORDER BY c.timestamp DESC LIMIT 1) AS plan,
               count(*) AS n, sum(u.amount) AS s FROM users u WHERE u.action = 'purchase' GROUP BY 1 ORDER BY 1""",
    "the latest event, by a correlated subquery": """
        SELECT (SELECT s.plan FROM users s WHERE s.object_id = u.object_id AND u.ts >= s.ts ORDER BY s.ts DESC LIMIT 1)
               AS plan, count(*) AS n, sum(amount) AS s FROM users u WHERE action = 'purchase' GROUP BY 1 ORDER BY 1""",
    "the object as of then, by a correlated subquery": """
        SELECT (SELECT s.plan FROM users_objects s WHERE s.object_id = u.object_id AND s.as_of = u.timestamp) AS plan,
               count(*) AS n, sum(amount) AS s FROM users u WHERE action = 'purchase' GROUP BY 1 ORDER BY 1""",
    "ASOF JOIN with the changes": """
        SELECT c.new_value AS plan, count(*) AS n, sum(u.amount) AS s FROM users u ASOF LEFT JOIN users_changes c
        ON c.object_id = u.object_id AND c.property = 'plan' AND u.timestamp >= c.timestamp
        WHERE u.action = 'purchase' GROUP BY c.new_value ORDER BY 1""",
    "ASOF JOIN with the changes of one property": """
        SELECT c.new_value AS plan, count(*) AS n, sum(u.amount) AS s FROM users u
        ASOF LEFT JOIN (SELECT * FROM users_changes WHERE property = 'plan') c
        ON c.object_id = u.object_id AND u.timestamp >= c.timestamp
        WHERE u.action = 'purchase' GROUP BY c.new_value ORDER BY 1""",
    "ASOF JOIN with the table itself": """
        SELECT s.plan, count(*) AS n, sum(u.amount) AS s FROM users u ASOF JOIN users s
        ON s.object_id = u.object_id AND s.timestamp <= u.timestamp
        WHERE u.action = 'purchase' GROUP BY s.plan ORDER BY s.plan""",
    "ASOF JOIN USING": """
        SELECT s.plan, count(*) AS n, sum(u.amount) AS s FROM users u ASOF JOIN users s USING (object_id, timestamp)
        WHERE u.action = 'purchase' GROUP BY s.plan ORDER BY s.plan""",
    "a join with the objects as of each event": """
        SELECT s.plan, count(*) AS n, sum(u.amount) AS s FROM users u
        JOIN users_objects s ON s.object_id = u.object_id AND s.as_of = u.timestamp
        WHERE u.action = 'purchase' GROUP BY s.plan ORDER BY s.plan""",
    "the last value of the rows so far": """
        SELECT p AS plan, count(*) AS n, sum(amount) AS s FROM (SELECT action, amount, last_value(plan) OVER
        (PARTITION BY object_id ORDER BY timestamp ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS p FROM users)
        WHERE action = 'purchase' GROUP BY p ORDER BY p""",
}
"""Equal to PLAIN wherever no two events of a path share a timestamp, as here."""

IGNORING = {
    "the last value, ignoring NULLs": """
        SELECT p, count(*) AS n FROM (SELECT action, last_value(plan IGNORE NULLS) OVER
        (PARTITION BY object_id ORDER BY timestamp) AS p FROM users) WHERE action = 'purchase' GROUP BY p ORDER BY p""",
    "the same by hand": """
        SELECT p, count(*) AS n FROM (SELECT action, max(plan) OVER (PARTITION BY object_id, part) AS p FROM
        (SELECT *, count(plan) OVER (PARTITION BY object_id ORDER BY timestamp
         ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS part FROM users))
        WHERE action = 'purchase' GROUP BY p ORDER BY p""",
}
"""A change to NULL is passed over: that is not the plain column, but its own."""

TIES = """
    SELECT s.plan, count(*) AS n FROM users u JOIN users_objects s ON s.object_id = u.object_id
    AND s.as_of = u.timestamp WHERE u.action = 'late' GROUP BY s.plan"""


def shop(pushdown: bool = True) -> skysql.Connection:
    """Two objects; one changes to pro between purchases, the other loses its plan; half of it compacted."""
    db = skysql.connect(":memory:", pushdown=pushdown)
    db.execute("CREATE VIRTUAL TABLE users USING sky(plan TEXT STATE, amount REAL)")
    insert = "INSERT INTO users(object_id, timestamp, action, plan, changes, amount) VALUES (?, ?, ?, ?, ?, ?)"
    db.execute(insert, (1, "2026-01-01", "sign up", "free", None, None))
    db.execute(insert, (1, "2026-01-05", "purchase", None, None, 8.0))
    db.execute(insert, (2, "2026-01-02", "purchase", None, None, 1.0))
    db.execute(insert, (2, "2026-01-03", "sign up", "free", None, None))
    db.commit()
    db.compact()
    db.execute(insert, (1, "2026-01-03", None, "pro", None, None))
    db.execute(insert, (1, "2026-01-02", "purchase", None, None, 2.0))
    db.execute(insert, (2, "2026-01-04", None, None, '{"plan": null}', None))
    db.execute(insert, (2, "2026-01-05", "purchase", None, None, 4.0))
    db.commit()
    return db


def written() -> str:
    """The golden file."""
    db = shop()
    pieces = []
    for name, statement in (CASES | IGNORING).items():
        cursor = db.execute(statement)
        text = " ".join(statement.split())
        rewritten = renumbered(" ".join(db.engine.prepare(statement).sql.split()))
        rows = "\n".join(map(repr, cursor.fetchall()))
        pieces.append(f"-- {name}\n{text}\n\n{cursor.plan}\n\n{rewritten}\n\n{rows}\n")
    return "\n".join(pieces)


def test_plans_and_texts_are_the_golden_ones() -> None:
    """Plans, texts and rows as they were reviewed."""
    assert written() == GOLDEN.read_text()


@pytest.mark.parametrize("name", CASES)
def test_rows_are_those_of_the_plain_column(name: str) -> None:
    """By a path scan, and row by row."""
    expected = [(None, 2, 5.0), ("free", 1, 2.0), ("pro", 1, 8.0)]
    cursor = shop().execute(CASES[name])
    assert str(cursor.plan).startswith("PATH SCAN users\n")
    assert cursor.fetchall() == expected
    assert shop(pushdown=False).execute(CASES[name]).fetchall() == expected


@pytest.mark.parametrize("name", IGNORING)
def test_ignoring_nulls(name: str) -> None:
    """What was known last, even after a change to NULL."""
    expected = [(None, 1), ("free", 2), ("pro", 1)]
    cursor = shop().execute(IGNORING[name])
    assert "ignoring nulls" in str(cursor.plan)
    assert cursor.fetchall() == expected
    assert shop(pushdown=False).execute(IGNORING[name]).fetchall() == expected


def test_what_compares_by_timestamp_sees_events_of_the_same_timestamp() -> None:
    """A change that arrives after an action with its timestamp: not in its state, but in the state as of then."""
    for pushdown in (True, False):
        db = shop(pushdown)
        db.execute("INSERT INTO users(object_id, timestamp, action) VALUES (1, '2026-02-01', 'late')")
        db.execute("INSERT INTO users(object_id, timestamp, plan) VALUES (1, '2026-02-01', 'gold')")
        assert db.execute("SELECT plan FROM users WHERE action = 'late'").fetchall() == [("pro",)]
        assert db.execute(TIES).fetchall() == [("gold", 1)]


if __name__ == "__main__":
    GOLDEN.write_text(written())
