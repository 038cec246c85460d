# Group expressions and time buckets.

## two keys
SELECT plan, country, count(*) FROM users GROUP BY plan, country
--- plan
PATH SCAN users
├─ group by plan, country
└─ compute count(*)
--- sql
SELECT "key 1" AS "plan", "key 2" AS "country", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
plan | country | count(*)
NULL | NULL | 3
NULL | 'de' | 5
'Free' | 'DE' | 2
'basic' | 'fr' | 2
'free' | 'de' | 4
'free' | 'fr' | 2
'pro' | NULL | 4
'pro' | '' | 1
'pro' | 'de' | 2
'pro' | 'fr' | 3

## keys in another order than they are shown, one not shown
SELECT count(*), country FROM users GROUP BY plan, country, seats
--- plan
PATH SCAN users
├─ group by plan, country, seats
└─ compute count(*)
--- sql
SELECT +"value 1" AS "count(*)", "key 2" AS "country" FROM sky_scan_1 AS "users"
--- rows
count(*) | country
1 | ''
1 | 'fr'
1 | 'fr'
1 | 'fr'
2 | NULL
2 | NULL
2 | 'DE'
2 | 'de'
2 | 'de'
2 | 'fr'
2 | 'fr'
3 | NULL
3 | 'de'
4 | 'de'

## by position and by alias
SELECT country AS land, plan, count(*) AS n FROM users GROUP BY land, 2 ORDER BY n DESC, land, plan
--- plan
PATH SCAN users
├─ group by country, plan
└─ compute count(*)
--- sql
SELECT "key 1" AS land, "key 2" AS "plan", +"value 1" AS n FROM sky_scan_1 AS "users" ORDER BY n DESC, land, "key 2"
--- rows
land | plan | n
'de' | NULL | 5
NULL | 'pro' | 4
'de' | 'free' | 4
NULL | NULL | 3
'fr' | 'pro' | 3
'DE' | 'Free' | 2
'de' | 'pro' | 2
'fr' | 'basic' | 2
'fr' | 'free' | 2
'' | 'pro' | 1

## an alias that is a column's name too means the column
SELECT country AS plan, count(*) FROM users GROUP BY plan ORDER BY 2, 1 LIMIT 0
--- plan
--- sql
(as it is)
--- rows
plan | count(*)

## by a number
SELECT items, count(*) FROM users GROUP BY items
--- plan
PATH SCAN users
├─ group by items
└─ compute count(*)
--- sql
SELECT "key 1" AS "items", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
items | count(*)
NULL | 17
-2 | 1
0 | 1
1 | 6
2 | 1
3 | 1
9007199254740993 | 1

## by a REAL
SELECT amount, count(*) FROM users WHERE action = 'purchase' GROUP BY amount ORDER BY amount
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by amount
└─ compute count(*)
--- sql
SELECT "key 1" AS "amount", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users" ORDER BY "key 1"
--- rows
amount | count(*)
NULL | 1
-4.0 | 1
0.5 | 1
1.25 | 1
2.5 | 2
3.0 | 1
5.25 | 1
7.75 | 1
9.5 | 2
20.0 | 1

## by object
SELECT object_id, count(*), count(DISTINCT plan), sum(amount) FROM users GROUP BY object_id
--- plan
PATH SCAN users
├─ group by object_id
└─ compute count(*), count(DISTINCT plan), sum(amount)
--- sql
SELECT "key 1" AS "object_id", +"value 1" AS "count(*)", +"value 2" AS "count(DISTINCT plan)", +"value 3" AS "sum(amount)" FROM sky_scan_1 AS "users"
--- rows
object_id | count(*) | count(DISTINCT plan) | sum(amount)
1 | 6 | 2 | 17.75
2 | 5 | 3 | 29.5
3 | 5 | 1 | 9.0
4 | 1 | 0 | NULL
5 | 3 | 1 | -4.0
6 | 4 | 2 | 5.0
7 | 3 | 1 | 0.5
9007199254740993 | 1 | 0 | NULL

## by arithmetic
SELECT items % 2 AS odd, seats + 1, count(*) FROM users GROUP BY items % 2, seats + 1
--- plan
PATH SCAN users
├─ group by items % 2, seats + 1
└─ compute count(*)
--- sql
SELECT +"key 1" AS odd, +"key 2" AS "seats + 1", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
odd | seats + 1 | count(*)
NULL | NULL | 8
NULL | 0 | 1
NULL | 2 | 4
NULL | 3 | 2
NULL | 6 | 2
0 | NULL | 1
0 | 2 | 1
0 | 6 | 1
1 | NULL | 5
1 | 0 | 1
1 | 3 | 1
1 | 6 | 1

## by a condition
SELECT amount > 5, plan IS NULL, count(*) FROM users GROUP BY amount > 5, plan IS NULL
--- plan
PATH SCAN users
├─ group by amount > 5, plan IS NULL
└─ compute count(*)
--- sql
SELECT +"key 1" AS "amount > 5", +"key 2" AS "plan IS NULL", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
amount > 5 | plan IS NULL | count(*)
NULL | 0 | 11
NULL | 1 | 6
0 | 0 | 5
0 | 1 | 1
1 | 0 | 4
1 | 1 | 1

## by CASE
SELECT CASE WHEN plan = 'pro' THEN 'paying' WHEN plan IS NULL THEN 'none' ELSE plan || '!' END AS kind, count(*) FROM users GROUP BY kind
--- plan
PATH SCAN users
├─ group by CASE WHEN plan = 'pro' THEN 'paying' WHEN plan IS NULL THEN 'none' ELSE plan || '!' END
└─ compute count(*)
--- sql
SELECT +"key 1" AS kind, +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
kind | count(*)
'Free!' | 2
'basic!' | 2
'free!' | 6
'none' | 8
'paying' | 10

## by a function of a text
SELECT upper(plan), length(country), count(*) FROM users GROUP BY upper(plan), length(country)
--- plan
PATH SCAN users
├─ group by upper(plan), length(country)
└─ compute count(*)
--- sql
SELECT +"key 1" AS "upper(plan)", +"key 2" AS "length(country)", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
upper(plan) | length(country) | count(*)
NULL | NULL | 3
NULL | 2 | 5
'BASIC' | 2 | 2
'FREE' | 2 | 8
'PRO' | NULL | 4
'PRO' | 0 | 1
'PRO' | 2 | 5

## by functions whose names sqlglot would print anew
SELECT ifnull(plan, 'none'), substr(country, 1, 1), count(*) FROM users GROUP BY ifnull(plan, 'none'), substr(country, 1, 1)
--- plan
PATH SCAN users
├─ group by ifnull(plan, 'none'), substr(country, 1, 1)
└─ compute count(*)
--- sql
SELECT +"key 1" AS "ifnull(plan, 'none')", +"key 2" AS "substr(country, 1, 1)", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
ifnull(plan, 'none') | substr(country, 1, 1) | count(*)
'Free' | 'D' | 2
'basic' | 'f' | 2
'free' | 'd' | 4
'free' | 'f' | 2
'none' | NULL | 3
'none' | 'd' | 5
'pro' | NULL | 4
'pro' | '' | 1
'pro' | 'd' | 2
'pro' | 'f' | 3

## by a function of several columns
SELECT coalesce(url, plan, '-') AS x, count(*) FROM users GROUP BY x
--- plan
PATH SCAN users
├─ group by coalesce(url, plan, '-')
└─ compute count(*)
--- sql
SELECT +"key 1" AS x, +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
x | count(*)
'' | 1
'-' | 4
'/%_x' | 1
'/A' | 1
'/a' | 3
'/b' | 3
'Free' | 2
'basic' | 2
'free' | 3
'pro' | 8

## an expression over keys
SELECT plan || '/' || country, count(*) FROM users GROUP BY plan, country
--- plan
PATH SCAN users
├─ group by plan, country
└─ compute count(*)
--- sql
SELECT "key 1" || '/' || "key 2" AS "plan || '/' || country", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
plan || '/' || country | count(*)
NULL | 3
NULL | 4
NULL | 5
'Free/DE' | 2
'basic/fr' | 2
'free/de' | 4
'free/fr' | 2
'pro/' | 1
'pro/de' | 2
'pro/fr' | 3

## by day
SELECT date(timestamp), count(*) FROM users GROUP BY date(timestamp)
--- plan
PATH SCAN users
├─ group by date(timestamp)
└─ compute count(*)
--- sql
SELECT +"key 1" AS "date(timestamp)", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
date(timestamp) | count(*)
'2025-12-31' | 1
'2026-01-01' | 1
'2026-01-02' | 2
'2026-01-05' | 2
'2026-01-10' | 3
'2026-01-15' | 2
'2026-01-20' | 1
'2026-02-01' | 1
'2026-02-03' | 2
'2026-02-04' | 2
'2026-02-05' | 1
'2026-02-07' | 1
'2026-02-08' | 1
'2026-02-10' | 2
'2026-02-11' | 1
'2026-03-01' | 4
'2026-03-02' | 1

## by month
SELECT strftime('%Y-%m', timestamp) AS month, count(*), sum(amount) FROM users GROUP BY month ORDER BY month
--- plan
PATH SCAN users
├─ group by strftime('%Y-%m', timestamp)
└─ compute count(*), sum(amount)
--- sql
SELECT +"key 1" AS month, +"value 1" AS "count(*)", +"value 2" AS "sum(amount)" FROM sky_scan_1 AS "users" ORDER BY month
--- rows
month | count(*) | sum(amount)
'2025-12' | 1 | NULL
'2026-01' | 11 | 38.5
'2026-02' | 11 | 14.25
'2026-03' | 5 | 5.0

## by month, as a prefix of the text
SELECT substr(timestamp, 1, 7), count(*) FROM users GROUP BY 1
--- plan
PATH SCAN users
├─ group by substr(timestamp, 1, 7)
└─ compute count(*)
--- sql
SELECT +"key 1" AS "substr(timestamp, 1, 7)", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
substr(timestamp, 1, 7) | count(*)
'2025-12' | 1
'2026-01' | 11
'2026-02' | 11
'2026-03' | 5

## by hour of the day
SELECT strftime('%H', timestamp) AS hour, count(*) FROM users WHERE action = 'purchase' GROUP BY hour
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by strftime('%H', timestamp)
└─ compute count(*)
--- sql
SELECT +"key 1" AS hour, +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
hour | count(*)
'00' | 5
'08' | 2
'10' | 1
'12' | 2
'17' | 1
'20' | 1

## by the start of the month, by week
SELECT date(timestamp, 'start of month') AS month, strftime('%W', timestamp) AS week, count(*) FROM users GROUP BY month, week
--- plan
PATH SCAN users
├─ group by date(timestamp, 'start of month'), strftime('%W', timestamp)
└─ compute count(*)
--- sql
SELECT +"key 1" AS month, +"key 2" AS week, +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
month | week | count(*)
'2025-12-01' | '52' | 1
'2026-01-01' | '00' | 3
'2026-01-01' | '01' | 5
'2026-01-01' | '02' | 2
'2026-01-01' | '03' | 1
'2026-02-01' | '04' | 1
'2026-02-01' | '05' | 7
'2026-02-01' | '06' | 3
'2026-03-01' | '08' | 4
'2026-03-01' | '09' | 1

## by the day in another zone
SELECT date(timestamp, '+5 hours', '+30 minutes') AS day, count(*) FROM users GROUP BY day
--- plan
PATH SCAN users
├─ group by date(timestamp, '+5 hours', '+30 minutes')
└─ compute count(*)
--- sql
SELECT +"key 1" AS day, +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
day | count(*)
'2026-01-01' | 2
'2026-01-02' | 2
'2026-01-05' | 2
'2026-01-10' | 3
'2026-01-15' | 2
'2026-01-20' | 1
'2026-02-01' | 1
'2026-02-03' | 2
'2026-02-04' | 2
'2026-02-05' | 1
'2026-02-07' | 1
'2026-02-09' | 1
'2026-02-10' | 2
'2026-02-11' | 1
'2026-03-01' | 4
'2026-03-02' | 1

## by the second, and by its fraction
SELECT unixepoch(timestamp) AS second, substr(timestamp, 20) AS fraction, count(*) FROM users GROUP BY second, fraction
--- plan
PATH SCAN users
├─ group by unixepoch(timestamp), substr(timestamp, 20)
└─ compute count(*)
--- sql
SELECT +"key 1" AS second, +"key 2" AS fraction, +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
second | fraction | count(*)
1767225599 | '.999999' | 1
1767258000 | '.000000' | 1
1767348000 | '.000000' | 1
1767351600 | '.000000' | 1
1767614400 | '.000000' | 2
1768003200 | '.000000' | 2
1768057200 | '.000000' | 1
1768465800 | '.000000' | 2
1768867200 | '.000000' | 1
1769904000 | '.000000' | 1
1770113472 | '.000001' | 1
1770138000 | '.000000' | 1
1770163200 | '.000000' | 1
1770163200 | '.000001' | 1
1770271200 | '.000000' | 1
1770422400 | '.000000' | 1
1770580800 | '.000000' | 1
1770681600 | '.000000' | 1
1770724800 | '.000000' | 1
1770811200 | '.000000' | 1
1772323200 | '.000000' | 4
1772409600 | '.000000' | 1

## by ten days of the hidden ts
SELECT ts / 864000000000 * 10 AS days, plan, count(*) FROM users GROUP BY days, plan
--- plan
PATH SCAN users
├─ group by (ts / 864000000000) * 10, plan
└─ compute count(*)
--- sql
SELECT +"key 1" AS days, "key 2" AS "plan", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users"
--- rows
days | plan | count(*)
20450 | NULL | 1
20450 | 'free' | 3
20450 | 'pro' | 2
20460 | 'basic' | 1
20460 | 'free' | 1
20460 | 'pro' | 3
20470 | NULL | 1
20480 | NULL | 2
20480 | 'free' | 2
20480 | 'pro' | 2
20490 | NULL | 3
20490 | 'Free' | 2
20510 | NULL | 1
20510 | 'basic' | 1
20510 | 'pro' | 3

## by the moment itself
SELECT timestamp, count(*) FROM users GROUP BY timestamp HAVING count(*) > 1
--- plan
PATH SCAN users
├─ group by timestamp
└─ compute count(*)
--- sql
SELECT "key 1" AS "timestamp", +"value 1" AS "count(*)" FROM sky_scan_1 AS "users" WHERE +"value 1" > 1
--- rows
timestamp | count(*)
'2026-01-05 12:00:00.000000' | 2
'2026-01-10 00:00:00.000000' | 2
'2026-01-15 08:30:00.000000' | 2
'2026-03-01 00:00:00.000000' | 4

## by day and state
SELECT date(timestamp) AS day, plan, count(*) AS n FROM users GROUP BY day, plan ORDER BY day, plan LIMIT 5 OFFSET 2
--- plan
PATH SCAN users
├─ group by date(timestamp), plan
└─ compute count(*)
--- sql
SELECT +"key 1" AS day, "key 2" AS "plan", +"value 1" AS n FROM sky_scan_1 AS "users" ORDER BY day, "key 2" LIMIT 5 OFFSET 2
--- rows
day | plan | n
'2026-01-02' | NULL | 1
'2026-01-02' | 'free' | 1
'2026-01-05' | 'free' | 1
'2026-01-05' | 'pro' | 1
'2026-01-10' | 'basic' | 1

## a position that is out of range
SELECT plan, count(*) FROM users GROUP BY 3
--- plan
--- sql
(as it is)
--- rows
error: 1st GROUP BY term out of range - should be between 1 and 2
