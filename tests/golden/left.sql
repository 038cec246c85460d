# What is not pushed down, and stays as it is: byte for byte where nothing of it is a sky table's business. Beside each, what
# looks alike and is pushed down.

## ordinary tables alone
SELECT  c.name ,ifnull(segment,'-')	FROM customers AS c WHERE id IN (SELECT customer_id FROM orders) ORDER BY /* by name */ 1
--- plan
--- sql
(as it is)
--- rows
name | ifnull(segment,'-')
'Ann' | 'a'
'Bob' | 'b'
'Cyd' | 'a'
'Hal' | 'b'

## numbers and names as they were written
SELECT 0x1F, 1e3, `name`, [segment] FROM customers WHERE "id" == 1
--- plan
--- sql
(as it is)
--- rows
0x1F | 1e3 | name | segment
31 | 1000.0 | 'Ann' | 'a'

## the name of a sky table as a text
SELECT 'users', count(*) FROM customers
--- plan
--- sql
(as it is)
--- rows
'users' | count(*)
'users' | 5

## what sqlglot cannot parse
SELECT count(*) FROM users, customers NOT INDEXED
--- plan
--- sql
(as it is)
--- rows
count(*)
140

## rows
SELECT object_id, amount FROM users WHERE amount > 9 ORDER BY object_id, amount
--- plan
--- sql
(as it is)
--- rows
object_id | amount
1 | 9.5
2 | 9.5
2 | 20.0

## grouping under a collation
SELECT plan COLLATE NOCASE AS p, count(*) FROM users WHERE plan LIKE 'pro' GROUP BY plan COLLATE NOCASE
--- plan
PATH SCAN users
├─ where plan LIKE 'pro'
└─ read plan
--- sql
SELECT plan COLLATE NOCASE AS p, count(*) FROM sky_scan_1 AS "users" GROUP BY plan COLLATE NOCASE
--- rows
p | count(*)
'pro' | 10

## a condition under a collation is a text like any other
SELECT count(*) FROM users WHERE plan = 'FREE' COLLATE NOCASE
--- plan
PATH SCAN users
├─ where plan = 'FREE' COLLATE NOCASE
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
count(*)
8

## DISTINCT under a collation
SELECT count(DISTINCT plan COLLATE NOCASE) FROM users
--- plan
PATH SCAN users
└─ compute count(DISTINCT plan COLLATE NOCASE)
--- sql
SELECT +"value 1" AS "count(DISTINCT plan COLLATE NOCASE)" FROM sky_scan_1 AS "users"
--- rows
count(DISTINCT plan COLLATE NOCASE)
3

## a text that hands on a collation
SELECT min(plan COLLATE NOCASE) = 'BASIC' AS alike FROM users
--- plan
--- sql
(as it is)
--- rows
alike
1

## ORDER BY under a collation
SELECT plan, count(*) FROM users GROUP BY plan ORDER BY plan COLLATE NOCASE DESC, 2
--- plan
PATH SCAN users
├─ group by plan
└─ compute count(*)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users" ORDER BY "key 1" COLLATE NOCASE DESC, 2
--- rows
plan | count(*)
'pro' | 10
'Free' | 2
'free' | 6
'basic' | 2
NULL | 8

## random() is asked for each row
SELECT count(*) FROM users WHERE random() IS NOT NULL
--- plan
--- sql
(as it is)
--- rows
count(*)
28

## random() beside an aggregate
SELECT count(*), random() IS NULL FROM users
--- plan
PATH SCAN users
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)", random() IS NULL FROM sky_scan_1 AS "users"
--- rows
count(*) | random() IS NULL
28 | 0

## the time of day
SELECT count(*) FROM users WHERE date(timestamp) < date('now') OR 1
--- plan
--- sql
(as it is)
--- rows
count(*)
28

## bare columns: of a row with the largest amount
SELECT object_id, max(amount) FROM users
--- plan
--- sql
(as it is)
--- rows
object_id | max(amount)
2 | 20.0

## bare columns in groups: of a row with the smallest
SELECT plan, object_id, min(amount) FROM users WHERE amount IN (20, 1.25, -4) GROUP BY plan
--- plan
PATH SCAN users
├─ where amount IN (20, 1.25, -4)
└─ read object_id, plan, amount
--- sql
SELECT plan, object_id, min(amount) FROM sky_scan_1 AS "users" GROUP BY plan
--- rows
plan | object_id | min(amount)
'free' | 3 | 1.25
'pro' | 5 | -4.0

## a window function over events
SELECT object_id, row_number() OVER (PARTITION BY object_id ORDER BY ts) AS n FROM users WHERE object_id IN (4, 5) ORDER BY 1, 2
--- plan
PATH SCAN users
├─ where object_id IN (SELECT value FROM json_each(:p1))
└─ read object_id, ts
--- sql
SELECT object_id, row_number() OVER (PARTITION BY object_id ORDER BY ts) AS n FROM sky_scan_1('[4,5]') AS "users" ORDER BY 1, 2
--- rows
object_id | n
4 | 1
5 | 1
5 | 2
5 | 3

## a named window
SELECT plan, count(*), sum(count(*)) OVER w FROM users GROUP BY plan WINDOW w AS (ORDER BY plan) ORDER BY plan
--- plan
--- sql
(as it is)
--- rows
plan | count(*) | sum(count(*)) OVER w
NULL | 8 | 8
'Free' | 2 | 10
'basic' | 2 | 12
'free' | 6 | 18
'pro' | 10 | 28

## a correlated subquery of another kind
SELECT count(*) FROM users u WHERE amount >= (SELECT max(amount) FROM users v WHERE v.object_id = u.object_id)
--- plan
--- sql
(as it is)
--- rows
count(*)
7

## grouped by a constant
SELECT count(*) FROM users GROUP BY 'x'
--- plan
--- sql
(as it is)
--- rows
count(*)
28

## a comparison of a time inside an expression
SELECT sum(CASE WHEN timestamp < '2026-02-01' THEN 1 END) FROM users
--- plain
SELECT sum(CASE WHEN timestamp < '2026-02-01 00:00:00.000000' THEN 1 END) FROM users
--- plan
PATH SCAN users
└─ compute sum(CASE WHEN timestamp < '2026-02-01 00:00:00.000000' THEN 1 END)
--- sql
SELECT +"value 1" AS "sum(CASE WHEN timestamp < '2026-02-01' THEN 1 END)" FROM sky_scan_1 AS "users"
--- rows
sum(CASE WHEN timestamp < '2026-02-01' THEN 1 END)
12

## an IN of something else than the object
SELECT count(*) FROM users WHERE plan IN (SELECT plan FROM users WHERE object_id = 5)
--- plan
PATH SCAN users
├─ where plan IN (SELECT value FROM json_each(:p1))
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1((WITH q(x) AS (SELECT plan FROM users WHERE object_id = 5) SELECT json_group_array(CASE WHEN x IS NULL OR typeof(x) = 'text' THEN x || '' WHEN ' ' || quote(x) = x THEN x WHEN CAST(x AS TEXT) = x THEN CAST(x AS TEXT) ELSE json('[]') END) FROM q)) AS "users"
--- rows
count(*)
10

## two sky tables
SELECT count(*) FROM users u JOIN planes p ON p.object_id = u.object_id
--- plan
--- sql
(as it is)
--- rows
count(*)
34

## a statement that fails
SELECT no_such_column, count(*) FROM users GROUP BY 1
--- plan
--- sql
(as it is)
--- rows
error: no such column: no_such_column

## a function that is not there
SELECT no_such_function(plan), count(*) FROM users GROUP BY 1
--- plan
--- sql
(as it is)
--- rows
error: no such function: no_such_function
