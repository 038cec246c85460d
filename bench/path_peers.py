"""Questions about the order of events in the SQL of DuckDB and ClickHouse: the best ways that we found.

A way counts if its answer does not depend on how the rows happen to lie in the table. Events come late, and an answer
that one of them silently makes wrong is no answer. So ClickHouse's arrays are sorted, though they are read from a table
that is (left as two threads made them, some counts of the flow were off by one), and DuckDB's windows say their order,
or read a subquery that does. What is gained by leaving it out is told for information, as "... as the rows lie".
For the plan, both read the table in which it was written onto every event.

DuckDB's best way is seldom the obvious one: windows without PARTITION BY and ORDER BY stream over the rows of a sorted
subquery. On a table that is sorted already this takes half the time of windows PARTITION BY object_id, or less.

Tried, and no faster:
- sessions: DuckDB's windows of beginnings and ends (as fast as of beginnings alone), numbering sessions by a sum and
  grouping by it (twice as slow), lists (as slow as windows). ClickHouse's arrays of tuples (twice as slow), arraySplit
  (three times), a single array of packed numbers (as fast).
- funnel: DuckDB's windows in windows (three times as slow as ASOF JOINs). ClickHouse's table with narrower types.
- sequence: DuckDB's ASOF JOIN (as slow as PARTITION BY). ClickHouse's windows (half as slow again as arrays).
- retention: DuckDB's lists of weeks, and bits (no faster than DISTINCT). ClickHouse's JOIN with the cohorts (twice as
  slow), bits.
- match: DuckDB's lists to strings, and PARTITION BY (three times as slow). ClickHouse's windows (three times).
- flow: DuckDB's lists of whole paths (twice as slow). ClickHouse's groupArraySorted (five times), arrays of actions
  sorted by those of times (twice).
ClickHouse's neighbor() and runningDifference() see one block of rows, and are wrong at its ends; its retention() knows
one cohort at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import dedent

from .engines import ClickHouse
from .path_questions import (
    AGAIN,
    ALL_STEPS,
    COHORT,
    DEPTH,
    END,
    FLOW,
    FUNNEL,
    HOUR,
    IDLE,
    LEVELS,
    LONG_FUNNEL,
    MATCH,
    MONDAY,
    NAMES,
    PATTERN,
    PERIODS,
    RETENTION,
    SEQUENCE,
    SESSIONS,
    SOURCE,
    STEPS,
    TIMED,
    WEEK,
    WITHIN,
)
from .report import Statement

WINDOWS, SORTED, ARRAYS = "windows", "sorted, then OVER ()", "sorted arrays"
WINDOW_FUNNEL, SEQUENCE_COUNT = "windowFunnel", "sequenceCount"
AS_THEY_LIE = "as the rows lie"
_BY_PATH = "PARTITION BY object_id ORDER BY ts"
_IN_ORDER = "SETTINGS optimize_aggregation_in_order = 1"


def _names(actions: Sequence[str]) -> str:
    return ", ".join(f"'{action}'" for action in actions)


def _code(action: str) -> int:
    """Of an action in ClickHouse's enum."""
    return NAMES.index(action) + 1


def _statement(question: str, way: str, sql: str, *, counts: bool = True, answer: str = "") -> Statement:
    return Statement(question, way, dedent(sql).strip(), counts, answer)


# sessions


def _duck_sessions(source: str) -> str:
    """From each beginning to the event before the next one. The last of all ends with the last event."""
    return f"""
        SELECT plan, count(*), avg(till - ts) / 1e6
        FROM (SELECT plan, ts, lead(before, 1, (SELECT max(ts) FROM state
                                                WHERE object_id = (SELECT max(object_id) FROM state))) OVER () AS till
              FROM (SELECT object_id, ts, plan, lag(object_id) OVER () AS other, lag(ts) OVER () AS before
                    FROM {source})
              WHERE other IS DISTINCT FROM object_id OR ts - before >= {IDLE})
        GROUP BY plan"""


_DUCK_SESSIONS = f"""
        SELECT plan, count(*), avg(coalesce(till, latest) - ts) / 1e6
        FROM (SELECT plan, ts, latest, lead(before) OVER ({_BY_PATH}) AS till
              FROM (SELECT object_id, ts, plan, lag(ts) OVER ({_BY_PATH}) AS before,
                           max(ts) OVER (PARTITION BY object_id) AS latest
                    FROM state)
              WHERE before IS NULL OR ts - before >= {IDLE})
        GROUP BY plan"""


def _click_sessions(times: str, plans: str, settings: str = "") -> str:
    """Of each path, the plans and times at which sessions begin, and the times at which they end. Plan 0 is NULL."""
    return f"""
        SELECT CAST(nullIf(session.1, 0) AS Nullable({ClickHouse.PLAN})) AS plan,
               count(), avg(session.3 - session.2) / 1e6
        FROM (SELECT arrayJoin(arrayZip(arrayFilter((p, b) -> b, plans, begins),
                                        arrayFilter((t, b) -> b, times, begins),
                                        arrayFilter((t, b) -> b, times, arrayPushBack(arrayPopFront(begins), 1))))
                     AS session
              FROM (SELECT {times} AS times, {plans} AS plans,
                           arrayMap(gap -> gap >= {IDLE},
                                    arrayConcat([{IDLE}], arrayPopFront(arrayDifference(times)))) AS begins
                    FROM (SELECT groupArray(ts) AS t, groupArray(ifNull(toInt8(plan), 0)) AS p
                          FROM state GROUP BY object_id)))
        GROUP BY plan {settings}"""


_CLICK_SESSIONS = f"""
        SELECT plan, count(), avg(if(till = 0, latest, till) - ts) / 1e6
        FROM (SELECT plan, ts, latest,
                     leadInFrame(before, 1, 0) OVER ({_BY_PATH} ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS till
              FROM (SELECT object_id, ts, plan,
                           lagInFrame(ts, 1, 0) OVER ({_BY_PATH} ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before,
                           max(ts) OVER ({_BY_PATH} ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS latest
                    FROM state)
              WHERE ts - before >= {IDLE})
        GROUP BY plan"""

# funnels


def _click_funnel(steps: Sequence[str], settings: str = "") -> str:
    conditions = ", ".join(f"action = '{step}'" for step in steps)
    return f"""
        SELECT level, count()
        FROM (SELECT object_id, windowFunnel({WITHIN})(toUInt64(ts), {conditions}) AS level
              FROM events GROUP BY object_id)
        GROUP BY level {settings}"""


def _click_funnel_of_steps(steps: Sequence[str]) -> str:
    """Of the events of the steps only; the objects without any are added."""
    conditions = ", ".join(f"action = '{step}'" for step in steps)
    return f"""
        SELECT level, count()
        FROM (SELECT max(level) AS level
              FROM (SELECT object_id, windowFunnel({WITHIN})(toUInt64(ts), {conditions}) AS level
                    FROM events WHERE action IN ({_names(steps)}) GROUP BY object_id
                    UNION ALL SELECT DISTINCT object_id, 0 FROM events)
              GROUP BY object_id)
        GROUP BY level"""


_DUCK_FUNNEL = """
        WITH one AS (SELECT object_id, ts FROM events WHERE action = '{0}'),
             two AS MATERIALIZED (
                SELECT e.object_id, e.ts, one.ts AS start
                FROM (SELECT object_id, ts FROM events WHERE action = '{1}') e
                ASOF JOIN one ON one.object_id = e.object_id AND one.ts < e.ts
                WHERE e.ts - one.ts <= {within}),
             three AS (
                SELECT e.object_id
                FROM (SELECT object_id, ts FROM events WHERE action = '{2}') e
                ASOF JOIN two ON two.object_id = e.object_id AND two.ts < e.ts
                WHERE e.ts - two.start <= {within}),
             reached AS (
                SELECT (SELECT count(DISTINCT object_id) FROM events) AS n0,
                       (SELECT count(DISTINCT object_id) FROM one) AS n1,
                       (SELECT count(DISTINCT object_id) FROM two) AS n2,
                       (SELECT count(DISTINCT object_id) FROM three) AS n3)
        SELECT unnest([0, 1, 2, 3]), unnest([n0 - n1, n1 - n2, n2 - n3, n3]) FROM reached""".format(
    *STEPS, within=WITHIN
)

# a timed pattern


def _click_sequence(where: str = "", settings: str = "") -> str:
    return f"""
        SELECT sum(n)
        FROM (SELECT object_id, sequenceCount('(?1)(?t<={HOUR})(?2)')(
                         toUInt64(ts), action = '{TIMED[0]}', action = '{TIMED[1]}') AS n
              FROM events {where} GROUP BY object_id) {settings}"""


_ONLY_TIMED = f"WHERE action IN ({_names(TIMED)})"
_SECOND_AFTER_FIRST = f"action = '{TIMED[1]}' AND previous = '{TIMED[0]}' AND ts - before <= {HOUR}"
_DUCK_SEQUENCE = f"""
        SELECT count(*)
        FROM (SELECT action, ts, lag(action) OVER ({_BY_PATH}) AS previous, lag(ts) OVER ({_BY_PATH}) AS before
              FROM events {_ONLY_TIMED})
        WHERE {_SECOND_AFTER_FIRST}"""
_DUCK_SEQUENCE_SORTED = f"""
        SELECT count(*)
        FROM (SELECT object_id, action, ts, lag(object_id) OVER () AS other, lag(action) OVER () AS previous,
                     lag(ts) OVER () AS before
              FROM (SELECT object_id, action, ts FROM events {_ONLY_TIMED} ORDER BY object_id, ts))
        WHERE {_SECOND_AFTER_FIRST} AND other = object_id"""
_CLICK_SEQUENCE = f"""
        SELECT sum(arrayCount((t, next) -> t < 0 AND next > 0 AND next + t <= {HOUR},
                              times, arrayPopFront(arrayPushBack(times, 0))))
        FROM (SELECT arraySort(t -> abs(t), groupArray(if(action = '{TIMED[0]}', -ts, ts))) AS times
              FROM events {_ONLY_TIMED} GROUP BY object_id)"""

# retention

_DUCK_WEEK, _CLICK_WEEK = f"(ts - {MONDAY}) // {WEEK}", f"intDiv(t - {MONDAY}, {WEEK})"
_DUCK_MONDAY = "CAST(DATE '1970-01-05' + 7 * CAST(cohort AS INTEGER) AS TEXT)"
_DUCK_COHORTS = f"""(SELECT object_id, min(ts) AS entry, (min(ts) - {MONDAY}) // {WEEK} AS cohort
              FROM events WHERE action = '{COHORT}' GROUP BY object_id)"""
_DUCK_AGAIN = f"""FROM events JOIN {_DUCK_COHORTS} USING (object_id)
              WHERE action = '{AGAIN}' AND ts > entry AND {_DUCK_WEEK} - cohort <= {PERIODS}"""
_DUCK_RETENTION = f"""
        SELECT {_DUCK_MONDAY}, {_DUCK_WEEK} - cohort AS period, count(DISTINCT object_id)
        {_DUCK_AGAIN}
        GROUP BY cohort, period"""
_DUCK_RETENTION_DISTINCT = f"""
        SELECT {_DUCK_MONDAY}, period, count(*)
        FROM (SELECT DISTINCT object_id, cohort, {_DUCK_WEEK} - cohort AS period
              {_DUCK_AGAIN})
        GROUP BY cohort, period"""
_DUCK_RETENTION_WEEKS = f"""
        SELECT {_DUCK_MONDAY}, week - cohort AS period, count(*)
        FROM (SELECT object_id, {_DUCK_WEEK} AS week, max(ts) AS latest
              FROM events WHERE action = '{AGAIN}' GROUP BY object_id, week)
        JOIN {_DUCK_COHORTS} USING (object_id)
        WHERE latest > entry AND week - cohort <= {PERIODS}
        GROUP BY cohort, period"""


def _click_retention(settings: str = "") -> str:
    return f"""
        SELECT toString(toDate('1970-01-05') + 7 * cohort), period, count()
        FROM (SELECT intDiv(entry - {MONDAY}, {WEEK}) AS cohort,
                     arrayJoin(arrayDistinct(arrayMap(t -> {_CLICK_WEEK} - cohort,
                         arrayFilter(t -> t > entry AND {_CLICK_WEEK} <= cohort + {PERIODS}, times)))) AS period
              FROM (SELECT minIf(ts, action = '{COHORT}') AS entry, groupArrayIf(ts, action = '{AGAIN}') AS times
                    FROM events WHERE action IN ({_names((COHORT, AGAIN))})
                    GROUP BY object_id HAVING entry > 0))
        GROUP BY cohort, period {settings}"""


# a pattern of rows

_DUCK_MATCH = f"""
        SELECT sum(len(matches)), sum(len(array_to_string(matches, '')) - 2 * len(matches))
        FROM (SELECT regexp_extract_all(string_agg(CASE action WHEN '{PATTERN[0]}' THEN 'a' WHEN '{PATTERN[1]}' THEN 'b'
                                                   WHEN '{PATTERN[2]}' THEN 'c' ELSE '-' END, '' ORDER BY ts), 'ab+c')
                     AS matches
              FROM events GROUP BY object_id)"""
_DUCK_MATCH_SORTED = f"""
        SELECT count(*), sum(n)
        FROM (SELECT object_id, action, number - lag(number) OVER () - 1 AS n, lag(action) OVER () AS previous,
                     lag(object_id) OVER () AS other
              FROM (SELECT object_id, action, row_number() OVER () AS number
                    FROM (SELECT object_id, action, ts FROM events ORDER BY object_id, ts))
              WHERE action <> '{PATTERN[1]}')
        WHERE action = '{PATTERN[2]}' AND previous = '{PATTERN[0]}' AND other = object_id AND n > 0"""
_CLICK_MATCH = """
        SELECT sum(length(matches)), sum(length(arrayStringConcat(matches)) - 2 * length(matches))
        FROM (SELECT extractAll(arrayStringConcat(arrayMap(
                         x -> char(96 + bitAnd(x, 15)), arraySort(groupArray(ts * 16 + toInt8(action))))),
                     '{}{}+{}') AS matches
              FROM events GROUP BY object_id)""".format(*(chr(96 + _code(action)) for action in PATTERN))

# a flow

_FIRSTS = f"(SELECT object_id, min(ts) AS first FROM events WHERE action = '{SOURCE}' GROUP BY object_id)"
_DUCK_LEADS = ", ".join(f"lead(action, {n}) OVER w" for n in range(1, DEPTH + 1))
_DUCK_NEXT = ", ".join(f"a{n}" for n in range(1, DEPTH + 1))
_DUCK_LEADS_SORTED = ",\n                           ".join(
    f"CASE WHEN lead(object_id, {n}) OVER () = object_id THEN lead(action, {n}) OVER () END AS a{n}"
    for n in range(1, DEPTH + 1)
)


def _duck_flow(actions: str) -> str:
    """`actions`: for each object the list of the first and the next ones, NULL where the path has ended."""
    return f"""
        SELECT step, source, coalesce(CAST(target AS TEXT), '{END}'), n
        FROM (SELECT step, actions[step] AS source, actions[step + 1] AS target, count(*) AS n
              FROM ({actions}), range(1, {DEPTH + 1}) AS steps(step)
              GROUP BY ALL)
        WHERE source IS NOT NULL"""


_DUCK_FLOW = f"""
              SELECT arg_min(action, ts, {DEPTH + 1}) AS actions
              FROM events JOIN {_FIRSTS} USING (object_id)
              WHERE ts >= first GROUP BY object_id"""
_DUCK_FLOW_WINDOWS = f"""
              SELECT [action, {_DUCK_LEADS}] AS actions
              FROM (SELECT object_id, ts, action, first FROM events JOIN {_FIRSTS} USING (object_id) WHERE ts >= first)
              WINDOW w AS ({_BY_PATH}) QUALIFY ts = first"""


def _duck_flow_sorted(source: str) -> str:
    return f"""
              SELECT [action, {_DUCK_NEXT}] AS actions
              FROM (SELECT object_id, ts, action,
                           {_DUCK_LEADS_SORTED}
                    FROM {source})
              JOIN {_FIRSTS} USING (object_id) WHERE ts = first"""


def _click_flow(events: str, settings: str = "") -> str:
    """`events`: for each object its events as an array of numbers, of which the last 4 bits are the action."""
    return f"""
        WITH [{_names((END, *NAMES))}] AS names
        SELECT edge.1, names[edge.2 + 1], names[edge.3 + 1], count()
        FROM (SELECT arrayJoin(arrayZip(range(1, length(actions)), arrayPopBack(actions), arrayPopFront(actions)))
                     AS edge
              FROM (SELECT arrayMap(x -> bitAnd(x, 15), arraySlice(
                               events, arrayFirstIndex(x -> bitAnd(x, 15) = {_code(SOURCE)}, events), {DEPTH + 1}))
                           AS actions
                    FROM (SELECT arrayPushBack({events}, 0) AS events FROM events
                          GROUP BY object_id HAVING countIf(action = '{SOURCE}') > 0)))
        GROUP BY edge {settings}"""


_BY_OBJECT = "ORDER BY object_id, ts"
_PACKED = "groupArray(ts * 16 + toInt8(action))"

DUCKDB = (
    _statement(SESSIONS, WINDOWS, _DUCK_SESSIONS),
    _statement(SESSIONS, SORTED, _duck_sessions(f"(SELECT object_id, ts, plan FROM state {_BY_OBJECT})")),
    _statement(SESSIONS, f"OVER () {AS_THEY_LIE}", _duck_sessions("state"), counts=False),
    _statement(FUNNEL, "ASOF JOIN", _DUCK_FUNNEL, answer=FUNNEL + LEVELS),
    _statement(SEQUENCE, WINDOWS, _DUCK_SEQUENCE),
    _statement(SEQUENCE, SORTED, _DUCK_SEQUENCE_SORTED),
    _statement(RETENTION, "count(DISTINCT)", _DUCK_RETENTION),
    _statement(RETENTION, "count of DISTINCT", _DUCK_RETENTION_DISTINCT),
    _statement(RETENTION, "weeks, then JOIN", _DUCK_RETENTION_WEEKS),
    _statement(MATCH, "regular expression", _DUCK_MATCH),
    _statement(MATCH, SORTED, _DUCK_MATCH_SORTED),
    _statement(FLOW, "arg_min", _duck_flow(_DUCK_FLOW)),
    _statement(FLOW, WINDOWS, _duck_flow(_DUCK_FLOW_WINDOWS)),
    _statement(FLOW, SORTED,
               _duck_flow(_duck_flow_sorted(f"(SELECT object_id, ts, action FROM events {_BY_OBJECT})"))),
    _statement(FLOW, f"OVER () {AS_THEY_LIE}", _duck_flow(_duck_flow_sorted("events")), counts=False),
)  # fmt: skip

CLICKHOUSE = (
    _statement(SESSIONS, WINDOWS, _CLICK_SESSIONS),
    _statement(SESSIONS, ARRAYS, _click_sessions("arraySort(t)", "arraySort((p, t) -> t, p, t)")),
    _statement(SESSIONS, f"arrays {AS_THEY_LIE}", _click_sessions("t", "p", _IN_ORDER), counts=False),
    _statement(FUNNEL, WINDOW_FUNNEL, _click_funnel(STEPS), answer=FUNNEL + LEVELS),
    _statement(FUNNEL, f"{WINDOW_FUNNEL}, in order", _click_funnel(STEPS, _IN_ORDER), answer=FUNNEL + LEVELS),
    _statement(FUNNEL, f"{WINDOW_FUNNEL} of the steps", _click_funnel_of_steps(STEPS), answer=FUNNEL + LEVELS),
    _statement(LONG_FUNNEL, WINDOW_FUNNEL, _click_funnel(ALL_STEPS), answer=LONG_FUNNEL + LEVELS),
    _statement(SEQUENCE, SEQUENCE_COUNT, _click_sequence()),
    _statement(SEQUENCE, f"{SEQUENCE_COUNT} of the two", _click_sequence(_ONLY_TIMED)),
    _statement(SEQUENCE, ARRAYS, _CLICK_SEQUENCE),
    _statement(RETENTION, "arrays", _click_retention()),
    _statement(RETENTION, "arrays, in order", _click_retention(_IN_ORDER)),
    _statement(MATCH, "regular expression", _CLICK_MATCH),
    _statement(FLOW, ARRAYS, _click_flow(f"arraySort({_PACKED})")),
    _statement(FLOW, f"{ARRAYS}, in order", _click_flow(f"arraySort({_PACKED})", _IN_ORDER)),
    _statement(FLOW, f"arrays {AS_THEY_LIE}", _click_flow(_PACKED, _IN_ORDER), counts=False),
)  # fmt: skip
