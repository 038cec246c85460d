"""Each MATCH_RECOGNIZE of a statement becomes the read of a result.

    SELECT * FROM users MATCH_RECOGNIZE (...) AS m WHERE ...   ->   SELECT * FROM <result>(...) AS m WHERE ...

Beside another item of FROM it is `(SELECT * FROM <result>(...) LIMIT -1)`, which SQLite computes once. The text of a
view is stored. So the name there is made of the clause's text, `sky_match_<digest>`, and the text is an argument: any
connection finds both in the schema, and publishes the relation anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from hashlib import blake2b

from ...errors import Error, NotSupportedError, ProgrammingError
from ...match.recognition import Recognition
from ...model.quoting import literal
from ...model.tokens import join, names_in, tokenize
from ..catalog import Catalog, CatalogEntry, Refused
from ..hidden_arguments import call_of
from ..reads import MatchCall, aliased, reference
from .clauses import WORD, Place, number_parameters, places, stored_kind, visible_ctes
from .recognise import Context, Made, recognise

MATCHES = "sky_match_"
"""What the names of views' relations begin with."""

_STORED = re.compile(r"\bsky_match_[0-9a-f]{16}\('((?:[^']|'')*)'\)")

_DROP = re.compile(r"\s*(DROP|ALTER)\s", re.IGNORECASE)
_NO_ROWS = re.compile(rf"{_DROP.pattern}|\s*CREATE\s+(TEMP\w*\s+)?VIEW\s", re.IGNORECASE)

ContextOf = Callable[[str], Context]
"""What a text with MATCH_RECOGNIZE is rewritten to."""


def replace_matches(text: str, context_of: ContextOf) -> tuple[str, tuple[Recognition, ...], tuple[MatchCall, ...]]:
    """(the statement without MATCH_RECOGNIZE, what it recognises, and the results that it reads in its place)."""
    tokens = tokenize(text)
    if not places(text, tokens):
        return text, (), ()
    kind = stored_kind(tokens)
    if kind == "TRIGGER":
        raise NotSupportedError("MATCH_RECOGNIZE cannot be in a trigger", "read it from a view")
    text = number_parameters(text)
    plans: list[Recognition] = []
    calls: list[MatchCall] = []
    while found := places(text, tokenize(text)):  # subqueries of measures and conditions come up as arguments
        text = _replaced(context_of(text), found, bool(kind), plans, calls)
    return text, tuple(plans), tuple(calls)


def _replaced(
    context: Context, found: list[Place], stored: bool, plans: list[Recognition], calls: list[MatchCall]
) -> str:
    """The text with a read in each of these places."""
    pieces, at = [], 0
    for place in found:
        made = recognise(context, place)
        start, end = context.tokens[place.first].start, context.tokens[place.last - 1].end
        if stored:
            read = _stored_read(context, place, made)
        else:
            call = MatchCall(context.reads.fresh(), made.plan, made.times)
            context.reads.add(call)
            calls.append(call)
            read = call_of(reference(call.name), made.arguments)
        pieces += [context.text[at:start], _read(read, place)]
        plans.append(made.plan)
        at = end
    return join([*pieces, context.text[at:]])


def _stored_read(context: Context, place: Place, made: Made) -> str:
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


class StoredMatches:
    """The recognitions of the views that a catalogue has, as far as what they read is there."""

    def __init__(self, catalog: Catalog, context_of: ContextOf) -> None:
        self._catalog = catalog
        self.calls: dict[str, MatchCall] = {}
        texts = [text.replace("''", "'") for view in catalog.views() for text in _STORED.findall(view.sql or "")]
        waiting = {_stored_name(text): text for text in texts}
        self._shadowed = self._find_shadowed(waiting)  # views that read a table in the place of one -> its name
        self._elsewhere = self._find_elsewhere()  # views whose tables have the names of another database's
        progress = True
        while waiting and progress:  # one may read another
            found = {name: _stored_call(name, text, context_of) for name, text in waiting.items()}
            self.calls |= {name: call for name, call in found.items() if call is not None}
            waiting = {name: text for name, text in waiting.items() if found[name] is None}
            progress = any(found.values())

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


def _stored_call(name: str, text: str, context_of: ContextOf) -> MatchCall | None:
    """The recognition of a view's text; None if what it reads is not there, or not yet."""
    context = context_of(text)
    try:
        (place,) = places(context.text, context.tokens)
        made = recognise(context, place)
    except (Error, Refused, ValueError):
        return None
    call = MatchCall(name, replace(made.plan, parameters=1), made.times)  # the text is a parameter
    context.reads.add(call)
    return call


def _stored_name(text: str) -> str:
    return MATCHES + blake2b(text.encode(), digest_size=8).hexdigest()


def _read(call: str, place: Place) -> str:
    if place.joined:
        call = f"(SELECT * FROM {aliased(call, WORD)} LIMIT -1)"
    if place.names and place.alias is not None:
        return aliased(call, place.alias)
    return call if place.alias or place.joined else aliased(call, WORD)


__all__ = ["MATCHES", "WORD", "StoredMatches", "replace_matches"]
