"""Curves in a picture (SVG), with both axes in logarithms: what grows in proportion rises by a decade for each decade."""
import math
from pathlib import Path
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 440
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 24, 52
COLORS = ["#0b5394", "#b45f06", "#38761d", "#741b47", "#7f6000", "#351c75"]
Points = list[tuple[float, float]]


class Axis:
    """Where a number is between two places."""

    def __init__(self, numbers: list[float], begin: float, end: float) -> None:
        self.low, self.high = math.log10(min(numbers)), math.log10(max(numbers))
        if self.high - self.low < 1e-9:
            self.low, self.high = self.low - 0.5, self.high + 0.5
        self.begin, self.end = begin, end

    def place(self, number: float) -> float:
        return self.begin + (math.log10(number) - self.low) / (self.high - self.low) * (self.end - self.begin)


def decades(numbers: list[float]) -> list[float]:
    """The powers of ten between which the numbers are."""
    low, high = math.floor(math.log10(min(numbers))), math.ceil(math.log10(max(numbers)))
    return [10.0**power for power in range(low, high + 1)]


def apart(places: list[float], least: float) -> list[float]:
    """The places, moved down as far as is needed so that each is so far from the next."""
    moved = dict.fromkeys(range(len(places)), 0.0)
    last = -math.inf
    for number in sorted(moved, key=lambda n: places[n]):
        last = moved[number] = max(places[number], last + least)
    return [moved[number] for number in range(len(places))]


def text(x: float, y: float, words: str, anchor: str = "middle", more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(words)}</text>'


def draw(file: Path, curves: dict[str, Points], across: str, up: str) -> None:
    """Draws curves, each with its name at its end; the axes are called `across` and `up`. No number may be 0."""
    xs = [x for points in curves.values() for x, _ in points]
    ys = [y for points in curves.values() for _, y in points]
    marks = decades(ys)
    x_axis, y_axis = Axis(xs, LEFT, WIDTH - RIGHT), Axis(marks, HEIGHT - BOTTOM, TOP)
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="13">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>']
    for x in sorted(set(xs)):
        at = x_axis.place(x)
        lines += [f'<path d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>', text(at, HEIGHT - BOTTOM + 18, f"{x:g}")]
    for y in marks:
        at = y_axis.place(y)
        lines += [f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>', text(LEFT - 8, at + 4, f"{y:g}", "end")]
    lines.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, across))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    lines.append(text(18, middle, up, more=f'transform="rotate(-90 18 {middle:.1f})"'))
    ends = apart([y_axis.place(points[-1][1]) for points in curves.values()], 16)
    for number, ((name, points), end) in enumerate(zip(curves.items(), ends, strict=True)):
        color = COLORS[number % len(COLORS)]
        places = [(x_axis.place(x), y_axis.place(y)) for x, y in points]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        lines.append(f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        lines += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{color}"/>' for x, y in places]
        lines.append(text(places[-1][0] + 10, end + 4, name, "start", f'fill="{color}"'))
    file.write_text("\n".join([*lines, "</svg>"]) + "\n")
