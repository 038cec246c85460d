"""Each MATCH_RECOGNIZE of a statement becomes the read of a relation, published for the connection.

    SELECT * FROM users MATCH_RECOGNIZE (...) AS m WHERE ...   ->   SELECT * FROM sky_match_1(...) AS m WHERE ...

Beside another item of FROM it is `(SELECT * FROM sky_match_1(...) LIMIT -1)`, which SQLite computes once. A view keeps
its text, so there the name is made of the text, which goes with it as an argument: whoever opens the file finds it in
the schema and publishes the relation anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import blake2b

import apsw

from vtab import publish, retract

from ..arguments import call_of
from ..errors import Error, NotSupportedError
from ..evaluate import Evaluator
from ..match.lexer import tokenize
from ..match.plan import EventSource, Recognition
from ..match.relation import MatchRelation
from ..plan import Value
from ..schema import literal, quote
from ..snapshot import Snapshot
from .catalog import Catalog
from .match import WORD, Place, number_parameters, places, stored_kind, visible_ctes
from .recognise import Context, Made, recognise

MATCHES = "sky_match_"
"""What the names of the relations begin with."""

_STORED = re.compile(r"\bsky_match_(?P<name>[0-9a-f]{16})\('(?P<text>(?:[^']|'')*)'\)")

_WINDOW_ONLY = frozenset(
    """row_number rank dense_rank percent_rank cume_dist ntile lead lag first_value last_value nth_value""".split()
)


class Matching:
    """Replaces the clauses in statements of one connection. `prepare` gives a text the form that SQLite gets."""

    def __init__(
        self,
        sqlite: apsw.Connection,
        catalog: Catalog,
        evaluator: Evaluator,
        snapshot: Callable[[str, str], Snapshot],
        prepare: Callable[[str, bool], str],
    ) -> None:
        self._sqlite = sqlite
        self._catalog = catalog
        self._evaluator = evaluator
        self._snapshot = snapshot
        self._prepare = prepare
        self._published = 0
        self._stored: set[str] = set()  # the names of views' relations
        self._generation = -1
        self._aggregates: frozenset[str] = frozenset()

    def replace(self, text: str, pushdown: bool) -> tuple[str, tuple[Recognition, ...], tuple[str, ...]]:
        """(the statement without MATCH_RECOGNIZE, what it reads instead, the names published for it)."""
        tokens = tokenize(text)
        if not places(text, tokens):
            return text, (), ()
        kind = stored_kind(tokens)
        if kind == "TRIGGER":
            raise NotSupportedError("MATCH_RECOGNIZE cannot be in a trigger", "read it from a view")
        text = number_parameters(text)
        plans: list[Recognition] = []
        names: list[str] = []
        while found := places(text, tokenize(text)):  # subqueries of measures and conditions come up as arguments
            text = self._replaced(self._context(text, pushdown), found, bool(kind), plans, names)
        return text, tuple(plans), tuple(names)

    def _replaced(
        self, context: Context, found: list[Place], stored: bool, plans: list[Recognition], names: list[str]
    ) -> str:
        """The text with a read in each of these places."""
        pieces, at = [], 0
        for place in found:
            made = recognise(context, place)
            start, end = context.tokens[place.first].start, context.tokens[place.last - 1].end
            call = self._store(context, place, made) if stored else self._publish(made, context.pushdown, names)
            pieces += [context.text[at:start], _read(call, place)]
            plans.append(made.plan)
            at = end
        return "".join([*pieces, context.text[at:]])

    def _context(self, text: str, pushdown: bool) -> Context:
        return Context(
            self._sqlite,
            self._catalog,
            lambda inner: self._prepare(inner, pushdown),
            self._known_aggregates(),
            text,
            tokenize(text),
            pushdown,
        )

    def _known_aggregates(self) -> frozenset[str]:
        if self._generation != self._catalog.generation:
            self._generation = self._catalog.generation
            found = self._sqlite.execute("SELECT name FROM pragma_function_list WHERE type IN ('a', 'w')")
            self._aggregates = frozenset(name.lower() for (name,) in found) - _WINDOW_ONLY
        return self._aggregates

    def _publish(self, made: Made, pushdown: bool, names: list[str]) -> str:
        self._published += 1
        name = f"{MATCHES}{self._published}"
        self._make_known(name, made, made.plan, pushdown)
        names.append(name)
        return call_of(name, made.arguments)

    def _make_known(self, name: str, made: Made, plan: Recognition, pushdown: bool) -> None:
        publish(self._sqlite, name, self._relation(plan, pushdown))
        self._catalog.result_times[name] = made.times

    def _relation(self, plan: Recognition, pushdown: bool) -> MatchRelation:
        def query(text: str, bindings: dict[str, Value]) -> Iterator[tuple[Value, ...]]:
            return self._sqlite.cursor().execute(self._prepare(text, pushdown), bindings or None)

        scanned = plan.source.scan if isinstance(plan.source, EventSource) else None
        snapshots = self._snapshot if scanned is None else self._catalog.as_now(scanned, self._snapshot)
        return MatchRelation(plan, self._evaluator, snapshots, query, lambda: self._sqlite.is_interrupted)

    # views

    def _store(self, context: Context, place: Place, made: Made) -> str:
        """The read of a relation that is known by its own text."""
        if made.arguments:
            raise NotSupportedError(
                "a view's MATCH_RECOGNIZE cannot hold a subquery in MEASURES or DEFINE, or a parameter",
                "compute it in the input",
            )
        tokens, text = context.tokens, context.text
        ctes = visible_ctes(text, tokens, place.first, tokens[place.first : place.close])
        own = f"{ctes}SELECT * FROM {text[tokens[place.first].start : tokens[place.close].end]}"
        name = blake2b(own.encode(), digest_size=8).hexdigest()
        return f"{MATCHES}{name}({literal(own)})"

    def publish_stored(self, pushdown: bool) -> None:
        """Publish the relations of the views that there are, and retract those of views that are no more."""
        waiting = {}
        for sql in self._catalog.view_texts():
            for match in _STORED.finditer(sql):
                waiting[f"{MATCHES}{match['name']}"] = match["text"].replace("''", "'")
        for name in self._stored - set(waiting):
            retract(self._sqlite, name)
        self._stored = set()
        progress = True
        while waiting and progress:  # one may read another
            done = {name for name, text in waiting.items() if self._publish_stored(name, text, pushdown)}
            self._stored |= done
            waiting = {name: text for name, text in waiting.items() if name not in done}
            progress = bool(done)

    def _publish_stored(self, name: str, text: str, pushdown: bool) -> bool:
        context = self._context(text, pushdown)
        try:
            (place,) = places(context.text, context.tokens)
            made = recognise(context, place)
        except (Error, apsw.Error, ValueError):
            return False  # what it reads is not there, or not yet
        self._make_known(name, made, replace(made.plan, parameters=1), pushdown)  # the text is a parameter
        return True


def _read(call: str, place: Place) -> str:
    read = f"(SELECT * FROM {call} LIMIT -1)" if place.joined else call
    if place.names and place.alias is not None:
        return f"{read} AS {quote(place.alias)}"
    return read


__all__ = ["MATCHES", "WORD", "Matching"]
