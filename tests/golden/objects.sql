# Objects: a row an object, now or as of a moment. An object without an event by then is absent.

## all objects now
SELECT object_id, first_timestamp, last_timestamp, events, plan, country, seats FROM users_objects
--- plan
--- sql
(as it is)
--- rows
object_id | first_timestamp | last_timestamp | events | plan | country | seats
1 | '2026-01-01 09:00:00.000000' | '2026-02-08 20:00:00.000000' | 6 | NULL | 'de' | 5
2 | '2026-01-02 10:00:00.000000' | '2026-02-03 10:11:12.000001' | 5 | 'pro' | NULL | 1
3 | '2026-01-02 11:00:00.000000' | '2026-02-04 00:00:00.000001' | 5 | 'free' | 'de' | NULL
4 | '2026-02-05 06:00:00.000000' | '2026-02-05 06:00:00.000000' | 1 | NULL | NULL | NULL
5 | '2025-12-31 23:59:59.999999' | '2026-01-15 08:30:00.000000' | 3 | 'pro' | 'fr' | 2
6 | '2026-03-01 00:00:00.000000' | '2026-03-02 00:00:00.000000' | 4 | 'pro' | 'fr' | NULL
7 | '2026-02-10 00:00:00.000000' | '2026-02-11 12:00:00.000000' | 3 | 'Free' | 'DE' | -1
9007199254740993 | '2026-03-01 00:00:00.000000' | '2026-03-01 00:00:00.000000' | 1 | NULL | NULL | NULL

## objects by their state now
SELECT plan, count(*) FROM users_objects GROUP BY plan
--- plan
PATH SCAN users OBJECTS
├─ group by plan
└─ compute count(*)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users_objects"
--- rows
plan | count(*)
NULL | 3
'Free' | 1
'free' | 1
'pro' | 3

## as of a moment
SELECT plan, count(*) FROM users_objects FOR SYSTEM_TIME AS OF '2026-01-15' GROUP BY plan
--- plain
SELECT plan, count(*) FROM users_objects_as_of WHERE as_of = '2026-01-15 00:00:00.000000' GROUP BY plan
--- plan
PATH SCAN users OBJECTS AS OF '2026-01-15'
├─ group by plan
└─ compute count(*)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users_objects"
--- rows
plan | count(*)
NULL | 1
'basic' | 1
'pro' | 2

## as of a moment, as an argument
SELECT plan, count(*) FROM users_objects('2026-01-15') GROUP BY plan
--- plain
SELECT plan, count(*) FROM users_objects_as_of WHERE as_of = '2026-01-15 00:00:00.000000' GROUP BY plan
--- same
SELECT plan, count(*) FROM users_objects FOR SYSTEM_TIME AS OF '2026-01-15' GROUP BY plan
--- plan
PATH SCAN users OBJECTS AS OF '2026-01-15'
├─ group by plan
└─ compute count(*)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users_objects"
--- rows
plan | count(*)
NULL | 1
'basic' | 1
'pro' | 2

## as of a moment, as a column
SELECT plan, count(*) FROM users_objects WHERE as_of = '2026-01-15T00:00Z' GROUP BY plan
--- plain
SELECT plan, count(*) FROM users_objects_as_of WHERE as_of = '2026-01-15 00:00:00.000000' GROUP BY plan
--- same
SELECT plan, count(*) FROM users_objects FOR SYSTEM_TIME AS OF '2026-01-15' GROUP BY plan
--- plan
PATH SCAN users OBJECTS AS OF '2026-01-15T00:00Z'
├─ group by plan
└─ compute count(*)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users_objects"
--- rows
plan | count(*)
NULL | 1
'basic' | 1
'pro' | 2

## without the companion: the last event of each path by then
SELECT plan, count(*) FROM users_objects FOR SYSTEM_TIME AS OF '2026-02-08 20:00:00' AS o WHERE o.events > 1 GROUP BY o.plan
--- plain
SELECT plan, count(*) FROM (
  SELECT plan, row_number() OVER (PARTITION BY object_id ORDER BY timestamp DESC, rowid DESC) AS back,
         count(*) OVER (PARTITION BY object_id) AS events
  FROM users WHERE timestamp <= '2026-02-08 20:00:00.000000')
WHERE back = 1 AND events > 1 GROUP BY plan
--- plan
PATH SCAN users OBJECTS AS OF '2026-02-08 20:00:00'
├─ where events > 1
├─ group by plan
└─ compute count(*)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*)" FROM sky_scan_1 AS "o"
--- rows
plan | count(*)
NULL | 1
'free' | 1
'pro' | 2

## as of a moment with several events: after all of them
SELECT object_id, plan, seats, events FROM users_objects FOR SYSTEM_TIME AS OF '2026-01-05 12:00:00' ORDER BY object_id
--- plain
SELECT object_id, plan, seats, events FROM users_objects_as_of WHERE as_of = '2026-01-05 12:00:00.000000' ORDER BY object_id
--- plan
--- sql
SELECT object_id, plan, seats, events FROM users_objects ('2026-01-05 12:00:00.000000') ORDER BY object_id
--- rows
object_id | plan | seats | events
1 | 'pro' | 5 | 3
2 | 'free' | 1 | 1
3 | NULL | NULL | 1
5 | 'pro' | 2 | 1

## as of a moment before everything
SELECT count(*), max(plan) FROM users_objects FOR SYSTEM_TIME AS OF '2020-01-01'
--- plain
SELECT 0, NULL
--- plan
PATH SCAN users OBJECTS AS OF '2020-01-01'
└─ compute count(*), max(plan)
--- sql
SELECT +"value 1" AS "count(*)", +"value 2" AS "max(plan)" FROM sky_scan_1 AS "users_objects"
--- rows
count(*) | max(plan)
0 | NULL

## as of a moment after everything
SELECT count(*), sum(events) FROM users_objects FOR SYSTEM_TIME AS OF '2030-01-01'
--- plain
SELECT count(*), sum(events) FROM users_objects
--- plan
PATH SCAN users OBJECTS AS OF '2030-01-01'
└─ compute count(*), sum(events)
--- sql
SELECT +"value 1" AS "count(*)", +"value 2" AS "sum(events)" FROM sky_scan_1 AS "users_objects"
--- rows
count(*) | sum(events)
8 | 28

## as of NULL there is nothing
SELECT count(*) FROM users_objects FOR SYSTEM_TIME AS OF NULL
--- plain
SELECT 0
--- plan
PATH SCAN users OBJECTS AS OF NULL
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users_objects"
--- rows
count(*)
0

## as of a parameter, with a condition
SELECT country, count(*), max(last_timestamp) FROM users_objects FOR SYSTEM_TIME AS OF ? WHERE plan IS NOT NULL AND events >= ? GROUP BY country
--- parameters
["2026-01-15 00:00:00.000000", 1]
--- plain
SELECT country, count(*), max(last_timestamp) FROM users_objects_as_of WHERE as_of = ? AND plan IS NOT NULL AND events >= ? GROUP BY country
--- plan
PATH SCAN users OBJECTS AS OF :p1
├─ where NOT (plan IS NULL)
├─ where events >= :p2
├─ group by country
└─ compute count(*), max(last_timestamp)
--- sql
SELECT "key 1" AS "country", +"value 1" AS "count(*)", +"value 2" AS "max(last_timestamp)" FROM sky_scan_1(ifnull(?1, x'736b79006e756c6c'), ifnull(?2, x'736b79006e756c6c')) AS "users_objects"
--- rows
country | count(*) | max(last_timestamp)
'de' | 1 | '2026-01-05 12:00:00.000000'
'fr' | 2 | '2026-01-10 15:00:00.000000'

## as of a moment that is computed
SELECT sum(events) FROM users_objects FOR SYSTEM_TIME AS OF datetime('2026-01-16', '-1 day')
--- plain
SELECT sum(events) FROM users_objects_as_of WHERE as_of = '2026-01-15 00:00:00.000000'
--- plan
PATH SCAN users OBJECTS AS OF :p1
└─ compute sum(events)
--- sql
SELECT +"value 1" AS "sum(events)" FROM sky_scan_1(ifnull(datetime('2026-01-16', '-1 day'), x'736b79006e756c6c')) AS "users_objects"
--- rows
sum(events)
9

## retention: active in January, by their plan in February
SELECT plan, count(*) FROM users_objects FOR SYSTEM_TIME AS OF '2026-02-08 20:00:00'
WHERE object_id IN (SELECT object_id FROM users WHERE timestamp < '2026-02-01') GROUP BY plan
--- plain
SELECT plan, count(*) FROM users_objects_as_of WHERE as_of = '2026-02-08 20:00:00.000000'
AND object_id IN (SELECT object_id FROM users WHERE timestamp < '2026-02-01 00:00:00.000000') GROUP BY plan
--- plan
PATH SCAN users OBJECTS AS OF '2026-02-08 20:00:00'
├─ where object_id IN (SELECT value FROM json_each(:p1))
├─ group by plan
└─ compute count(*)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*)" FROM sky_scan_1((WITH q(x) AS (SELECT object_id FROM users WHERE timestamp < '2026-02-01 00:00:00.000000') SELECT json_group_array(CASE WHEN typeof(x) IN ('integer', 'null') THEN x WHEN x = CAST(CAST(x AS NUMERIC) AS INTEGER) THEN CAST(CAST(x AS NUMERIC) AS INTEGER) WHEN x = CAST(CAST(x AS REAL) AS INTEGER) THEN CAST(CAST(x AS REAL) AS INTEGER) ELSE json('[]') END) FROM q)) AS "users_objects"
--- rows
plan | count(*)
NULL | 1
'free' | 1
'pro' | 2

## two moments side by side
SELECT a.object_id, a.plan AS before, b.plan AS after
FROM users_objects FOR SYSTEM_TIME AS OF '2026-01-15' AS a JOIN users_objects FOR SYSTEM_TIME AS OF '2026-02-08 20:00:00' AS b
ON a.object_id = b.object_id WHERE a.plan IS NOT b.plan ORDER BY 1
--- plain
SELECT a.object_id, a.plan AS before, b.plan AS after FROM users_objects_as_of AS a JOIN users_objects_as_of AS b
ON a.object_id = b.object_id WHERE a.plan IS NOT b.plan AND a.as_of = '2026-01-15 00:00:00.000000'
AND b.as_of = '2026-02-08 20:00:00.000000' ORDER BY 1
--- plan
--- sql
SELECT a.object_id, a.plan AS before, b.plan AS after
FROM users_objects ('2026-01-15 00:00:00.000000') AS a JOIN users_objects ('2026-02-08 20:00:00.000000') AS b
ON a.object_id = b.object_id WHERE a.plan IS NOT b.plan ORDER BY 1
--- rows
object_id | before | after
1 | 'pro' | NULL
2 | 'basic' | 'pro'
3 | NULL | 'free'

## objects with a TEXT key
SELECT tailnum, status FROM planes_objects FOR SYSTEM_TIME AS OF '2026-01-04' ORDER BY tailnum
--- plain
SELECT tailnum, status FROM planes_objects_as_of WHERE as_of = '2026-01-04 00:00:00.000000' ORDER BY tailnum
--- plan
--- sql
SELECT tailnum, status FROM planes_objects ('2026-01-04 00:00:00.000000') ORDER BY tailnum
--- rows
tailnum | status
'N1' | 'repair'
'N2' | 'new'

## groups of objects with a TEXT key
SELECT status, count(*), min(tailnum) FROM planes_objects WHERE tailnum LIKE 'N%' GROUP BY status
--- plan
PATH SCAN planes OBJECTS
├─ where tailnum LIKE 'N%'
├─ group by status
└─ compute count(*), min(tailnum)
--- sql
SELECT "key 1" AS "status", +"value 1" AS "count(*)", +"value 2" AS "min(tailnum)" FROM sky_scan_1 AS "planes_objects"
--- rows
status | count(*) | min(tailnum)
NULL | 1 | 'n1'
'new' | 1 | 'N2'
'repair' | 1 | 'N1'

## activity by first action day
SELECT date(first_timestamp) AS joined, count(*), sum(events) FROM users_objects GROUP BY joined ORDER BY joined
--- plan
PATH SCAN users OBJECTS
├─ group by date(first_timestamp)
└─ compute count(*), sum(events)
--- sql
SELECT +"key 1" AS joined, +"value 1" AS "count(*)", +"value 2" AS "sum(events)" FROM sky_scan_1 AS "users_objects" ORDER BY joined
--- rows
joined | count(*) | sum(events)
'2025-12-31' | 1 | 3
'2026-01-01' | 1 | 6
'2026-01-02' | 2 | 10
'2026-02-05' | 1 | 1
'2026-02-10' | 1 | 3
'2026-03-01' | 2 | 5

## changes are no scan, and are compared by time all the same
SELECT property, old_value, new_value FROM users_changes WHERE object_id = 2 AND timestamp >= '2026-01-10' ORDER BY timestamp, property
--- plain
SELECT property, old_value, new_value FROM users_changes WHERE object_id = 2 AND timestamp >= '2026-01-10 00:00:00.000000' ORDER BY timestamp, property
--- plan
--- sql
SELECT property, old_value, new_value FROM users_changes WHERE object_id = 2 AND timestamp >= '2026-01-10 00:00:00.000000' ORDER BY timestamp, property
--- rows
property | old_value | new_value
'plan' | 'free' | 'basic'
'country' | 'fr' | NULL
'plan' | 'basic' | 'pro'
