"""Three pictures of the raw rounds, as SVG that is the same for the same rounds."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.questions import in_flight, page_out, pending_timers, stream
from bench.results import Result
from bench.servers.databases import Engine

Draw = Callable[[Axes, Mapping[str, Any]], None]
_STYLE: Any = {"svg.hashsalt": "bench", "svg.fonttype": "none", "axes.grid": True, "grid.alpha": 0.3, "font.size": 9}


def drawn(found: Mapping[str, Result], folder: Path) -> dict[str, str]:
    """Draws what there are results for; the name of each file, and what it shows."""
    folder.mkdir(parents=True, exist_ok=True)
    titles = {}
    for name, question, title, draw in _PICTURES:
        if question in found and found[question].sound:
            _save(folder / name, title, draw, found[question].answer.raw)
            titles[name] = title
    return titles


def _save(path: Path, title: str, draw: Draw, raw: Mapping[str, Any]) -> None:
    with rc_context(_STYLE):
        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.add_subplot()
        axes.set_title(title)
        draw(axes, raw)
        axes.legend()
        figure.savefig(path, format="svg", metadata={"Date": None})
    # Trailing spaces of the writer would be noise in every diff.
    path.write_text("\n".join(line.rstrip() for line in path.read_text().splitlines()) + "\n")


def _latencies(axes: Axes, raw: Mapping[str, Any]) -> None:
    for engine in Engine:
        for load in (page_out.FLOOR, page_out.LIGHT, page_out.HALF):
            shares, ms = _median_distribution([each[load]["more"]["ms"] for each in raw[engine]])
            axes.plot(ms, [100 * share for share in shares], label=f"{load}, {engine}")
    axes.set(xscale="log", xlabel="milliseconds from OK to the mail server", ylabel="% of pages at most so late")


def _throughput(axes: Axes, raw: Mapping[str, Any]) -> None:
    for engine in Engine:
        for label, key in ((f"RaiseAlert, {engine}", "{}"), (f"empty call, {engine}", in_flight.EMPTY + " {}")):
            rates = [_median_figure(raw[engine], key.format(number)) for number in in_flight.IN_FLIGHT]
            axes.plot(in_flight.IN_FLIGHT, rates, marker="o", label=label)
    axes.set(xscale="log", xlabel="calls in flight, which share commits", ylabel="calls a second")
    axes.set_ylim(bottom=0)


def _streamed(axes: Axes, raw: Mapping[str, Any]) -> None:
    for engine in Engine:
        rates = [_median_figure(raw[engine], str(size)) for size in stream.SIZES]
        axes.plot(stream.SIZES, rates, marker="o", label=f"RaiseAlerts, {engine}")
        axes.axhline(_median_figure(raw[engine], stream.UNARY), linestyle=":", label=f"unary RaiseAlert, {engine}")
    axes.set(xscale="log", yscale="log", xlabel="alerts a message", ylabel="durable alerts a second")


def _timers(axes: Axes, raw: Mapping[str, Any]) -> None:
    counts = sorted(int(count) for count in raw["rounds"][0])
    for what in (pending_timers.FIND, pending_timers.FIRE):
        ms = [statistics.median(each[str(count)]["more"][what] for each in raw["rounds"]) for count in counts]
        axes.plot(counts, ms, marker="o", label=f"{what} {pending_timers.DUE} due levels")
    axes.set(xscale="log", xlabel="pending timers", ylabel="milliseconds, p50")
    axes.set_ylim(bottom=0)


def _median_figure(rounds: Sequence[Mapping[str, Any]], name: str) -> float:
    return float(statistics.median(each[name]["figure"] for each in rounds))


def _median_distribution(rounds: Sequence[Sequence[Sequence[float]]]) -> tuple[list[float], list[float]]:
    """Of every share the median of its quantiles."""
    shares = [share for share, _ in rounds[0]]
    return shares, [statistics.median(each[at][1] for each in rounds) for at in range(len(shares))]


_PICTURES: Sequence[tuple[str, str, str, Draw]] = (
    ("latency.svg", "page_out", "How soon a page is at the mail server", _latencies),
    ("throughput.svg", "in_flight", "Durable alerts a second, by how many share a commit", _throughput),
    ("stream.svg", "stream", "Durable alerts a second, by the size of a message", _streamed),
    ("timers.svg", "pending_timers", "What timers cost that are not due", _timers),
)
