# Columns and aggregates: what is counted and computed over all events.
# The first case shows the whole history in path order; all other rows can be read off it.

## the history, which no scan takes up
SELECT object_id, timestamp, action, plan, country, seats, amount, items, url FROM users ORDER BY object_id, timestamp
--- plain
SELECT object_id, timestamp, action, plan, country, seats, amount, items, url FROM users ORDER BY rowid
--- plan
--- sql
(as it is)
--- rows
object_id | timestamp | action | plan | country | seats | amount | items | url
1 | '2026-01-01 09:00:00.000000' | 'sign up' | 'free' | 'de' | NULL | NULL | NULL | NULL
1 | '2026-01-05 12:00:00.000000' | 'purchase' | 'free' | 'de' | NULL | 9.5 | 1 | '/a'
1 | '2026-01-05 12:00:00.000000' | NULL | 'pro' | 'de' | 5 | NULL | NULL | NULL
1 | '2026-01-15 08:30:00.000000' | 'purchase' | 'pro' | 'de' | 5 | 5.25 | 1 | NULL
1 | '2026-02-07 00:00:00.000000' | NULL | NULL | 'de' | 5 | NULL | NULL | NULL
1 | '2026-02-08 20:00:00.000000' | 'purchase' | NULL | 'de' | 5 | 3.0 | -2 | NULL
2 | '2026-01-02 10:00:00.000000' | 'sign up' | 'free' | 'fr' | 1 | NULL | NULL | NULL
2 | '2026-01-10 00:00:00.000000' | 'purchase' | 'free' | 'fr' | 1 | 20.0 | 2 | '/b'
2 | '2026-01-10 00:00:00.000000' | NULL | 'basic' | 'fr' | 1 | NULL | NULL | NULL
2 | '2026-02-01 00:00:00.000000' | NULL | 'pro' | NULL | 1 | NULL | NULL | NULL
2 | '2026-02-03 10:11:12.000001' | 'purchase' | 'pro' | NULL | 1 | 9.5 | NULL | '/a'
3 | '2026-01-02 11:00:00.000000' | 'sign up' | NULL | 'de' | NULL | NULL | NULL | NULL
3 | '2026-01-20 00:00:00.000000' | 'purchase' | NULL | 'de' | NULL | 7.75 | 1 | '/a'
3 | '2026-02-03 17:00:00.000000' | 'purchase' | NULL | 'de' | NULL | NULL | 3 | NULL
3 | '2026-02-04 00:00:00.000000' | NULL | 'free' | 'de' | NULL | NULL | NULL | NULL
3 | '2026-02-04 00:00:00.000001' | 'purchase' | 'free' | 'de' | NULL | 1.25 | 1 | '/A'
4 | '2026-02-05 06:00:00.000000' | 'visit' | NULL | NULL | NULL | NULL | NULL | '/b'
5 | '2025-12-31 23:59:59.999999' | 'sign up' | 'pro' | '' | 2 | NULL | NULL | NULL
5 | '2026-01-10 15:00:00.000000' | NULL | 'pro' | 'fr' | 2 | NULL | NULL | NULL
5 | '2026-01-15 08:30:00.000000' | 'purchase' | 'pro' | 'fr' | 2 | -4.0 | 1 | NULL
6 | '2026-03-01 00:00:00.000000' | 'sign up' | 'pro' | NULL | NULL | NULL | NULL | NULL
6 | '2026-03-01 00:00:00.000000' | 'purchase' | 'pro' | NULL | NULL | 2.5 | 0 | ''
6 | '2026-03-01 00:00:00.000000' | NULL | 'basic' | 'fr' | NULL | NULL | NULL | NULL
6 | '2026-03-02 00:00:00.000000' | 'purchase' | 'pro' | 'fr' | NULL | 2.5 | 1 | NULL
7 | '2026-02-10 00:00:00.000000' | 'visit' | NULL | NULL | NULL | NULL | NULL | '/%_x'
7 | '2026-02-10 12:00:00.000000' | 'sign up' | 'Free' | 'DE' | -1 | NULL | NULL | NULL
7 | '2026-02-11 12:00:00.000000' | 'purchase' | 'Free' | 'DE' | -1 | 0.5 | 9007199254740993 | NULL
9007199254740993 | '2026-03-01 00:00:00.000000' | 'visit' | NULL | NULL | NULL | NULL | NULL | '/b'

## number of events
SELECT count(*) FROM users
--- plan
PATH SCAN users
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
count(*)
28

## a function's own name is kept as it was written
SELECT COUNT( * ), Sum(amount) FROM users
--- plan
PATH SCAN users
└─ compute count(*), sum(amount)
--- sql
SELECT +"value 1" AS "COUNT( * )", +"value 2" AS "Sum(amount)" FROM sky_scan_1 AS "users"
--- rows
COUNT( * ) | Sum(amount)
28 | 57.75

## state at the time of the action
SELECT plan, count(*) FROM users GROUP BY plan
--- plan
PATH SCAN users
├─ group by plan
└─ compute count(*)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
plan | count(*)
NULL | 8
'Free' | 2
'basic' | 2
'free' | 6
'pro' | 10

## every aggregate of a REAL attribute
SELECT action, count(amount), sum(amount), total(amount), avg(amount), min(amount), max(amount) FROM users GROUP BY action
--- plan
PATH SCAN users
├─ group by action
└─ compute count(amount), sum(amount), total(amount), avg(amount), min(amount), max(amount)
--- sql
SELECT "key 1" AS "action", +"value 1" AS "count(amount)", +"value 2" AS "sum(amount)", +"value 3" AS "total(amount)", +"value 4" AS "avg(amount)", +"value 5" AS "min(amount)", +"value 6" AS "max(amount)" FROM sky_scan_1 AS "users"
--- rows
action | count(amount) | sum(amount) | total(amount) | avg(amount) | min(amount) | max(amount)
NULL | 0 | NULL | 0.0 | NULL | NULL | NULL
'purchase' | 11 | 57.75 | 57.75 | 5.25 | -4.0 | 20.0
'sign up' | 0 | NULL | 0.0 | NULL | NULL | NULL
'visit' | 0 | NULL | 0.0 | NULL | NULL | NULL

## an INTEGER attribute that does not fit into a double
SELECT sum(items), total(items), avg(items), min(items), max(items), count(items) FROM users
--- plan
PATH SCAN users
└─ compute sum(items), total(items), avg(items), min(items), max(items), count(items)
--- sql
SELECT +"value 1" AS "sum(items)", +"value 2" AS "total(items)", +"value 3" AS "avg(items)", +"value 4" AS "min(items)", +"value 5" AS "max(items)", +"value 6" AS "count(items)" FROM sky_scan_1 AS "users"
--- rows
sum(items) | total(items) | avg(items) | min(items) | max(items) | count(items)
9007199254741002 | 9007199254741002.0 | 818836295885545.6 | -2 | 9007199254740993 | 11

## a state of kind INTEGER counts at every event while it holds
SELECT sum(seats), count(seats), avg(seats), max(seats), min(seats) FROM users
--- plan
PATH SCAN users
└─ compute sum(seats), count(seats), avg(seats), max(seats), min(seats)
--- sql
SELECT +"value 1" AS "sum(seats)", +"value 2" AS "count(seats)", +"value 3" AS "avg(seats)", +"value 4" AS "max(seats)", +"value 5" AS "min(seats)" FROM sky_scan_1 AS "users"
--- rows
sum(seats) | count(seats) | avg(seats) | max(seats) | min(seats)
29 | 14 | 2.0714285714285716 | 5 | -1

## extremes of texts and of times
SELECT min(url), max(url), min(plan), max(country), min(timestamp), max(timestamp) FROM users
--- plan
PATH SCAN users
└─ compute min(url), max(url), min(plan), max(country), min(timestamp), max(timestamp)
--- sql
SELECT +"value 1" AS "min(url)", +"value 2" AS "max(url)", +"value 3" AS "min(plan)", +"value 4" AS "max(country)", +"value 5" AS "min(timestamp)", +"value 6" AS "max(timestamp)" FROM sky_scan_1 AS "users"
--- rows
min(url) | max(url) | min(plan) | max(country) | min(timestamp) | max(timestamp)
'' | '/b' | 'Free' | 'fr' | '2025-12-31 23:59:59.999999' | '2026-03-02 00:00:00.000000'

## sums of texts
SELECT sum(url), total(plan), avg(country) FROM users
--- plan
PATH SCAN users
└─ compute sum(url), total(plan), avg(country)
--- sql
SELECT +"value 1" AS "sum(url)", +"value 2" AS "total(plan)", +"value 3" AS "avg(country)" FROM sky_scan_1 AS "users"
--- rows
sum(url) | total(plan) | avg(country)
0.0 | 0.0 | 0.0

## nothing is left
SELECT count(*), count(amount), sum(amount), total(amount), avg(amount), min(url), max(items) FROM users WHERE action = 'no such'
--- plan
PATH SCAN users
├─ where action = 'no such'
└─ compute count(*), count(amount), sum(amount), total(amount), avg(amount), min(url), max(items)
--- sql
SELECT +"value 1" AS "count(*)", +"value 2" AS "count(amount)", +"value 3" AS "sum(amount)", +"value 4" AS "total(amount)", +"value 5" AS "avg(amount)", +"value 6" AS "min(url)", +"value 7" AS "max(items)" FROM sky_scan_1 AS "users"
--- rows
count(*) | count(amount) | sum(amount) | total(amount) | avg(amount) | min(url) | max(items)
0 | 0 | NULL | 0.0 | NULL | NULL | NULL

## nothing is left of any group
SELECT plan, count(*), sum(amount) FROM users WHERE action = 'no such' GROUP BY plan
--- plan
PATH SCAN users
├─ where action = 'no such'
├─ group by plan
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*)", +"value 2" AS "sum(amount)" FROM sky_scan_1 AS "users"
--- rows
plan | count(*) | sum(amount)

## DISTINCT inside
SELECT count(DISTINCT object_id), count(DISTINCT plan), count(DISTINCT amount), count(DISTINCT url) FROM users
--- plan
PATH SCAN users
└─ compute count(DISTINCT object_id), count(DISTINCT plan), count(DISTINCT amount), count(DISTINCT url)
--- sql
SELECT +"value 1" AS "count(DISTINCT object_id)", +"value 2" AS "count(DISTINCT plan)", +"value 3" AS "count(DISTINCT amount)", +"value 4" AS "count(DISTINCT url)" FROM sky_scan_1 AS "users"
--- rows
count(DISTINCT object_id) | count(DISTINCT plan) | count(DISTINCT amount) | count(DISTINCT url)
8 | 4 | 9 | 5

## DISTINCT in each group
SELECT country, count(DISTINCT object_id), count(DISTINCT action) FROM users GROUP BY country
--- plan
PATH SCAN users
├─ group by country
└─ compute count(DISTINCT object_id), count(DISTINCT action)
--- sql
SELECT "key 1" AS "country", +"value 1" AS "count(DISTINCT object_id)", +"value 2" AS "count(DISTINCT action)" FROM sky_scan_1 AS "users"
--- rows
country | count(DISTINCT object_id) | count(DISTINCT action)
NULL | 5 | 3
'' | 1 | 1
'DE' | 1 | 2
'de' | 2 | 2
'fr' | 3 | 2

## a sum of distinct values is SQLite's
SELECT sum(DISTINCT amount), total(DISTINCT items % 4), min(DISTINCT url) FROM users
--- plan
PATH SCAN users
└─ compute sum(DISTINCT amount), total(DISTINCT items % 4), min(url)
--- sql
SELECT +"value 1" AS "sum(DISTINCT amount)", +"value 2" AS "total(DISTINCT items % 4)", +"value 3" AS "min(DISTINCT url)" FROM sky_scan_1 AS "users"
--- rows
sum(DISTINCT amount) | total(DISTINCT items % 4) | min(DISTINCT url)
45.75 | 4.0 | ''

## FILTER
SELECT plan, count(*) FILTER (WHERE action = 'purchase'), sum(amount) FILTER (WHERE country = 'de' OR country IS NULL) FROM users GROUP BY plan
--- plan
PATH SCAN users
├─ group by plan
└─ compute count(*) FILTER (WHERE action = 'purchase'), sum(amount) FILTER (WHERE (country = 'de') OR (country IS NULL))
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*) FILTER (WHERE action = 'purchase')", +"value 2" AS "sum(amount) FILTER (WHERE country = 'de' OR country IS NULL)" FROM sky_scan_1 AS "users"
--- rows
plan | count(*) FILTER (WHERE action = 'purchase') | sum(amount) FILTER (WHERE country = 'de' OR country IS NULL)
NULL | 3 | 10.75
'Free' | 1 | NULL
'basic' | 0 | NULL
'free' | 3 | 10.75
'pro' | 5 | 17.25

## arithmetic inside, over NULLs
SELECT plan, sum(amount * items), sum(amount + 1), sum(items / 2), sum(items % 2), sum(amount / 0) FROM users GROUP BY plan
--- plan
PATH SCAN users
├─ group by plan
└─ compute sum(amount * items), sum(amount + 1), sum(items / 2), sum(items % 2), sum(amount / 0)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "sum(amount * items)", +"value 2" AS "sum(amount + 1)", +"value 3" AS "sum(items / 2)", +"value 4" AS "sum(items % 2)", +"value 5" AS "sum(amount / 0)" FROM sky_scan_1 AS "users"
--- rows
plan | sum(amount * items) | sum(amount + 1) | sum(items / 2) | sum(items % 2) | sum(amount / 0)
NULL | 1.75 | 12.75 | 0 | 2 | NULL
'Free' | 4503599627370496.0 | 1.5 | 4503599627370496 | 1 | NULL
'basic' | NULL | NULL | NULL | NULL | NULL
'free' | 50.75 | 33.75 | 1 | 2 | NULL
'pro' | 3.75 | 20.75 | 0 | 3 | NULL

## expressions around aggregates
SELECT plan, sum(amount) / count(amount) AS mean, 100 * count(*) + 1, -max(items), count(*) > 3 FROM users GROUP BY plan
--- plan
PATH SCAN users
├─ group by plan
└─ compute sum(amount), count(amount), count(*), max(items)
--- sql
SELECT "key 1" AS "plan", +"value 1" / +"value 2" AS mean, 100 * +"value 3" + 1 AS "100 * count(*) + 1", -+"value 4" AS "-max(items)", +"value 3" > 3 AS "count(*) > 3" FROM sky_scan_1 AS "users"
--- rows
plan | mean | 100 * count(*) + 1 | -max(items) | count(*) > 3
NULL | 5.375 | 801 | -3 | 1
'Free' | 0.5 | 201 | -9007199254740993 | 0
'basic' | NULL | 201 | NULL | 0
'free' | 10.25 | 601 | -2 | 1
'pro' | 3.15 | 1001 | -1 | 1

## a product that leaves the integers is REAL
SELECT max(ts * 1000000), max(items * 4096) FROM users WHERE object_id > 6
--- plan
PATH SCAN users
├─ where object_id > 6
└─ compute max(ts * 1000000), max(items * 4096)
--- sql
SELECT +"value 1" AS "max(ts * 1000000)", +"value 2" AS "max(items * 4096)" FROM sky_scan_1 AS "users"
--- rows
max(ts * 1000000) | max(items * 4096)
1.7723232e+21 | 3.6893488147419103e+19

## a sum that leaves the integers is an error
SELECT sum(object_id * 1000 + 300000000000000000) FROM users
--- plan
PATH SCAN users
└─ compute sum((object_id * 1000) + 300000000000000000)
--- sql
SELECT +"value 1" AS "sum(object_id * 1000 + 300000000000000000)" FROM sky_scan_1 AS "users"
--- rows
sum(object_id * 1000 + 300000000000000000)
1.7407199254741086e+19

## total() and avg() of what sum() cannot be
SELECT total(object_id * 1000 + 300000000000000000) > 1e19, avg(object_id * 1000 + 300000000000000000) > 6e17 FROM users
--- plan
PATH SCAN users
└─ compute total((object_id * 1000) + 300000000000000000), avg((object_id * 1000) + 300000000000000000)
--- sql
SELECT +"value 1" > 1e19 AS "total(object_id * 1000 + 300000000000000000) > 1e19", +"value 2" > 6e17 AS "avg(object_id * 1000 + 300000000000000000) > 6e17" FROM sky_scan_1 AS "users"
--- rows
total(object_id * 1000 + 300000000000000000) > 1e19 | avg(object_id * 1000 + 300000000000000000) > 6e17
1 | 1

## group_concat is SQLite's, over what is left
SELECT object_id, group_concat(action), group_concat(plan, '/') FROM users WHERE action <> 'visit' GROUP BY object_id
--- plan
PATH SCAN users
├─ where action <> 'visit'
├─ group by object_id
└─ compute group_concat(action), group_concat(plan, '/')
--- sql
SELECT "key 1" AS "object_id", +"value 1" AS "group_concat(action)", +"value 2" AS "group_concat(plan, '/')" FROM sky_scan_1 AS "users"
--- rows
object_id | group_concat(action) | group_concat(plan, '/')
1 | 'sign up,purchase,purchase,purchase' | 'free/free/pro'
2 | 'sign up,purchase,purchase' | 'free/free/pro'
3 | 'sign up,purchase,purchase,purchase' | 'free'
5 | 'sign up,purchase' | 'pro/pro'
6 | 'sign up,purchase,purchase' | 'pro/pro/pro'
7 | 'sign up,purchase' | 'Free/Free'

## an aggregate of an expression that only SQLite knows
SELECT plan, sum(length(url)), max(upper(url)), count(nullif(url, '/a')) FROM users GROUP BY plan
--- plan
PATH SCAN users
├─ group by plan
└─ compute sum(length(url)), max(upper(url)), count(nullif(url, '/a'))
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "sum(length(url))", +"value 2" AS "max(upper(url))", +"value 3" AS "count(nullif(url, '/a'))" FROM sky_scan_1 AS "users"
--- rows
plan | sum(length(url)) | max(upper(url)) | count(nullif(url, '/a'))
NULL | 10 | '/B' | 3
'Free' | NULL | NULL | 0
'basic' | NULL | NULL | 0
'free' | 6 | '/B' | 2
'pro' | 2 | '/A' | 1

## CASE inside
SELECT sum(CASE WHEN plan = 'pro' THEN amount ELSE 0 END) AS pro, sum(CASE plan WHEN 'free' THEN 1 END) AS free FROM users
--- plan
PATH SCAN users
└─ compute sum(CASE WHEN plan = 'pro' THEN amount ELSE 0 END), sum(CASE plan WHEN 'free' THEN 1 END)
--- sql
SELECT +"value 1" AS pro, +"value 2" AS free FROM sky_scan_1 AS "users"
--- rows
pro | free
15.75 | 6

## SELECT DISTINCT
SELECT DISTINCT plan, country FROM users ORDER BY 1, 2
--- plan
PATH SCAN users
└─ group by plan, country
--- sql
SELECT DISTINCT "key 1" AS "plan", "key 2" AS "country" FROM sky_scan_1 AS "users" ORDER BY 1, 2
--- rows
plan | country
NULL | NULL
NULL | 'de'
'Free' | 'DE'
'basic' | 'fr'
'free' | 'de'
'free' | 'fr'
'pro' | NULL
'pro' | ''
'pro' | 'de'
'pro' | 'fr'

## SELECT DISTINCT over groups
SELECT DISTINCT count(*) FROM users GROUP BY object_id ORDER BY 1
--- plan
PATH SCAN users
├─ group by object_id
└─ compute count(*)
--- sql
SELECT DISTINCT +"value 1" AS "count(*)" FROM sky_scan_1 AS "users" ORDER BY 1
--- rows
count(*)
1
3
4
5
6

## HAVING, ORDER BY an aggregate that is not shown, LIMIT
SELECT plan FROM users GROUP BY plan HAVING count(*) > 2 ORDER BY sum(amount) DESC LIMIT 2
--- plan
PATH SCAN users
├─ group by plan
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS "plan" FROM sky_scan_1 AS "users" WHERE +"value 1" > 2 ORDER BY +"value 2" DESC LIMIT 2
--- rows
plan
'free'
'pro'

## window functions over the groups
SELECT plan, count(*) AS n, rank() OVER (ORDER BY count(*) DESC) AS place, sum(count(*)) OVER (ORDER BY plan) FROM users GROUP BY plan ORDER BY plan
--- plan
PATH SCAN users
├─ group by plan
└─ compute count(*)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS n, rank() OVER (ORDER BY +"value 1" DESC) AS place, sum(+"value 1") OVER (ORDER BY "key 1") AS "sum(count(*)) OVER (ORDER BY plan)" FROM sky_scan_1 AS "users" ORDER BY "key 1"
--- rows
plan | n | place | sum(count(*)) OVER (ORDER BY plan)
NULL | 8 | 2 | 8
'Free' | 2 | 4 | 10
'basic' | 2 | 4 | 12
'free' | 6 | 3 | 18
'pro' | 10 | 1 | 28

## the hidden columns, read because they are named
SELECT max(ts), count(changes), min(ts % 1000000) FROM users
--- plan
PATH SCAN users
└─ compute max(ts), count(changes), min(ts % 1000000)
--- sql
SELECT +"value 1" AS "max(ts)", +"value 2" AS "count(changes)", +"value 3" AS "min(ts % 1000000)" FROM sky_scan_1 AS "users"
--- rows
max(ts) | count(changes) | min(ts % 1000000)
1772409600000000 | 14 | 0

## one of two parameters is used twice
SELECT count(*), sum(amount * :by), :unit FROM users WHERE amount > :by
--- parameters
{"by": 2, "unit": "EUR"}
--- plan
PATH SCAN users
├─ where amount > :p1
└─ compute count(*), sum(amount * :p1)
--- sql
SELECT +"value 1" AS "count(*)", +"value 2" AS "sum(amount * :by)", :unit FROM sky_scan_1(ifnull(:by, x'736b79006e756c6c')) AS "users"
--- rows
count(*) | sum(amount * :by) | :unit
8 | 120.0 | 'EUR'

## parameters by position
SELECT ?, plan, count(*) FROM users WHERE amount > ? GROUP BY plan HAVING count(*) >= ?
--- parameters
["x", 1, 2]
--- plan
PATH SCAN users
├─ where amount > :p1
├─ group by plan
└─ compute count(*)
--- sql
SELECT ?1 AS "?", "key 1" AS "plan", +"value 1" AS "count(*)" FROM sky_scan_1(ifnull(?2, x'736b79006e756c6c')) AS "users" WHERE +"value 1" >= ?3
--- rows
? | plan | count(*)
'x' | NULL | 2
'x' | 'free' | 3
'x' | 'pro' | 4
