"""SQLite's dialect of sqlglot, with the spans of nodes recorded, so that a rewrite can edit the user's own text.

sqlglot as a printer changes names (it prints ifnull as COALESCE), and so the names of unaliased columns. Here it is
only a parser: every node knows the tokens that it came from, and what is not rewritten stays byte for byte.

`meta["span"]` of a node is (first token, last token + 1). The parser's methods are wrapped to record it; for the inner
nodes of a left-associative chain, which no method returns, `span` takes the union of the children's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import dropwhile, pairwise
from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.sqlite import SQLite
from sqlglot.errors import ErrorLevel, SqlglotError
from sqlglot.parsers.sqlite import SQLiteParser
from sqlglot.tokenizer_core import Token, TokenType

from ..model.quoting import name_key
from .lists import LIST, Listed, folded, folds, unfolded

_NAME = re.compile(r"\w+")
_WHOLE = re.compile(r"\?|\$\w+")
_QUOTED = (TokenType.STRING, TokenType.IDENTIFIER)

_LONGEST = 1_000_000
"""Characters of a statement, long lists of literals aside. To parse as many takes ten seconds."""

_DEEPEST = 1_000
"""SQLite's own limit of an expression's depth."""

_RECORDED = (
    *("_parse_statement", "_parse_select", "_parse_table", "_parse_join", "_parse_cte", "_parse_expression"),
    *("_parse_disjunction", "_parse_conjunction", "_parse_equality", "_parse_comparison", "_parse_range"),
    *("_parse_bitwise", "_parse_term", "_parse_factor", "_parse_unary", "_parse_column", "_parse_primary"),
    *("_parse_function", "_parse_window", "_parse_ordered", "_parse_where", "_parse_group", "_parse_having"),
    *("_parse_order", "_parse_limit", "_parse_from", "_parse_placeholder", "_parse_subquery", "_parse_case"),
    "_parse_atom",
)


def _recording(name: str) -> Callable[..., Any]:
    inherited = getattr(SQLiteParser, name)

    def parse(self: Any, *args: Any, **kwargs: Any) -> Any:
        first = self._index
        node = inherited(self, *args, **kwargs)
        if isinstance(node, exp.Expression) and self._index > first:
            node.meta["span"] = (first, self._index)
        return node

    return parse


class Plus(exp.Unary):
    """`+x`, which has the value of x, and takes its affinity: where sqlglot sees x alone."""


def _iif(arguments: list[exp.Expression]) -> exp.Expression:
    """iif() or if(), which takes any number of conditions, each before its value."""
    return exp.If.from_arg_list(arguments) if len(arguments) < 4 else exp.Anonymous(this="iif", expressions=arguments)


class Parser(SQLiteParser):
    """SQLite's parser, recording spans. SQLite has no nested types: `object < 1` is a comparison."""

    FUNCTIONS: ClassVar[dict[str, Any]] = {**SQLiteParser.FUNCTIONS, "IF": _iif, "IIF": _iif}
    NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
        name: parser for name, parser in SQLiteParser.NO_PAREN_FUNCTION_PARSERS.items() if name != "IF"
    }

    NESTED_TYPE_TOKENS: ClassVar[set[TokenType]] = set()
    PRIMARY_PARSERS: ClassVar[dict[TokenType, Any]] = {
        **SQLiteParser.PRIMARY_PARSERS,
        LIST: lambda self, token: self.expression(Listed(this=token.text)),
    }
    UNARY_PARSERS: ClassVar[dict[TokenType, Any]] = {
        **SQLiteParser.UNARY_PARSERS,
        TokenType.PLUS: lambda self: self.expression(Plus(this=self._parse_unary())),
    }

    def _parse_version(self) -> exp.Version | None:
        """FOR SYSTEM_TIME AS OF a moment; what else may follow FOR elsewhere is not said here."""
        if not self._match_text_seq("FOR", "SYSTEM_TIME", "AS", "OF"):
            return None
        moment = self._parse_bitwise()
        if moment is None:
            self.raise_error("FOR SYSTEM_TIME AS OF without a moment")
        return self.expression(exp.Version(this="SYSTEM_TIME", expression=moment, kind="AS OF"))

    def _warn_unsupported(self) -> None:
        """What is not parsed is SQLite's, word for word: nobody has to be warned."""


for _name in _RECORDED:
    if hasattr(SQLiteParser, _name):
        setattr(Parser, _name, _recording(_name))


class Dialect(SQLite):
    """SQLite with spans."""

    Parser = Parser


@dataclass(frozen=True, slots=True)
class SqlText:
    """A statement's text, its tokens and its tree."""

    text: str
    tokens: list[Token]
    tree: exp.Expression

    def start(self, token: int) -> int:
        """The offset of a token's first character."""
        return self.tokens[token].start

    def end(self, token: int) -> int:
        """The offset after a token's last character."""
        return self.tokens[token].end + 1

    def closing(self, opened: int) -> int:
        """The token that closes the parenthesis which a token opens."""
        depth = 0
        for at in range(opened, len(self.tokens)):
            kind = self.tokens[at].token_type
            depth += (kind is TokenType.L_PAREN) - (kind is TokenType.R_PAREN)
            if depth == 0:
                return at
        return len(self.tokens)

    def slice(self, first: int, last: int) -> str:
        """The text of the tokens first ... last-1."""
        return self.text[self.start(first) : self.end(last - 1)] if last > first else ""


def parse(text: str, home: str = "temp") -> SqlText | None:
    """The statement, or None if sqlglot cannot parse it as one, or if it is long or deep beyond all measure.

    home: the database of a view, where SQLite looks for what it reads; of one in temp, as of a statement, in all.
    """
    lists = folds(text)
    short = folded(text, lists)
    if len(short) > _LONGEST:
        return None
    dialect = Dialect()
    try:
        tokens = unfolded(_with_names(_with_parameters(dialect.tokenize(short))), text, lists)
        tokens = list(dropwhile(lambda token: token.token_type is TokenType.SEMICOLON, tokens))
        if any(a.token_type is b.token_type is TokenType.STRING for a, b in pairwise(tokens)):
            return None  # sqlglot sees one text in two, and SQLite an alias or a fault
        trees = dialect.parser(error_level=ErrorLevel.RAISE).parse(tokens, text)
    except (SqlglotError, RecursionError, ValueError, IndexError, AttributeError, TypeError):
        return None
    trees = [tree for tree in trees if tree is not None]
    if len(trees) != 1 or isinstance(trees[0], exp.Command) or not isinstance(trees[0], exp.Expression):
        return None
    if home != "temp":
        trees[0].meta["home"] = home
    return None if _is_deep(trees[0]) else SqlText(text, tokens, trees[0])


def database_of(item: exp.Expression) -> str | None:
    """Where a FROM item is looked for: the database that it names, or that of the view around it; None for all."""
    return item.text("db") or item.root().meta.get("home")


def tokens_of(text: str) -> list[Token]:
    """The tokens of any text; [] if they cannot be told."""
    try:
        return Dialect().tokenize(text)
    except SqlglotError:
        return []


def _is_deep(tree: exp.Expression) -> bool:
    """Whether it is deeper than SQLite allows, or than a walk of it by recursion would go."""
    level: list[Any] = [tree]
    for _ in range(_DEEPEST):
        level = [child for node in level for child in node.iter_expressions()]
        if not level:
            return False
    return True


def _with_parameters(tokens: list[Token]) -> list[Token]:
    """The tokens with each parameter (?, ?1, :name, @name, $name) as one token."""
    joined: list[Token] = []
    for token in tokens:
        last = joined[-1] if joined and joined[-1].token_type not in _QUOTED else None
        if last is not None and last.text in ("?", ":", "@", "$") and last.end + 1 == token.start:
            if _NAME.fullmatch(token.text) and (last.text != "?" or token.text.isdigit()):
                joined[-1] = _parameter(last, last.text + token.text, token.end)
                continue
        joined.append(token)
    return [
        _parameter(t, t.text, t.end) if t.token_type not in _QUOTED and _WHOLE.fullmatch(t.text) else t for t in joined
    ]


def _with_names(tokens: list[Token]) -> list[Token]:
    """The tokens with each text beside a dot as the name that SQLite takes it for: `'u'.plan`, `u.'plan'`."""
    dots = [token.token_type is TokenType.DOT for token in (*tokens, *tokens[:1])]
    return [
        Token(TokenType.IDENTIFIER, t.text, t.line, t.col, t.start, t.end, t.comments)
        if t.token_type is TokenType.STRING and (dots[at - 1] or dots[at + 1])
        else t
        for at, t in enumerate(tokens)
    ]


def _parameter(token: Token, text: str, end: int) -> Token:
    return Token(TokenType.PLACEHOLDER, text, token.line, token.col, token.start, end, token.comments)


def span(node: exp.Expression) -> tuple[int, int] | None:
    """The tokens of a node: (first, last + 1); None if it is not known."""
    own = node.meta.get("span") if node._meta is not None else None
    if own is not None:
        return own  # type: ignore[no-any-return]
    spans = [found for child in node.iter_expressions() if (found := span(child)) is not None]
    if not spans or not isinstance(node, exp.Binary | exp.Connector | exp.Alias):
        return None
    return min(first for first, _ in spans), max(last for _, last in spans)


def is_star(item: exp.Expression) -> bool:
    """Whether an item of a select is `*` or `t.*`."""
    return isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star))


_JOINS = {
    **dict.fromkeys(("", "INNER", "CROSS"), "INNER"),
    **dict.fromkeys(("LEFT", "LEFT OUTER"), "LEFT"),
    **dict.fromkeys(("ASOF", "ASOF INNER"), "ASOF"),
    **dict.fromkeys(("ASOF LEFT", "ASOF LEFT OUTER"), "ASOF LEFT"),
}
_JOIN_PARTS = frozenset({"this", "on", "using", "method", "side", "kind"})


def join_words(join: exp.Join) -> str:
    """The words before JOIN, in capitals."""
    return " ".join(str(join.args[part]).upper() for part in ("method", "side", "kind") if join.args.get(part))


def join_form(join: exp.Join) -> str:
    """INNER, LEFT, ASOF or ASOF LEFT; "" of any other join, and of one with parts that SQLite lacks."""
    known = all(part in _JOIN_PARTS for part, value in join.args.items() if value)
    return _JOINS.get(join_words(join), "") if known else ""


def cte_of(table: exp.Expression, name: str | None = None) -> exp.CTE | None:
    """The CTE that a name in FROM means, or another name that stands there; None if it means a table of the schema."""
    scope: exp.Expr | None = None if isinstance(table, exp.Table) and table.db else table
    name = name_key(table.name if name is None else name)
    while scope is not None:
        with_ = scope.args.get("with_")
        if with_ is not None:
            around = None if with_.args.get("recursive") else table.find_ancestor(exp.CTE)
            for cte in with_.expressions:
                if name_key(cte.alias) == name and cte is not around:
                    return cte  # type: ignore[no-any-return]
        scope = scope.parent
    return None


__all__ = [
    "Dialect", "SqlText", "Token", "TokenType", "cte_of", "database_of", "is_star", "join_form", "join_words", "parse",
    "span", "tokens_of",
]  # fmt: skip
