# Sessions: paths cut where nothing happened for a while, and aggregates over them.

## sessions, by their state at the beginning
SELECT plan, count(*), avg(events) FROM users_sessions('1 day') GROUP BY plan
--- plain
SELECT plan, count(*), avg(events) FROM users_sessions_1 GROUP BY plan
--- plan
PATH SCAN users SESSIONS IDLE '1 day'
├─ group by plan
└─ compute count(*), avg(events)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*)", +"value 2" AS "avg(events)" FROM sky_scan_1 AS "users_sessions"
--- rows
plan | count(*) | avg(events)
NULL | 8 | 1.375
'Free' | 1 | 1.0
'free' | 4 | 1.5
'pro' | 8 | 1.25

## the gap as a condition, and as a parameter
SELECT first_action, last_action, count(*) FROM users_sessions WHERE idle = ? AND events > 1 GROUP BY 1, 2
--- parameters
["1 day"]
--- plain
SELECT first_action, last_action, count(*) FROM users_sessions_1 WHERE ? IS NOT NULL AND events > 1 GROUP BY 1, 2
--- plan
PATH SCAN users SESSIONS IDLE :p1
├─ where events > 1
├─ group by first_action, last_action
└─ compute count(*)
--- sql
SELECT "key 1" AS "first_action", "key 2" AS "last_action", +"value 1" AS "count(*)" FROM sky_scan_1(ifnull(?1, x'736b79006e756c6c')) AS "users_sessions"
--- rows
first_action | last_action | count(*)
'purchase' | NULL | 2
'purchase' | 'purchase' | 1
'sign up' | NULL | 1
'visit' | 'sign up' | 1

## a path is one session without a gap
SELECT count(*), max(session), max(duration) FROM users_sessions
--- plan
PATH SCAN users SESSIONS
└─ compute count(*), max(session), max(duration)
--- sql
SELECT +"value 1" AS "count(*)", +"value 2" AS "max(session)", +"value 3" AS "max(duration)" FROM sky_scan_1 AS "users_sessions"
--- rows
count(*) | max(session) | max(duration)
8 | 1 | 3322800.0

## a gap of any path's length
SELECT session, count(*) FROM users('100000 days') GROUP BY session
--- plain
SELECT 1 AS session, count(*) FROM users
--- plan
PATH SCAN users IDLE '100000 days'
├─ group by session
└─ compute count(*)
--- sql
SELECT "key 1" AS "session", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
session | count(*)
1 | 28

## no gap is known
SELECT count(*) FROM users_sessions(NULL)
--- plain
SELECT 0 AS "count(*)"
--- plan
PATH SCAN users SESSIONS IDLE NULL
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users_sessions"
--- rows
count(*)
0

## events by session
SELECT object_id, session, count(*), min(timestamp) FROM users('30 minutes') GROUP BY object_id, session
--- plain
SELECT object_id, session, count(*), min(timestamp) FROM users_idle_0 GROUP BY object_id, session
--- plan
PATH SCAN users IDLE '30 minutes'
├─ group by object_id, session
└─ compute count(*), min(timestamp)
--- sql
SELECT "key 1" AS "object_id", "key 2" AS "session", +"value 1" AS "count(*)", +"value 2" AS "min(timestamp)" FROM sky_scan_1 AS "users"
--- rows
object_id | session | count(*) | min(timestamp)
1 | 1 | 1 | '2026-01-01 09:00:00.000000'
1 | 2 | 2 | '2026-01-05 12:00:00.000000'
1 | 3 | 1 | '2026-01-15 08:30:00.000000'
1 | 4 | 1 | '2026-02-07 00:00:00.000000'
1 | 5 | 1 | '2026-02-08 20:00:00.000000'
2 | 1 | 1 | '2026-01-02 10:00:00.000000'
2 | 2 | 2 | '2026-01-10 00:00:00.000000'
2 | 3 | 1 | '2026-02-01 00:00:00.000000'
2 | 4 | 1 | '2026-02-03 10:11:12.000001'
3 | 1 | 1 | '2026-01-02 11:00:00.000000'
3 | 2 | 1 | '2026-01-20 00:00:00.000000'
3 | 3 | 1 | '2026-02-03 17:00:00.000000'
3 | 4 | 2 | '2026-02-04 00:00:00.000000'
4 | 1 | 1 | '2026-02-05 06:00:00.000000'
5 | 1 | 1 | '2025-12-31 23:59:59.999999'
5 | 2 | 1 | '2026-01-10 15:00:00.000000'
5 | 3 | 1 | '2026-01-15 08:30:00.000000'
6 | 1 | 3 | '2026-03-01 00:00:00.000000'
6 | 2 | 1 | '2026-03-02 00:00:00.000000'
7 | 1 | 1 | '2026-02-10 00:00:00.000000'
7 | 2 | 1 | '2026-02-10 12:00:00.000000'
7 | 3 | 1 | '2026-02-11 12:00:00.000000'
9007199254740993 | 1 | 1 | '2026-03-01 00:00:00.000000'

## by an event's place in its session
SELECT session_event, action, count(*) FROM users('1 day') WHERE session > 1 GROUP BY session_event, action
--- plain
SELECT session_event, action, count(*) FROM users_idle_1 WHERE session > 1 GROUP BY session_event, action
--- plan
PATH SCAN users IDLE '1 day'
├─ where session > 1
├─ group by session_event, action
└─ compute count(*)
--- sql
SELECT "key 1" AS "session_event", "key 2" AS "action", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
session_event | action | count(*)
1 | NULL | 3
1 | 'purchase' | 10
2 | NULL | 3
3 | 'purchase' | 1

## sessions of an object with a key
SELECT tailnum, session, events, duration, status FROM planes_sessions('1 day') WHERE tailnum = 'N1' ORDER BY session
--- plain
SELECT tailnum, session, events, duration, status FROM planes_sessions_1 WHERE tailnum = 'N1' ORDER BY session
--- plan
--- sql
(as it is)
--- rows
tailnum | session | events | duration | status
'N1' | 1 | 1 | 0.0 | 'new'
'N1' | 2 | 2 | 50400.0 | 'new'
'N1' | 3 | 1 | 0.0 | 'repair'

## by day
SELECT date(first_timestamp) AS day, count(*) FROM users_sessions('1 day') WHERE first_timestamp >= '2026-02-01' GROUP BY day
--- plain
SELECT date(first_timestamp) AS day, count(*) FROM users_sessions_1 WHERE first_timestamp >= '2026-02-01' GROUP BY day
--- plan
PATH SCAN users SESSIONS IDLE '1 day'
├─ where first_timestamp >= '2026-02-01'
├─ group by date(first_timestamp)
└─ compute count(*)
--- sql
SELECT +"key 1" AS day, +"value 1" AS "count(*)" FROM sky_scan_1 AS "users_sessions"
--- rows
day | count(*)
'2026-02-01' | 1
'2026-02-03' | 2
'2026-02-05' | 1
'2026-02-07' | 1
'2026-02-08' | 1
'2026-02-10' | 1
'2026-02-11' | 1
'2026-03-01' | 2
'2026-03-02' | 1

## bounce rate: sessions of one event
SELECT country, count(*) FILTER (WHERE events = 1) * 1.0 / count(*) AS bounce FROM users_sessions('1 day') GROUP BY country
--- plain
SELECT country, count(*) FILTER (WHERE events = 1) * 1.0 / count(*) AS bounce FROM users_sessions_1 GROUP BY country
--- plan
PATH SCAN users SESSIONS IDLE '1 day'
├─ group by country
└─ compute count(*) FILTER (WHERE events = 1), count(*)
--- sql
SELECT "key 1" AS "country", +"value 1" * 1.0 / +"value 2" AS bounce FROM sky_scan_1 AS "users_sessions"
--- rows
country | bounce
NULL | 0.6666666666666666
'' | 1.0
'DE' | 1.0
'de' | 0.75
'fr' | 0.8

## events a session, by how many objects have so many
SELECT most, count(*) FROM (SELECT object_id, max(n) AS most FROM (SELECT object_id, session, count(*) AS n FROM users('1 day') GROUP BY object_id, session) GROUP BY object_id) GROUP BY most
--- plain
SELECT most, count(*) FROM (SELECT object_id, max(n) AS most FROM (SELECT object_id, session, count(*) AS n FROM users_idle_1 GROUP BY object_id, session) GROUP BY object_id) GROUP BY most
--- plan
GROUPS OF users
├─ group by "value 1"
├─ compute count(*)
└─ GROUPS OF users
   ├─ group by "key 1" AS "key 1"
   ├─ compute max("value 1") AS "value 1"
   └─ PATH SCAN users IDLE '1 day'
      ├─ group by object_id AS "key 1", session AS "key 2"
      └─ compute count(*) AS "value 1"
--- sql
SELECT +"key 1" AS "most", +"value 1" AS "count(*)" FROM sky_scan_1 AS "path scan"
--- rows
most | count(*)
1 | 3
2 | 3
3 | 2

## objects by the day of their first event
WITH firsts AS (SELECT object_id, date(min(timestamp)) AS day, count(*) AS n FROM users GROUP BY object_id HAVING count(*) > 1) SELECT day, count(*), sum(n) FROM firsts WHERE n < 9 GROUP BY day
--- plan
PATH SCAN users
├─ group by object_id
└─ compute min(timestamp), count(*)
GROUPS OF users
├─ where "value 2" > 1
├─ where "value 2" < 9
├─ group by date("value 1")
├─ compute count(*), sum("value 2")
└─ PATH SCAN users
   ├─ group by object_id AS "key 1"
   └─ compute min(timestamp) AS "value 1", count(*) AS "value 2"
--- sql
WITH firsts AS (SELECT "key 1" AS "object_id", date(+"value 1") AS day, +"value 2" AS n FROM sky_scan_1 AS "users" WHERE +"value 2" > 1) SELECT +"key 1" AS "day", +"value 1" AS "count(*)", +"value 2" AS "sum(n)" FROM sky_scan_2 AS "firsts"
--- rows
day | count(*) | sum(n)
'2025-12-31' | 1 | 3
'2026-01-01' | 1 | 6
'2026-01-02' | 2 | 10
'2026-02-10' | 1 | 3
'2026-03-01' | 1 | 4

## groups that objects share are not groups of paths
SELECT n, count(*) FROM (SELECT plan, count(*) AS n FROM users GROUP BY plan) GROUP BY n
--- plan
PATH SCAN users
├─ group by plan
└─ compute count(*)
--- sql
SELECT n, count(*) FROM (SELECT "key 1" AS "plan", +"value 1" AS n FROM sky_scan_1 AS "users") GROUP BY n
--- rows
n | count(*)
2 | 2
6 | 1
8 | 1
10 | 1

## only some of the groups' objects
SELECT count(*), total(n) FROM (SELECT object_id, count(*) AS n FROM users GROUP BY object_id) WHERE object_id IN (SELECT user FROM tags)
--- plan
GROUPS OF users
├─ where "key 1" IN (SELECT value FROM json_each(:p1))
├─ compute count(*), total("value 1")
└─ PATH SCAN users
   ├─ group by object_id AS "key 1"
   └─ compute count(*) AS "value 1"
--- sql
SELECT +"value 1" AS "count(*)", +"value 2" AS "total(n)" FROM sky_scan_1((WITH q(x) AS (SELECT user FROM tags) SELECT json_group_array(CASE WHEN typeof(x) IN ('integer', 'null') THEN x WHEN x = CAST(CAST(x AS NUMERIC) AS INTEGER) THEN CAST(CAST(x AS NUMERIC) AS INTEGER) WHEN x = CAST(CAST(x AS REAL) AS INTEGER) THEN CAST(CAST(x AS REAL) AS INTEGER) ELSE json('[]') END) FROM q)) AS "path scan"
--- rows
count(*) | total(n)
3 | 16.0

## the time of a group's key
SELECT count(*) FROM (SELECT object_id, timestamp AS t, count(*) AS n FROM users GROUP BY object_id, timestamp) WHERE t = '2026-03-01T00:00' AND n > 1
--- plain
SELECT count(*) FROM (SELECT object_id, timestamp AS t, count(*) AS n FROM users GROUP BY object_id, timestamp) WHERE t = '2026-03-01 00:00:00.000000' AND n > 1
--- plan
GROUPS OF users
├─ where "key 2" = '2026-03-01T00:00'
├─ where "value 1" > 1
├─ compute count(*)
└─ PATH SCAN users
   ├─ group by object_id AS "key 1", timestamp AS "key 2"
   └─ compute count(*) AS "value 1"
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "path scan"
--- rows
count(*)
1
