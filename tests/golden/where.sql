# Predicates: which of them arrays decide, which are texts that SQLite decides once for each value, and what objects and
# times may be compared with.

## the action
SELECT count(*), sum(amount) FROM users WHERE action = 'purchase'
--- plan
PATH SCAN users
├─ where action = 'purchase'
└─ compute count(*), sum(amount)
--- sql
SELECT +"value 1" AS "count(*)", +"value 2" AS "sum(amount)" FROM sky_scan_1 AS "users"
--- rows
count(*) | sum(amount)
12 | 57.75

## an event without an action is not unlike another action
SELECT count(*) FROM users WHERE action <> 'purchase'
--- plan
PATH SCAN users
├─ where action <> 'purchase'
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
count(*)
9

## IS NOT
SELECT count(*) FROM users WHERE action IS NOT 'purchase'
--- plan
PATH SCAN users
├─ where action IS NOT 'purchase'
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
count(*)
16

## a state IS NULL
SELECT object_id, count(*) FROM users WHERE plan IS NULL GROUP BY object_id
--- plan
PATH SCAN users
├─ where plan IS NULL
├─ group by object_id
└─ compute count(*)
--- sql
SELECT "key 1" AS "object_id", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
object_id | count(*)
1 | 2
3 | 3
4 | 1
7 | 1
9007199254740993 | 1

## a state IS NOT NULL, in three spellings
SELECT count(*) FROM users WHERE plan NOT NULL AND country IS NOT NULL AND seats NOTNULL
--- plan
PATH SCAN users
├─ where NOT (plan IS NULL)
├─ where NOT (country IS NULL)
├─ where NOT (seats IS NULL)
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
count(*)
10

## NOT of what may be NULL
SELECT count(*) FROM users WHERE NOT (plan = 'pro' AND amount > 3)
--- plan
PATH SCAN users
├─ where NOT ((plan = 'pro') AND (amount > 3))
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
count(*)
14

## OR of what may be NULL
SELECT count(*) FROM users WHERE plan = 'pro' OR amount > 3
--- plan
PATH SCAN users
├─ where (plan = 'pro') OR (amount > 3)
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
count(*)
13

## LIKE takes no notice of case
SELECT plan, count(*) FROM users WHERE plan LIKE 'FREE' OR country LIKE 'd_' GROUP BY plan
--- plan
PATH SCAN users
├─ where (plan LIKE 'FREE') OR (country LIKE 'd_')
├─ group by plan
└─ compute count(*)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
plan | count(*)
NULL | 5
'Free' | 2
'free' | 6
'pro' | 2

## LIKE with ESCAPE, GLOB
SELECT count(*) FROM users WHERE url LIKE '/\%\_%' ESCAPE '\' OR url GLOB '/[a-b]'
--- plan
PATH SCAN users
├─ where (url LIKE '/\%\_%' ESCAPE '\') OR (url GLOB '/[a-b]')
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
count(*)
7

## NOT LIKE
SELECT count(*) FROM users WHERE url NOT LIKE '/a'
--- plan
PATH SCAN users
├─ where url NOT LIKE '/a'
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
count(*)
5

## IN a list of texts, with and without NULL
SELECT count(*) FROM users WHERE plan IN ('pro', 'basic') AND (country NOT IN ('de', NULL) OR country NOT IN ('fr'))
--- plan
PATH SCAN users
├─ where plan IN (SELECT value FROM json_each(:p1))
├─ where (NOT (country IN (SELECT value FROM json_each(:p2)))) OR (NOT (country IN (SELECT value FROM json_each(:p3))))
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1('["pro","basic"]', (WITH q(x) AS (VALUES ('de'), (NULL)) SELECT json_group_array(CASE WHEN x IS NULL OR typeof(x) = 'text' THEN x || '' WHEN ' ' || quote(x) = x THEN x WHEN CAST(x AS TEXT) = x THEN CAST(x AS TEXT) ELSE json('[]') END) FROM q), '["fr"]') AS "users"
--- rows
count(*)
3

## BETWEEN
SELECT count(*), count(*) FILTER (WHERE plan BETWEEN 'a' AND 'g') FROM users WHERE amount BETWEEN 1 AND 9.5
--- plan
PATH SCAN users
├─ where (amount >= 1) AND (amount <= 9.5)
└─ compute count(*), count(*) FILTER (WHERE (plan >= 'a') AND (plan <= 'g'))
--- sql
SELECT +"value 1" AS "count(*)", +"value 2" AS "count(*) FILTER (WHERE plan BETWEEN 'a' AND 'g')" FROM sky_scan_1 AS "users"
--- rows
count(*) | count(*) FILTER (WHERE plan BETWEEN 'a' AND 'g')
8 | 2

## NOT BETWEEN
SELECT count(*) FROM users WHERE amount NOT BETWEEN 1 AND 9.5
--- plan
PATH SCAN users
├─ where NOT ((amount >= 1) AND (amount <= 9.5))
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
count(*)
3

## a number compared with text takes the column's affinity
SELECT count(*) FROM users WHERE amount = '9.5' AND items = '1' OR seats < '2'
--- plan
PATH SCAN users
├─ where ((amount = '9.5') AND (items = '1')) OR (seats < '2')
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
count(*)
8

## a text compared with a number takes the column's affinity too
SELECT count(*) FROM users WHERE plan > 5 AND url <> 0
--- plan
PATH SCAN users
├─ where plan > 5
├─ where url <> 0
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
count(*)
5

## two columns
SELECT count(*) FROM users WHERE amount > items AND plan <> country
--- plan
PATH SCAN users
├─ where amount > items
├─ where plan <> country
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
count(*)
5

## arithmetic
SELECT count(*) FROM users WHERE items * 2 + 1 >= 3 AND amount - 0.5 <> 9
--- plan
PATH SCAN users
├─ where ((items * 2) + 1) >= 3
├─ where (amount - 0.5) <> 9
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
count(*)
7

## a bare number is a condition
SELECT count(*) FROM users WHERE items
--- plan
PATH SCAN users
├─ where items
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
count(*)
10

## a constant condition
SELECT count(*) FROM users WHERE 1 AND NULL IS NULL
--- plan
PATH SCAN users
├─ where 1
├─ where NULL IS NULL
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
count(*)
28

## CASE as a condition
SELECT count(*) FROM users WHERE CASE WHEN plan = 'pro' THEN amount > 5 ELSE country = 'de' END
--- plan
PATH SCAN users
├─ where CASE WHEN plan = 'pro' THEN amount > 5 ELSE country = 'de' END
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
count(*)
11

## one object
SELECT plan, count(*) FROM users WHERE object_id = 2 GROUP BY plan
--- plan
PATH SCAN users
├─ where object_id = 2
├─ group by plan
└─ compute count(*)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
plan | count(*)
'basic' | 1
'free' | 2
'pro' | 2

## one object, as text
SELECT plan, count(*) FROM users WHERE object_id = '2' GROUP BY plan
--- plan
PATH SCAN users
├─ where object_id = '2'
├─ group by plan
└─ compute count(*)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
plan | count(*)
'basic' | 1
'free' | 2
'pro' | 2

## an object that is not there
SELECT count(*), max(plan) FROM users WHERE object_id = 99
--- plan
PATH SCAN users
├─ where object_id = 99
└─ compute count(*), max(plan)
--- sql
SELECT +"value 1" AS "count(*)", +"value 2" AS "max(plan)" FROM sky_scan_1 AS "users"
--- rows
count(*) | max(plan)
0 | NULL

## no object has this number
SELECT count(*) FROM users WHERE object_id = 2.5
--- plan
PATH SCAN users
├─ where object_id = 2.5
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
count(*)
0

## some objects
SELECT object_id, count(*) FROM users WHERE object_id IN (1, 6, 99, 9007199254740993) GROUP BY object_id
--- plan
PATH SCAN users
├─ where object_id IN (SELECT value FROM json_each(:p1))
├─ group by object_id
└─ compute count(*)
--- sql
SELECT "key 1" AS "object_id", +"value 1" AS "count(*)" FROM sky_scan_1('[1,6,99,9007199254740993]') AS "users"
--- rows
object_id | count(*)
1 | 6
6 | 4
9007199254740993 | 1

## all objects but some
SELECT object_id, count(*) FROM users WHERE object_id NOT IN (1, 2, 3) AND object_id <> 7 GROUP BY object_id
--- plan
PATH SCAN users
├─ where NOT (object_id IN (SELECT value FROM json_each(:p1)))
├─ where object_id <> 7
├─ group by object_id
└─ compute count(*)
--- sql
SELECT "key 1" AS "object_id", +"value 1" AS "count(*)" FROM sky_scan_1('[1,2,3]') AS "users"
--- rows
object_id | count(*)
4 | 1
5 | 3
6 | 4
9007199254740993 | 1

## objects from an ordinary table
SELECT plan, count(*) FROM users WHERE object_id IN (SELECT id FROM customers WHERE segment = 'a') GROUP BY plan
--- plan
PATH SCAN users
├─ where object_id IN (SELECT value FROM json_each(:p1))
├─ group by plan
└─ compute count(*)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*)" FROM sky_scan_1((WITH q(x) AS (SELECT id FROM customers WHERE segment = 'a') SELECT json_group_array(CASE WHEN typeof(x) IN ('integer', 'null') THEN x WHEN x = CAST(CAST(x AS NUMERIC) AS INTEGER) THEN CAST(CAST(x AS NUMERIC) AS INTEGER) WHEN x = CAST(CAST(x AS REAL) AS INTEGER) THEN CAST(CAST(x AS REAL) AS INTEGER) ELSE json('[]') END) FROM q)) AS "users"
--- rows
plan | count(*)
NULL | 5
'free' | 4
'pro' | 2

## objects that an ordinary table does not have
SELECT object_id, count(*) FROM users WHERE object_id NOT IN (SELECT id FROM customers) GROUP BY object_id
--- plan
PATH SCAN users
├─ where NOT (object_id IN (SELECT value FROM json_each(:p1)))
├─ group by object_id
└─ compute count(*)
--- sql
SELECT "key 1" AS "object_id", +"value 1" AS "count(*)" FROM sky_scan_1((WITH q(x) AS (SELECT id FROM customers) SELECT json_group_array(CASE WHEN typeof(x) IN ('integer', 'null') THEN x WHEN x = CAST(CAST(x AS NUMERIC) AS INTEGER) THEN CAST(CAST(x AS NUMERIC) AS INTEGER) WHEN x = CAST(CAST(x AS REAL) AS INTEGER) THEN CAST(CAST(x AS REAL) AS INTEGER) ELSE json('[]') END) FROM q)) AS "users"
--- rows
object_id | count(*)
4 | 1
6 | 4
7 | 3
9007199254740993 | 1

## objects from the table itself: who bought for more than 9
SELECT action, count(*) FROM users WHERE object_id IN (SELECT object_id FROM users WHERE amount > 9) GROUP BY action
--- plan
PATH SCAN users
├─ where object_id IN (SELECT value FROM json_each(:p1))
├─ group by action
└─ compute count(*)
--- sql
SELECT "key 1" AS "action", +"value 1" AS "count(*)" FROM sky_scan_1((WITH q(x) AS (SELECT object_id FROM users WHERE amount > 9) SELECT json_group_array(CASE WHEN typeof(x) IN ('integer', 'null') THEN x WHEN x = CAST(CAST(x AS NUMERIC) AS INTEGER) THEN CAST(CAST(x AS NUMERIC) AS INTEGER) WHEN x = CAST(CAST(x AS REAL) AS INTEGER) THEN CAST(CAST(x AS REAL) AS INTEGER) ELSE json('[]') END) FROM q)) AS "users"
--- rows
action | count(*)
NULL | 4
'purchase' | 5
'sign up' | 2

## NOT IN with a NULL among them is never true
SELECT count(*) FROM users WHERE object_id NOT IN (SELECT user FROM tags)
--- plan
PATH SCAN users
├─ where NOT (object_id IN (SELECT value FROM json_each(:p1)))
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1((WITH q(x) AS (SELECT user FROM tags) SELECT json_group_array(CASE WHEN typeof(x) IN ('integer', 'null') THEN x WHEN x = CAST(CAST(x AS NUMERIC) AS INTEGER) THEN CAST(CAST(x AS NUMERIC) AS INTEGER) WHEN x = CAST(CAST(x AS REAL) AS INTEGER) THEN CAST(CAST(x AS REAL) AS INTEGER) ELSE json('[]') END) FROM q)) AS "users"
--- rows
count(*)
0

## a scalar subquery
SELECT count(*) FROM users WHERE amount > (SELECT avg(amount) FROM users)
--- plan
PATH SCAN users
└─ compute avg(amount)
--- sql
SELECT count(*) FROM users WHERE amount > (SELECT +"value 1" AS "avg(amount)" FROM sky_scan_1 AS "users")
--- rows
count(*)
4

## from a day on
SELECT action, count(*) FROM users WHERE timestamp >= '2026-02-04' GROUP BY action
--- plain
SELECT action, count(*) FROM users WHERE timestamp >= '2026-02-04 00:00:00.000000' GROUP BY action
--- plan
PATH SCAN users
├─ where timestamp >= '2026-02-04'
├─ group by action
└─ compute count(*)
--- sql
SELECT "key 1" AS "action", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
action | count(*)
NULL | 3
'purchase' | 5
'sign up' | 2
'visit' | 3

## until a moment in another form, and another zone
SELECT count(*) FROM users WHERE timestamp <= '2026-01-05T13:00:00+01:00' AND timestamp < '2026-01-05T12:00:00.000001Z'
--- plain
SELECT count(*) FROM users WHERE ts <= 1767614400000000
--- plan
PATH SCAN users
├─ where timestamp <= '2026-01-05T13:00:00+01:00'
├─ where timestamp < '2026-01-05T12:00:00.000001Z'
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
count(*)
6

## a moment exactly
SELECT count(*) FROM users WHERE timestamp = '2026-02-03T10:11:12.000001Z' OR '2026-01-10' = timestamp
--- plain
SELECT count(*) FROM users WHERE timestamp IN ('2026-02-03 10:11:12.000001', '2026-01-10 00:00:00.000000')
--- plan
PATH SCAN users
├─ where (timestamp = sky_timestamp('2026-02-03T10:11:12.000001Z')) OR (timestamp = sky_timestamp('2026-01-10'))
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
count(*)
3

## a moment in microseconds
SELECT count(*) FROM users WHERE timestamp > 1767614400000000
--- plain
SELECT count(*) FROM users WHERE ts > 1767614400000000
--- plan
PATH SCAN users
├─ where timestamp > 1767614400000000
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
count(*)
22

## moments between
SELECT count(*) FROM users WHERE timestamp BETWEEN '2026-01-10' AND '2026-02-01'
--- plain
SELECT count(*) FROM users WHERE timestamp BETWEEN '2026-01-10 00:00:00.000000' AND '2026-02-01 00:00:00.000000'
--- plan
PATH SCAN users
├─ where (timestamp >= sky_timestamp('2026-01-10')) AND (timestamp <= sky_timestamp('2026-02-01'))
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
count(*)
7

## one of some moments
SELECT count(*) FROM users WHERE timestamp IN ('2026-01-10', '2026-03-01T00:00')
--- plain
SELECT count(*) FROM users WHERE timestamp IN ('2026-01-10 00:00:00.000000', '2026-03-01 00:00:00.000000')
--- plan
PATH SCAN users
├─ where (timestamp = sky_timestamp('2026-01-10')) OR (timestamp = sky_timestamp('2026-03-01T00:00'))
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
count(*)
6

## a moment as a parameter
SELECT count(*) FROM users WHERE timestamp < :until
--- parameters
{"until": "2026-01-15T08:30"}
--- plain
SELECT count(*) FROM users WHERE timestamp < strftime('%Y-%m-%d %H:%M:%f', :until) || '000'
--- plan
PATH SCAN users
├─ where timestamp < :p1
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1(ifnull(sky_timestamp(:until), x'736b79006e756c6c')) AS "users"
--- rows
count(*)
9

## a moment that is computed
SELECT count(*) FROM users WHERE timestamp >= datetime('2026-02-08 20:00:00', '-1 day')
--- plain
SELECT count(*) FROM users WHERE timestamp >= '2026-02-07 20:00:00.000000'
--- plan
PATH SCAN users
├─ where timestamp >= :p1
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1(ifnull(sky_timestamp(datetime('2026-02-08 20:00:00', '-1 day')), x'736b79006e756c6c')) AS "users"
--- rows
count(*)
9

## a moment from a subquery
SELECT count(*) FROM users WHERE timestamp > (SELECT min(created_at) FROM orders)
--- plain
SELECT count(*) FROM users WHERE timestamp > '2026-01-01 00:00:00.000000'
--- plan
--- sql
SELECT count(*) FROM users WHERE timestamp > sky_timestamp((SELECT min(created_at) FROM orders))
--- rows
count(*)
27

## the hidden ts
SELECT count(*) FROM users WHERE ts >= 1767614400000000 AND ts % 2 = 0
--- plan
PATH SCAN users
├─ where ts >= 1767614400000000
├─ where (ts % 2) = 0
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
count(*)
22

## events that change something
SELECT count(*) FROM users WHERE changes IS NOT NULL
--- plan
PATH SCAN users
├─ where NOT (changes IS NULL)
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
count(*)
14

## a qualified name, an alias, a quoted name
SELECT u."plan", count(*) FROM main.users AS u WHERE u.action = 'purchase' AND "country" IS NULL GROUP BY u.plan
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ where country IS NULL
├─ group by plan
└─ compute count(*)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*)" FROM sky_scan_1 AS "u"
--- rows
plan | count(*)
'pro' | 2
