# Functions over a path: the order of events, for each object or session, and the same on the rows of ordinary tables.

## a funnel by object
SELECT object_id, window_funnel('30 days', ts, action = 'sign up', action = 'purchase') AS level FROM users GROUP BY object_id
--- plan
PATH SCAN users
├─ group by object_id
└─ compute window_funnel('30 days', ts, action = 'sign up', action = 'purchase')
--- sql
SELECT "key 1" AS "object_id", +"value 1" AS level FROM sky_scan_1 AS "users"
--- rows
object_id | level
1 | 2
2 | 2
3 | 2
4 | 0
5 | 2
6 | 2
7 | 2
9007199254740993 | 0

## how many objects come how far
SELECT level, count(*) FROM (SELECT object_id, window_funnel('30 days', timestamp, action = 'sign up', action = 'purchase' AND plan = 'pro', action = 'purchase') AS level FROM users GROUP BY object_id) GROUP BY level
--- plan
GROUPS OF users
├─ group by "value 1"
├─ compute count(*)
└─ PATH SCAN users
   ├─ group by object_id AS "key 1"
   └─ compute window_funnel('30 days', timestamp, action = 'sign up', (action = 'purchase') AND (plan = 'pro'), action = 'purchase') AS "value 1"
--- sql
SELECT +"key 1" AS "level", +"value 1" AS "count(*)" FROM sky_scan_1 AS "path scan"
--- rows
level | count(*)
0 | 2
1 | 3
3 | 3

## a window and a mode as parameters
SELECT sum(level) FROM (SELECT object_id, window_funnel(?, ?, ts, action = ?, amount > 1, amount > 1) AS level FROM users GROUP BY object_id)
--- parameters
["60 days", "strict_once", "sign up"]
--- plan
GROUPS OF users
├─ compute sum("value 1")
└─ PATH SCAN users
   ├─ group by object_id AS "key 1"
   └─ compute window_funnel(:p1, :p2, ts, action = :p3, amount > 1, amount > 1) AS "value 1"
--- sql
SELECT +"value 1" AS "sum(level)" FROM sky_scan_1(ifnull(?1, x'736b79006e756c6c'), ifnull(?2, x'736b79006e756c6c'), ifnull(?3, x'736b79006e756c6c')) AS "path scan"
--- rows
sum(level)
14

## sequences
SELECT object_id, sequence_match('(?1).*(?t<=''1 day'')(?2)', ts, action = 'purchase', plan = 'pro'), sequence_count('(?1).*(?2)', ts, action = 'purchase', action = 'purchase'), sequence_match_events('(?1)(?2)', ts, action = 'sign up', action = 'purchase') FROM users GROUP BY object_id
--- plan
PATH SCAN users
├─ group by object_id
└─ compute sequence_match('(?1).*(?t<=''1 day'')(?2)', ts, action = 'purchase', plan = 'pro'), sequence_count('(?1).*(?2)', ts, action = 'purchase', action = 'purchase'), sequence_match_events('(?1)(?2)', ts, action = 'sign up', action = 'purchase')
--- sql
SELECT "key 1" AS "object_id", +"value 1" AS "sequence_match('(?1).*(?t<=''1 day'')(?2)', ts, action = 'purchase', plan = 'pro')", +"value 2" AS "sequence_count('(?1).*(?2)', ts, action = 'purchase', action = 'purchase')", +"value 3" AS "sequence_match_events('(?1)(?2)', ts, action = 'sign up', action = 'purchase')" FROM sky_scan_1 AS "users"
--- rows
object_id | sequence_match('(?1).*(?t<=''1 day'')(?2)', ts, action = 'purchase', plan = 'pro') | sequence_count('(?1).*(?2)', ts, action = 'purchase', action = 'purchase') | sequence_match_events('(?1)(?2)', ts, action = 'sign up', action = 'purchase')
1 | 1 | 1 | '[1767258000000000,1767614400000000]'
2 | 0 | 1 | '[1767348000000000,1768003200000000]'
3 | 0 | 1 | '[1767351600000000,1768867200000000]'
4 | 0 | 0 | '[]'
5 | 0 | 0 | '[1767225599999999,1768465800000000]'
6 | 1 | 1 | '[1772323200000000,1772323200000000]'
7 | 0 | 0 | '[1770724800000000,1770811200000000]'
9007199254740993 | 0 | 0 | '[]'

## retention
SELECT r, count(*) FROM (SELECT object_id, retention(timestamp < '2026-02-01', timestamp >= '2026-02-01') AS r FROM users GROUP BY object_id) GROUP BY r
--- plan
GROUPS OF users
├─ group by "value 1"
├─ compute count(*)
└─ PATH SCAN users
   ├─ group by object_id AS "key 1"
   └─ compute retention(timestamp < sky_timestamp('2026-02-01'), timestamp >= sky_timestamp('2026-02-01')) AS "value 1"
--- sql
SELECT +"key 1" AS "r", +"value 1" AS "count(*)" FROM sky_scan_1 AS "path scan"
--- rows
r | count(*)
'[0,0]' | 4
'[1,0]' | 1
'[1,1]' | 3

## what comes next
SELECT next, count(*) FROM (SELECT object_id, sequence_next_node('forward', 'first_match', ts, action, 1, action = 'sign up') AS next FROM users GROUP BY object_id) GROUP BY next
--- plan
GROUPS OF users
├─ group by "value 1"
├─ compute count(*)
└─ PATH SCAN users
   ├─ group by object_id AS "key 1"
   └─ compute sequence_next_node('forward', 'first_match', ts, action, 1, action = 'sign up') AS "value 1"
--- sql
SELECT +"key 1" AS "next", +"value 1" AS "count(*)" FROM sky_scan_1 AS "path scan"
--- rows
next | count(*)
NULL | 2
'purchase' | 6

## the time that paths spent in a state
SELECT sum(free), sum(pro) FROM (SELECT object_id, duration_in(plan, 'free', ts) AS free, duration_in(plan, 'pro', ts, '2026-03-01') AS pro FROM users GROUP BY object_id)
--- plan
GROUPS OF users
├─ compute sum("value 1"), sum("value 2")
└─ PATH SCAN users
   ├─ group by object_id AS "key 1"
   └─ compute duration_in(plan, 'free', ts) AS "value 1", duration_in(plan, 'pro', ts, '2026-03-01') AS "value 2"
--- sql
SELECT +"value 1" AS "sum(free)", +"value 2" AS "sum(pro)" FROM sky_scan_1 AS "path scan"
--- rows
sum(free) | sum(pro)
1011600.000001 | 10324800.000001

## a state over time
SELECT object_id, state_timeline(plan, ts) FROM users WHERE object_id IN (1, 2) GROUP BY object_id
--- plan
PATH SCAN users
├─ where object_id IN (SELECT value FROM json_each(:p1))
├─ group by object_id
└─ compute state_timeline(plan, ts)
--- sql
SELECT "key 1" AS "object_id", +"value 1" AS "state_timeline(plan, ts)" FROM sky_scan_1('[1,2]') AS "users"
--- rows
object_id | state_timeline(plan, ts)
1 | '[{"state":"free","start":"2026-01-01 09:00:00.000000","end":"2026-01-05 12:00:00.000000"},{"state":"pro","start":"2026-01-05 12:00:00.000000","end":"2026-02-07 00:00:00.000000"},{"state":null,"start":"2026-02-07 00:00:00.000000","end":"2026-02-08 20:00:00.000000"}]'
2 | '[{"state":"free","start":"2026-01-02 10:00:00.000000","end":"2026-01-10 00:00:00.000000"},{"state":"basic","start":"2026-01-10 00:00:00.000000","end":"2026-02-01 00:00:00.000000"},{"state":"pro","start":"2026-02-01 00:00:00.000000","end":"2026-02-03 10:11:12.000001"}]'

## the actions of sessions, in order
SELECT path, count(*) FROM (SELECT object_id, session, path_string(action, ' > ', 1) AS path FROM users('1 day') GROUP BY object_id, session) GROUP BY path
--- plain
SELECT path, count(*) FROM (SELECT object_id, session, path_string(action, ' > ', 1) AS path FROM users_idle_1 GROUP BY object_id, session) GROUP BY path
--- plan
GROUPS OF users
├─ group by "value 1"
├─ compute count(*)
└─ PATH SCAN users IDLE '1 day'
   ├─ group by object_id AS "key 1", session AS "key 2"
   └─ compute path_string(action, ' > ', 1) AS "value 1"
--- sql
SELECT +"key 1" AS "path", +"value 1" AS "count(*)" FROM sky_scan_1 AS "path scan"
--- rows
path | count(*)
NULL | 3
'purchase' | 10
'sign up' | 4
'sign up > purchase' | 1
'visit' | 2
'visit > sign up' | 1

## by object, with conditions on the rows and on the groups
SELECT object_id, path_string(action) FILTER (WHERE plan = 'pro'), count(*) FROM users WHERE action IS NOT NULL GROUP BY object_id HAVING window_funnel(0, ts, action = 'purchase') = 1 ORDER BY 3 DESC, 1
--- plan
PATH SCAN users
├─ where NOT (action IS NULL)
├─ group by object_id
└─ compute path_string(action) FILTER (WHERE plan = 'pro'), count(*), window_funnel(0, ts, action = 'purchase')
--- sql
SELECT "key 1" AS "object_id", +"value 1" AS "path_string(action) FILTER (WHERE plan = 'pro')", +"value 2" AS "count(*)" FROM sky_scan_1 AS "users" WHERE +"value 3" = 1 ORDER BY 3 DESC, 1
--- rows
object_id | path_string(action) FILTER (WHERE plan = 'pro') | count(*)
1 | 'purchase' | 4
3 | NULL | 4
2 | 'purchase' | 3
6 | 'sign up > purchase > purchase' | 3
7 | NULL | 3
5 | 'sign up > purchase' | 2

## within parts of a path that are no runs
SELECT object_id, plan, path_string(action, '>'), sequence_count('(?1)(?1)', ts, action = 'purchase') FROM users GROUP BY object_id, plan
--- plan
PATH SCAN users
├─ group by object_id, plan
└─ compute path_string(action, '>'), sequence_count('(?1)(?1)', ts, action = 'purchase')
--- sql
SELECT "key 1" AS "object_id", "key 2" AS "plan", +"value 1" AS "path_string(action, '>')", +"value 2" AS "sequence_count('(?1)(?1)', ts, action = 'purchase')" FROM sky_scan_1 AS "users"
--- rows
object_id | plan | path_string(action, '>') | sequence_count('(?1)(?1)', ts, action = 'purchase')
1 | NULL | 'purchase' | 0
1 | 'free' | 'sign up>purchase' | 0
1 | 'pro' | 'purchase' | 0
2 | 'basic' | NULL | 0
2 | 'free' | 'sign up>purchase' | 0
2 | 'pro' | 'purchase' | 0
3 | NULL | 'sign up>purchase>purchase' | 1
3 | 'free' | 'purchase' | 0
4 | NULL | 'visit' | 0
5 | 'pro' | 'sign up>purchase' | 0
6 | 'basic' | NULL | 0
6 | 'pro' | 'sign up>purchase>purchase' | 1
7 | NULL | 'visit' | 0
7 | 'Free' | 'sign up>purchase' | 0
9007199254740993 | NULL | 'visit' | 0

## of the paths of all objects together, row by row
SELECT sequence_count('(?1).*(?2)', ts, action = 'sign up', action = 'purchase') FROM users
--- plan
--- sql
(as it is)
--- rows
sequence_count('(?1).*(?2)', ts, action = 'sign up', action = 'purchase')
3

## by the key of a table whose objects have one
SELECT tailnum, path_string(coalesce(action, status), '>'), duration_in(status, 'repair', ts) FROM planes GROUP BY tailnum
--- plan
PATH SCAN planes
├─ group by tailnum
└─ compute path_string(coalesce(action, status), '>'), duration_in(status, 'repair', ts)
--- sql
SELECT "key 1" AS "tailnum", +"value 1" AS "path_string(coalesce(action, status), '>')", +"value 2" AS "duration_in(status, 'repair', ts)" FROM sky_scan_1 AS "planes"
--- rows
tailnum | path_string(coalesce(action, status), '>') | duration_in(status, 'repair', ts)
'N1' | 'new>flight>repair>flight' | 122400.0
'N2' | 'new' | 0.0
'n1' | 'flight' | 0.0

## over sessions as rows
SELECT object_id, path_string(last_action, ' | ', 1) FROM users_sessions('1 day') GROUP BY object_id
--- plain
SELECT object_id, path_string(last_action, ' | ', 1) FROM users_sessions_1 GROUP BY object_id
--- plan
PATH SCAN users SESSIONS IDLE '1 day'
├─ group by object_id
└─ compute path_string(last_action, ' | ', 1)
--- sql
SELECT "key 1" AS "object_id", +"value 1" AS "path_string(last_action, ' | ', 1)" FROM sky_scan_1 AS "users_sessions"
--- rows
object_id | path_string(last_action, ' | ', 1)
1 | 'sign up | purchase'
2 | 'sign up | purchase'
3 | 'sign up | purchase'
4 | 'visit'
5 | 'sign up | purchase'
6 | 'purchase'
7 | 'sign up | purchase'
9007199254740993 | 'visit'
