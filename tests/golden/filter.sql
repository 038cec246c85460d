# Selects of rows: a scan decides conditions that a virtual table is not told of, and gives the rows that meet them.

## LIKE and OR
SELECT object_id, amount FROM users WHERE action LIKE 'p%' OR amount > 9
--- plan
PATH SCAN users
├─ where (action LIKE 'p%') OR (amount > 9)
└─ read object_id, amount
--- sql
SELECT object_id, amount FROM sky_scan_1 AS "users"
--- rows
object_id | amount
1 | 3.0
1 | 5.25
1 | 9.5
2 | 9.5
2 | 20.0
3 | NULL
3 | 1.25
3 | 7.75
5 | -4.0
6 | 2.5
6 | 2.5
7 | 0.5

## a hidden column beside an argument
SELECT ts, plan FROM users WHERE upper(action) = ? AND NOT plan = 'free'
--- parameters
["PURCHASE"]
--- plan
PATH SCAN users
├─ where upper(action) = :p1
├─ where NOT (plan = 'free')
└─ read plan, ts
--- sql
SELECT ts, plan FROM sky_scan_1(ifnull(?1, x'736b79006e756c6c')) AS "users"
--- rows
ts | plan
1768465800000000 | 'pro'
1768465800000000 | 'pro'
1770113472000001 | 'pro'
1770811200000000 | 'Free'
1772323200000000 | 'pro'
1772409600000000 | 'pro'

## a condition that no scan can decide stays
SELECT object_id, amount FROM users u WHERE action LIKE 'p%' AND EXISTS (SELECT 1 FROM customers c WHERE c.id = u.object_id)
--- plan
PATH SCAN users
├─ where action LIKE 'p%'
└─ read object_id, amount
--- sql
SELECT object_id, amount FROM sky_scan_1 AS "u" WHERE (EXISTS (SELECT 1 FROM customers c WHERE c.id = u.object_id))
--- rows
object_id | amount
1 | 3.0
1 | 5.25
1 | 9.5
2 | 9.5
2 | 20.0
3 | NULL
3 | 1.25
3 | 7.75
5 | -4.0

## objects
SELECT object_id, plan FROM users_objects WHERE plan LIKE 'p%'
--- plan
PATH SCAN users OBJECTS
├─ where plan LIKE 'p%'
└─ read object_id, plan
--- sql
SELECT object_id, plan FROM sky_scan_1 AS "users_objects"
--- rows
object_id | plan
2 | 'pro'
5 | 'pro'
6 | 'pro'

## the state that a join adds
SELECT u.object_id, s.plan FROM users u JOIN users_objects s ON s.object_id = u.object_id AND s.as_of = u.timestamp WHERE u.action = 'purchase' ORDER BY u.object_id, u.ts
--- plain
SELECT u.object_id, (SELECT x.plan FROM users x WHERE x.object_id = u.object_id AND x.ts <= u.ts ORDER BY x.ts DESC, x.rowid DESC LIMIT 1) AS plan FROM users u WHERE u.action = 'purchase' ORDER BY u.object_id, u.ts
--- plan
PATH SCAN users
├─ where action = 'purchase'
└─ read object_id, plan, ts, "plan through ties"
--- sql
SELECT u.object_id, "u"."s.plan" AS "plan" FROM sky_scan_1 AS "u" ORDER BY u.object_id, u.ts
--- rows
object_id | plan
1 | 'pro'
1 | 'pro'
1 | NULL
2 | 'basic'
2 | 'pro'
3 | NULL
3 | NULL
3 | 'free'
5 | 'pro'
6 | 'basic'
6 | 'pro'
7 | 'Free'

## what a virtual table is told
SELECT object_id, amount FROM users WHERE action = 'purchase' AND amount > 9
--- plan
--- sql
(as it is)
--- rows
object_id | amount
1 | 9.5
2 | 9.5
2 | 20.0

## one object
SELECT ts, action FROM users WHERE object_id = 1 AND action LIKE 'p%'
--- plan
--- sql
(as it is)
--- rows
ts | action
1767614400000000 | 'purchase'
1768465800000000 | 'purchase'
1770580800000000 | 'purchase'
