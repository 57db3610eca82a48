"""Pictures of the raw rounds, as SVG that is the same for the same rounds."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from bench.figures import Figure as Spread
from bench.questions import accept, alone, in_flight, page_out, pending_timers, stream
from bench.results import Result
from bench.servers.databases import Engine
from bench.sides import IN_FLIGHT
from bench.table import shown

Raw = Mapping[str, Any]
Rounds = Sequence[Mapping[str, Any]]
Draw = Callable[[Axes, Raw], None]
_COLOUR_OF = {Engine.SQLITE: "#1b6ca8", Engine.POSTGRESQL: "#c8553d"}
_FLOOR, _PEER = "#7a7a7a", "#4c9f70"
_STYLE: Any = {
    "svg.hashsalt": "bench",
    "axes.grid": True,
    "grid.alpha": 0.25,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 9,
    "axes.titlesize": 10,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 4,
}


@dataclass(frozen=True, slots=True)
class Panel:
    """One pair of axes, drawn from the raw rounds of one question; ``heading`` only where there are several."""

    question: str
    draw: Draw
    heading: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """A file, its title, what is to be seen in it, and its panels side by side."""

    name: str
    title: str
    words: str
    panels: Sequence[Panel]


def drawn(found: Mapping[str, Result], folder: Path) -> list[Picture]:
    """Draws what there are sound results for, and returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    raws = {name: result.answer.raw for name, result in found.items() if result.sound}
    pictures = [picture for picture in PICTURES if all(panel.question in raws for panel in picture.panels)]
    for picture in pictures:
        _save(picture, raws, folder / picture.name)
    return pictures


def _save(picture: Picture, raws: Mapping[str, Raw], path: Path) -> None:
    with rc_context(_STYLE):
        figure = Figure(figsize=(8, 4.1), layout="constrained")
        figure.suptitle(picture.title, fontsize=11, fontweight="bold")
        for number, panel in enumerate(picture.panels, start=1):
            axes = figure.add_subplot(1, len(picture.panels), number)
            panel.draw(axes, raws[panel.question])
            axes.set_title(panel.heading)
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2 if len(labels) < 5 else 3)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else {})
    if path.suffix == ".svg":  # trailing spaces of the writer would be noise in every diff
        path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")


def _calls_in_flight(axes: Axes, raw: Raw) -> None:
    """The empty call of one engine's process is as good as the other's."""
    first = raw[Engine.SQLITE]
    bases = [side["before"]["more"]["ms"] for each in first for side in each.values()]
    _cumulated(axes, bases, "empty call", _FLOOR, "-")
    for engine in Engine:
        for side, words, line in ((accept.REPEATS, "repeats", "--"), (accept.NEW, "new", "-")):
            seen = [each[side]["sample"]["more"]["ms"] for each in raw[engine]]
            _cumulated(axes, seen, f"RaiseAlert, {words}, {engine}", _COLOUR_OF[engine], line)
    _shares_of(axes, "calls", "milliseconds until the answer")


def _calls_alone(axes: Axes, raw: Raw) -> None:
    empty = [each[alone.EMPTY]["more"]["ms"] for each in raw[Engine.SQLITE]]
    _cumulated(axes, empty, "empty call", _FLOOR, "-")
    for engine in Engine:
        for side, words, line in ((alone.REPEATS, "repeats", "--"), (alone.NEW, "new", "-")):
            seen = [each[side]["more"]["ms"] for each in raw[engine]]
            _cumulated(axes, seen, f"RaiseAlert, {words}, {engine}", _COLOUR_OF[engine], line)
    _shares_of(axes, "calls", "milliseconds until the answer")


def _pages(axes: Axes, raw: Raw) -> None:
    for engine in Engine:
        for load, line in ((page_out.FLOOR, ":"), (page_out.LIGHT, "-"), (page_out.HALF, "--")):
            seen = [each[load]["more"]["ms"] for each in raw[engine]]
            _cumulated(axes, seen, f"{load}, {engine}", _COLOUR_OF[engine], line)
    _shares_of(axes, "pages", "milliseconds from OK to the complete e-mail")


def _in_flight(axes: Axes, raw: Raw) -> None:
    for engine in Engine:
        for words, key, line in (("RaiseAlert, all new", "{}", "-"), ("empty call", in_flight.EMPTY + " {}", ":")):
            rates = [_median_figure(raw[engine], key.format(number)) for number in in_flight.IN_FLIGHT]
            look: Any = {"linestyle": line, "marker": "o", "color": _COLOUR_OF[engine]}
            axes.plot(in_flight.IN_FLIGHT, rates, label=f"{words}, {engine}", **look)
    axes.set(xscale="log", xlabel="calls in flight (they share commits)", ylabel="calls a second", ylim=(0, None))
    _plain_numbers(axes, in_flight.IN_FLIGHT)
    axes.yaxis.set_major_formatter(FuncFormatter(_number))


def _streamed(axes: Axes, raw: Raw) -> None:
    for engine in Engine:
        colour = _COLOUR_OF[engine]
        rates = [_median_figure(raw[engine], str(size)) for size in stream.SIZES]
        axes.plot(stream.SIZES, rates, marker="o", color=colour, label=f"RaiseAlerts, {engine}, durable")
        unary = _median_figure(raw[engine], stream.UNARY)
        axes.axhline(unary, linestyle=":", color=colour, label=f"unary RaiseAlert, {engine}")
    peer = [stream.POSTED.format(size) for size in stream.SIZES]
    rounds = [each for engine in Engine for each in raw[engine]]
    if peer[0] in rounds[0]:
        rates = [_median_figure(rounds, name) for name in peer]
        axes.plot(stream.SIZES, rates, "--", marker="s", color=_PEER, label="Alertmanager, POSTs, in memory only")
    axes.set(xscale="log", yscale="log", xlabel="alerts a message, or a POST", ylabel="alerts a second")
    _plain_numbers(axes, stream.SIZES)
    axes.yaxis.set_major_formatter(FuncFormatter(_number))


def _timers(axes: Axes, raw: Raw) -> None:
    counts = sorted(int(count) for count in raw["rounds"][0])
    for what, colour in ((pending_timers.FIND, _COLOUR_OF[Engine.POSTGRESQL]), (pending_timers.FIRE, _FLOOR)):
        ms = [Spread.of(each[str(count)]["more"][what] for each in raw["rounds"]) for count in counts]
        bars = [[seen.median - seen.low for seen in ms], [seen.high - seen.median for seen in ms]]
        look: Any = {"marker": "o", "capsize": 3, "color": colour}
        label = f"{what} {pending_timers.DUE} due levels"
        axes.errorbar(counts, [seen.median for seen in ms], yerr=bars, label=label, **look)
    axes.set(xscale="log", xlabel="pending timers", ylabel="milliseconds (p50; bars: all rounds)")
    axes.set_ylim(bottom=0)
    _plain_numbers(axes, counts)


def _cumulated(axes: Axes, rounds: Sequence[Sequence[Sequence[float]]], label: str, colour: str, line: str) -> None:
    """Of every share the median of its quantiles over the rounds."""
    percents = [100 * share for share, _ in rounds[0]]
    ms = [statistics.median(each[at][1] for each in rounds) for at in range(len(percents))]
    axes.plot(ms, percents, line, color=colour, label=label)


def _shares_of(axes: Axes, what: str, unit: str) -> None:
    axes.set(xscale="log", xlabel=f"{unit} (logarithmic)", ylabel=f"% of {what} that took at most so long")
    axes.set_ylim(0, 101)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(_number))


def _plain_numbers(axes: Axes, places: Sequence[float]) -> None:
    """Marks on a logarithmic axis where something was measured."""
    axes.set_xticks(places, labels=[_number(place, 0) for place in places])
    axes.xaxis.set_minor_locator(NullLocator())


def _number(value: float, _: object) -> str:
    return f"{value / 1e6:g} million" if value >= 1e6 else shown(value)


def _median_figure(rounds: Rounds, name: str) -> float:
    return float(statistics.median(each[name]["figure"] for each in rounds))


PICTURES: Sequence[Picture] = (
    Picture(
        "latency.svg",
        "How long RaiseAlert takes",
        "New alerts and repeats beside the call that does nothing; everything is on disk when it is answered.",
        (
            Panel("alone", _calls_alone, "one call at a time"),
            Panel("accept", _calls_in_flight, f"{IN_FLIGHT} calls in flight"),
        ),
    ),
    Picture(
        "stream.svg",
        "Alerts a second, by how many share a message",
        f"{stream.STREAMS} streams of one connection; Alertmanager, beside it in the same run, keeps alerts in memory.",
        (Panel("stream", _streamed),),
    ),
    Picture(
        "in_flight.svg",
        "Calls a second, by how many are in flight",
        "Unary calls; those in flight together share a commit.",
        (Panel("in_flight", _in_flight),),
    ),
    Picture(
        "page_out.svg",
        "How soon a page is at the mail server",
        "From RaiseAlert OK to the complete e-mail, through all three services, beside the floor of the same run.",
        (Panel("page_out", _pages),),
    ),
    Picture(
        "timers.svg",
        "What it costs to claim due levels among timers that are not due",
        "On PostgreSQL.",
        (Panel("pending_timers", _timers),),
    ),
)
