# Joins of events with ordinary tables: aggregated by object before the join, so that SQLite joins a row an object.

## by a column of the ordinary table
SELECT c.segment, count(*), sum(u.amount), avg(u.amount), total(u.items) FROM users u JOIN customers c ON c.id = u.object_id GROUP BY c.segment
--- plan
PATH SCAN users
├─ group by object_id
└─ compute count(*), sum(amount), rest(amount), total(amount), count(amount), total(items), rest(items)
--- sql
SELECT c.segment, coalesce(sum("u"."value 1"), 0) AS "count(*)", sky_partial_sum("u"."value 2", "u"."value 3") AS "sum(u.amount)", (sky_partial_total("u"."value 4", "u"."value 3") / sum("u"."value 5")) AS "avg(u.amount)", sky_partial_total("u"."value 6", "u"."value 7") AS "total(u.items)" FROM sky_scan_1 AS "u" JOIN customers c ON c.id = "u"."key 1" GROUP BY c.segment
--- rows
segment | count(*) | sum(u.amount) | avg(u.amount) | total(u.items)
NULL | 3 | -4.0 | -4.0 | 1.0
'a' | 11 | 26.75 | 5.35 | 5.0
'b' | 5 | 29.5 | 14.75 | 2.0

## the other way around, with a condition on the events
SELECT c.name, count(*) AS n FROM customers c JOIN users u ON u.object_id = c.id WHERE u.action = 'purchase' GROUP BY c.name ORDER BY n DESC, c.name
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by object_id
└─ compute count(*)
--- sql
SELECT c.name, coalesce(sum("u"."value 1"), 0) AS n FROM customers c JOIN sky_scan_1 AS "u" ON "u"."key 1" = c.id WHERE 1 GROUP BY c.name ORDER BY n DESC, c.name
--- rows
name | n
'Ann' | 3
'Cyd' | 3
'Bob' | 2
'Eve' | 1

## conditions on both, and one on the pair
SELECT c.segment, count(u.amount) FROM users u, customers c
WHERE c.id = u.object_id AND u.plan = 'pro' AND c.segment = 'a' AND (u.country = 'de' OR c.name = 'Bob') GROUP BY c.segment
--- plan
PATH SCAN users
├─ where plan = 'pro'
├─ where object_id IN (SELECT value FROM json_each(:p1))
├─ group by object_id, country
└─ compute count(amount)
--- sql
SELECT c.segment, coalesce(sum("u"."value 1"), 0) AS "count(u.amount)" FROM sky_scan_1((WITH q(x) AS (SELECT c.id FROM customers c WHERE (c.segment = 'a')) SELECT json_group_array(CASE WHEN typeof(x) IN ('integer', 'null') THEN x WHEN x = CAST(CAST(x AS NUMERIC) AS INTEGER) THEN CAST(CAST(x AS NUMERIC) AS INTEGER) WHEN x = CAST(CAST(x AS REAL) AS INTEGER) THEN CAST(CAST(x AS REAL) AS INTEGER) ELSE json('[]') END) FROM q)) AS "u", customers c
WHERE c.id = "u"."key 1" AND 1 AND c.segment = 'a' AND ("u"."key 2" = 'de' OR c.name = 'Bob') GROUP BY c.segment
--- rows
segment | count(u.amount)
'a' | 1

## by columns of both
SELECT c.segment, u.plan, count(*), sum(u.amount) FROM users u JOIN customers c ON c.id = u.object_id GROUP BY c.segment, u.plan
--- plan
PATH SCAN users
├─ group by object_id, plan
└─ compute count(*), sum(amount), rest(amount)
--- sql
SELECT c.segment, "u"."key 2" AS "plan", coalesce(sum("u"."value 1"), 0) AS "count(*)", sky_partial_sum("u"."value 2", "u"."value 3") AS "sum(u.amount)" FROM sky_scan_1 AS "u" JOIN customers c ON c.id = "u"."key 1" GROUP BY c.segment, "u"."key 2"
--- rows
segment | plan | count(*) | sum(u.amount)
NULL | 'pro' | 3 | -4.0
'a' | NULL | 5 | 10.75
'a' | 'free' | 4 | 10.75
'a' | 'pro' | 2 | 5.25
'b' | 'basic' | 1 | NULL
'b' | 'free' | 2 | 20.0
'b' | 'pro' | 2 | 9.5

## many rows for an object: each counts anew
SELECT t.tag, count(*), sum(u.amount) FROM users u JOIN tags t ON t.user = u.object_id GROUP BY t.tag
--- plan
PATH SCAN users
├─ group by object_id
└─ compute count(*), sum(amount), rest(amount)
--- sql
SELECT t.tag, coalesce(sum("u"."value 1"), 0) AS "count(*)", sky_partial_sum("u"."value 2", "u"."value 3") AS "sum(u.amount)" FROM sky_scan_1 AS "u" JOIN tags t ON t.user = "u"."key 1" GROUP BY t.tag
--- rows
tag | count(*) | sum(u.amount)
'x' | 16 | 56.25
'y' | 6 | 17.75
'z' | 5 | 9.0

## LEFT JOIN keeps objects that the ordinary table does not have
SELECT c.name, count(*), sum(u.amount) FROM users u LEFT JOIN customers c ON c.id = u.object_id GROUP BY c.name
--- plan
PATH SCAN users
├─ group by object_id
└─ compute count(*), sum(amount), rest(amount)
--- sql
SELECT c.name, coalesce(sum("u"."value 1"), 0) AS "count(*)", sky_partial_sum("u"."value 2", "u"."value 3") AS "sum(u.amount)" FROM sky_scan_1 AS "u" LEFT JOIN customers c ON c.id = "u"."key 1" GROUP BY c.name
--- rows
name | count(*) | sum(u.amount)
NULL | 9 | 5.5
'Ann' | 6 | 17.75
'Bob' | 5 | 29.5
'Cyd' | 5 | 9.0
'Eve' | 3 | -4.0

## without groups
SELECT count(*), sum(u.amount), avg(u.amount) FROM users u JOIN customers c ON c.id = u.object_id
--- plan
PATH SCAN users
├─ group by object_id
└─ compute count(*), sum(amount), rest(amount), total(amount), count(amount)
--- sql
SELECT coalesce(sum("u"."value 1"), 0) AS "count(*)", sky_partial_sum("u"."value 2", "u"."value 3") AS "sum(u.amount)", (sky_partial_total("u"."value 4", "u"."value 3") / sum("u"."value 5")) AS "avg(u.amount)" FROM sky_scan_1 AS "u" JOIN customers c ON c.id = "u"."key 1"
--- rows
count(*) | sum(u.amount) | avg(u.amount)
19 | 52.25 | 6.53125

## nothing is left
SELECT count(*), sum(u.amount), total(u.amount), avg(u.amount) FROM users u JOIN customers c ON c.id = u.object_id WHERE u.action = 'no such'
--- plan
PATH SCAN users
├─ where action = 'no such'
├─ group by object_id
└─ compute count(*), sum(amount), rest(amount), total(amount), count(amount)
--- sql
SELECT coalesce(sum("u"."value 1"), 0) AS "count(*)", sky_partial_sum("u"."value 2", "u"."value 3") AS "sum(u.amount)", sky_partial_total("u"."value 4", "u"."value 3") AS "total(u.amount)", (sky_partial_total("u"."value 4", "u"."value 3") / sum("u"."value 5")) AS "avg(u.amount)" FROM sky_scan_1 AS "u" JOIN customers c ON c.id = "u"."key 1" WHERE 1
--- rows
count(*) | sum(u.amount) | total(u.amount) | avg(u.amount)
0 | NULL | 0.0 | NULL

## FILTER, HAVING and an expression around aggregates
SELECT c.segment, count(*) FILTER (WHERE u.action = 'purchase') * 100 / count(*) AS share FROM users u JOIN customers c ON c.id = u.object_id
GROUP BY c.segment HAVING count(*) > 1 ORDER BY share
--- plan
PATH SCAN users
├─ group by object_id
└─ compute count(*) FILTER (WHERE action = 'purchase'), count(*)
--- sql
SELECT c.segment, coalesce(sum("u"."value 1"), 0) * 100 / coalesce(sum("u"."value 2"), 0) AS share FROM sky_scan_1 AS "u" JOIN customers c ON c.id = "u"."key 1"
GROUP BY c.segment HAVING coalesce(sum("u"."value 2"), 0) > 1 ORDER BY share
--- rows
segment | share
NULL | 33
'b' | 40
'a' | 54

## a join on a state
SELECT c.name, count(*) FROM users u JOIN customers c ON lower(c.name) < u.plan AND c.id = u.object_id GROUP BY c.name
--- plan
PATH SCAN users
├─ group by plan, object_id
└─ compute count(*)
--- sql
SELECT c.name, coalesce(sum("u"."value 1"), 0) AS "count(*)" FROM sky_scan_1 AS "u" JOIN customers c ON lower(c.name) < "u"."key 1" AND c.id = "u"."key 2" GROUP BY c.name
--- rows
name | count(*)
'Ann' | 4
'Bob' | 4
'Cyd' | 2
'Eve' | 3

## two ordinary tables
SELECT c.name, t.tag, count(*) FROM users u JOIN customers c ON c.id = u.object_id JOIN tags t ON t.user = c.id GROUP BY c.name, t.tag
--- plan
PATH SCAN users
├─ group by object_id
└─ compute count(*)
--- sql
SELECT c.name, t.tag, coalesce(sum("u"."value 1"), 0) AS "count(*)" FROM sky_scan_1 AS "u" JOIN customers c ON c.id = "u"."key 1" JOIN tags t ON t.user = c.id GROUP BY c.name, t.tag
--- rows
name | tag | count(*)
'Ann' | 'x' | 6
'Ann' | 'y' | 6
'Bob' | 'x' | 5
'Cyd' | 'x' | 5
'Cyd' | 'z' | 5

## objects of a TEXT key
SELECT f.flight, count(*), sum(p.delay) FROM flights f JOIN planes p ON p.tailnum = f.tailnum GROUP BY f.flight
--- plan
PATH SCAN planes
├─ group by tailnum
└─ compute count(*), sum(delay)
--- sql
SELECT f.flight, coalesce(sum("p"."value 1"), 0) AS "count(*)", sum("p"."value 2") AS "sum(p.delay)" FROM flights f JOIN sky_scan_1 AS "p" ON "p"."key 1" = f.tailnum GROUP BY f.flight
--- rows
flight | count(*) | sum(p.delay)
1 | 4 | 2
2 | 4 | 2
3 | 1 | 60
4 | 1 | NULL

## objects now
SELECT c.segment, count(*), sum(o.events) FROM users_objects o JOIN customers c ON c.id = o.object_id GROUP BY c.segment
--- plan
PATH SCAN users OBJECTS
├─ group by object_id
└─ compute count(*), sum(events), rest(events)
--- sql
SELECT c.segment, coalesce(sum("o"."value 1"), 0) AS "count(*)", sky_partial_sum("o"."value 2", "o"."value 3") AS "sum(o.events)" FROM sky_scan_1 AS "o" JOIN customers c ON c.id = "o"."key 1" GROUP BY c.segment
--- rows
segment | count(*) | sum(o.events)
NULL | 1 | 3
'a' | 2 | 11
'b' | 1 | 5

## events on the right of LEFT JOIN: customers without events count
SELECT c.name, count(u.object_id), sum(u.amount) FROM customers c LEFT JOIN users u ON u.object_id = c.id GROUP BY c.name
--- plan
--- sql
(as it is)
--- rows
name | count(u.object_id) | sum(u.amount)
'Ann' | 6 | 17.75
'Bob' | 5 | 29.5
'Cyd' | 5 | 9.0
'Eve' | 3 | -4.0
'Hal' | 0 | NULL

## extremes over a join
SELECT c.segment, min(u.amount), max(u.timestamp) FROM users u JOIN customers c ON c.id = u.object_id GROUP BY c.segment
--- plan
--- sql
(as it is)
--- rows
segment | min(u.amount) | max(u.timestamp)
NULL | -4.0 | '2026-01-15 08:30:00.000000'
'a' | 1.25 | '2026-02-08 20:00:00.000000'
'b' | 9.5 | '2026-02-03 10:11:12.000001'

## an aggregate of the ordinary table
SELECT u.plan, count(DISTINCT c.segment), sum(c.id) FROM users u JOIN customers c ON c.id = u.object_id GROUP BY u.plan
--- plan
PATH SCAN users
├─ group by object_id, plan
└─ compute count(*)
--- sql
SELECT "u"."key 2" AS "plan", count(DISTINCT c.segment), sky_repeated_sum((c.id), "u"."value 1") AS "sum(c.id)" FROM sky_scan_1 AS "u" JOIN customers c ON c.id = "u"."key 1" GROUP BY "u"."key 2"
--- rows
plan | count(DISTINCT c.segment) | sum(c.id)
NULL | 1 | 11
'basic' | 1 | 2
'free' | 2 | 12
'pro' | 2 | 21

## the rows of a join
SELECT c.name, u.timestamp, u.plan FROM users u JOIN customers c ON c.id = u.object_id WHERE u.action = 'purchase' ORDER BY c.name, u.timestamp
--- plan
--- sql
(as it is)
--- rows
name | timestamp | plan
'Ann' | '2026-01-05 12:00:00.000000' | 'free'
'Ann' | '2026-01-15 08:30:00.000000' | 'pro'
'Ann' | '2026-02-08 20:00:00.000000' | NULL
'Bob' | '2026-01-10 00:00:00.000000' | 'free'
'Bob' | '2026-02-03 10:11:12.000001' | 'pro'
'Cyd' | '2026-01-20 00:00:00.000000' | NULL
'Cyd' | '2026-02-03 17:00:00.000000' | NULL
'Cyd' | '2026-02-04 00:00:00.000001' | 'free'
'Eve' | '2026-01-15 08:30:00.000000' | 'pro'

## events joined with themselves: who bought twice within ten days
SELECT count(*) FROM users a JOIN users b ON b.object_id = a.object_id AND b.ts > a.ts AND b.ts < a.ts + 864000000000
WHERE a.action = 'purchase' AND b.action = 'purchase'
--- plan
--- sql
(as it is)
--- rows
count(*)
3

## a join with objects of an aggregated subquery
SELECT p.n, count(*) FROM customers c JOIN (SELECT object_id, count(*) AS n FROM users GROUP BY object_id) p ON p.object_id = c.id GROUP BY p.n
--- plan
GROUPS OF users
├─ group by "key 1", "value 1"
├─ compute count(*)
└─ PATH SCAN users
   ├─ group by object_id AS "key 1"
   └─ compute count(*) AS "value 1"
--- sql
SELECT +"p"."key 2" AS "n", coalesce(sum("p"."value 1"), 0) AS "count(*)" FROM customers c JOIN sky_scan_1 AS "p" ON "p"."key 1" = c.id GROUP BY +"p"."key 2"
--- rows
n | count(*)
3 | 1
5 | 2
6 | 1

## an average of integers whose sum is none
SELECT c.segment, avg(u.object_id + 4000000000000000000) > 1e18 FROM users u JOIN customers c ON c.id = u.object_id GROUP BY c.segment
--- plan
PATH SCAN users
├─ group by object_id
└─ compute total(object_id + 4000000000000000000), rest(object_id + 4000000000000000000), count(object_id + 4000000000000000000)
--- sql
SELECT c.segment, (sky_partial_total("u"."value 1", "u"."value 2") / sum("u"."value 3")) > 1e18 AS "avg(u.object_id + 4000000000000000000) > 1e18" FROM sky_scan_1 AS "u" JOIN customers c ON c.id = "u"."key 1" GROUP BY c.segment
--- rows
segment | avg(u.object_id + 4000000000000000000) > 1e18
NULL | 1
'a' | 1
'b' | 1
