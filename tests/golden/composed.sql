# Views, CTEs, subqueries and compounds: what is seen through, and what is pushed down inside of what stays.

## a subquery that chooses rows and renames columns
SELECT kind, count(*), sum(price) FROM (SELECT plan AS kind, amount AS price FROM users WHERE action = 'purchase') GROUP BY kind
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by plan
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS "kind", +"value 1" AS "count(*)", +"value 2" AS "sum(price)" FROM sky_scan_1 AS "path scan"
--- rows
kind | count(*) | sum(price)
NULL | 3 | 10.75
'Free' | 1 | 0.5
'free' | 3 | 30.75
'pro' | 5 | 15.75

## a subquery that computes
SELECT day, count(*) FROM (SELECT date(timestamp) AS day, amount * 2 AS twice FROM users) WHERE twice > 10 GROUP BY day
--- plan
PATH SCAN users
├─ where (amount * 2) > 10
├─ group by date(timestamp)
└─ compute count(*)
--- sql
SELECT +"key 1" AS "day", +"value 1" AS "count(*)" FROM sky_scan_1 AS "path scan"
--- rows
day | count(*)
'2026-01-05' | 1
'2026-01-10' | 1
'2026-01-15' | 1
'2026-01-20' | 1
'2026-02-03' | 1

## a subquery of all columns
SELECT s.plan, count(*) FROM (SELECT * FROM users WHERE object_id < 4) AS s GROUP BY s.plan
--- plan
PATH SCAN users
├─ where object_id < 4
├─ group by plan
└─ compute count(*)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*)" FROM sky_scan_1 AS "s"
--- rows
plan | count(*)
NULL | 5
'basic' | 1
'free' | 6
'pro' | 4

## a CTE
WITH bought AS (SELECT object_id, plan, amount FROM users WHERE action = 'purchase')
SELECT plan, count(DISTINCT object_id), sum(amount) FROM bought GROUP BY plan
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by plan
└─ compute count(DISTINCT object_id), sum(amount)
--- sql
WITH bought AS (SELECT object_id, plan, amount FROM users WHERE action = 'purchase')
SELECT "key 1" AS "plan", +"value 1" AS "count(DISTINCT object_id)", +"value 2" AS "sum(amount)" FROM sky_scan_1 AS "bought"
--- rows
plan | count(DISTINCT object_id) | sum(amount)
NULL | 2 | 10.75
'Free' | 1 | 0.5
'free' | 3 | 30.75
'pro' | 4 | 15.75

## a CTE that names its columns
WITH bought(who, what) AS (SELECT object_id, amount FROM users WHERE action = 'purchase') SELECT who, sum(what) FROM bought GROUP BY who
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by object_id
└─ compute sum(amount)
--- sql
WITH bought(who, what) AS (SELECT object_id, amount FROM users WHERE action = 'purchase') SELECT "key 1" AS "who", +"value 1" AS "sum(what)" FROM sky_scan_1 AS "bought"
--- rows
who | sum(what)
1 | 17.75
2 | 29.5
3 | 9.0
5 | -4.0
6 | 5.0
7 | 0.5

## a CTE in a CTE
WITH a AS (SELECT * FROM users WHERE action = 'purchase'), b AS (SELECT plan, amount FROM a WHERE amount > 1)
SELECT plan, avg(amount) FROM b GROUP BY plan
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ where amount > 1
├─ group by plan
└─ compute avg(amount)
--- sql
WITH a AS (SELECT * FROM users WHERE action = 'purchase'), b AS (SELECT plan, amount FROM a WHERE amount > 1)
SELECT "key 1" AS "plan", +"value 1" AS "avg(amount)" FROM sky_scan_1 AS "b"
--- rows
plan | avg(amount)
NULL | 5.375
'free' | 10.25
'pro' | 4.9375

## a CTE that is grouped, and joined with what is ordinary
WITH spent AS (SELECT object_id, sum(amount) AS total FROM users GROUP BY object_id)
SELECT c.name, spent.total FROM customers c LEFT JOIN spent ON spent.object_id = c.id ORDER BY c.name
--- plan
PATH SCAN users
├─ group by object_id
└─ compute sum(amount)
--- sql
WITH spent AS (SELECT "key 1" AS "object_id", +"value 1" AS total FROM sky_scan_1 AS "users")
SELECT c.name, spent.total FROM customers c LEFT JOIN spent ON spent.object_id = c.id ORDER BY c.name
--- rows
name | total
'Ann' | 17.75
'Bob' | 29.5
'Cyd' | 9.0
'Eve' | -4.0
'Hal' | NULL

## a CTE hides the table of its name
WITH users AS (SELECT id AS object_id, segment AS plan FROM customers) SELECT plan, count(*) FROM users GROUP BY plan
--- plan
--- sql
(as it is)
--- rows
plan | count(*)
NULL | 1
'a' | 2
'b' | 2

## a recursive CTE beside a scan
WITH RECURSIVE days(d) AS (SELECT '2026-01-01' UNION ALL SELECT date(d, '+1 month') FROM days WHERE d < '2026-03-01')
SELECT d, (SELECT count(*) FROM users) AS n FROM days
--- plan
PATH SCAN users
└─ compute count(*)
--- sql
WITH RECURSIVE days(d) AS (SELECT '2026-01-01' UNION ALL SELECT date(d, '+1 month') FROM days WHERE d < '2026-03-01')
SELECT d, (SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users") AS n FROM days
--- rows
d | n
'2026-01-01' | 28
'2026-02-01' | 28
'2026-03-01' | 28

## a view
SELECT plan, count(*), sum(amount) FROM purchases GROUP BY plan
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by plan
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*)", +"value 2" AS "sum(amount)" FROM sky_scan_1 AS "purchases"
--- rows
plan | count(*) | sum(amount)
NULL | 3 | 10.75
'Free' | 1 | 0.5
'free' | 3 | 30.75
'pro' | 5 | 15.75

## a view of a view
SELECT count(*), sum(amount) FROM pro_purchases
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ where plan = 'pro'
└─ compute count(*), sum(amount)
--- sql
SELECT +"value 1" AS "count(*)", +"value 2" AS "sum(amount)" FROM sky_scan_1 AS "pro_purchases"
--- rows
count(*) | sum(amount)
5 | 15.75

## a condition on a time through a view
SELECT count(*) FROM purchases WHERE at >= '2026-02-01T00:00'
--- plain
SELECT count(*) FROM purchases WHERE at >= '2026-02-01 00:00:00.000000'
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ where timestamp >= '2026-02-01T00:00'
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "purchases"
--- rows
count(*)
7

## a view that groups is SQLite's
SELECT plan, n FROM by_plan WHERE n > 2 ORDER BY plan
--- plan
--- sql
(as it is)
--- rows
plan | n
NULL | 8
'free' | 6
'pro' | 10

## groups of groups
SELECT n, count(*) FROM (SELECT object_id, count(*) AS n FROM users GROUP BY object_id) GROUP BY n
--- plan
GROUPS OF users
├─ group by "value 1"
├─ compute count(*)
└─ PATH SCAN users
   ├─ group by object_id AS "key 1"
   └─ compute count(*) AS "value 1"
--- sql
SELECT +"key 1" AS "n", +"value 1" AS "count(*)" FROM sky_scan_1 AS "path scan"
--- rows
n | count(*)
1 | 2
3 | 2
4 | 1
5 | 2
6 | 1

## UNION ALL of two scans
SELECT 'plan' AS what, plan AS value, count(*) AS n FROM users GROUP BY plan UNION ALL SELECT 'country', country, count(*) FROM users GROUP BY country
--- plan
PATH SCAN users
├─ group by country
└─ compute count(*)
PATH SCAN users
├─ group by plan
└─ compute count(*)
--- sql
SELECT 'plan' AS what, "key 1" AS value, +"value 1" AS n FROM sky_scan_2 AS "users" UNION ALL SELECT 'country', "key 1" AS "country", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
what | value | n
'country' | NULL | 7
'country' | '' | 1
'country' | 'DE' | 2
'country' | 'de' | 11
'country' | 'fr' | 7
'plan' | NULL | 8
'plan' | 'Free' | 2
'plan' | 'basic' | 2
'plan' | 'free' | 6
'plan' | 'pro' | 10

## UNION with what is ordinary
SELECT segment FROM customers UNION SELECT plan FROM users GROUP BY plan ORDER BY 1
--- plan
PATH SCAN users
└─ group by plan
--- sql
SELECT segment FROM customers UNION SELECT "key 1" AS "plan" FROM sky_scan_1 AS "users" ORDER BY 1
--- rows
segment
NULL
'Free'
'a'
'b'
'basic'
'free'
'pro'

## EXCEPT and INTERSECT
SELECT DISTINCT object_id FROM users WHERE action = 'sign up' EXCEPT SELECT DISTINCT object_id FROM users WHERE action = 'purchase'
INTERSECT SELECT id FROM customers
--- plan
PATH SCAN users
├─ where action = 'purchase'
└─ group by object_id
PATH SCAN users
├─ where action = 'sign up'
└─ group by object_id
--- sql
SELECT DISTINCT "key 1" AS "object_id" FROM sky_scan_2 AS "users" EXCEPT SELECT DISTINCT "key 1" AS "object_id" FROM sky_scan_1 AS "users"
INTERSECT SELECT id FROM customers
--- rows
object_id

## groups of a UNION
SELECT plan, sum(n) FROM (SELECT plan, count(*) AS n FROM users GROUP BY plan UNION ALL SELECT plan, count(*) FROM users_objects GROUP BY plan) GROUP BY plan
--- plan
PATH SCAN users OBJECTS
├─ group by plan
└─ compute count(*)
PATH SCAN users
├─ group by plan
└─ compute count(*)
--- sql
SELECT plan, sum(n) FROM (SELECT "key 1" AS "plan", +"value 1" AS n FROM sky_scan_2 AS "users" UNION ALL SELECT "key 1" AS "plan", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users_objects") GROUP BY plan
--- rows
plan | sum(n)
NULL | 11
'Free' | 3
'basic' | 2
'free' | 7
'pro' | 13

## scalar subqueries side by side
SELECT (SELECT count(*) FROM users) AS events, (SELECT max(amount) FROM users WHERE plan = 'pro') AS best
--- plan
PATH SCAN users
├─ where plan = 'pro'
└─ compute max(amount)
PATH SCAN users
└─ compute count(*)
--- sql
SELECT (SELECT +"value 1" AS "count(*)" FROM sky_scan_2 AS "users") AS events, (SELECT +"value 1" AS "max(amount)" FROM sky_scan_1 AS "users") AS best
--- rows
events | best
28 | 9.5

## a share of the whole
SELECT plan, count(*) * 1.0 / (SELECT count(*) FROM users) AS share FROM users GROUP BY plan ORDER BY plan
--- plan
PATH SCAN users
└─ compute count(*)
PATH SCAN users
├─ group by plan
└─ compute count(*)
--- sql
SELECT "key 1" AS "plan", +"value 1" * 1.0 / (SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users") AS share FROM sky_scan_2 AS "users" ORDER BY "key 1"
--- rows
plan | share
NULL | 0.2857142857142857
'Free' | 0.07142857142857142
'basic' | 0.07142857142857142
'free' | 0.21428571428571427
'pro' | 0.35714285714285715

## EXISTS
SELECT name FROM customers c WHERE EXISTS (SELECT 1 FROM users u WHERE u.object_id = c.id AND u.action = 'purchase') ORDER BY name
--- plan
--- sql
(as it is)
--- rows
name
'Ann'
'Bob'
'Cyd'
'Eve'

## a subquery for each customer
SELECT name, (SELECT count(*) FROM users u WHERE u.object_id = c.id) AS n FROM customers c ORDER BY name
--- plan
--- sql
(as it is)
--- rows
name | n
'Ann' | 6
'Bob' | 5
'Cyd' | 5
'Eve' | 3
'Hal' | 0

## a subquery that is aggregated, with a parameter inside and outside
SELECT n, ? AS tag FROM (SELECT count(*) AS n FROM users WHERE amount > ?) WHERE n < ?
--- parameters
["t", 3, 100]
--- plan
PATH SCAN users
├─ where amount > :p1
└─ compute count(*)
--- sql
SELECT n, ?1 AS tag FROM (SELECT +"value 1" AS n FROM sky_scan_1(ifnull(?2, x'736b79006e756c6c')) AS "users") WHERE n < ?3
--- rows
n | tag
5 | 't'

## LIMIT inside
SELECT count(*) FROM (SELECT object_id FROM users ORDER BY timestamp LIMIT 5)
--- plan
--- sql
(as it is)
--- rows
count(*)
5

## DISTINCT inside
SELECT count(*) FROM (SELECT DISTINCT object_id, plan FROM users)
--- plan
GROUPS OF users
├─ compute count(*)
└─ PATH SCAN users
   └─ group by object_id AS "key 1", plan AS "key 2"
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "path scan"
--- rows
count(*)
15
