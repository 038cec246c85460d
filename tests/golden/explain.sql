# EXPLAIN QUERY PLAN shows each path scan as a tree, and what was left to SQLite.

## a scan, and what SQLite does with its groups
EXPLAIN QUERY PLAN SELECT plan, count(*), sum(amount) FROM users WHERE action = 'purchase' AND timestamp >= '2026-01-10' GROUP BY plan ORDER BY 2
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ where timestamp >= '2026-01-10'
├─ group by plan
└─ compute count(*), sum(amount)
--- sql
EXPLAIN QUERY PLAN SELECT "key 1" AS "plan", +"value 1" AS "count(*)", +"value 2" AS "sum(amount)" FROM sky_scan_1 AS "users" ORDER BY 2
--- rows
SCAN users VIRTUAL TABLE INDEX n:PATH SCAN users
├─ where action = 'purchase'
├─ where timestamp >= '2026-01-10'
├─ group by plan
└─ compute count(*), sum(amount)
USE TEMP B-TREE FOR ORDER BY

## an idiom
EXPLAIN QUERY PLAN SELECT s.plan, count(*) FROM users u JOIN users_objects s ON s.object_id = u.object_id AND s.as_of = u.timestamp GROUP BY s.plan
--- plan
PATH SCAN users
├─ group by "plan through ties"
└─ compute count(*)
--- sql
EXPLAIN QUERY PLAN SELECT "key 1" AS "plan", +"value 1" AS "count(*)" FROM sky_scan_1 AS "u"
--- rows
SCAN u VIRTUAL TABLE INDEX n:PATH SCAN users
├─ group by "plan through ties"
└─ compute count(*)

## objects as of a moment
EXPLAIN QUERY PLAN SELECT plan, count(*) FROM users_objects FOR SYSTEM_TIME AS OF '2026-01-15' GROUP BY plan
--- plan
PATH SCAN users OBJECTS AS OF '2026-01-15'
├─ group by plan
└─ compute count(*)
--- sql
EXPLAIN QUERY PLAN SELECT "key 1" AS "plan", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users_objects"
--- rows
SCAN users_objects VIRTUAL TABLE INDEX n:PATH SCAN users OBJECTS AS OF '2026-01-15'
├─ group by plan
└─ compute count(*)

## a point-in-time join
EXPLAIN QUERY PLAN SELECT o.id, s.plan FROM orders o JOIN users_objects s ON s.object_id = o.customer_id AND s.as_of = o.created_at
--- plan
PATH SCAN users OBJECTS AS OF EACH ROW
└─ read row, object_id, plan, as_of
--- sql
EXPLAIN QUERY PLAN SELECT o.id, s.plan FROM orders o JOIN sky_scan_1('SELECT json_group_array("o".rowid), json_group_array(o.customer_id), json_group_array(o.created_at) FROM orders o WHERE 1') AS "s" ON "o".rowid = "s"."row of the pair" AND 1
--- rows
SCAN s VIRTUAL TABLE INDEX n:PATH SCAN users OBJECTS AS OF EACH ROW
└─ read row, object_id, plan, as_of
SEARCH o USING INTEGER PRIMARY KEY (rowid=?)

## a join with an ordinary table
EXPLAIN QUERY PLAN SELECT c.segment, count(*) FROM users u JOIN customers c ON c.id = u.object_id GROUP BY c.segment
--- plan
PATH SCAN users
├─ group by object_id
└─ compute count(*)
--- sql
EXPLAIN QUERY PLAN SELECT c.segment, coalesce(sum("u"."value 1"), 0) AS "count(*)" FROM sky_scan_1 AS "u" JOIN customers c ON c.id = "u"."key 1" GROUP BY c.segment
--- rows
SCAN u VIRTUAL TABLE INDEX n:PATH SCAN users
├─ group by object_id
└─ compute count(*)
SEARCH c USING INTEGER PRIMARY KEY (rowid=?)
USE TEMP B-TREE FOR GROUP BY

## events row by row
EXPLAIN QUERY PLAN SELECT timestamp, plan FROM users WHERE object_id = 2 AND timestamp > '2026-01-10' ORDER BY timestamp
--- plan
--- sql
EXPLAIN QUERY PLAN SELECT timestamp, plan FROM users WHERE object_id = 2 AND timestamp > '2026-01-10 00:00:00.000000' ORDER BY timestamp
--- rows
SCAN users VIRTUAL TABLE INDEX n:PATHS WHERE object_id = ? AND timestamp > ?

## ordinary tables alone
EXPLAIN QUERY PLAN SELECT name FROM customers WHERE id = 1
--- plan
--- sql
(as it is)
--- rows
SEARCH customers USING INTEGER PRIMARY KEY (rowid=?)
