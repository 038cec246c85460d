# What EXPLAIN QUERY PLAN says of reports: the question as it is planned, with conditions as expressions.

## a funnel of actions
EXPLAIN QUERY PLAN SELECT step, name, objects FROM sky_funnel('users', 'sign up > purchase', '7 days')
--- plan
REPORT sky_funnel OF users
├─ steps
│  ├─ 1. action = 'sign up'
│  └─ 2. action = 'purchase'
├─ order ordered
├─ within 7 days
├─ entry best
└─ count objects
--- sql
(as it is)
--- rows
SCAN sky_funnel VIRTUAL TABLE INDEX n:REPORT sky_funnel OF users
├─ steps
│  ├─ 1. action = 'sign up'
│  └─ 2. action = 'purchase'
├─ order ordered
├─ within 7 days
├─ entry best
└─ count objects

## a funnel with everything
EXPLAIN QUERY PLAN SELECT * FROM sky_funnel('users', '["action = ''sign up''", {"when": "plan = ''pro'' AND timestamp > ''2026-01-02'' OR amount > 10", "name": "upgrade", "within": "36 hours", "optional": true}, {"action": "purchase"}]', 5400, '{"exclude": [{"action": "cancel", "after": 1, "before": 2}, {"when": "amount < 0 AND plan IS NULL"}], "hold": ["plan", "upper(country)"], "entry": "first", "from": "2026-01-01", "to": "2026-02-01", "session": "30 minutes", "count": "sessions", "by": "plan"}') WHERE entry > '2026-01-03' AND segment = 'pro'
--- plan
REPORT sky_funnel OF users
├─ steps
│  ├─ 1. action = 'sign up'
│  ├─ 2. ((plan = 'pro') AND (timestamp > sky_timestamp('2026-01-02'))) OR (amount > 10) AS upgrade, within 36 hours, optional
│  └─ 3. action = 'purchase'
├─ order ordered
├─ within 90 minutes
├─ exclude action = 'cancel' between steps 1 and 2
├─ exclude amount < 0 AND plan IS NULL between steps 1 and 3
├─ hold plan
├─ hold upper(country)
├─ entry first
├─ from 2026-01-01 00:00:00.000000
├─ to 2026-02-01 00:00:00.000000
├─ session 30 minutes
├─ count sessions
└─ by plan
--- sql
EXPLAIN QUERY PLAN SELECT * FROM sky_funnel('users', '["action = ''sign up''", {"when": "plan = ''pro'' AND timestamp > ''2026-01-02'' OR amount > 10", "name": "upgrade", "within": "36 hours", "optional": true}, {"action": "purchase"}]', 5400, '{"exclude": [{"action": "cancel", "after": 1, "before": 2}, {"when": "amount < 0 AND plan IS NULL"}], "hold": ["plan", "upper(country)"], "entry": "first", "from": "2026-01-01", "to": "2026-02-01", "session": "30 minutes", "count": "sessions", "by": "plan"}') WHERE entry > '2026-01-03 00:00:00.000000' AND segment = 'pro'
--- rows
SCAN sky_funnel VIRTUAL TABLE INDEX n:REPORT sky_funnel OF users
├─ steps
│  ├─ 1. action = 'sign up'
│  ├─ 2. ((plan = 'pro') AND (timestamp > sky_timestamp('2026-01-02'))) OR (amount > 10) AS upgrade, within 36 hours, optional
│  └─ 3. action = 'purchase'
├─ order ordered
├─ within 90 minutes
├─ exclude action = 'cancel' between steps 1 and 2
├─ exclude amount < 0 AND plan IS NULL between steps 1 and 3
├─ hold plan
├─ hold upper(country)
├─ entry first
├─ from 2026-01-01 00:00:00.000000
├─ to 2026-02-01 00:00:00.000000
├─ session 30 minutes
├─ count sessions
├─ by plan
├─ where entry > 2026-01-03 00:00:00.000000
└─ where segment = pro

## the objects that a funnel lost
EXPLAIN QUERY PLAN SELECT object_id FROM sky_funnel_objects('users', 'sign up > purchase', 1.5, '{"order": "strict"}', 2, 1) WHERE object_id = 3
--- plan
REPORT sky_funnel_objects OF users
├─ steps
│  ├─ 1. action = 'sign up'
│  └─ 2. action = 'purchase'
├─ order strict
├─ within 1500 milliseconds
├─ entry best
├─ count objects
└─ lost before step 2
--- sql
(as it is)
--- rows
SCAN sky_funnel_objects VIRTUAL TABLE INDEX n:REPORT sky_funnel_objects OF users
├─ steps
│  ├─ 1. action = 'sign up'
│  └─ 2. action = 'purchase'
├─ order strict
├─ within 1500 milliseconds
├─ entry best
├─ count objects
├─ lost before step 2
└─ where object_id = 3

## a condition with a subquery
EXPLAIN QUERY PLAN SELECT * FROM sky_funnel_objects('users', '["action = ''sign up''", "ts > (SELECT count(*) FROM orders)"]')
--- plan
REPORT sky_funnel_objects OF users
├─ steps
│  ├─ 1. action = 'sign up'
│  └─ 2. ts > :p1
├─ order ordered
├─ entry best
├─ count objects
├─ of step 1
└─ with :p1 as (SELECT count(*) FROM orders)
--- sql
(as it is)
--- rows
SCAN sky_funnel_objects VIRTUAL TABLE INDEX n:REPORT sky_funnel_objects OF users
├─ steps
│  ├─ 1. action = 'sign up'
│  └─ 2. ts > :p1
├─ order ordered
├─ entry best
├─ count objects
├─ of step 1
└─ with :p1 as (SELECT count(*) FROM orders)

## a retention by weeks
EXPLAIN QUERY PLAN SELECT * FROM sky_retention('users', 'sign up', NULL, 'week', 4) WHERE cohort > '2026-01-01'
--- plan
REPORT sky_retention OF users
├─ first action = 'sign up'
├─ again any event
├─ unit week
├─ periods 0 to 4
└─ cohort week
--- sql
(as it is)
--- rows
SCAN sky_retention VIRTUAL TABLE INDEX n:REPORT sky_retention OF users
├─ first action = 'sign up'
├─ again any event
├─ unit week
├─ periods 0 to 4
├─ cohort week
└─ where cohort > 2026-01-01

## a retention with everything
EXPLAIN QUERY PLAN SELECT * FROM sky_retention('users', '{"when": "amount > 1"}', '{"action": "purchase"}', '3 days', NULL, '{"brackets": [0, 1, 4, 8], "rolling": true, "by": "plan", "from": "2026-01-01", "to": "2026-02-01", "until": "2026-03-01"}')
--- plan
REPORT sky_retention OF users
├─ first amount > 1
├─ again action = 'purchase'
├─ unit 3 days
├─ brackets 0, 1, 4, 8
├─ rolling
├─ by plan
├─ from 2026-01-01 00:00:00.000000
├─ to 2026-02-01 00:00:00.000000
└─ until 2026-03-01 00:00:00.000000
--- sql
(as it is)
--- rows
SCAN sky_retention VIRTUAL TABLE INDEX n:REPORT sky_retention OF users
├─ first amount > 1
├─ again action = 'purchase'
├─ unit 3 days
├─ brackets 0, 1, 4, 8
├─ rolling
├─ by plan
├─ from 2026-01-01 00:00:00.000000
├─ to 2026-02-01 00:00:00.000000
└─ until 2026-03-01 00:00:00.000000

## a retention of everyone together
EXPLAIN QUERY PLAN SELECT * FROM sky_retention('users', 'sign up', 'purchase', 'month', 2, '{"cohort": "all", "on_or_after": true}')
--- plan
REPORT sky_retention OF users
├─ first action = 'sign up'
├─ again action = 'purchase'
├─ unit month
├─ periods 0 to 2
├─ on or after
└─ cohort all
--- sql
(as it is)
--- rows
SCAN sky_retention VIRTUAL TABLE INDEX n:REPORT sky_retention OF users
├─ first action = 'sign up'
├─ again action = 'purchase'
├─ unit month
├─ periods 0 to 2
├─ on or after
└─ cohort all

## a flow
EXPLAIN QUERY PLAN SELECT * FROM sky_flow('users')
--- plan
REPORT sky_flow OF users
├─ from a path's first action
├─ starts first
└─ depth 3
--- sql
(as it is)
--- rows
SCAN sky_flow VIRTUAL TABLE INDEX n:REPORT sky_flow OF users
├─ from a path's first action
├─ starts first
└─ depth 3

## a flow backward, with everything
EXPLAIN QUERY PLAN SELECT * FROM sky_flow('users', '{"to": {"when": "action = ''purchase'' AND amount > 10"}, "session": "30 minutes", "starts": "every", "depth": 2, "collapse": true, "top": 3}')
--- plan
REPORT sky_flow OF users
├─ to action = 'purchase' AND amount > 10
├─ session 30 minutes
├─ starts every
├─ depth 2
├─ collapse
└─ top 3
--- sql
(as it is)
--- rows
SCAN sky_flow VIRTUAL TABLE INDEX n:REPORT sky_flow OF users
├─ to action = 'purchase' AND amount > 10
├─ session 30 minutes
├─ starts every
├─ depth 2
├─ collapse
└─ top 3

## a life cycle
EXPLAIN QUERY PLAN SELECT * FROM sky_lifecycle('users', 'day')
--- plan
REPORT sky_lifecycle OF users
├─ unit day
└─ active any event
--- sql
(as it is)
--- rows
SCAN sky_lifecycle VIRTUAL TABLE INDEX n:REPORT sky_lifecycle OF users
├─ unit day
└─ active any event

## a life cycle of an action
EXPLAIN QUERY PLAN SELECT * FROM sky_lifecycle('users', 'quarter', '{"action": "purchase"}')
--- plan
REPORT sky_lifecycle OF users
├─ unit quarter
└─ active action = 'purchase'
--- sql
(as it is)
--- rows
SCAN sky_lifecycle VIRTUAL TABLE INDEX n:REPORT sky_lifecycle OF users
├─ unit quarter
└─ active action = 'purchase'

## a stickiness
EXPLAIN QUERY PLAN SELECT * FROM sky_stickiness('users', '{"when": "amount > 1"}', 'week', '{"from": "2026-01-01"}')
--- plan
REPORT sky_stickiness OF users
├─ active amount > 1
├─ unit week
└─ from 2026-01-01 00:00:00.000000
--- sql
(as it is)
--- rows
SCAN sky_stickiness VIRTUAL TABLE INDEX n:REPORT sky_stickiness OF users
├─ active amount > 1
├─ unit week
└─ from 2026-01-01 00:00:00.000000

## a timeline
EXPLAIN QUERY PLAN SELECT * FROM sky_timeline('users', 'lower(plan)', '{"until": "2026-02-01"}') WHERE object_id = 1
--- plan
REPORT sky_timeline OF users
├─ state lower(plan)
└─ until 2026-02-01 00:00:00.000000
--- sql
(as it is)
--- rows
SCAN sky_timeline VIRTUAL TABLE INDEX n:REPORT sky_timeline OF users
├─ state lower(plan)
├─ until 2026-02-01 00:00:00.000000
└─ where object_id = 1

## a table of another schema's name, and an argument that is not known
EXPLAIN QUERY PLAN SELECT * FROM customers c JOIN sky_timeline('main.users', c.segment)
--- plan
REPORT sky_timeline OF main.users
└─ property c.segment
--- sql
(as it is)
--- rows
SCAN c
SCAN sky_timeline VIRTUAL TABLE INDEX n:REPORT sky_timeline OF main.users
└─ property c.segment

## what cannot be read
EXPLAIN QUERY PLAN SELECT * FROM sky_lifecycle('users', 'fortnight')
--- plan
REPORT sky_lifecycle OF users
└─ unit fortnight
--- sql
(as it is)
--- rows
SCAN sky_lifecycle VIRTUAL TABLE INDEX n:REPORT sky_lifecycle OF users
└─ unit fortnight
