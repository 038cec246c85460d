"""Charts of results: funnel bars, a retention heat map, a Sankey diagram of flows, lines of anything over time.

What is drawn follows from the columns, unless it is said:

    funnel      step, objects; also name, segment
    retention   cohort, period, share; also size
    flow        step, source, target, objects (or flows)
    lines       a column of dates, times or numbers, then one or more of numbers; or such a column, a text, a number

Written as .svg, .png, or .html: a page of its own with the picture, and the rows as a table. The same rows give the
same bytes. Colours are told apart by colour-blind people too (Okabe and Ito's), and no chart needs them alone to be
read: bars, cells and nodes carry their values. matplotlib, the extra `charts`, is imported when something is drawn.
"""

from __future__ import annotations

import html
import io
import textwrap
import unicodedata
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import OperationalError, ProgrammingError
from ..model.values import Value

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = (".svg", ".png", ".html")

_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C6BB1", "#666666")
_INK, _FAINT, _TRACK = "#222222", "#777777", "#ECECEC"
_FONTS = ("DejaVu Sans", "Noto Sans CJK JP", "Noto Sans CJK SC", "WenQuanYi Zen Hei", "Arial Unicode MS", "Noto Emoji")
"""Of these, those that are there, each for the characters that the ones before it lack."""

_WIDTH = 9.0  # inches
_SERIES = len(_COLOURS)
_NODES = 24  # a step of a flow, at the most; the smallest others are drawn as one
_LINE = 0.19  # the height of a line of text, in inches


@dataclass(frozen=True, slots=True)
class Data:
    """A result: the names of its columns, and its rows."""

    names: tuple[str, ...]
    rows: list[tuple[Value, ...]]

    def has(self, *names: str) -> bool:
        """Whether there are columns of all these names."""
        return set(names) <= set(self.names)

    def column(self, name: str, default: Value = None) -> list[Any]:
        """The values of a column; the default for each row if there is none of that name."""
        if name not in self.names:
            return [default] * len(self.rows)
        at = self.names.index(name)
        return [row[at] for row in self.rows]


def draw(data: Data, path: str, kind: str | None = None, title: str | None = None, caption: str = "") -> str:
    """Write the chart, and return its kind. caption: a text under the picture of a page, like the statement.

    Raises ProgrammingError if the columns make no chart, or none of that kind; OperationalError without matplotlib.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise ProgrammingError(f"cannot draw into {path!r}", f"name it {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
    kind = _checked(data, kind)
    if title is None:
        title = kind.capitalize() if kind != "lines" else f"{', '.join(_series(data))} by {data.names[0]}"
    picture = _picture(data, kind, title, "png" if suffix == ".png" else "svg")
    if suffix == ".html":
        picture = _page(data, title, caption, picture.decode()).encode()
    Path(path).write_bytes(picture)
    return kind


# kinds


def _kinds(data: Data) -> dict[str, bool]:
    """Each kind, and whether the columns make one; the first that they make is drawn."""
    return {
        "flow": data.has("step", "source", "target") and (data.has("objects") or data.has("flows")),
        "retention": data.has("cohort", "period", "share"),
        "funnel": data.has("step", "objects") and (data.has("name") or data.has("of_first")),
        "lines": bool(_series(data)),
    }


_NEEDS = {
    "funnel": "step, objects",
    "retention": "cohort, period, share",
    "flow": "step, source, target, objects",
    "lines": "dates or numbers, then numbers",
}


def _checked(data: Data, kind: str | None) -> str:
    """The kind of chart that these columns make."""
    kinds = _kinds(data)
    if kind == "funnel":
        kinds["funnel"] = data.has("step", "objects")
    if kind is not None and not kinds[kind]:
        there = ", ".join(data.names)
        raise ProgrammingError(f"a chart of kind {kind} needs {_NEEDS[kind]}, and there are {there}")
    found = kind or next((name for name, fits in kinds.items() if fits), None)
    if found is None:
        wanted = "; ".join(f"{name}: {needs}" for name, needs in _NEEDS.items())
        raise ProgrammingError(f"the columns {', '.join(data.names)} make no chart", wanted)
    return found


# the picture


def _picture(data: Data, kind: str, title: str, format: str) -> bytes:
    """The bytes of the picture."""
    try:
        import matplotlib
        from matplotlib import font_manager
        from matplotlib.figure import Figure
    except ImportError:
        raise OperationalError(
            "charts need matplotlib, which is not installed", "pip install 'skysql[charts]'"
        ) from None
    known = set(font_manager.get_font_names())
    settings: Any = {
        "font.family": [*(font for font in _FONTS if font in known), "sans-serif"],
        "font.size": 10,
        "text.color": _INK,
        "text.parse_math": False,
        "axes.edgecolor": _FAINT,
        "axes.labelcolor": _INK,
        "xtick.color": _INK,
        "ytick.color": _INK,
        "svg.fonttype": "none",
        "svg.hashsalt": "skysql",
    }
    paint: Callable[[Figure, Data], None] = {
        "funnel": _funnel, "retention": _retention, "flow": _flow, "lines": _lines
    }[kind]  # fmt: skip
    out = io.BytesIO()
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a browser has more fonts than we have
        figure = Figure(figsize=(_WIDTH, 4.0), layout="constrained", facecolor="white")
        if data.rows:
            paint(figure, data)
        else:
            _nothing(figure)
        _head(figure, title)
        metadata = {"Date": None} if format == "svg" else {"Software": "skysql"}
        figure.savefig(out, format=format, dpi=150, metadata=metadata)
    return out.getvalue()


def _head(figure: Figure, title: str) -> None:
    """The title, and what the colours stand for if there are several, above everything else."""
    height = figure.get_figheight()
    handles, labels = figure.axes[0].get_legend_handles_labels() if figure.axes else ([], [])
    columns = min(len(labels), 4 if max(map(len, labels), default=0) < 24 else 2)
    rows = -(-len(labels) // columns) if len(labels) > 1 else 0
    head = 0.5 + 0.24 * rows
    figure.set_figheight(height + head)
    shown = _shown(title, 80, 1)
    figure.text(
        0.13 / figure.get_figwidth(), 1 - 0.13 / (height + head), shown, va="top", fontsize=14, fontweight="bold"
    )
    if rows:
        anchor = 0.0, 1 - 0.42 / (height + head)
        figure.legend(
            handles, labels, loc="upper left", bbox_to_anchor=anchor, ncols=columns, frameon=False, fontsize=9
        )
    engine: Any = figure.get_layout_engine()
    engine.set(rect=(0, 0, 1, height / (height + head)), w_pad=0.13, h_pad=0.08)


def _nothing(figure: Figure) -> None:
    figure.set_size_inches(_WIDTH, 1.2)
    axes = figure.subplots()
    axes.set_axis_off()
    axes.text(0.5, 0.5, "no rows", ha="center", va="center", color=_FAINT, fontsize=12, transform=axes.transAxes)


def _bare(axes: Axes, *sides: str) -> None:
    """Take the frame away, but for these sides."""
    for side, spine in axes.spines.items():
        spine.set_visible(side in sides)
    axes.tick_params(length=0)


def _note(figure: Figure, text: str) -> None:
    """A line under the title."""
    figure.supxlabel(text, x=0.02, ha="left", fontsize=9, color=_FAINT)


def _shown(value: Any, width: int = 26, lines: int = 2) -> str:
    """A name, wrapped at `width` letters (East Asian ones count twice), and cut after `lines` lines."""
    text = "NULL" if value is None else " ".join(str(value).split())
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    width = width * len(text) // (len(text) + wide) if wide else width
    wrapped = textwrap.wrap(text, width) if lines > 1 else [text] if len(text) <= width else [text[:width], ""]
    if len(wrapped) > lines:
        wrapped[lines - 1 :] = [wrapped[lines - 1][: width - 1].rstrip() + "…"]
    return "\n".join(wrapped)


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %" if 0 < share < 0.9995 else f"{share * 100:.0f} %"


def _largest(totals: dict[Any, float]) -> tuple[list[Any], int]:
    """The names with the largest totals, one for each colour, in the order given; and how many are left out."""
    chosen = set(sorted(totals, key=lambda name: -totals[name])[:_SERIES])
    return [name for name in totals if name in chosen], len(totals) - len(chosen)


# funnel


def _funnel(figure: Figure, data: Data) -> None:
    """A group of bars a step, a bar a segment: the share of the segment's first step, and the count."""
    steps = sorted(set(data.column("step")))
    names = dict(zip(data.column("step"), data.column("name", None), strict=True))
    rows = list(zip(data.column("segment"), data.column("step"), data.column("objects"), strict=True))
    counts = {(segment, step): objects for segment, step, objects in rows}
    entered: dict[Any, float] = {segment: counts.get((segment, steps[0]), 0) for segment, _, _ in rows}
    segments, left_out = _largest(entered)
    bar = 0.30 if len(segments) == 1 else 0.21
    group = bar * len(segments) + 0.16
    figure.set_size_inches(_WIDTH, 0.6 + group * len(steps))
    axes = figure.subplots()
    for at, segment in enumerate(segments):
        for place, step in enumerate(steps):
            objects = counts.get((segment, step), 0)
            share = objects / entered[segment] if entered[segment] else 0.0
            y = place * group + at * bar
            axes.barh(y, 1.0, bar * 0.86, color=_TRACK, zorder=1)
            axes.barh(y, share, bar * 0.86, color=_COLOURS[at], zorder=2,
                      label=_shown(segment, 40, 1) if place == 0 else None)  # fmt: skip
            axes.text(1.012, y, f"{objects:,}  {_percent(share)}", va="center", ha="left", fontsize=9)
    middle = (len(segments) - 1) * bar / 2
    labels = [_shown(names[step] or f"step {step}", 30) for step in steps]
    axes.set_yticks([place * group + middle for place in range(len(steps))], labels)
    axes.set_ylim((len(steps) - 1) * group + len(segments) * bar - bar / 2 + 0.08, -bar / 2 - 0.08)
    axes.set_xlim(0, 1.22)
    axes.set_xticks([])
    _bare(axes)
    more = f"; the {left_out} smallest segments are not shown" if left_out else ""
    _note(figure, f"objects, and their share of the first step{more}")


# retention


def _retention(figure: Figure, data: Data) -> None:
    """A row a cohort, a column a period; the darker, the more came back."""
    cohorts = list(dict.fromkeys(data.column("cohort")))
    periods = sorted(set(data.column("period")))
    sizes = dict(zip(data.column("cohort"), data.column("size"), strict=True))
    cells = zip(data.column("cohort"), data.column("period"), data.column("share"), strict=True)
    shares = {(cohort, period): share for cohort, period, share in cells if share is not None}
    height = max(len(cohorts) * 0.27, 0.5)
    figure.set_size_inches(max(_WIDTH, 2.6 + 0.52 * min(len(periods), 26)), 1.0 + height)
    axes = figure.subplots()
    grid = [[shares.get((cohort, period), float("nan")) for period in periods] for cohort in cohorts]
    most = max(shares.values(), default=0.0) or 1.0
    from matplotlib.colors import LinearSegmentedColormap

    colours = LinearSegmentedColormap.from_list("shares", ["#F3F7FB", "#9CC4E4", "#3B84C0", "#0B3C6F"])
    axes.pcolormesh(grid, cmap=colours, vmin=0, vmax=most, edgecolors="white", linewidth=1.2)
    if len(periods) <= 26:
        for (cohort, period), share in shares.items():
            red, green, blue, _ = colours(share / most)
            colour = "white" if 0.3 * red + 0.59 * green + 0.11 * blue < 0.55 else _INK
            text = f"{share * 100:.0f}" if share >= 0.0995 or share == 0 else f"{share * 100:.1f}"
            axes.text(periods.index(period) + 0.5, cohorts.index(cohort) + 0.5, text, ha="center", va="center",
                      fontsize=8.5, color=colour)  # fmt: skip
    labels = [
        _shown(cohort, 24, 1) + (f"   {sizes[cohort]:,}" if sizes[cohort] is not None else "") for cohort in cohorts
    ]
    axes.set_yticks([at + 0.5 for at in range(len(cohorts))], labels)
    every = max(1, len(periods) // 26)
    axes.set_xticks([at + 0.5 for at in range(0, len(periods), every)], [str(p) for p in periods[::every]])
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("period since the birth")
    axes.invert_yaxis()
    _bare(axes)
    _note(figure, f"cohort and its size; percent of it that returned (darkest: {_percent(most)})")


# flow


@dataclass(slots=True)
class _Node:
    """An action at a level of a flow: where its bar is, and how much of it is taken by edges so far."""

    value: float
    top: float = 0.0
    into: float = 0.0
    out: float = 0.0


def _flow(figure: Figure, data: Data) -> None:
    """A column of bars a step, and bands between them, as high as the flows are many."""
    weight = "flows" if data.has("flows") else "objects"
    edges = _edges(data, weight)
    levels = _levels(edges)
    scale = max(sum(node.value for node in level.values()) for level in levels) or 1.0
    most = max(map(len, levels))
    height = 3.2 + most * _LINE
    gap = _LINE / 3.2 * scale  # so that two labels are a line apart, however small their nodes
    for level in levels:
        top = 0.0
        for node in level.values():
            node.top = top
            top += node.value + gap
    figure.set_size_inches(max(_WIDTH, 1.2 + 2.1 * len(levels)), height + 0.5)
    axes = figure.subplots()
    names = sorted(
        {name for level in levels for name in level}, key=lambda n: -sum(lv[n].value for lv in levels if n in lv)
    )
    colours = {name: _COLOURS[at % (_SERIES - 1)] for at, name in enumerate(names)}
    colours |= {name: _COLOURS[-1] for name in names if name in ("(end)", "(start)", "(other)")}
    for at, source, _, value, y0, y1 in _ends(edges, levels):
        _band(axes, at, y0, y1, value, colours[source])
    for at, level in enumerate(levels):
        for name, node in level.items():
            _bar(axes, at, node, name, colours[name])
    axes.set_xlim(-0.06, len(levels) - 1 + 0.62)
    axes.set_ylim(max(node.top + node.value for level in levels for node in level.values()) + gap, -gap)
    steps = sorted(set(data.column("step")))
    backward = steps[0] < 0
    numbers = [at - len(levels) + 1 if backward else at for at in range(len(levels))]
    axes.set_xticks(range(len(levels)), [f"{number:+d}" if number else "0" for number in numbers])
    axes.xaxis.tick_top()
    axes.set_yticks([])
    _bare(axes)
    where = "before the last" if backward else "after the first"
    _note(figure, f"{weight}, by how many actions {where}")


def _edges(data: Data, weight: str) -> list[tuple[int, str, str, float]]:
    """(level of the source, source, target, value); of a level's actions the smallest are one if there are too many."""
    steps = sorted(set(data.column("step")))
    base = steps[0]
    rows = list(zip(*(data.column(name) for name in ("step", "source", "target", weight)), strict=True))
    totals: list[dict[str, float]] = [{} for _ in range(steps[-1] - base + 2)]
    for step, source, target, value in rows:
        for level, name in ((step - base, source), (step - base + 1, target)):
            totals[level][str(name)] = totals[level].get(str(name), 0) + value
    kept = [set(sorted(some, key=lambda name: -some[name])[:_NODES]) for some in totals]
    merged: dict[tuple[int, str, str], float] = {}
    for step, source, target, value in rows:
        at = step - base
        key = (
            at,
            str(source) if str(source) in kept[at] else "(other)",
            str(target) if str(target) in kept[at + 1] else "(other)",
        )
        merged[key] = merged.get(key, 0) + value
    return [(*key, value) for key, value in merged.items()]


def _levels(edges: Sequence[tuple[int, str, str, float]]) -> list[dict[str, _Node]]:
    """The nodes of each level, the largest first, those that are no action last."""
    levels: list[dict[str, tuple[float, float]]] = [{} for _ in range(max(at for at, *_ in edges) + 2)]
    for at, source, target, value in edges:
        into, out = levels[at].get(source, (0.0, 0.0))
        levels[at][source] = into, out + value
        into, out = levels[at + 1].get(target, (0.0, 0.0))
        levels[at + 1][target] = into + value, out
    return [
        {
            name: _Node(max(level[name]))
            for name in sorted(level, key=lambda name: (name[:1] == "(", -max(level[name]), name))
        }
        for level in levels
    ]


_BAR = 0.04  # half the width of a node, in distances between levels


def _ends(
    edges: Sequence[tuple[int, str, str, float]], levels: Sequence[dict[str, _Node]]
) -> list[tuple[int, str, str, float, float, float]]:
    """The edges, each with where it leaves its source and where it reaches its target; at both in the order of the
    nodes at their other ends, so that few of them cross.
    """
    leaves: dict[tuple[int, str, str], float] = {}
    for at, source, target, value in sorted(edges, key=lambda e: (e[0], levels[e[0] + 1][e[2]].top)):
        node = levels[at][source]
        leaves[at, source, target] = node.top + node.out
        node.out += value
    found = []
    for at, source, target, value in sorted(edges, key=lambda e: (e[0], levels[e[0]][e[1]].top)):
        node = levels[at + 1][target]
        found.append((at, source, target, value, leaves[at, source, target], node.top + node.into))
        node.into += value
    return found


def _band(axes: Axes, at: int, y0: float, y1: float, value: float, colour: str) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Curve

    left, right, bend = at + _BAR, at + 1 - _BAR, at + 0.5
    corners = [
        (left, y0), (bend, y0), (bend, y1), (right, y1),
        (right, y1 + value), (bend, y1 + value), (bend, y0 + value), (left, y0 + value), (left, y0),
    ]  # fmt: skip
    codes = [Curve.MOVETO, *[Curve.CURVE4] * 3, Curve.LINETO, *[Curve.CURVE4] * 3, Curve.CLOSEPOLY]
    axes.add_patch(PathPatch(Curve(corners, codes), facecolor=colour, alpha=0.32, linewidth=0))


def _bar(axes: Axes, at: int, node: _Node, name: str, colour: str) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((at - _BAR, node.top), 2 * _BAR, max(node.value, 0), facecolor=colour, linewidth=0))
    label = axes.text(at + _BAR + 0.02, node.top + node.value / 2, f"{_shown(name, 22, 1)}  {node.value:,.0f}",
                      va="center", ha="left", fontsize=8.5)  # fmt: skip
    label.set_bbox({"facecolor": "white", "alpha": 0.6, "edgecolor": "none", "pad": 0.8})


# lines


def _series(data: Data) -> dict[str, list[tuple[Any, float]]]:
    """The points of each line, by its name; none if the columns make no lines."""
    if len(data.names) < 2:
        return {}
    first = [row[0] for row in data.rows]
    x = first if all(isinstance(value, int | float) for value in first) else _dates(first)
    if x is None:
        return {}
    columns: list[list[Any]] = [[row[at] for row in data.rows] for at in range(1, len(data.names))]
    if len(columns) == 2 and _texts(columns[0]) and _numbers(columns[1]):
        lines: dict[str, list[tuple[Any, float]]] = {}
        for place, name, value in zip(x, *columns, strict=True):
            if value is not None:
                lines.setdefault("NULL" if name is None else str(name), []).append((place, value))
        return lines
    if data.names[0] == "periods" and data.names[1] == "objects":
        columns = columns[:1]  # a share of the same would be a second scale
    return {
        name: [(place, value) for place, value in zip(x, column, strict=True) if value is not None]
        for name, column in zip(data.names[1:], columns, strict=False)
        if _numbers(column)
    }


def _numbers(values: Sequence[Any]) -> bool:
    known = [value for value in values if value is not None]
    return all(isinstance(value, int | float) for value in known) and bool(known or not values)


def _texts(values: Sequence[Any]) -> bool:
    return any(isinstance(value, str) for value in values)


def _dates(values: Sequence[Any]) -> list[datetime] | None:
    """The texts as moments: dates, times, or months like '2026-01'; None if one of them is something else."""
    try:
        return [datetime.fromisoformat(value + "-01" if len(value) == 7 else value) for value in values]
    except (TypeError, ValueError):
        return None


def _lines(figure: Figure, data: Data) -> None:
    """A line a series, marked where there are few points."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    series = _series(data)
    names, left_out = _largest({name: sum(abs(y) for _, y in points) for name, points in series.items()})
    figure.set_size_inches(_WIDTH, 4.2)
    axes = figure.subplots()
    for at, name in enumerate(names):
        points = sorted(series[name], key=lambda point: point[0])
        marker = "o" if len(points) <= 40 else None
        axes.plot([x for x, _ in points], [y for _, y in points], color=_COLOURS[at], linewidth=1.8, marker=marker,
                  markersize=4, linestyle=("-", "--", "-.", ":")[at // 2 % 4], label=_shown(name, 40, 1))  # fmt: skip
    if any(isinstance(x, datetime) for points in series.values() for x, _ in points):
        locator = AutoDateLocator()  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    else:
        axes.xaxis.set_major_locator(MaxNLocator(12, integer=True))
    axes.set_xlabel(_shown(data.names[0], 60, 1))
    values = [y for name in names for _, y in series[name]]
    if min(values) >= 0:
        axes.set_ylim(0, (max(values) or 1) * 1.06)
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}" if max(values) < 10 else "{x:,.0f}"))
    axes.grid(axis="y", color=_TRACK)
    axes.set_axisbelow(True)
    _bare(axes, "bottom")
    if len(names) == 1:
        axes.set_ylabel(_shown(names[0], 40, 1))
    if left_out:
        _note(figure, f"the {left_out} smallest series are not shown")


# a page


_STYLE = """\
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
svg { max-width: 100%; height: auto }
pre { background: #f4f4f4; padding: .7rem 1rem; overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .2rem .8rem; border-bottom: 1px solid #ddd; text-align: left }
td.number { text-align: right }
"""


def _page(data: Data, title: str, caption: str, svg: str) -> str:
    """A page with the picture, the caption and the rows."""
    picture = svg[svg.index("<svg") :]
    head = "".join(f"<th>{html.escape(name)}</th>" for name in data.names)
    body = "\n".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in data.rows)
    shown = f"<pre>{html.escape(caption)}</pre>\n" if caption else ""
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{html.escape(title)}</title>\n'
        f"<style>\n{_STYLE}</style>\n</head>\n<body>\n{picture}\n{shown}"
        f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n</body>\n</html>\n"
    )


def _cell(value: Value) -> str:
    match value:
        case None | str() | bytes():
            return f"<td>{'NULL' if value is None else html.escape(str(value))}</td>"
        case float() if abs(value) >= 100:
            text = f"{value:,.1f}"
        case float():
            text = f"{value:.4g}"
        case _:
            text = f"{value:,}"
    return f'<td class="number">{text}</td>'
