# Decimals read as the nearest reals, and are added exactly: as whole numbers of their units.

## what is added
SELECT tailnum, fare FROM planes WHERE action = 'flight' ORDER BY ts
--- plan
--- sql
(as it is)
--- rows
tailnum | fare
'N1' | 19.99
'N1' | 0.1
'n1' | 0.2

## a sum and an average
SELECT status, sum(fare), avg(fare) FROM planes GROUP BY status
--- plain
SELECT status, sum(CAST(round(fare * 100) AS INTEGER)) / 100.0 AS "sum(fare)", sum(CAST(round(fare * 100) AS INTEGER)) / (100.0 * count(fare)) AS "avg(fare)" FROM planes GROUP BY status
--- plan
PATH SCAN planes
├─ group by status
└─ compute sum(CAST(round(fare * 100.0) AS INTEGER)), count(fare)
--- sql
SELECT "key 1" AS "status", (+"value 1" / 1e2) AS "sum(fare)", (+"value 1" / (1e2 * +"value 2")) AS "avg(fare)" FROM sky_scan_1 AS "planes"
--- rows
status | sum(fare) | avg(fare)
NULL | 0.2 | 0.2
'new' | 19.99 | 19.99
'repair' | 0.1 | 0.1

## a sum of what a subquery hands on
SELECT action, total(f) FROM (SELECT action, fare AS f FROM planes WHERE delay < 50) GROUP BY action
--- plain
SELECT action, total(CAST(round(f * 100) AS INTEGER)) / 100.0 AS "total(f)" FROM (SELECT action, fare AS f FROM planes WHERE delay < 50) GROUP BY action
--- plan
PATH SCAN planes
├─ where delay < 50
├─ group by action
└─ compute total(CAST(round(fare * 100.0) AS INTEGER))
--- sql
SELECT "key 1" AS "action", (+"value 1" / 1e2) AS "total(f)" FROM sky_scan_1 AS "path scan"
--- rows
action | total(f)
'flight' | 20.09

## a sum of what is computed from one is a sum of reals
SELECT status, sum(fare * 2) FROM planes GROUP BY status
--- plan
PATH SCAN planes
├─ group by status
└─ compute sum(fare * 2)
--- sql
SELECT "key 1" AS "status", +"value 1" AS "sum(fare * 2)" FROM sky_scan_1 AS "planes"
--- rows
status | sum(fare * 2)
NULL | 0.4
'new' | 39.98
'repair' | 0.2

## what compares is the real that it reads as
SELECT fare > 0.1 AS above, count(*), max(fare) FROM planes WHERE action = 'flight' AND fare <> 0.2 GROUP BY 1
--- plan
PATH SCAN planes
├─ where action = 'flight'
├─ where fare <> 0.2
├─ group by fare > 0.1
└─ compute count(*), max(fare)
--- sql
SELECT +"key 1" AS above, +"value 1" AS "count(*)", +"value 2" AS "max(fare)" FROM sky_scan_1 AS "planes"
--- rows
above | count(*) | max(fare)
0 | 1 | 0.1
1 | 1 | 19.99
