"""Charts as SVG text, drawn on the server: lines with their 95 % bands, and shares as a bar; a line's data as CSV."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10
from typing import Literal

from webapp.labels_export import guard_cell

# Drawn twice, for desk and phone: one drawing scaled to a phone has letters nobody can read.
WIDE, NARROW = (760, 400), (340, 300)
STYLES = ("series-1", "series-2", "series-3", "series-4")
Unit = Literal["percent", "number"]
# Agreement that is worse than chance lies below zero.
LOWEST: dict[Unit, float] = {"percent": 0.0, "number": -1.0}
LINE_HEIGHT = 16
# Of the widest face that stands in for a system font, bold.
LETTER_WIDTH = 8.4
TOP, BOTTOM, LEFT = 30, 46, 48
# The page's light palette, for a file that travels without the page's stylesheet.
EMBEDDED_STYLE = """
  .paper { fill: #fffdf9; } text { fill: #5f594f; font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; }
  .axis { stroke: #8c8375; fill: none; } .gridline { stroke: #e3dccf; }
  .series-1 { --series: #3c4a9e; } .series-2 { --series: #056963; } .series-3 { --series: #b13a10; }
  .series-4 { --series: #7a3d8f; } .series-5 { --series: #7a5c00; } .series-6 { --series: #1f6fb2; }
  .series-7 { --series: #b0307a; } .series-8 { --series: #2f6b1f; } .series-random { --series: #4d5b6b; }
  .tone-negative { --series: #b13a10; } .tone-neutral { --series: #4d5b6b; } .tone-positive { --series: #056963; }
  .tone-4 { --series: #7a3d8f; } .tone-5 { --series: #75560a; } .tone-6 { --series: #2064a0; }
  .line { fill: none; stroke: var(--series); stroke-width: 2.5; stroke-linejoin: round; stroke-linecap: round; }
  .band { fill: var(--series); opacity: 0.16; } .whisker { stroke: var(--series); stroke-width: 2; }
  .dot { fill: #fffdf9; stroke: var(--series); stroke-width: 2.5; }
  .series-label { fill: var(--series); font-weight: 600; }
"""


@dataclass(frozen=True)
class Point:
    """One measured place; `low` and `high` bound the 95 % interval where there is one."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Series:
    """One line; `style` are classes of the stylesheet.

    series-1 to series-4, in a file to series-8; series-random; tone and tone-negative, or what else `label_tone` gives.
    """

    name: str
    points: Sequence[Point]
    style: str = STYLES[0]


@dataclass(frozen=True)
class _Frame:
    """The plot's rectangle and the two scales that map data into it."""

    width: int
    height: int
    right: int
    x_last: float
    x_ticks: list[tuple[float, str]]
    y_ticks: list[float]

    def x(self, value: float) -> float:
        return LEFT + value / self.x_last * (self.right - LEFT)

    def y(self, value: float) -> float:
        low, high = self.y_ticks[0], self.y_ticks[-1]
        inside = min(max(value, low), high)
        return TOP + (high - inside) / (high - low) * (self.height - TOP - BOTTOM)


def line_chart_svg(
    series: Sequence[Series],
    x_label: str,
    y_label: str,
    standalone: bool = False,
    size: tuple[int, int] = WIDE,
    title: str = "",
    unit: Unit = "percent",
    x_names: Sequence[str] = (),
) -> str:
    """Fractions of one against numbers from zero, one directly labelled line a series with its band.

    Needs one point at least, ValueError otherwise. `standalone` brings its own colours, for a file; else the page's
    stylesheet colours it. `title` is what a screen reader says. `unit` "number" writes 0.65 where "percent" has 65%.
    `x_names`: what stands at 0, 1, 2 … in place of the numbers, as many of them as there is room for.
    """
    drawn = [each for each in series if each.points]
    if not drawn:
        raise ValueError("A chart needs at least one point.")
    frame = _frame(drawn, size, unit, x_names)
    name = escape(title or f"{y_label} – {x_label}")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" role="img" aria-label="{name}">',
        f"<title>{name}</title>",
    ]
    if standalone:
        parts += [
            f"<style>{EMBEDDED_STYLE}</style>",
            f'<rect class="paper" width="{size[0]}" height="{size[1]}"/>',
        ]
    parts += _axes(frame, x_label, y_label, unit)
    parts += [_band(each, frame) for each in drawn]
    parts += [_line(each, frame) for each in drawn]
    parts += _line_labels(drawn, frame, unit)
    return "\n".join([*filter(None, parts), "</svg>"])


def shares_svg(parts: Sequence[tuple[str, float]], title: str) -> str:
    """One bar cut into parts: classes of the stylesheet with their size, in any unit."""
    whole = sum(size for _, size in parts) or 1
    name = escape(title)
    drawn, x = [], 0.0
    for style, size in parts:
        width = 100 * size / whole
        drawn.append(f'<rect class="{style}" x="{x:.2f}" width="{width:.2f}" height="8"/>')
        x += width
    return (
        f'<svg class="shares" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="{name}">'
        f"<title>{name}</title>{''.join(drawn)}</svg>"
    )


def series_csv(series: Sequence[Series], x_name: str = "labels") -> str:
    """The numbers behind the chart: series, x, value, low, high; fractions of one."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["series", x_name, "value", "low", "high"])
    for each in series:
        for p in each.points:
            writer.writerow(
                [
                    guard_cell(each.name),
                    f"{p.x:g}",
                    f"{p.y:.4f}",
                    *(_optional(bound) for bound in (p.low, p.high)),
                ]
            )
    return out.getvalue()


def nice_ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers, roughly `about` of them, from at or below `low` to at or above `high`."""
    rough = max(high - low, 1e-9) / about
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [round(step * place, 10) for place in range(first, max(last, first + 1) + 1)]


def _frame(series: Sequence[Series], size: tuple[int, int], unit: Unit, x_names: Sequence[str]) -> _Frame:
    points = [point for each in series for point in each.points]
    lows = [p.y if p.low is None else p.low for p in points]
    highs = [p.y if p.high is None else p.high for p in points]
    lowest = LOWEST[unit]
    low, high = max(lowest, min(lows)), min(1.0, max(highs))
    if high - low < 0.2:  # a flat curve must not look like a mountain range
        middle = min(max((high + low) / 2, lowest + 0.1), 0.9)
        low, high = middle - 0.1, middle + 0.1
    y_ticks = [tick for tick in nice_ticks(low, high, 5) if lowest - 1e-9 <= tick <= 1 + 1e-9]
    longest = max(len(_end_label(each, unit)) for each in series)
    right = size[0] - min(round(longest * LETTER_WIDTH) + 18, size[0] // 2)
    room = max(2, (right - LEFT) // 90)
    if x_names:
        x_last, x_ticks = max(1.0, len(x_names) - 1), _named_ticks(x_names, room)
    else:
        numbers = nice_ticks(0, max(1.0, *(p.x for p in points)), room)
        x_last, x_ticks = numbers[-1], [(number, f"{number:,.10g}") for number in numbers]
    return _Frame(size[0], size[1], right, x_last, x_ticks, y_ticks)


def _named_ticks(names: Sequence[str], room: int) -> list[tuple[float, str]]:
    step = ceil(len(names) / room)
    return [(float(place), names[place]) for place in range(0, len(names), step)]


def _axes(frame: _Frame, x_label: str, y_label: str, unit: Unit) -> list[str]:
    base = frame.height - BOTTOM
    parts = []
    for tick in frame.y_ticks:
        y = frame.y(tick)
        parts.append(f'<line class="gridline" x1="{LEFT}" x2="{frame.right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{_tick(tick, unit)}</text>')
    for place, name in frame.x_ticks:
        x = frame.x(place)
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{base}" y2="{base + 5}"/>')
        parts.append(f'<text x="{x:.1f}" y="{base + 20}" text-anchor="middle">{escape(name)}</text>')
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{frame.right}" y1="{base}" y2="{base}"/>')
    centre = (LEFT + frame.right) / 2
    parts.append(
        f'<text x="{centre:.1f}" y="{frame.height - 6}" text-anchor="middle">{escape(x_label)}</text>'
    )
    parts.append(f'<text x="4" y="14">{escape(y_label)}</text>')
    return parts


def _band(series: Series, frame: _Frame) -> str:
    known = [(p.x, p.low, p.high) for p in series.points if p.low is not None and p.high is not None]
    if not known:
        return ""
    if len({x for x, _, _ in known}) == 1:  # a band would have no width; of several rounds the latest counts
        x, low, high = known[-1]
        at, bottom, top = frame.x(x), frame.y(low), frame.y(high)
        caps = "".join(f"M{at - 5:.1f} {y:.1f}h10" for y in (bottom, top))
        return f'<g class="{series.style}"><path class="whisker" d="M{at:.1f} {bottom:.1f}V{top:.1f}{caps}"/></g>'
    edge = [(x, high) for x, _, high in known] + [(x, low) for x, low, _ in reversed(known)]
    outline = " ".join(f"{frame.x(x):.1f},{frame.y(y):.1f}" for x, y in edge)
    return f'<g class="{series.style}"><polygon class="band" points="{outline}"/></g>'


def _line(series: Series, frame: _Frame) -> str:
    places = [(frame.x(p.x), frame.y(p.y)) for p in series.points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    # Past some thirty points the dots would be the line.
    dots = (
        [f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="4"/>' for x, y in places]
        if len(places) <= 30
        else []
    )
    return f'<g class="{series.style}"><polyline class="line" points="{line}"/>{"".join(dots)}</g>'


def _line_labels(series: Sequence[Series], frame: _Frame, unit: Unit) -> list[str]:
    """Each line's name and last value at its right end, pushed apart where the ends are close."""
    ends = sorted((frame.y(each.points[-1].y), place) for place, each in enumerate(series))
    lowest = frame.height - BOTTOM - LINE_HEIGHT * (len(ends) - 1)
    heights: list[float] = []
    for y, _ in ends:
        room = heights[-1] + LINE_HEIGHT if heights else TOP
        heights.append(min(max(y, room), lowest + LINE_HEIGHT * len(heights)))
    labels = []
    for (_, place), y in zip(ends, heights, strict=True):
        each = series[place]
        x = frame.x(each.points[-1].x) + 10 if len(series) == 1 else frame.right + 10
        text = (
            f'<text class="series-label" x="{x:.1f}" y="{y + 4:.1f}">{escape(_end_label(each, unit))}</text>'
        )
        labels.append(f'<g class="{each.style}">{text}</g>')
    return labels


def _end_label(series: Series, unit: Unit) -> str:
    last = series.points[-1].y
    return f"{series.name} {last:.0%}" if unit == "percent" else f"{series.name} {last:z.2f}"


def _tick(value: float, unit: Unit) -> str:
    if unit == "number":
        return f"{value:z.2f}"
    # Ticks of a narrow range need their half per cents.
    text = f"{value * 100:.1f}".removesuffix(".0")
    return f"{text}%"


def _optional(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
