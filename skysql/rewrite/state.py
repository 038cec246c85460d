"""State at the time of the action, in the forms that SQL has for it; each becomes the plain column.

    (SELECT new_value FROM users_changes c WHERE c.object_id = u.object_id AND c.property = 'plan'
       AND c.timestamp <= u.timestamp ORDER BY c.timestamp DESC LIMIT 1)
    last_value(plan IGNORE NULLS) OVER (PARTITION BY object_id ORDER BY timestamp)
"""

from __future__ import annotations

from sqlglot import exp

from .convert import Idiom, Scope

IDIOMS: tuple[Idiom, ...] = ()


def join_state(resolver: object, scope: Scope, join: exp.Join) -> bool:
    """Whether a join only adds state to the rows, whose columns are then known in the scope."""
    return False
