"""What a select calls: the names of functions, their arguments, and which calls are of aggregates.

The text tells, not the class of the node: to sqlglot AND, OR, COLLATE, CASE and -> are functions, and min() and max()
of two arguments are aggregates. A call is a name, and a parenthesis that ends where the node ends.
"""

from __future__ import annotations

from sqlglot import exp

from .dialect import SqlText, TokenType, span
from .edits import EditedStatement


def own(node: exp.Expression) -> list[exp.Expression]:
    """The node and those below it that belong to the same select."""
    found = [node]
    for child in node.iter_expressions():
        if not isinstance(child, exp.Subquery | exp.Select):
            found += own(child)
    return found


def call_name(statement: EditedStatement, node: exp.Expression, parsed: SqlText | None = None) -> str:
    """The name that a function is called by in the text, in lower case; '' if the node is no call."""
    filtered = isinstance(node.parent, exp.Filter) and node.arg_key == "this"
    where = span(node.parent) if isinstance(node.parent, exp.Filter) and filtered else span(node)
    if not isinstance(node, exp.Func) or where is None or where[1] - where[0] < 3:
        return ""
    parsed = parsed or statement.parsed
    name, opened = parsed.tokens[where[0]], where[0] + 1
    if parsed.tokens[opened].token_type is not TokenType.L_PAREN:
        return ""
    return name.text.lower() if filtered or parsed.closing(opened) == where[1] - 1 else ""


def call_arguments(call: exp.Expression) -> list[exp.Expression]:
    """The arguments of a call, whether sqlglot knows the function or not."""
    own = [] if isinstance(call, exp.Anonymous) or call.this is None else [call.this]
    second = call.args.get("expression")
    return own + ([] if second is None else [second]) + (call.args.get("expressions") or [])


def is_aggregate(statement: EditedStatement, node: exp.Expression, parsed: SqlText | None = None) -> bool:
    """Whether the node calls an aggregate, and not as a window function."""
    name = call_name(statement, node, parsed)
    if name not in statement.catalog.aggregates:
        return False
    if name in ("min", "max") and len(call_arguments(node)) != 1:
        return False
    parent = node.parent.parent if isinstance(node.parent, exp.Filter | exp.IgnoreNulls) else node.parent
    return not (isinstance(parent, exp.Window) and node in (parent.this, getattr(parent.this, "this", None)))


def is_ambiguous(statement: EditedStatement) -> bool:
    """Whether a call may be of an aggregate or of the user's own function of one row: SQLite knows by the arguments."""
    names = statement.catalog.ambiguous
    calls = statement.parsed.tree.find_all(exp.Func) if names else ()
    return any(call_name(statement, node) in names for node in calls if isinstance(node, exp.Expression))


def has_aggregate(statement: EditedStatement, node: exp.Expression, parsed: SqlText | None = None) -> bool:
    """Whether the node calls an aggregate, or something below it in the same select does."""
    return any(is_aggregate(statement, below, parsed) for below in own(node))


def has_aggregates(statement: EditedStatement, select: exp.Select, parsed: SqlText | None = None) -> bool:
    """Whether any clause of the select calls an aggregate."""
    clauses = [*select.expressions, select.args.get("having"), select.args.get("order")]
    return any(clause is not None and has_aggregate(statement, clause, parsed) for clause in clauses)


def repeatable(statement: EditedStatement, node: exp.Expression) -> bool:
    """Whether an expression has one value for a row, however often it is evaluated: it calls only pure functions."""
    if node.find(exp.Select, exp.Window) is not None:
        return False
    for below in node.walk():
        if not isinstance(below, exp.Expression) or not isinstance(below, exp.Func):
            continue
        where, name = span(below), call_name(statement, below)
        operator = not name and where is not None and where[1] - where[0] > 1  # one word alone is CURRENT_DATE
        if not operator and name not in statement.catalog.pure:
            return False
    return True
