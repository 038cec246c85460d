# State at the time of the action, in the forms that SQL has for it. Each statement is asked twice: of purchases whose
# timestamp no other event of the path has, where it must give the rows of the plain column; and of all purchases, where
# what compares by timestamp sees the events of the same microsecond that arrived later, too ("through ties").

## the property itself
SELECT u.plan, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' GROUP BY u.plan
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by plan
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*)", +"value 2" AS "sum(u.amount)" FROM sky_scan_1 AS "u"
--- rows
plan | count(*) | sum(u.amount)
NULL | 3 | 10.75
'Free' | 1 | 0.5
'free' | 3 | 30.75
'pro' | 5 | 15.75

## the latest change, by a correlated subquery
SELECT (SELECT c.new_value FROM users_changes c WHERE c.object_id = u.object_id AND c.property = 'plan'
  AND c.timestamp <= u.timestamp ORDER BY c.timestamp DESC LIMIT 1) AS plan, count(*), sum(u.amount)
FROM users u WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10' AND u.object_id <> 6 GROUP BY 1
--- plain
SELECT (SELECT x.new_value FROM users_changes x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp AND x.property = 'plan' ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS p, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10 00:00:00.000000' AND u.object_id <> 6 GROUP BY p
--- same
SELECT u.plan, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10' AND u.object_id <> 6 GROUP BY u.plan
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ where timestamp > '2026-01-10'
├─ where object_id <> 6
├─ group by "plan through ties"
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS plan, +"value 1" AS "count(*)", +"value 2" AS "sum(u.amount)"
FROM sky_scan_1 AS "u"
--- rows
plan | count(*) | sum(u.amount)
NULL | 3 | 10.75
'Free' | 1 | 0.5
'free' | 1 | 1.25
'pro' | 3 | 10.75

## the latest change, by a correlated subquery, through ties
SELECT (SELECT c.new_value FROM users_changes c WHERE c.object_id = u.object_id AND c.property = 'plan'
  AND c.timestamp <= u.timestamp ORDER BY c.timestamp DESC LIMIT 1) AS plan, count(*), sum(u.amount)
FROM users u WHERE u.action = 'purchase' GROUP BY 1
--- plain
SELECT (SELECT x.new_value FROM users_changes x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp AND x.property = 'plan' ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS p, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' GROUP BY p
--- same
SELECT s.plan, count(*), sum(u.amount) FROM users u JOIN users_objects s ON s.object_id = u.object_id AND s.as_of = u.timestamp
WHERE u.action = 'purchase' GROUP BY s.plan
--- ties
which of the changes of one microsecond comes first is open to SQLite; a scan takes the last
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by "plan through ties"
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS plan, +"value 1" AS "count(*)", +"value 2" AS "sum(u.amount)"
FROM sky_scan_1 AS "u"
--- rows
plan | count(*) | sum(u.amount)
NULL | 3 | 10.75
'Free' | 1 | 0.5
'basic' | 2 | 22.5
'free' | 1 | 1.25
'pro' | 5 | 22.75

## the latest event, by a correlated subquery on the table itself
SELECT (SELECT s.plan FROM users s WHERE u.object_id = s.object_id AND u.ts >= s.ts ORDER BY s.ts DESC LIMIT 1) AS plan, count(*), sum(u.amount)
FROM users u WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10' AND u.object_id <> 6 GROUP BY 1
--- plain
SELECT (SELECT x.plan FROM users x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS p, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10 00:00:00.000000' AND u.object_id <> 6 GROUP BY p
--- same
SELECT u.plan, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10' AND u.object_id <> 6 GROUP BY u.plan
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ where timestamp > '2026-01-10'
├─ where object_id <> 6
├─ group by "plan through ties"
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS plan, +"value 1" AS "count(*)", +"value 2" AS "sum(u.amount)"
FROM sky_scan_1 AS "u"
--- rows
plan | count(*) | sum(u.amount)
NULL | 3 | 10.75
'Free' | 1 | 0.5
'free' | 1 | 1.25
'pro' | 3 | 10.75

## the latest event, by a correlated subquery on the table itself, through ties
SELECT (SELECT s.plan FROM users s WHERE u.object_id = s.object_id AND u.ts >= s.ts ORDER BY s.ts DESC LIMIT 1) AS plan, count(*), sum(u.amount)
FROM users u WHERE u.action = 'purchase' GROUP BY 1
--- plain
SELECT (SELECT x.plan FROM users x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS p, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' GROUP BY p
--- same
SELECT s.plan, count(*), sum(u.amount) FROM users u JOIN users_objects s ON s.object_id = u.object_id AND s.as_of = u.timestamp
WHERE u.action = 'purchase' GROUP BY s.plan
--- ties
which of the changes of one microsecond comes first is open to SQLite; a scan takes the last
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by "plan through ties"
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS plan, +"value 1" AS "count(*)", +"value 2" AS "sum(u.amount)"
FROM sky_scan_1 AS "u"
--- rows
plan | count(*) | sum(u.amount)
NULL | 3 | 10.75
'Free' | 1 | 0.5
'basic' | 2 | 22.5
'free' | 1 | 1.25
'pro' | 5 | 22.75

## the object as of then, by a correlated subquery
SELECT (SELECT s.plan FROM users_objects s WHERE s.object_id = u.object_id AND s.as_of = u.timestamp) AS plan, count(*), sum(u.amount)
FROM users u WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10' AND u.object_id <> 6 GROUP BY 1
--- plain
SELECT (SELECT x.plan FROM users x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS p, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10 00:00:00.000000' AND u.object_id <> 6 GROUP BY p
--- same
SELECT u.plan, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10' AND u.object_id <> 6 GROUP BY u.plan
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ where timestamp > '2026-01-10'
├─ where object_id <> 6
├─ group by "plan through ties"
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS plan, +"value 1" AS "count(*)", +"value 2" AS "sum(u.amount)"
FROM sky_scan_1 AS "u"
--- rows
plan | count(*) | sum(u.amount)
NULL | 3 | 10.75
'Free' | 1 | 0.5
'free' | 1 | 1.25
'pro' | 3 | 10.75

## the object as of then, by a correlated subquery, through ties
SELECT (SELECT s.plan FROM users_objects s WHERE s.object_id = u.object_id AND s.as_of = u.timestamp) AS plan, count(*), sum(u.amount)
FROM users u WHERE u.action = 'purchase' GROUP BY 1
--- plain
SELECT (SELECT x.plan FROM users x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS p, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' GROUP BY p
--- same
SELECT s.plan, count(*), sum(u.amount) FROM users u JOIN users_objects s ON s.object_id = u.object_id AND s.as_of = u.timestamp
WHERE u.action = 'purchase' GROUP BY s.plan
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by "plan through ties"
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS plan, +"value 1" AS "count(*)", +"value 2" AS "sum(u.amount)"
FROM sky_scan_1 AS "u"
--- rows
plan | count(*) | sum(u.amount)
NULL | 3 | 10.75
'Free' | 1 | 0.5
'basic' | 2 | 22.5
'free' | 1 | 1.25
'pro' | 5 | 22.75

## ASOF LEFT JOIN with the changes
SELECT c.new_value AS plan, count(*), sum(u.amount) FROM users u ASOF LEFT JOIN users_changes c
ON c.object_id = u.object_id AND c.property = 'plan' AND u.timestamp >= c.timestamp
WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10' AND u.object_id <> 6 GROUP BY c.new_value
--- plain
SELECT (SELECT x.new_value FROM users_changes x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp AND x.property = 'plan' ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS p, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10 00:00:00.000000' AND u.object_id <> 6 GROUP BY p
--- same
SELECT u.plan, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10' AND u.object_id <> 6 GROUP BY u.plan
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ where timestamp > '2026-01-10'
├─ where object_id <> 6
├─ group by "plan through ties"
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS plan, +"value 1" AS "count(*)", +"value 2" AS "sum(u.amount)" FROM sky_scan_1 AS "u"
--- rows
plan | count(*) | sum(u.amount)
NULL | 3 | 10.75
'Free' | 1 | 0.5
'free' | 1 | 1.25
'pro' | 3 | 10.75

## ASOF LEFT JOIN with the changes, through ties
SELECT c.new_value AS plan, count(*), sum(u.amount) FROM users u ASOF LEFT JOIN users_changes c
ON c.object_id = u.object_id AND c.property = 'plan' AND u.timestamp >= c.timestamp
WHERE u.action = 'purchase' GROUP BY c.new_value
--- plain
SELECT (SELECT x.new_value FROM users_changes x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp AND x.property = 'plan' ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS p, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' GROUP BY p
--- same
SELECT s.plan, count(*), sum(u.amount) FROM users u JOIN users_objects s ON s.object_id = u.object_id AND s.as_of = u.timestamp
WHERE u.action = 'purchase' GROUP BY s.plan
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by "plan through ties"
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS plan, +"value 1" AS "count(*)", +"value 2" AS "sum(u.amount)" FROM sky_scan_1 AS "u"
--- rows
plan | count(*) | sum(u.amount)
NULL | 3 | 10.75
'Free' | 1 | 0.5
'basic' | 2 | 22.5
'free' | 1 | 1.25
'pro' | 5 | 22.75

## ASOF LEFT JOIN with the changes of one property
SELECT c.new_value AS plan, count(*), sum(u.amount) FROM users u ASOF LEFT JOIN (SELECT * FROM users_changes WHERE property = 'plan') c
ON u.object_id = c.object_id AND c.timestamp <= u.timestamp WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10' AND u.object_id <> 6 GROUP BY 1
--- plain
SELECT (SELECT x.new_value FROM users_changes x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp AND x.property = 'plan' ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS p, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10 00:00:00.000000' AND u.object_id <> 6 GROUP BY p
--- same
SELECT u.plan, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10' AND u.object_id <> 6 GROUP BY u.plan
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ where timestamp > '2026-01-10'
├─ where object_id <> 6
├─ group by "plan through ties"
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS plan, +"value 1" AS "count(*)", +"value 2" AS "sum(u.amount)" FROM sky_scan_1 AS "u"
--- rows
plan | count(*) | sum(u.amount)
NULL | 3 | 10.75
'Free' | 1 | 0.5
'free' | 1 | 1.25
'pro' | 3 | 10.75

## ASOF LEFT JOIN with the changes of one property, through ties
SELECT c.new_value AS plan, count(*), sum(u.amount) FROM users u ASOF LEFT JOIN (SELECT * FROM users_changes WHERE property = 'plan') c
ON u.object_id = c.object_id AND c.timestamp <= u.timestamp WHERE u.action = 'purchase' GROUP BY 1
--- plain
SELECT (SELECT x.new_value FROM users_changes x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp AND x.property = 'plan' ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS p, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' GROUP BY p
--- same
SELECT s.plan, count(*), sum(u.amount) FROM users u JOIN users_objects s ON s.object_id = u.object_id AND s.as_of = u.timestamp
WHERE u.action = 'purchase' GROUP BY s.plan
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by "plan through ties"
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS plan, +"value 1" AS "count(*)", +"value 2" AS "sum(u.amount)" FROM sky_scan_1 AS "u"
--- rows
plan | count(*) | sum(u.amount)
NULL | 3 | 10.75
'Free' | 1 | 0.5
'basic' | 2 | 22.5
'free' | 1 | 1.25
'pro' | 5 | 22.75

## ASOF LEFT JOIN with the changes of one property, USING
SELECT c.new_value AS plan, count(*), sum(u.amount) FROM users u ASOF LEFT JOIN (SELECT * FROM users_changes WHERE property = 'plan') c
USING (object_id, timestamp) WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10' AND u.object_id <> 6 GROUP BY 1
--- plain
SELECT (SELECT x.new_value FROM users_changes x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp AND x.property = 'plan' ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS p, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10 00:00:00.000000' AND u.object_id <> 6 GROUP BY p
--- same
SELECT u.plan, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10' AND u.object_id <> 6 GROUP BY u.plan
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ where timestamp > '2026-01-10'
├─ where object_id <> 6
├─ group by "plan through ties"
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS plan, +"value 1" AS "count(*)", +"value 2" AS "sum(u.amount)" FROM sky_scan_1 AS "u"
--- rows
plan | count(*) | sum(u.amount)
NULL | 3 | 10.75
'Free' | 1 | 0.5
'free' | 1 | 1.25
'pro' | 3 | 10.75

## ASOF LEFT JOIN with the changes of one property, USING, through ties
SELECT c.new_value AS plan, count(*), sum(u.amount) FROM users u ASOF LEFT JOIN (SELECT * FROM users_changes WHERE property = 'plan') c
USING (object_id, timestamp) WHERE u.action = 'purchase' GROUP BY 1
--- plain
SELECT (SELECT x.new_value FROM users_changes x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp AND x.property = 'plan' ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS p, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' GROUP BY p
--- same
SELECT s.plan, count(*), sum(u.amount) FROM users u JOIN users_objects s ON s.object_id = u.object_id AND s.as_of = u.timestamp
WHERE u.action = 'purchase' GROUP BY s.plan
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by "plan through ties"
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS plan, +"value 1" AS "count(*)", +"value 2" AS "sum(u.amount)" FROM sky_scan_1 AS "u"
--- rows
plan | count(*) | sum(u.amount)
NULL | 3 | 10.75
'Free' | 1 | 0.5
'basic' | 2 | 22.5
'free' | 1 | 1.25
'pro' | 5 | 22.75

## ASOF JOIN with the table itself
SELECT s.plan, count(*), sum(u.amount) FROM users u ASOF JOIN users s ON u.object_id = s.object_id AND u.timestamp >= s.timestamp
WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10' AND u.object_id <> 6 GROUP BY s.plan
--- plain
SELECT (SELECT x.plan FROM users x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS p, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10 00:00:00.000000' AND u.object_id <> 6 GROUP BY p
--- same
SELECT u.plan, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10' AND u.object_id <> 6 GROUP BY u.plan
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ where timestamp > '2026-01-10'
├─ where object_id <> 6
├─ group by "plan through ties"
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*)", +"value 2" AS "sum(u.amount)" FROM sky_scan_1 AS "u"
--- rows
plan | count(*) | sum(u.amount)
NULL | 3 | 10.75
'Free' | 1 | 0.5
'free' | 1 | 1.25
'pro' | 3 | 10.75

## ASOF JOIN with the table itself, through ties
SELECT s.plan, count(*), sum(u.amount) FROM users u ASOF JOIN users s ON u.object_id = s.object_id AND u.timestamp >= s.timestamp
WHERE u.action = 'purchase' GROUP BY s.plan
--- plain
SELECT (SELECT x.plan FROM users x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS p, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' GROUP BY p
--- same
SELECT s.plan, count(*), sum(u.amount) FROM users u JOIN users_objects s ON s.object_id = u.object_id AND s.as_of = u.timestamp
WHERE u.action = 'purchase' GROUP BY s.plan
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by "plan through ties"
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*)", +"value 2" AS "sum(u.amount)" FROM sky_scan_1 AS "u"
--- rows
plan | count(*) | sum(u.amount)
NULL | 3 | 10.75
'Free' | 1 | 0.5
'basic' | 2 | 22.5
'free' | 1 | 1.25
'pro' | 5 | 22.75

## ASOF JOIN with the table itself, USING
SELECT s.plan, count(*), sum(u.amount) FROM users u ASOF JOIN users s USING (object_id, timestamp)
WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10' AND u.object_id <> 6 GROUP BY s.plan
--- plain
SELECT (SELECT x.plan FROM users x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS p, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10 00:00:00.000000' AND u.object_id <> 6 GROUP BY p
--- same
SELECT u.plan, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10' AND u.object_id <> 6 GROUP BY u.plan
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ where timestamp > '2026-01-10'
├─ where object_id <> 6
├─ group by "plan through ties"
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*)", +"value 2" AS "sum(u.amount)" FROM sky_scan_1 AS "u"
--- rows
plan | count(*) | sum(u.amount)
NULL | 3 | 10.75
'Free' | 1 | 0.5
'free' | 1 | 1.25
'pro' | 3 | 10.75

## ASOF JOIN with the table itself, USING, through ties
SELECT s.plan, count(*), sum(u.amount) FROM users u ASOF JOIN users s USING (object_id, timestamp)
WHERE u.action = 'purchase' GROUP BY s.plan
--- plain
SELECT (SELECT x.plan FROM users x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS p, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' GROUP BY p
--- same
SELECT s.plan, count(*), sum(u.amount) FROM users u JOIN users_objects s ON s.object_id = u.object_id AND s.as_of = u.timestamp
WHERE u.action = 'purchase' GROUP BY s.plan
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by "plan through ties"
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*)", +"value 2" AS "sum(u.amount)" FROM sky_scan_1 AS "u"
--- rows
plan | count(*) | sum(u.amount)
NULL | 3 | 10.75
'Free' | 1 | 0.5
'basic' | 2 | 22.5
'free' | 1 | 1.25
'pro' | 5 | 22.75

## a join with the objects as of each event
SELECT s.plan, count(*), sum(u.amount) FROM users u JOIN users_objects s ON s.object_id = u.object_id AND s.as_of = u.timestamp
WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10' AND u.object_id <> 6 GROUP BY s.plan
--- plain
SELECT (SELECT x.plan FROM users x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS p, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10 00:00:00.000000' AND u.object_id <> 6 GROUP BY p
--- same
SELECT u.plan, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10' AND u.object_id <> 6 GROUP BY u.plan
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ where timestamp > '2026-01-10'
├─ where object_id <> 6
├─ group by "plan through ties"
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*)", +"value 2" AS "sum(u.amount)" FROM sky_scan_1 AS "u"
--- rows
plan | count(*) | sum(u.amount)
NULL | 3 | 10.75
'Free' | 1 | 0.5
'free' | 1 | 1.25
'pro' | 3 | 10.75

## a join with the objects as of each event, through ties
SELECT s.plan, count(*), sum(u.amount) FROM users u JOIN users_objects s ON s.object_id = u.object_id AND s.as_of = u.timestamp
WHERE u.action = 'purchase' GROUP BY s.plan
--- plain
SELECT (SELECT x.plan FROM users x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS p, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' GROUP BY p
--- same
SELECT s.plan, count(*), sum(u.amount) FROM users u JOIN users_objects s ON s.object_id = u.object_id AND s.as_of = u.timestamp
WHERE u.action = 'purchase' GROUP BY s.plan
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by "plan through ties"
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS "plan", +"value 1" AS "count(*)", +"value 2" AS "sum(u.amount)" FROM sky_scan_1 AS "u"
--- rows
plan | count(*) | sum(u.amount)
NULL | 3 | 10.75
'Free' | 1 | 0.5
'basic' | 2 | 22.5
'free' | 1 | 1.25
'pro' | 5 | 22.75

## last_value over the rows so far, RANGE
SELECT u.p, count(*), sum(u.amount) FROM (
  SELECT *, last_value(plan) OVER (PARTITION BY object_id ORDER BY timestamp) AS p FROM users) u
WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10' AND u.object_id <> 6 GROUP BY u.p
--- plain
SELECT (SELECT x.plan FROM users x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS p, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10 00:00:00.000000' AND u.object_id <> 6 GROUP BY p
--- same
SELECT u.plan, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' AND u.timestamp > '2026-01-10' AND u.object_id <> 6 GROUP BY u.plan
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ where timestamp > '2026-01-10'
├─ where object_id <> 6
├─ group by "plan through ties"
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS "p", +"value 1" AS "count(*)", +"value 2" AS "sum(u.amount)" FROM sky_scan_1 AS "u"
--- rows
p | count(*) | sum(u.amount)
NULL | 3 | 10.75
'Free' | 1 | 0.5
'free' | 1 | 1.25
'pro' | 3 | 10.75

## last_value over the rows so far, RANGE, through ties
SELECT u.p, count(*), sum(u.amount) FROM (
  SELECT *, last_value(plan) OVER (PARTITION BY object_id ORDER BY timestamp) AS p FROM users) u
WHERE u.action = 'purchase' GROUP BY u.p
--- plain
SELECT (SELECT x.plan FROM users x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS p, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' GROUP BY p
--- same
SELECT s.plan, count(*), sum(u.amount) FROM users u JOIN users_objects s ON s.object_id = u.object_id AND s.as_of = u.timestamp
WHERE u.action = 'purchase' GROUP BY s.plan
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by "plan through ties"
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS "p", +"value 1" AS "count(*)", +"value 2" AS "sum(u.amount)" FROM sky_scan_1 AS "u"
--- rows
p | count(*) | sum(u.amount)
NULL | 3 | 10.75
'Free' | 1 | 0.5
'basic' | 2 | 22.5
'free' | 1 | 1.25
'pro' | 5 | 22.75

## last_value over the rows so far, ROWS
SELECT u.p, count(*), sum(u.amount) FROM (
  SELECT *, last_value(plan) OVER (PARTITION BY object_id ORDER BY timestamp ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS p
  FROM users) u
WHERE u.action = 'purchase' GROUP BY u.p
--- plain
SELECT u.plan AS p, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' GROUP BY p
--- same
SELECT plan, count(*), sum(amount) FROM users WHERE action = 'purchase' GROUP BY plan
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by plan
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS "p", +"value 1" AS "count(*)", +"value 2" AS "sum(u.amount)" FROM sky_scan_1 AS "u"
--- rows
p | count(*) | sum(u.amount)
NULL | 3 | 10.75
'Free' | 1 | 0.5
'free' | 3 | 30.75
'pro' | 5 | 15.75

## ASOF JOIN drops what has had no change yet, but not what was changed to NULL
SELECT c.new_value, count(*), sum(u.amount) FROM users u ASOF JOIN users_changes c
ON c.object_id = u.object_id AND c.property = 'plan' AND u.timestamp >= c.timestamp
WHERE u.action = 'purchase' GROUP BY c.new_value
--- plain
SELECT (SELECT x.new_value FROM users_changes x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp AND x.property = 'plan' ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS p, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' AND EXISTS (SELECT 1 FROM users_changes x
WHERE x.object_id = u.object_id AND x.property = 'plan' AND x.timestamp <= u.timestamp) GROUP BY p
--- plan
PATH SCAN users
├─ where "plan through ties ever set"
├─ where action = 'purchase'
├─ group by "plan through ties"
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS "new_value", +"value 1" AS "count(*)", +"value 2" AS "sum(u.amount)" FROM sky_scan_1 AS "u"
--- rows
new_value | count(*) | sum(u.amount)
NULL | 1 | 3.0
'Free' | 1 | 0.5
'basic' | 2 | 22.5
'free' | 1 | 1.25
'pro' | 5 | 22.75

## last_value IGNORE NULLS passes over a change to NULL
SELECT p, count(*), sum(amount) FROM (
  SELECT action, amount, last_value(plan IGNORE NULLS) OVER (PARTITION BY object_id ORDER BY timestamp ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS p FROM users)
WHERE action = 'purchase' GROUP BY p
--- plain
SELECT p, count(*), sum(amount) FROM (SELECT max(plan) OVER (PARTITION BY object_id, part) AS p, action, amount FROM (
  SELECT *, count(plan) OVER (PARTITION BY object_id ORDER BY timestamp, rowid ROWS UNBOUNDED PRECEDING) AS part FROM users))
WHERE action = 'purchase' GROUP BY p
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by "plan ignoring nulls"
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS "p", +"value 1" AS "count(*)", +"value 2" AS "sum(amount)" FROM sky_scan_1 AS "path scan"
--- rows
p | count(*) | sum(amount)
NULL | 2 | 7.75
'Free' | 1 | 0.5
'free' | 3 | 30.75
'pro' | 6 | 18.75

## last_value IGNORE NULLS, outside the parenthesis and through ties
SELECT p, count(*), sum(amount) FROM (
  SELECT action, amount, last_value(plan) IGNORE NULLS OVER (PARTITION BY object_id ORDER BY timestamp) AS p FROM users)
WHERE action = 'purchase' GROUP BY p
--- plain
SELECT (SELECT x.new_value FROM users_changes x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp AND x.property = 'plan' AND x.new_value IS NOT NULL ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS p, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' GROUP BY p
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by "plan through ties ignoring nulls"
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS "p", +"value 1" AS "count(*)", +"value 2" AS "sum(amount)" FROM sky_scan_1 AS "path scan"
--- rows
p | count(*) | sum(amount)
NULL | 2 | 7.75
'Free' | 1 | 0.5
'basic' | 2 | 22.5
'free' | 1 | 1.25
'pro' | 6 | 25.75

## the latest change that is not NULL, by a correlated subquery
SELECT (SELECT c.new_value FROM users_changes c WHERE c.object_id = u.object_id AND c.property = 'plan' AND c.new_value IS NOT NULL
  AND c.timestamp <= u.timestamp ORDER BY c.timestamp DESC LIMIT 1) AS p, count(*), sum(u.amount)
FROM users u WHERE u.action = 'purchase' GROUP BY 1
--- plain
SELECT (SELECT x.new_value FROM users_changes x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp AND x.property = 'plan' AND x.new_value IS NOT NULL ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS p, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' GROUP BY p
--- same
SELECT p, count(*), sum(amount) FROM (
  SELECT action, amount, last_value(plan IGNORE NULLS) OVER (PARTITION BY object_id ORDER BY timestamp) AS p FROM users)
WHERE action = 'purchase' GROUP BY p
--- ties
which of the changes of one microsecond comes first is open to SQLite; a scan takes the last
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by "plan through ties ignoring nulls"
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS p, +"value 1" AS "count(*)", +"value 2" AS "sum(u.amount)"
FROM sky_scan_1 AS "u"
--- rows
p | count(*) | sum(u.amount)
NULL | 2 | 7.75
'Free' | 1 | 0.5
'basic' | 2 | 22.5
'free' | 1 | 1.25
'pro' | 6 | 25.75

## the fill by hand: numbered parts, each with one value
SELECT p, count(*), sum(amount) FROM (
  SELECT action, amount, max(plan) OVER (PARTITION BY object_id, part) AS p FROM (
    SELECT *, count(plan) OVER (PARTITION BY object_id ORDER BY timestamp ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS part FROM users))
WHERE action = 'purchase' GROUP BY p
--- plain
SELECT p, count(*), sum(amount) FROM (SELECT max(plan) OVER (PARTITION BY object_id, part) AS p, action, amount FROM (
  SELECT *, count(plan) OVER (PARTITION BY object_id ORDER BY timestamp, rowid ROWS UNBOUNDED PRECEDING) AS part FROM users))
WHERE action = 'purchase' GROUP BY p
--- same
SELECT p, count(*), sum(amount) FROM (
  SELECT action, amount, last_value(plan IGNORE NULLS) OVER (PARTITION BY object_id ORDER BY timestamp ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS p FROM users)
WHERE action = 'purchase' GROUP BY p
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by "plan ignoring nulls"
└─ compute count(*), sum(amount)
--- sql
SELECT "key 1" AS "p", +"value 1" AS "count(*)", +"value 2" AS "sum(amount)" FROM sky_scan_1 AS "path scan"
--- rows
p | count(*) | sum(amount)
NULL | 2 | 7.75
'Free' | 1 | 0.5
'free' | 3 | 30.75
'pro' | 6 | 18.75

## an attribute, filled forward: the last page before each purchase
SELECT page, count(*) FROM (
  SELECT action, last_value(url IGNORE NULLS) OVER (PARTITION BY object_id ORDER BY timestamp ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS page FROM users)
WHERE action = 'purchase' GROUP BY page
--- plain
SELECT page, count(*) FROM (SELECT action, (SELECT x.url FROM users x WHERE x.object_id = u.object_id AND x.rowid <= u.rowid AND x.url IS NOT NULL
  ORDER BY x.rowid DESC LIMIT 1) AS page FROM users u) WHERE action = 'purchase' GROUP BY page
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by "url ignoring nulls"
└─ compute count(*)
--- sql
SELECT "key 1" AS "page", +"value 1" AS "count(*)" FROM sky_scan_1 AS "path scan"
--- rows
page | count(*)
NULL | 1
'' | 2
'/%_x' | 1
'/A' | 1
'/a' | 6
'/b' | 1

## the last page, by a correlated subquery on the table itself
SELECT (SELECT s.url FROM users s WHERE s.object_id = u.object_id AND s.url IS NOT NULL AND s.timestamp <= u.timestamp
  ORDER BY s.timestamp DESC LIMIT 1) AS page, count(*) FROM users u WHERE u.action = 'purchase' GROUP BY page
--- plain
SELECT (SELECT x.url FROM users x WHERE x.object_id = u.object_id AND x.url IS NOT NULL AND x.timestamp <= u.timestamp
  ORDER BY x.rowid DESC LIMIT 1) AS page, count(*) FROM users u WHERE u.action = 'purchase' GROUP BY page
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by "url through ties ignoring nulls"
└─ compute count(*)
--- sql
SELECT "key 1" AS page, +"value 1" AS "count(*)" FROM sky_scan_1 AS "u"
--- rows
page | count(*)
NULL | 1
'' | 2
'/%_x' | 1
'/A' | 1
'/a' | 6
'/b' | 1

## two properties, each by its own ASOF JOIN
SELECT p.new_value AS plan, c.new_value AS country, count(*) FROM users u
ASOF LEFT JOIN users_changes p ON p.object_id = u.object_id AND p.property = 'plan' AND p.timestamp <= u.timestamp
ASOF LEFT JOIN users_changes c ON c.object_id = u.object_id AND c.property = 'country' AND c.timestamp <= u.timestamp
WHERE u.action = 'purchase' GROUP BY 1, 2
--- plain
SELECT (SELECT x.new_value FROM users_changes x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp AND x.property = 'plan' ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS plan, (SELECT x.new_value FROM users_changes x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp AND x.property = 'country' ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS country, count(*) FROM users u WHERE u.action = 'purchase' GROUP BY 1, 2
--- same
SELECT s.plan, s.country, count(*) FROM users u JOIN users_objects s ON s.object_id = u.object_id AND s.as_of = u.timestamp WHERE u.action = 'purchase' GROUP BY 1, 2
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by "plan through ties", "country through ties"
└─ compute count(*)
--- sql
SELECT "key 1" AS plan, "key 2" AS country, +"value 1" AS "count(*)" FROM sky_scan_1 AS "u"
--- rows
plan | country | count(*)
NULL | 'de' | 3
'Free' | 'DE' | 1
'basic' | 'fr' | 2
'free' | 'de' | 1
'pro' | NULL | 1
'pro' | 'de' | 2
'pro' | 'fr' | 2

## an INTEGER state by a correlated subquery, inside an aggregate
SELECT u.action, sum((SELECT c.new_value FROM users_changes c WHERE c.object_id = u.object_id AND c.property = 'seats'
  AND c.timestamp <= u.timestamp ORDER BY c.timestamp DESC LIMIT 1)) AS seats FROM users u GROUP BY u.action
--- plain
SELECT u.action, sum((SELECT c.new_value FROM users_changes c WHERE c.object_id = u.object_id AND c.property = 'seats'
  AND c.timestamp <= u.timestamp ORDER BY c.timestamp DESC, c.rowid DESC LIMIT 1)) AS seats FROM users u GROUP BY u.action
--- plan
PATH SCAN users
├─ group by action
└─ compute sum("seats through ties")
--- sql
SELECT "key 1" AS "action", +"value 1" AS seats FROM sky_scan_1 AS "u"
--- rows
action | seats
NULL | 14
'purchase' | 18
'sign up' | 2
'visit' | NULL

## as a condition
SELECT count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' AND (SELECT c.new_value FROM users_changes c
  WHERE c.object_id = u.object_id AND c.property = 'plan' AND c.timestamp <= u.timestamp ORDER BY c.timestamp DESC LIMIT 1) = 'pro'
--- plain
SELECT count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' AND (SELECT x.new_value FROM users_changes x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp AND x.property = 'plan' ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) = 'pro'
--- ties
which of the changes of one microsecond comes first is open to SQLite; a scan takes the last
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ where "plan through ties" = 'pro'
└─ compute count(*), sum(amount)
--- sql
SELECT +"value 1" AS "count(*)", +"value 2" AS "sum(u.amount)" FROM sky_scan_1 AS "u"
--- rows
count(*) | sum(u.amount)
5 | 22.75

## in a CTE that is grouped outside
WITH stated AS (SELECT u.amount, c.new_value AS plan FROM users u ASOF LEFT JOIN users_changes c
  ON c.object_id = u.object_id AND c.property = 'plan' AND c.timestamp <= u.timestamp WHERE u.action = 'purchase')
SELECT plan, count(*), sum(amount) FROM stated GROUP BY plan
--- plain
SELECT (SELECT x.new_value FROM users_changes x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp AND x.property = 'plan' ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS p, count(*), sum(u.amount) FROM users u WHERE u.action = 'purchase' GROUP BY p
--- plan
PATH SCAN users
├─ where action = 'purchase'
└─ read amount, "plan through ties"
--- sql
WITH stated AS (SELECT u.amount, "u"."c.new_value" AS plan FROM sky_scan_1 AS "u")
SELECT plan, count(*), sum(amount) FROM stated GROUP BY plan
--- rows
plan | count(*) | sum(amount)
NULL | 3 | 10.75
'Free' | 1 | 0.5
'basic' | 2 | 22.5
'free' | 1 | 1.25
'pro' | 5 | 22.75

## not recognised: the earliest change
SELECT (SELECT c.new_value FROM users_changes c WHERE c.object_id = u.object_id AND c.property = 'plan'
  AND c.timestamp <= u.timestamp ORDER BY c.timestamp LIMIT 1) AS plan, count(*) FROM users u WHERE u.action = 'purchase' GROUP BY 1
--- plain
SELECT (SELECT c.new_value FROM users_changes c WHERE c.object_id = u.object_id AND c.property = 'plan'
  AND c.timestamp <= u.timestamp ORDER BY c.timestamp, c.rowid LIMIT 1) AS plan, count(*) FROM users u WHERE u.action = 'purchase' GROUP BY 1
--- plan
PATH SCAN users CHANGES
├─ where property = 'plan'
└─ read object_id, timestamp, new_value
--- sql
SELECT (SELECT c.new_value FROM sky_scan_1 AS "c" WHERE (c.object_id = u.object_id) AND (c.timestamp <= u.timestamp) ORDER BY c.timestamp LIMIT 1) AS plan, count(*) FROM users u WHERE u.action = 'purchase' GROUP BY 1
--- rows
plan | count(*)
NULL | 2
'Free' | 1
'free' | 6
'pro' | 3

## not recognised: strictly before
SELECT (SELECT c.new_value FROM users_changes c WHERE c.object_id = u.object_id AND c.property = 'country'
  AND c.timestamp < u.timestamp ORDER BY c.timestamp DESC LIMIT 1) AS country, count(*) FROM users u WHERE u.action = 'purchase' GROUP BY 1
--- plain
SELECT (SELECT c.new_value FROM users_changes c WHERE c.object_id = u.object_id AND c.property = 'country'
  AND c.timestamp < u.timestamp ORDER BY c.timestamp DESC, c.rowid DESC LIMIT 1) AS country, count(*) FROM users u WHERE u.action = 'purchase' GROUP BY 1
--- plan
PATH SCAN users CHANGES
├─ where property = 'country'
└─ read object_id, timestamp, new_value
--- sql
SELECT (SELECT c.new_value FROM sky_scan_1 AS "c" WHERE (c.object_id = u.object_id) AND (c.timestamp < u.timestamp) ORDER BY c.timestamp DESC LIMIT 1) AS country, count(*) FROM users u WHERE u.action = 'purchase' GROUP BY 1
--- rows
country | count(*)
NULL | 2
'DE' | 1
'de' | 6
'fr' | 3

## not recognised: a window over some of the events only
SELECT p, count(*) FROM (SELECT last_value(country) OVER (PARTITION BY plan ORDER BY timestamp) AS p FROM users WHERE object_id IN (3, 5)) GROUP BY p
--- plain
SELECT p, count(*) FROM (SELECT last_value(country) OVER (PARTITION BY plan ORDER BY timestamp) AS p FROM users WHERE object_id IN (3, 5)) GROUP BY p
--- plan
PATH SCAN users
├─ where object_id IN (SELECT value FROM json_each(:p1))
└─ read timestamp, plan, country
--- sql
SELECT p, count(*) FROM (SELECT last_value(country) OVER (PARTITION BY plan ORDER BY timestamp) AS p FROM sky_scan_1('[3,5]') AS "users") GROUP BY p
--- rows
p | count(*)
'' | 1
'de' | 5
'fr' | 2

## not recognised: the previous value
SELECT c.old_value, c.new_value, count(*) FROM users u ASOF JOIN users_changes c
ON c.object_id = u.object_id AND c.property = 'plan' AND u.timestamp >= c.timestamp WHERE u.action = 'purchase' GROUP BY 1, 2
--- plain
SELECT (SELECT x.old_value FROM users_changes x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp AND x.property = 'plan' ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS o, (SELECT x.new_value FROM users_changes x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp AND x.property = 'plan' ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS n, count(*) FROM users u WHERE u.action = 'purchase' AND EXISTS (SELECT 1 FROM users_changes x
WHERE x.object_id = u.object_id AND x.property = 'plan' AND x.timestamp <= u.timestamp) GROUP BY 1, 2
--- plan
--- sql
SELECT c.old_value, c.new_value, count(*) FROM users u JOIN "users_changes" AS "c" ON ("c"."object_id" = u.object_id) AND ("c"."property" = 'plan') AND (u.timestamp >= "c"."timestamp") AND "c".rowid = (SELECT "asof row".rowid FROM "users_changes" AS "asof row" WHERE ("asof row"."object_id" = u.object_id) AND ("asof row"."property" = 'plan') AND (u.timestamp >= "asof row"."timestamp") ORDER BY "asof row"."timestamp" DESC, "asof row".rowid DESC LIMIT 1) WHERE u.action = 'purchase' GROUP BY 1, 2
--- rows
old_value | new_value | count(*)
NULL | 'Free' | 1
NULL | 'free' | 1
NULL | 'pro' | 1
'basic' | 'pro' | 2
'free' | 'basic' | 1
'free' | 'pro' | 2
'pro' | NULL | 1
'pro' | 'basic' | 1

## not recognised: ASOF JOIN of the changes with events, forwards in time
SELECT c.property, u.action, count(*) FROM users_changes c ASOF JOIN users u ON u.object_id = c.object_id AND u.timestamp > c.timestamp
GROUP BY 1, 2 ORDER BY 1, 2
--- plain
SELECT c.property, (SELECT x.action FROM users x WHERE x.object_id = c.object_id AND x.timestamp > c.timestamp ORDER BY x.timestamp, x.rowid LIMIT 1) AS a, count(*)
FROM users_changes c WHERE EXISTS (SELECT 1 FROM users x WHERE x.object_id = c.object_id AND x.timestamp > c.timestamp) GROUP BY 1, 2 ORDER BY 1, 2
--- plan
--- sql
SELECT c.property, u.action, count(*) FROM users_changes c JOIN "users" AS "u" ON ("u"."object_id" = c.object_id) AND ("u"."timestamp" > c.timestamp) AND "u".rowid = (SELECT "asof row".rowid FROM "users" AS "asof row" WHERE ("asof row"."object_id" = c.object_id) AND ("asof row"."timestamp" > c.timestamp) ORDER BY "asof row"."timestamp" ASC, "asof row".rowid ASC LIMIT 1)
GROUP BY 1, 2 ORDER BY 1, 2
--- rows
property | action | count(*)
'country' | NULL | 1
'country' | 'purchase' | 7
'plan' | NULL | 2
'plan' | 'purchase' | 9
'seats' | NULL | 1
'seats' | 'purchase' | 3

## ASOF JOIN of an ordinary table with events
SELECT o.id, u.action, u.plan FROM orders o ASOF LEFT JOIN users u ON u.object_id = o.customer_id AND o.created_at >= u.timestamp ORDER BY o.id
--- plain
SELECT o.id, (SELECT x.action FROM users x WHERE x.object_id = o.customer_id AND x.timestamp <= o.created_at ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1),
(SELECT x.plan FROM users x WHERE x.object_id = o.customer_id AND x.timestamp <= o.created_at ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) FROM orders o ORDER BY o.id
--- plan
--- sql
SELECT o.id, u.action, u.plan FROM orders o LEFT JOIN "users" AS "u" ON ("u"."object_id" = o.customer_id) AND (sky_timestamp(o.created_at) >= "u"."timestamp") AND "u".rowid = (SELECT "asof row".rowid FROM "users" AS "asof row" WHERE ("asof row"."object_id" = o.customer_id) AND (sky_timestamp(o.created_at) >= "asof row"."timestamp") ORDER BY "asof row"."timestamp" DESC, "asof row".rowid DESC LIMIT 1) ORDER BY o.id
--- rows
id | action | plan
1 | NULL | NULL
2 | NULL | 'pro'
3 | 'sign up' | 'free'
4 | NULL | 'basic'
5 | NULL | 'pro'
6 | 'purchase' | 'free'
7 | NULL | NULL
8 | NULL | NULL
9 | NULL | NULL
10 | NULL | 'basic'

## the property's name is a text, and texts differ by case
SELECT (SELECT c.new_value FROM users_changes c WHERE c.object_id = u.object_id AND c.property = 'PLAN'
  AND c.timestamp <= u.timestamp ORDER BY c.timestamp DESC LIMIT 1) AS plan, count(*) FROM users u GROUP BY 1
--- plan
PATH SCAN users CHANGES
├─ where property = 'PLAN'
└─ read object_id, timestamp, new_value
--- sql
SELECT (SELECT c.new_value FROM sky_scan_1 AS "c" WHERE (c.object_id = u.object_id) AND (c.timestamp <= u.timestamp) ORDER BY c.timestamp DESC LIMIT 1) AS plan, count(*) FROM users u GROUP BY 1
--- rows
plan | count(*)
NULL | 28

## the object of a change that there is not is NULL
SELECT c.object_id IS NULL AS without, count(*) FROM users u ASOF LEFT JOIN users_changes c
ON c.object_id = u.object_id AND c.property = 'plan' AND u.timestamp >= c.timestamp GROUP BY 1
--- plain
SELECT NOT EXISTS (SELECT 1 FROM users_changes x WHERE x.object_id = u.object_id AND x.property = 'plan' AND x.timestamp <= u.timestamp) AS without,
count(*) FROM users u GROUP BY 1
--- plan
--- sql
SELECT c.object_id IS NULL AS without, count(*) FROM users u LEFT JOIN "users_changes" AS "c" ON ("c"."object_id" = u.object_id) AND ("c"."property" = 'plan') AND (u.timestamp >= "c"."timestamp") AND "c".rowid = (SELECT "asof row".rowid FROM "users_changes" AS "asof row" WHERE ("asof row"."object_id" = u.object_id) AND ("asof row"."property" = 'plan') AND (u.timestamp >= "asof row"."timestamp") ORDER BY "asof row"."timestamp" DESC, "asof row".rowid DESC LIMIT 1) GROUP BY 1
--- rows
without | count(*)
0 | 22
1 | 6

## the latest purchase: a condition chooses among the rows to be joined
SELECT s.plan, count(*) FROM users u ASOF JOIN users s ON s.object_id = u.object_id AND u.timestamp >= s.timestamp AND s.action = 'purchase' GROUP BY s.plan
--- plain
SELECT x.plan, count(*) FROM users u JOIN users x ON x.rowid = (SELECT y.rowid FROM users y WHERE y.object_id = u.object_id AND y.action = 'purchase'
AND y.timestamp <= u.timestamp ORDER BY y.timestamp DESC, y.rowid DESC LIMIT 1) GROUP BY x.plan
--- plan
--- sql
SELECT s.plan, count(*) FROM users u JOIN "users" AS "s" ON ("s"."object_id" = u.object_id) AND (u.timestamp >= "s"."timestamp") AND ("s"."action" = 'purchase') AND "s".rowid = (SELECT "asof row".rowid FROM "users" AS "asof row" WHERE ("asof row"."object_id" = u.object_id) AND (u.timestamp >= "asof row"."timestamp") AND ("asof row"."action" = 'purchase') ORDER BY "asof row"."timestamp" DESC, "asof row".rowid DESC LIMIT 1) GROUP BY s.plan
--- rows
plan | count(*)
NULL | 4
'Free' | 1
'free' | 6
'pro' | 8

## the latest change to another plan than pro
SELECT c.new_value, count(*) FROM users u ASOF JOIN users_changes c
ON c.object_id = u.object_id AND u.timestamp >= c.timestamp AND c.property = 'plan' AND c.new_value <> 'pro' GROUP BY c.new_value
--- plain
SELECT x.new_value, count(*) FROM users u JOIN users_changes x ON x.rowid = (SELECT y.rowid FROM users_changes y WHERE y.object_id = u.object_id
AND y.property = 'plan' AND y.new_value <> 'pro' AND y.timestamp <= u.timestamp ORDER BY y.timestamp DESC, y.rowid DESC LIMIT 1) GROUP BY x.new_value
--- plan
--- sql
SELECT c.new_value, count(*) FROM users u JOIN "users_changes" AS "c" ON ("c"."object_id" = u.object_id) AND (u.timestamp >= "c"."timestamp") AND ("c"."property" = 'plan') AND ("c"."new_value" <> 'pro') AND "c".rowid = (SELECT "asof row".rowid FROM "users_changes" AS "asof row" WHERE ("asof row"."object_id" = u.object_id) AND (u.timestamp >= "asof row"."timestamp") AND ("asof row"."property" = 'plan') AND ("asof row"."new_value" <> 'pro') ORDER BY "asof row"."timestamp" DESC, "asof row".rowid DESC LIMIT 1) GROUP BY c.new_value
--- rows
new_value | count(*)
'Free' | 2
'basic' | 8
'free' | 9

## the moment of the state keeps its name
SELECT s.as_of, count(*) FROM users u JOIN users_objects s ON s.object_id = u.object_id AND s.as_of = u.timestamp GROUP BY s.as_of HAVING count(*) > 1
--- plain
SELECT timestamp AS as_of, count(*) FROM users GROUP BY timestamp HAVING count(*) > 1
--- plan
PATH SCAN users
├─ group by timestamp
└─ compute count(*)
--- sql
SELECT "key 1" AS "as_of", +"value 1" AS "count(*)" FROM sky_scan_1 AS "u" WHERE +"value 1" > 1
--- rows
as_of | count(*)
'2026-01-05 12:00:00.000000' | 2
'2026-01-10 00:00:00.000000' | 2
'2026-01-15 08:30:00.000000' | 2
'2026-03-01 00:00:00.000000' | 4

## ASOF JOIN USING makes one column of each name
SELECT object_id, count(*) FROM users u ASOF JOIN users s USING (object_id, timestamp) GROUP BY object_id
--- plain
SELECT object_id, count(*) FROM users GROUP BY object_id
--- plan
PATH SCAN users
├─ group by object_id
└─ compute count(*)
--- sql
SELECT "key 1" AS "object_id", +"value 1" AS "count(*)" FROM sky_scan_1 AS "u"
--- rows
object_id | count(*)
1 | 6
2 | 5
3 | 5
4 | 1
5 | 3
6 | 4
7 | 3
9007199254740993 | 1

## the columns of the changes may be called as one likes
SELECT c.p AS plan, count(*) FROM users u ASOF JOIN (SELECT object_id AS id, timestamp AS at, new_value AS p FROM users_changes WHERE property = 'plan') c
ON c.id = u.object_id AND c.at <= u.timestamp GROUP BY c.p
--- plain
SELECT (SELECT x.plan FROM users x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS plan, count(*)
FROM users u WHERE EXISTS (SELECT 1 FROM users_changes x WHERE x.object_id = u.object_id AND x.property = 'plan' AND x.timestamp <= u.timestamp) GROUP BY 1
--- plan
PATH SCAN users
├─ where "plan through ties ever set"
├─ group by "plan through ties"
└─ compute count(*)
--- sql
SELECT "key 1" AS plan, +"value 1" AS "count(*)" FROM sky_scan_1 AS "u"
--- rows
plan | count(*)
NULL | 2
'Free' | 2
'basic' | 5
'free' | 4
'pro' | 9

## the changes in a CTE
WITH plans AS (SELECT object_id, timestamp, new_value AS plan FROM users_changes WHERE property = 'plan')
SELECT p.plan, count(*) FROM users u ASOF LEFT JOIN plans p ON p.object_id = u.object_id AND u.timestamp >= p.timestamp WHERE u.action = 'purchase' GROUP BY p.plan
--- plain
SELECT (SELECT x.plan FROM users x WHERE x.object_id = u.object_id AND x.timestamp <= u.timestamp ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) AS plan, count(*)
FROM users u WHERE u.action = 'purchase' GROUP BY 1
--- plan
PATH SCAN users
├─ where action = 'purchase'
├─ group by "plan through ties"
└─ compute count(*)
--- sql
WITH plans AS (SELECT object_id, timestamp, new_value AS plan FROM sky_scan_1 AS "users_changes")
SELECT "key 1" AS "plan", +"value 1" AS "count(*)" FROM sky_scan_2 AS "u"
--- rows
plan | count(*)
NULL | 3
'Free' | 1
'basic' | 2
'free' | 1
'pro' | 5

## ASOF JOIN of an ordinary table with a CTE, by a parameter, all columns
WITH bought AS (SELECT object_id AS customer, timestamp AS at, amount FROM users b WHERE action = ?2)
SELECT o.id, b.* FROM orders o ASOF JOIN bought b ON b.customer = o.customer_id AND b.at < o.created_at AND b.amount > ?1 ORDER BY o.id
--- parameters
[5, "purchase"]
--- plain
SELECT o.id, b.object_id AS customer, b.timestamp AS at, b.amount FROM orders o JOIN users b ON b.rowid = (SELECT x.rowid FROM users x WHERE x.object_id = o.customer_id
AND x.action = ?2 AND x.timestamp < o.created_at AND x.amount > ?1 ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) ORDER BY o.id
--- plan
--- sql
WITH bought AS (SELECT object_id AS customer, timestamp AS at, amount FROM users b WHERE action = ?2)
SELECT o.id, "b"."customer", "b"."at", "b"."amount" FROM orders o JOIN (SELECT "b".rowid AS "asof key 1", object_id AS customer, timestamp AS at, amount FROM users b WHERE action = ?2) AS "b" ON ("b"."customer" = o.customer_id) AND ("b"."at" < sky_timestamp(o.created_at)) AND ("b"."amount" > ?1) AND "b"."asof key 1" = (SELECT "asof row"."asof key 1" FROM (SELECT "b".rowid AS "asof key 1", object_id AS customer, timestamp AS at, amount FROM users b WHERE action = ?2) AS "asof row" WHERE ("asof row"."customer" = o.customer_id) AND ("asof row"."at" < sky_timestamp(o.created_at)) AND ("asof row"."amount" > ?1) ORDER BY "asof row"."at" DESC, "asof row"."asof key 1" DESC LIMIT 1) ORDER BY o.id
--- rows
id | customer | at | amount
5 | 2 | '2026-01-10 00:00:00.000000' | 20.0
6 | 3 | '2026-01-20 00:00:00.000000' | 7.75
10 | 2 | '2026-01-10 00:00:00.000000' | 20.0

## ASOF JOIN with a view
SELECT o.id, b.plan, b.amount FROM orders o ASOF LEFT JOIN purchases b ON b.customer = o.customer_id AND o.created_at >= b.at WHERE o.total <> ? ORDER BY o.id
--- parameters
[30]
--- plain
SELECT o.id, b.plan, b.amount FROM orders o LEFT JOIN users b ON b.rowid = (SELECT x.rowid FROM users x WHERE x.object_id = o.customer_id
AND x.action = 'purchase' AND x.timestamp <= o.created_at ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) WHERE o.total <> ? ORDER BY o.id
--- plan
--- sql
SELECT o.id, b.plan, b.amount FROM orders o LEFT JOIN (SELECT "users".rowid AS "asof key 1", object_id AS customer, timestamp AS at, plan, amount FROM "main".users WHERE action = 'purchase') AS "b" ON ("b"."customer" = o.customer_id) AND (sky_timestamp(o.created_at) >= "b"."at") AND "b"."asof key 1" = (SELECT "asof row"."asof key 1" FROM (SELECT "users".rowid AS "asof key 1", object_id AS customer, timestamp AS at, plan, amount FROM "main".users WHERE action = 'purchase') AS "asof row" WHERE ("asof row"."customer" = o.customer_id) AND (sky_timestamp(o.created_at) >= "asof row"."at") ORDER BY "asof row"."at" DESC, "asof row"."asof key 1" DESC LIMIT 1) WHERE o.total <> ?1 ORDER BY o.id
--- rows
id | plan | amount
1 | NULL | NULL
2 | 'free' | 9.5
4 | 'free' | 20.0
5 | 'free' | 20.0
6 | 'free' | 1.25
7 | NULL | NULL
8 | NULL | NULL
9 | NULL | NULL
10 | 'free' | 20.0

## ASOF JOIN of events with an ordinary table, whose times are written in many forms
SELECT u.object_id, u.timestamp, o.id FROM users u ASOF JOIN orders o ON o.customer_id = u.object_id AND o.created_at <= u.timestamp WHERE u.object_id < 3 ORDER BY u.object_id, u.ts, u.action
--- plain
SELECT u.object_id, u.timestamp, (SELECT x.id FROM orders x WHERE x.customer_id = u.object_id AND x.created_at <= u.timestamp ORDER BY x.created_at DESC, x.rowid DESC LIMIT 1) AS id
FROM users u WHERE u.object_id < 3 AND id IS NOT NULL ORDER BY u.object_id, u.ts, u.action
--- plan
--- sql
SELECT u.object_id, u.timestamp, o.id FROM users u JOIN "orders" AS "o" ON ("o"."customer_id" = u.object_id) AND (sky_timestamp("o"."created_at") <= u.timestamp) AND "o".rowid = (SELECT "asof row".rowid FROM "orders" AS "asof row" WHERE ("asof row"."customer_id" = u.object_id) AND (sky_timestamp("asof row"."created_at") <= u.timestamp) ORDER BY sky_timestamp("asof row"."created_at") DESC, "asof row".rowid DESC LIMIT 1) WHERE u.object_id < 3 ORDER BY u.object_id, u.ts, u.action
--- rows
object_id | timestamp | id
1 | '2026-01-01 09:00:00.000000' | 1
1 | '2026-01-05 12:00:00.000000' | 2
1 | '2026-01-05 12:00:00.000000' | 2
1 | '2026-01-15 08:30:00.000000' | 2
1 | '2026-02-07 00:00:00.000000' | 2
1 | '2026-02-08 20:00:00.000000' | 2
2 | '2026-01-10 00:00:00.000000' | 4
2 | '2026-01-10 00:00:00.000000' | 4
2 | '2026-02-01 00:00:00.000000' | 5
2 | '2026-02-03 10:11:12.000001' | 5

## the first comparison of an ASOF JOIN need not be that of the times
SELECT o.id, u.amount FROM orders o ASOF JOIN users u ON u.amount < o.total AND o.total > u.items AND u.object_id = o.customer_id AND o.created_at >= u.timestamp ORDER BY 1
--- plain
SELECT o.id, u.amount FROM orders o JOIN users u ON u.rowid = (SELECT x.rowid FROM users x WHERE x.amount < o.total AND o.total > x.items AND x.object_id = o.customer_id
AND x.timestamp <= o.created_at ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) ORDER BY 1
--- plan
--- sql
SELECT o.id, u.amount FROM orders o JOIN "users" AS "u" ON ("u"."amount" < o.total) AND (o.total > "u"."items") AND ("u"."object_id" = o.customer_id) AND (sky_timestamp(o.created_at) >= "u"."timestamp") AND "u".rowid = (SELECT "asof row".rowid FROM "users" AS "asof row" WHERE ("asof row"."amount" < o.total) AND (o.total > "asof row"."items") AND ("asof row"."object_id" = o.customer_id) AND (sky_timestamp(o.created_at) >= "asof row"."timestamp") ORDER BY "asof row"."timestamp" DESC, "asof row".rowid DESC LIMIT 1) ORDER BY 1
--- rows
id | amount
2 | 9.5
4 | 20.0
5 | 20.0
6 | 1.25
10 | 20.0

## all columns of an ASOF JOIN USING
SELECT * FROM users u ASOF JOIN users s USING (object_id, timestamp) WHERE u.amount > 9 ORDER BY object_id, timestamp
--- plain
SELECT u.object_id, u.timestamp, u.action, u.plan, u.country, u.seats, u.amount, u.items, u.url, s.action, s.plan, s.country, s.seats, s.amount, s.items, s.url FROM users u JOIN users s ON s.rowid = (SELECT x.rowid FROM users x WHERE x.object_id = u.object_id
AND x.timestamp <= u.timestamp ORDER BY x.timestamp DESC, x.rowid DESC LIMIT 1) WHERE u.amount > 9 ORDER BY u.object_id, u.timestamp
--- plan
PATH SCAN users
├─ where amount > 9
└─ read object_id, timestamp, action, plan, country, seats, amount, items, url, "action through ties", "plan through ties", "country through ties", "seats through ties", "amount through ties", "items through ties", "url through ties"
--- sql
SELECT "u".*, "u"."s.action" AS "action", "u"."s.plan" AS "plan", "u"."s.country" AS "country", "u"."s.seats" AS "seats", "u"."s.amount" AS "amount", "u"."s.items" AS "items", "u"."s.url" AS "url" FROM sky_scan_1 AS "u" ORDER BY object_id, timestamp
--- rows
object_id | timestamp | action | plan | country | seats | amount | items | url | action | plan | country | seats | amount | items | url
1 | '2026-01-05 12:00:00.000000' | 'purchase' | 'free' | 'de' | NULL | 9.5 | 1 | '/a' | NULL | 'pro' | 'de' | 5 | NULL | NULL | NULL
2 | '2026-01-10 00:00:00.000000' | 'purchase' | 'free' | 'fr' | 1 | 20.0 | 2 | '/b' | NULL | 'basic' | 'fr' | 1 | NULL | NULL | NULL
2 | '2026-02-03 10:11:12.000001' | 'purchase' | 'pro' | NULL | 1 | 9.5 | NULL | '/a' | 'purchase' | 'pro' | NULL | 1 | 9.5 | NULL | '/a'

## a name of both tables of an ASOF JOIN
SELECT plan, count(*) FROM users u ASOF JOIN users s ON s.object_id = u.object_id AND u.timestamp >= s.timestamp GROUP BY 1
--- plain
SELECT plan, count(*) FROM users u JOIN users s GROUP BY 1
--- plan
--- sql
SELECT plan, count(*) FROM users u JOIN "users" AS "s" ON ("s"."object_id" = u.object_id) AND (u.timestamp >= "s"."timestamp") AND "s".rowid = (SELECT "asof row".rowid FROM "users" AS "asof row" WHERE ("asof row"."object_id" = u.object_id) AND (u.timestamp >= "asof row"."timestamp") ORDER BY "asof row"."timestamp" DESC, "asof row".rowid DESC LIMIT 1) GROUP BY 1
--- rows
error: ambiguous column name: plan
