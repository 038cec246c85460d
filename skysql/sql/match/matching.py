"""Each MATCH_RECOGNIZE of a statement becomes the read of a relation, published for the connection.

    SELECT * FROM users MATCH_RECOGNIZE (...) AS m WHERE ...   ->   SELECT * FROM <result>(...) AS m WHERE ...

Beside another item of FROM it is `(SELECT * FROM <result>(...) LIMIT -1)`, which SQLite computes once. A view keeps its
text, so there the name is made of the text, `sky_match_<digest>`, which goes with it as an argument: whoever opens the
file finds it in the schema and publishes the relation anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from hashlib import blake2b

import apsw

from ...errors import Error, NotSupportedError, ProgrammingError
from ...match.lexer import join, names_in, tokenize
from ...match.recognition import EventSource, Recognition
from ...model.table import literal
from ...model.values import Value
from ...relations.matches import MatchRelation
from ...scan.evaluation import Evaluator
from ...store.snapshot import Snapshot
from ..catalog import Catalog, CatalogEntry
from ..hidden_arguments import call_of
from ..published import aliased, reference
from .clauses import WORD, Place, number_parameters, places, stored_kind, visible_ctes
from .recognise import Context, Made, recognise

MATCHES = "sky_match_"
"""What the names of views' relations begin with."""

_STORED = re.compile(r"\bsky_match_[0-9a-f]{16}\('((?:[^']|'')*)'\)")

_DROP = re.compile(r"\s*(DROP|ALTER)\s", re.IGNORECASE)
_NO_ROWS = re.compile(rf"{_DROP.pattern}|\s*CREATE\s+(TEMP\w*\s+)?VIEW\s", re.IGNORECASE)

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
        self._stored: set[str] = set()  # the names of views' relations
        self._elsewhere: list[CatalogEntry] = []  # views whose tables have the names of another database's
        self._shadowed: dict[str, str] = {}  # views that read a table in the place of such a relation -> its name
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
        return join([*pieces, context.text[at:]])

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
            found = self._sqlite.execute("SELECT name FROM temp.pragma_function_list WHERE type IN ('a', 'w')")
            self._aggregates = frozenset(name.lower() for (name,) in found) - _WINDOW_ONLY
        return self._aggregates

    def _publish(self, made: Made, pushdown: bool, names: list[str]) -> str:
        name = self._catalog.results.fresh()
        self._make_known(name, made, made.plan, pushdown)
        names.append(name)
        return call_of(reference(name), made.arguments)

    def _make_known(self, name: str, made: Made, plan: Recognition, pushdown: bool) -> None:
        self._catalog.results.publish(name, self._relation(plan, pushdown), WORD)
        self._catalog.result_times[name] = made.times

    def _relation(self, plan: Recognition, pushdown: bool) -> MatchRelation:
        def query(text: str, bindings: dict[str, Value]) -> Iterator[tuple[Value, ...]]:
            return self._sqlite.cursor().execute(self._prepare(text, pushdown), bindings or None)

        scanned = plan.source.scan if isinstance(plan.source, EventSource) else None
        snapshots = self._snapshot if scanned is None else self._catalog.as_now(scanned, self._snapshot)
        return MatchRelation(plan, self._evaluator, snapshots, query)

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
        return f"{_stored_name(own)}({literal(own)})"

    def publish_stored(self, pushdown: bool) -> None:
        """Publish the relations of the views that there are, and retract those of views that are no more."""
        texts = [text.replace("''", "'") for view in self._catalog.views() for text in _STORED.findall(view.sql or "")]
        waiting = {_stored_name(text): text for text in texts}
        self._shadowed = self._find_shadowed(waiting)
        self._elsewhere = self._find_elsewhere()
        before, self._stored = self._stored, set()
        progress = True
        while waiting and progress:  # one may read another
            done = {name for name, text in waiting.items() if self._publish_stored(name, text, pushdown)}
            self._stored |= done
            waiting = {name: text for name, text in waiting.items() if name not in done}
            progress = bool(done)
        for name in before - self._stored:
            self._catalog.results.retract(name)

    def _find_shadowed(self, names: Iterable[str]) -> dict[str, str]:
        """The views that read, themselves or through others, what has the name of a view's relation and is none."""
        views = {view.name.lower(): (view.sql or "").lower() for view in self._catalog.views()}
        found = {name: name for name in names if self._catalog.find(None, name) is not None}
        added = found
        while added:
            added = {
                view: found[name]
                for name in added
                for view, text in views.items()
                if name in text and view not in found
            }
            found = found | added
        return found

    def _find_elsewhere(self) -> list[CatalogEntry]:
        """The views that match rows of a table whose name, by itself, means another; and those that read them."""
        views = self._catalog.views()
        found = [v for v in views if any(self._means_another(v, text) for text in _STORED.findall(v.sql or ""))]
        for reading in found:  # and those that are added
            near = [view for view in views if view.database in ("temp", reading.database) and view not in found]
            found += [view for view in near if reading.name.lower() in names_in(view.sql or "")]
        return found

    def _means_another(self, view: CatalogEntry, text: str) -> bool:
        names = names_in(text.replace("''", "'")) if view.database != "temp" else set()
        own = [(name, self._catalog.find(view.database, name)) for name in names]
        return any(entry is not None and self._catalog.find(None, name) is not entry for name, entry in own)

    def check(self, text: str) -> None:
        """Refuse a statement in which the relation of a view would not be its own, or a table would be read for it."""
        names = names_in(text) if self._elsewhere and not _NO_ROWS.match(text) else set()
        for entry in self._elsewhere:
            meant = entry.database.lower() in names or self._catalog.find(None, entry.name) is entry
            if entry.name.lower() in names and meant:
                raise NotSupportedError(
                    f"view {entry.name!r} matches rows of a table in {entry.database!r}, and another has one of"
                    " that name",
                    "open its file alone, or give one of the tables another name",
                )
        folded = text.lower() if self._shadowed else ""
        for view, name in self._shadowed.items():
            if view in folded and not _DROP.match(text):
                raise ProgrammingError(f"{view!r} reads {name!r}, and a table has that name", "drop it, or rename it")

    def _publish_stored(self, name: str, text: str, pushdown: bool) -> bool:
        context = self._context(text, pushdown)
        try:
            (place,) = places(context.text, context.tokens)
            made = recognise(context, place)
        except (Error, apsw.Error, ValueError):
            return False  # what it reads is not there, or not yet
        self._make_known(name, made, replace(made.plan, parameters=1), pushdown)  # the text is a parameter
        return True


def _stored_name(text: str) -> str:
    return MATCHES + blake2b(text.encode(), digest_size=8).hexdigest()


def _read(call: str, place: Place) -> str:
    if place.joined:
        call = f"(SELECT * FROM {aliased(call, WORD)} LIMIT -1)"
    if place.names and place.alias is not None:
        return aliased(call, place.alias)
    return call if place.alias or place.joined else aliased(call, WORD)


__all__ = ["WORD", "Matching"]
