# Point-in-time joins: each row of an ordinary table with the object as of a moment of that row. Objects without an event
# by then, and rows without an object or a moment, have no partner. In the ordinary table of plain SQLite the moments are
# all written in the one form that sorts.

## rows
SELECT o.id, s.plan, s.events FROM orders o JOIN users_objects s ON s.object_id = o.customer_id AND s.as_of = o.created_at ORDER BY o.id
--- plain
SELECT o.id, s.plan, s.events FROM orders o JOIN users_objects_as_of s ON s.object_id = o.customer_id AND s.as_of = o.created_at ORDER BY o.id
--- plan
PATH SCAN users OBJECTS AS OF EACH ROW
└─ read row, object_id, events, plan, as_of
--- sql
SELECT o.id, s.plan, s.events FROM orders o JOIN sky_scan_1('SELECT json_group_array("o".rowid), json_group_array(o.customer_id), json_group_array(o.created_at) FROM orders o WHERE 1') AS "s" ON "o".rowid = "s"."row of the pair" AND 1 ORDER BY o.id
--- rows
id | plan | events
2 | 'pro' | 3
3 | 'free' | 1
4 | 'basic' | 3
5 | 'pro' | 4
6 | 'free' | 5
10 | 'basic' | 3

## rows, without the companion
SELECT o.id, s.plan, s.country, s.seats, s.first_timestamp FROM users_objects s, orders o WHERE o.created_at = s.as_of AND o.customer_id = s.object_id ORDER BY o.id DESC
--- plain
SELECT o.id, u.plan, u.country, u.seats, (SELECT min(timestamp) FROM users f WHERE f.object_id = o.customer_id) AS first_timestamp
FROM orders o JOIN users u ON u.rowid = (SELECT x.rowid FROM users x WHERE x.object_id = o.customer_id AND x.timestamp <= o.created_at
ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) ORDER BY o.id DESC
--- plan
PATH SCAN users OBJECTS AS OF EACH ROW
└─ read row, object_id, first_timestamp, plan, country, seats, as_of
--- sql
SELECT o.id, s.plan, s.country, s.seats, s.first_timestamp FROM sky_scan_1('SELECT json_group_array("o".rowid), json_group_array(o.customer_id), json_group_array(o.created_at) FROM orders o WHERE 1') AS "s", orders o WHERE 1 AND "o".rowid = "s"."row of the pair" ORDER BY o.id DESC
--- rows
id | plan | country | seats | first_timestamp
10 | 'basic' | 'fr' | 1 | '2026-01-02 10:00:00.000000'
6 | 'free' | 'de' | NULL | '2026-01-02 11:00:00.000000'
5 | 'pro' | NULL | 1 | '2026-01-02 10:00:00.000000'
4 | 'basic' | 'fr' | 1 | '2026-01-02 10:00:00.000000'
3 | 'free' | 'de' | NULL | '2026-01-01 09:00:00.000000'
2 | 'pro' | 'de' | 5 | '2026-01-01 09:00:00.000000'

## groups by a state
SELECT s.plan, count(*) FROM orders o JOIN users_objects s ON s.object_id = o.customer_id AND s.as_of = o.created_at GROUP BY s.plan
--- plain
SELECT s.plan, count(*) FROM orders o JOIN users_objects_as_of s ON s.object_id = o.customer_id AND s.as_of = o.created_at GROUP BY s.plan
--- plan
PATH SCAN users OBJECTS AS OF EACH ROW
├─ group by plan
└─ compute count(*)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*)" FROM sky_scan_1('SELECT '''', json_group_array(o.customer_id), json_group_array(o.created_at) FROM orders o WHERE 1') AS "o"
--- rows
plan | count(*)
'basic' | 2
'free' | 2
'pro' | 2

## sums of the ordinary table by a state
SELECT s.plan, sum(o.total) FROM orders o JOIN users_objects s ON s.object_id = o.customer_id AND s.as_of = o.created_at GROUP BY s.plan
--- plain
SELECT s.plan, sum(o.total) FROM orders o JOIN users_objects_as_of s ON s.object_id = o.customer_id AND s.as_of = o.created_at GROUP BY s.plan
--- plan
PATH SCAN users OBJECTS AS OF EACH ROW
└─ read row, object_id, plan, as_of
--- sql
SELECT s.plan, sum(o.total) FROM orders o JOIN sky_scan_1('SELECT json_group_array("o".rowid), json_group_array(o.customer_id), json_group_array(o.created_at) FROM orders o WHERE 1') AS "s" ON "o".rowid = "s"."row of the pair" AND 1 GROUP BY s.plan
--- rows
plan | sum(o.total)
'basic' | 140
'free' | 90
'pro' | 70

## conditions on either side
SELECT o.id, s.plan FROM orders o JOIN users_objects s ON s.object_id = o.customer_id AND s.as_of = o.created_at
WHERE o.total > 10 AND s.plan <> 'free' AND o.total * s.events < 500 ORDER BY 1
--- plain
SELECT o.id, s.plan FROM orders o JOIN users_objects_as_of s ON s.object_id = o.customer_id AND s.as_of = o.created_at
WHERE o.total > 10 AND s.plan <> 'free' AND o.total * s.events < 500 ORDER BY 1
--- plan
PATH SCAN users OBJECTS AS OF EACH ROW
└─ read row, object_id, events, plan, as_of
--- sql
SELECT o.id, s.plan FROM orders o JOIN sky_scan_1('SELECT json_group_array("o".rowid), json_group_array(o.customer_id), json_group_array(o.created_at) FROM orders o WHERE (o.total > 10)') AS "s" ON "o".rowid = "s"."row of the pair" AND 1
WHERE o.total > 10 AND s.plan <> 'free' AND o.total * s.events < 500 ORDER BY 1
--- rows
id | plan
2 | 'pro'
4 | 'basic'
5 | 'pro'
10 | 'basic'

## groups, with conditions on either side
SELECT s.plan, s.country, count(*), sum(s.events), max(s.last_timestamp) FROM orders o JOIN users_objects s
ON s.object_id = o.customer_id AND s.as_of = o.created_at WHERE o.total > 10 AND s.events > 1 GROUP BY s.plan, s.country
--- plain
SELECT s.plan, s.country, count(*), sum(s.events), max(s.last_timestamp) FROM orders o JOIN users_objects_as_of s
ON s.object_id = o.customer_id AND s.as_of = o.created_at WHERE o.total > 10 AND s.events > 1 GROUP BY s.plan, s.country
--- plan
PATH SCAN users OBJECTS AS OF EACH ROW
├─ where events > 1
├─ group by plan, country
└─ compute count(*), sum(events), max(last_timestamp)
--- sql
SELECT "key 1" AS "plan", "key 2" AS "country", +"value 1" AS "count(*)", +"value 2" AS "sum(s.events)", +"value 3" AS "max(s.last_timestamp)" FROM sky_scan_1('SELECT '''', json_group_array(o.customer_id), json_group_array(o.created_at) FROM orders o WHERE (o.total > 10)') AS "o"
--- rows
plan | country | count(*) | sum(s.events) | max(s.last_timestamp)
'basic' | 'fr' | 2 | 6 | '2026-01-10 00:00:00.000000'
'free' | 'de' | 1 | 5 | '2026-02-04 00:00:00.000001'
'pro' | NULL | 1 | 4 | '2026-02-01 00:00:00.000000'
'pro' | 'de' | 1 | 3 | '2026-01-05 12:00:00.000000'

## a moment that is computed: the state a day before
SELECT o.id, s.plan FROM orders o JOIN users_objects s ON s.object_id = o.customer_id AND s.as_of = datetime(o.created_at, '-1 day') ORDER BY 1
--- plain
SELECT o.id, u.plan FROM orders o JOIN users u ON u.rowid = (SELECT x.rowid FROM users x WHERE x.object_id = o.customer_id
AND x.timestamp <= datetime(o.created_at, '-1 day') || '.000000' ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) ORDER BY 1
--- plan
PATH SCAN users OBJECTS AS OF EACH ROW
└─ read row, object_id, plan, as_of
--- sql
SELECT o.id, s.plan FROM orders o JOIN sky_scan_1(ifnull((SELECT json_group_array("o".rowid) || char(10) || json_group_array(o.customer_id) || char(10) || json_group_array(datetime(o.created_at, '-1 day')) FROM orders o WHERE 1), x'736b79006e756c6c')) AS "s" ON "o".rowid = "s"."row of the pair" AND 1 ORDER BY 1
--- rows
id | plan
2 | 'free'
3 | 'free'
4 | 'free'
5 | 'basic'
6 | 'free'
10 | 'basic'

## a LEFT JOIN keeps orders without a state
SELECT o.id, s.plan FROM orders o LEFT JOIN users_objects s ON s.object_id = o.customer_id AND s.as_of = o.created_at ORDER BY 1
--- plain
SELECT o.id, s.plan FROM orders o LEFT JOIN users_objects_as_of s ON s.object_id = o.customer_id AND s.as_of = o.created_at ORDER BY 1
--- plan
PATH SCAN users OBJECTS AS OF EACH ROW
└─ read row, object_id, plan, as_of
--- sql
SELECT o.id, s.plan FROM orders o LEFT JOIN sky_scan_1('SELECT json_group_array("o".rowid), json_group_array(o.customer_id), json_group_array(o.created_at) FROM orders o WHERE 1') AS "s" ON "o".rowid = "s"."row of the pair" AND 1 ORDER BY 1
--- rows
id | plan
1 | NULL
2 | 'pro'
3 | 'free'
4 | 'basic'
5 | 'pro'
6 | 'free'
7 | NULL
8 | NULL
9 | NULL
10 | 'basic'

## three tables
SELECT c.name, s.plan, count(*) FROM orders o JOIN customers c ON c.id = o.customer_id
JOIN users_objects s ON s.object_id = o.customer_id AND s.as_of = o.created_at GROUP BY 1, 2 ORDER BY 1, 2
--- plain
SELECT c.name, s.plan, count(*) FROM orders o JOIN customers c ON c.id = o.customer_id
JOIN users_objects_as_of s ON s.object_id = o.customer_id AND s.as_of = o.created_at GROUP BY 1, 2 ORDER BY 1, 2
--- plan
PATH SCAN users OBJECTS AS OF EACH ROW
└─ read row, object_id, plan, as_of
--- sql
SELECT c.name, s.plan, count(*) FROM orders o JOIN customers c ON c.id = o.customer_id
JOIN sky_scan_1('SELECT json_group_array("o".rowid), json_group_array(o.customer_id), json_group_array(o.created_at) FROM orders o WHERE 1') AS "s" ON "o".rowid = "s"."row of the pair" AND 1 GROUP BY 1, 2 ORDER BY 1, 2
--- rows
name | plan | count(*)
'Ann' | 'free' | 1
'Ann' | 'pro' | 1
'Bob' | 'basic' | 2
'Bob' | 'pro' | 1
'Cyd' | 'free' | 1

## all columns of the ordinary table
SELECT o.*, s.plan FROM orders o JOIN users_objects s ON s.object_id = o.customer_id AND s.as_of = o.created_at WHERE o.id = 5
--- plain
SELECT 5, 2, '2026-02-01T00:00', 50, 'pro'
--- plan
PATH SCAN users OBJECTS AS OF EACH ROW
└─ read row, object_id, plan, as_of
--- sql
SELECT o.*, s.plan FROM orders o JOIN sky_scan_1('SELECT json_group_array("o".rowid), json_group_array(o.customer_id), json_group_array(o.created_at) FROM orders o WHERE (o.id = 5)') AS "s" ON "o".rowid = "s"."row of the pair" AND 1 WHERE o.id = 5
--- rows
id | customer_id | created_at | total | plan
5 | 2 | '2026-02-01T00:00' | 50 | 'pro'

## by a TEXT key
SELECT f.flight, s.status FROM flights f JOIN planes_objects s ON s.tailnum = f.tailnum AND s.as_of = f.at ORDER BY 1
--- plain
SELECT f.flight, s.status FROM flights f JOIN planes_objects_as_of s ON s.tailnum = f.tailnum AND s.as_of = f.at ORDER BY 1
--- plan
PATH SCAN planes OBJECTS AS OF EACH ROW
└─ read row, tailnum, status, as_of
--- sql
SELECT f.flight, s.status FROM flights f JOIN sky_scan_1('SELECT json_group_array("f".rowid), json_group_array(f.tailnum), json_group_array(f.at) FROM flights f WHERE 1') AS "s" ON "f".rowid = "s"."row of the pair" AND 1 ORDER BY 1
--- rows
flight | status
1 | 'new'
2 | 'repair'
4 | 'new'

## by a TEXT key, grouped
SELECT s.status, count(*) FROM flights f JOIN planes_objects s ON s.tailnum = f.tailnum AND s.as_of = f.at GROUP BY s.status
--- plain
SELECT s.status, count(*) FROM flights f JOIN planes_objects_as_of s ON s.tailnum = f.tailnum AND s.as_of = f.at GROUP BY s.status
--- plan
PATH SCAN planes OBJECTS AS OF EACH ROW
├─ group by status
└─ compute count(*)
--- sql
SELECT "key 1" AS "status", +"value 1" AS "count(*)" FROM sky_scan_1('SELECT '''', json_group_array(f.tailnum), json_group_array(f.at) FROM flights f WHERE 1') AS "f"
--- rows
status | count(*)
'new' | 2
'repair' | 1

## a subquery for each row
SELECT o.id, (SELECT s.plan FROM users_objects s WHERE s.object_id = o.customer_id AND s.as_of = o.created_at) AS plan FROM orders o ORDER BY 1
--- plain
SELECT o.id, (SELECT s.plan FROM users_objects_as_of s WHERE s.object_id = o.customer_id AND s.as_of = o.created_at) AS plan FROM orders o ORDER BY 1
--- plan
--- sql
SELECT o.id, (SELECT s.plan FROM users_objects s WHERE s.object_id = o.customer_id AND s.as_of = sky_timestamp(o.created_at)) AS plan FROM orders o ORDER BY 1
--- rows
id | plan
1 | NULL
2 | 'pro'
3 | 'free'
4 | 'basic'
5 | 'pro'
6 | 'free'
7 | NULL
8 | NULL
9 | NULL
10 | 'basic'

## all columns of the objects
SELECT s.*, o.id FROM orders o JOIN users_objects s ON s.object_id = o.customer_id AND s.as_of = o.created_at WHERE o.id = 2
--- plain
SELECT object_id, first_timestamp, last_timestamp, events, plan, country, seats, 2 AS id FROM users_objects_as_of
WHERE object_id = 1 AND as_of = '2026-01-05 12:00:00.000000'
--- plan
PATH SCAN users OBJECTS AS OF EACH ROW
└─ read row, object_id, first_timestamp, last_timestamp, events, plan, country, seats, as_of
--- sql
SELECT "s"."object_id", "s"."first_timestamp", "s"."last_timestamp", "s"."events", "s"."plan", "s"."country", "s"."seats", o.id FROM orders o JOIN sky_scan_1('SELECT json_group_array("o".rowid), json_group_array(o.customer_id), json_group_array(o.created_at) FROM orders o WHERE (o.id = 2)') AS "s" ON "o".rowid = "s"."row of the pair" AND 1 WHERE o.id = 2
--- rows
object_id | first_timestamp | last_timestamp | events | plan | country | seats | id
1 | '2026-01-01 09:00:00.000000' | '2026-01-05 12:00:00.000000' | 3 | 'pro' | 'de' | 5 | 2

## all columns of both
SELECT * FROM users_objects s, orders o WHERE s.object_id = o.customer_id AND s.as_of = o.created_at AND o.id = 4
--- plain
SELECT s.*, o.id, o.customer_id, '2026-01-10' AS created_at, o.total FROM (SELECT object_id, first_timestamp, last_timestamp, events, plan, country, seats FROM users_objects_as_of
WHERE object_id = 2 AND as_of = '2026-01-10 00:00:00.000000') s, orders o WHERE o.id = 4
--- plan
PATH SCAN users OBJECTS AS OF EACH ROW
└─ read row, object_id, first_timestamp, last_timestamp, events, plan, country, seats, as_of
--- sql
SELECT "s"."object_id", "s"."first_timestamp", "s"."last_timestamp", "s"."events", "s"."plan", "s"."country", "s"."seats", "o".* FROM sky_scan_1('SELECT json_group_array("o".rowid), json_group_array(o.customer_id), json_group_array(o.created_at) FROM orders o WHERE (o.id = 4)') AS "s", orders o WHERE "o".rowid = "s"."row of the pair" AND 1 AND o.id = 4
--- rows
object_id | first_timestamp | last_timestamp | events | plan | country | seats | id | customer_id | created_at | total
2 | '2026-01-02 10:00:00.000000' | '2026-01-10 00:00:00.000000' | 3 | 'basic' | 'fr' | 1 | 4 | 2 | '2026-01-10' | 40

## parameters
SELECT o.id, s.plan FROM orders o JOIN users_objects s ON s.object_id = o.customer_id + ?1 AND s.as_of = datetime(o.created_at, ?2)
WHERE o.total >= ?3 AND s.events < ?4 ORDER BY 1
--- parameters
[0, "-1 day", 20, 4]
--- plain
SELECT o.id, u.plan FROM orders o JOIN users u ON u.rowid = (SELECT x.rowid FROM users x WHERE x.object_id = o.customer_id
AND x.timestamp <= datetime(o.created_at, '-1 day') || '.000000' ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1)
WHERE o.total >= 20 AND ?4 > (SELECT count(*) FROM users x WHERE x.object_id = o.customer_id AND x.timestamp <= datetime(o.created_at, '-1 day') || '.000000') ORDER BY 1
--- plan
PATH SCAN users OBJECTS AS OF EACH ROW
└─ read row, object_id, events, plan, as_of
--- sql
SELECT o.id, s.plan FROM orders o JOIN sky_scan_1(ifnull((SELECT json_group_array("o".rowid) || char(10) || json_group_array(o.customer_id + ?1) || char(10) || json_group_array(datetime(o.created_at, ?2)) FROM orders o WHERE (o.total >= ?3)), x'736b79006e756c6c')) AS "s" ON "o".rowid = "s"."row of the pair" AND 1
WHERE o.total >= ?3 AND s.events < ?4 ORDER BY 1
--- rows
id | plan
2 | 'free'
3 | 'free'
4 | 'free'
5 | 'basic'
10 | 'basic'

## groups, by parameters
SELECT s.plan, count(*) FROM orders o JOIN users_objects s ON s.object_id = o.customer_id AND s.as_of = o.created_at WHERE o.total > ? AND s.events > ? GROUP BY 1
--- parameters
[10, 1]
--- plain
SELECT s.plan, count(*) FROM orders o JOIN users_objects_as_of s ON s.object_id = o.customer_id AND s.as_of = o.created_at WHERE o.total > ? AND s.events > ? GROUP BY 1
--- plan
PATH SCAN users OBJECTS AS OF EACH ROW
├─ where events > :p2
├─ group by plan
└─ compute count(*)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*)" FROM sky_scan_1(ifnull((SELECT '' || char(10) || json_group_array(o.customer_id) || char(10) || json_group_array(o.created_at) FROM orders o WHERE (o.total > ?1)), x'736b79006e756c6c'), ifnull(?2, x'736b79006e756c6c')) AS "o"
--- rows
plan | count(*)
'basic' | 2
'free' | 1
'pro' | 2

## one moment for all rows
SELECT c.name, s.plan FROM customers c JOIN users_objects s ON s.object_id = c.id AND s.as_of = ? ORDER BY 1
--- parameters
["2026-02-08T20:00"]
--- plain
SELECT c.name, s.plan FROM customers c JOIN users_objects_as_of s ON s.object_id = c.id AND s.as_of = '2026-02-08 20:00:00.000000' ORDER BY ?1 <> '', 1
--- plan
PATH SCAN users OBJECTS AS OF EACH ROW
└─ read row, object_id, plan, as_of
--- sql
SELECT c.name, s.plan FROM customers c JOIN sky_scan_1(ifnull((SELECT json_group_array("c".rowid) || char(10) || json_group_array(c.id) || char(10) || json_group_array(?1) FROM customers c WHERE 1), x'736b79006e756c6c')) AS "s" ON "c".rowid = "s"."row of the pair" AND 1 ORDER BY 1
--- rows
name | plan
'Ann' | NULL
'Bob' | 'pro'
'Cyd' | 'free'
'Eve' | 'pro'

## conditions of a LEFT JOIN choose what is joined, and those of WHERE what is left
SELECT o.id, s.plan FROM orders o LEFT JOIN users_objects s ON s.object_id = o.customer_id AND s.as_of = o.created_at AND o.total > 20 AND s.plan <> 'basic'
WHERE o.id < 10 AND s.events IS NOT 1 ORDER BY 1
--- plain
SELECT o.id, s.plan FROM orders o LEFT JOIN users_objects_as_of s ON s.object_id = o.customer_id AND s.as_of = o.created_at AND o.total > 20 AND s.plan <> 'basic'
WHERE o.id < 10 AND s.events IS NOT 1 ORDER BY 1
--- plan
PATH SCAN users OBJECTS AS OF EACH ROW
└─ read row, object_id, events, plan, as_of
--- sql
SELECT o.id, s.plan FROM orders o LEFT JOIN sky_scan_1('SELECT json_group_array("o".rowid), json_group_array(o.customer_id), json_group_array(o.created_at) FROM orders o WHERE (o.total > 20) AND (o.id < 10)') AS "s" ON "o".rowid = "s"."row of the pair" AND 1 AND o.total > 20 AND s.plan <> 'basic'
WHERE o.id < 10 AND s.events IS NOT 1 ORDER BY 1
--- rows
id | plan
1 | NULL
2 | NULL
4 | NULL
5 | 'pro'
6 | 'free'
7 | NULL
8 | NULL
9 | NULL

## groups of a LEFT JOIN
SELECT s.plan, count(*), count(s.object_id), sum(o.total) FROM orders o LEFT JOIN users_objects s ON s.object_id = o.customer_id AND s.as_of = o.created_at GROUP BY s.plan
--- plain
SELECT s.plan, count(*), count(s.object_id), sum(o.total) FROM orders o LEFT JOIN users_objects_as_of s ON s.object_id = o.customer_id AND s.as_of = o.created_at GROUP BY s.plan
--- plan
PATH SCAN users OBJECTS AS OF EACH ROW
└─ read row, object_id, plan, as_of
--- sql
SELECT s.plan, count(*), count(s.object_id), sum(o.total) FROM orders o LEFT JOIN sky_scan_1('SELECT json_group_array("o".rowid), json_group_array(o.customer_id), json_group_array(o.created_at) FROM orders o WHERE 1') AS "s" ON "o".rowid = "s"."row of the pair" AND 1 GROUP BY s.plan
--- rows
plan | count(*) | count(s.object_id) | sum(o.total)
NULL | 4 | 0 | 250
'basic' | 2 | 2 | 140
'free' | 2 | 2 | 90
'pro' | 2 | 2 | 70

## the customers of the orders on the right of a LEFT JOIN
SELECT c.name, o.id, s.plan FROM customers c LEFT JOIN orders o ON o.customer_id = c.id LEFT JOIN users_objects s ON s.object_id = o.customer_id AND s.as_of = o.created_at ORDER BY 1, 2
--- plain
SELECT c.name, o.id, s.plan FROM customers c LEFT JOIN orders o ON o.customer_id = c.id LEFT JOIN users_objects_as_of s ON s.object_id = o.customer_id AND s.as_of = o.created_at ORDER BY 1, 2
--- plan
PATH SCAN users OBJECTS AS OF EACH ROW
└─ read row, object_id, plan, as_of
--- sql
SELECT c.name, o.id, s.plan FROM customers c LEFT JOIN orders o ON o.customer_id = c.id LEFT JOIN sky_scan_1('SELECT json_group_array("o".rowid), json_group_array(o.customer_id), json_group_array(o.created_at) FROM orders o WHERE 1') AS "s" ON "o".rowid = "s"."row of the pair" AND 1 ORDER BY 1, 2
--- rows
name | id | plan
'Ann' | 1 | NULL
'Ann' | 2 | 'pro'
'Ann' | 3 | 'free'
'Ann' | 9 | NULL
'Bob' | 4 | 'basic'
'Bob' | 5 | 'pro'
'Bob' | 10 | 'basic'
'Cyd' | 6 | 'free'
'Eve' | NULL | NULL
'Hal' | 7 | NULL

## names without a table
SELECT id, plan, created_at FROM orders JOIN users_objects ON customer_id = object_id AND created_at = as_of WHERE total < 50 ORDER BY id
--- plain
SELECT o.id, s.plan, iif(o.id = 2, '2026-01-05T12:00:00Z', iif(o.id = 3, '2026-01-05 12:59:59.999999+01:00', '2026-01-10')) AS created_at
FROM orders o JOIN users_objects_as_of s ON s.object_id = o.customer_id AND s.as_of = o.created_at WHERE o.total < 50 ORDER BY 1
--- plan
PATH SCAN users OBJECTS AS OF EACH ROW
└─ read row, object_id, plan, as_of
--- sql
SELECT id, plan, created_at FROM orders JOIN sky_scan_1('SELECT json_group_array("orders".rowid), json_group_array(customer_id), json_group_array(created_at) FROM orders WHERE (total < 50)') AS "users_objects" ON "orders".rowid = "users_objects"."row of the pair" AND 1 WHERE total < 50 ORDER BY id
--- rows
id | plan | created_at
2 | 'pro' | '2026-01-05T12:00:00Z'
3 | 'free' | '2026-01-05 12:59:59.999999+01:00'
4 | 'basic' | '2026-01-10'

## the table's own rowid
SELECT o.id, o.rowid, s.plan FROM orders o JOIN users_objects s ON s.object_id = o.customer_id AND s.as_of = o.created_at WHERE o.id = 2
--- plain
SELECT o.id, o.rowid, s.plan FROM orders o JOIN users_objects_as_of s ON s.object_id = o.customer_id AND s.as_of = o.created_at WHERE o.id = 2
--- plan
PATH SCAN users OBJECTS AS OF EACH ROW
└─ read row, object_id, plan, as_of
--- sql
SELECT o.id, o.rowid, s.plan FROM orders o JOIN sky_scan_1('SELECT json_group_array("o".rowid), json_group_array(o.customer_id), json_group_array(o.created_at) FROM orders o WHERE (o.id = 2)') AS "s" ON "o".rowid = "s"."row of the pair" AND 1 WHERE o.id = 2
--- rows
id | id | plan
2 | 2 | 'pro'

## left: the objects' own rowid
SELECT o.id, s.rowid FROM orders o JOIN users_objects s ON s.object_id = o.customer_id AND s.as_of = o.created_at WHERE o.id = 2
--- plain
SELECT 2, 1
--- plan
--- sql
SELECT o.id, s.rowid FROM orders o JOIN users_objects s ON s.object_id = o.customer_id AND s.as_of = sky_timestamp(o.created_at) WHERE o.id = 2
--- rows
id | rowid
2 | 1
