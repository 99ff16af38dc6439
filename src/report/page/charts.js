// The charts. Each function gives a description for Observable Plot that fits a width in CSS pixels; colours are the
// page's own variables, so that dark and print need no second drawing.

const INK = "var(--ink)";
const QUIET = "var(--quiet)";
const LINE = "var(--line)";
const MAIN = "var(--main)";
const SOFT = "var(--soft)";
const BAD = "var(--bad)";
const STYLE = { color: INK, background: "none", fontSize: "11.5px" };

/** What text takes, in CSS pixels, at the size of the charts. */
const textWidth = (() => {
  const pen = document.createElement("canvas").getContext("2d");
  return (text) => {
    pen.font = `11.5px ${getComputedStyle(document.body).fontFamily}`;
    return pen.measureText(text).width;
  };
})();

/** `text` cut in its middle to at most `size` characters. */
function cut(text, size) {
  if (text.length <= size) return text;
  return `${text.slice(0, Math.ceil(size / 2) - 1)}…${text.slice(text.length - Math.floor(size / 2))}`;
}

/** Ticks of a logarithmic axis: powers of ten, and 2 and 5 times these where there is room for them. */
function logTicks(from, to, room) {
  const decades = Math.log10(to / from);
  const steps = decades <= room / 175 ? [1, 2, 5] : [1];
  const ticks = [];
  for (let power = Math.floor(Math.log10(from)); power <= Math.ceil(Math.log10(to)); power++) {
    for (const step of steps) {
      const tick = Number(`${step}e${power}`);
      if (tick >= from * 0.999 && tick <= to * 1.001) ticks.push(tick);
    }
  }
  return ticks;
}

/** How ticks are written; on a logarithmic axis, whose ticks are chosen, all of them. */
const ticksAs = (format, ticks) => (Array.isArray(ticks) ? { text: format } : { ticks, tickFormat: format });

/** A quiet grid of horizontal lines with their values at the left; the figure's caption says what they count. */
function valueAxis(format, ticks = 4) {
  return [
    Plot.gridY({ ticks, stroke: LINE, strokeOpacity: 1 }),
    Plot.axisY(...(Array.isArray(ticks) ? [ticks] : []), { ...ticksAs(format, ticks), tickSize: 0, fill: QUIET, label: null }),
  ];
}

/** Marks on a logarithmic axis, each a rule with its name at a height of its own so that near ones stay readable. */
function named(marks, width, domain) {
  const place = (value) => Math.log(value / domain[0]) / Math.log(domain[1] / domain[0]);
  return marks.flatMap((mark, i) => {
    const atRight = place(mark.value) * width + textWidth(mark.text) > width;
    return [
      Plot.ruleX([mark.value], { stroke: INK, strokeWidth: 1, strokeOpacity: 0.75, strokeDasharray: mark.dash, insetTop: -44 + i * 15 }),
      Plot.text([mark], {
        x: "value",
        text: "text",
        frameAnchor: "top",
        textAnchor: atRight ? "end" : "start",
        dx: atRight ? -5 : 5,
        dy: -43 + i * 15,
        lineAnchor: "top",
        fill: INK,
        stroke: "var(--page)",
        strokeWidth: 4,
      }),
    ];
  });
}

/** How a figure is distributed, on a logarithmic axis, with named values (percentiles) as rules. */
function histogram(rows, { width, format, unit, label, marks = [], color = MAIN }) {
  const bins = rows.filter((row) => row.from_value > 0 && row.requests > 0);
  const from = Math.min(...bins.map((row) => row.from_value));
  const to = Math.max(...bins.map((row) => row.to_value));
  const domain = [from / 1.05, to * 1.05];
  return Plot.plot({
    width,
    height: marks.length ? 220 : 160,
    marginTop: marks.length ? 54 : 10,
    marginBottom: 34,
    marginLeft: 40,
    marginRight: 12,
    style: STYLE,
    x: { type: "log", domain },
    y: { nice: true, zero: true },
    ariaLabel: label,
    marks: [
      ...valueAxis(count),
      Plot.axisX(logTicks(...domain, width), { text: format, tickSize: 4, color: QUIET, label: unit, labelArrow: "none", labelAnchor: "right" }),
      Plot.rectY(bins, { x1: "from_value", x2: "to_value", y: "requests", fill: color, insetLeft: 0.5, insetRight: 0.5 }),
      Plot.ruleY([0], { stroke: QUIET }),
      ...named(marks, width - 52, domain),
      Plot.tip(bins, Plot.pointerX({
        x1: "from_value",
        x2: "to_value",
        y: "requests",
        title: (row) => `${format(row.from_value)} to ${format(row.to_value)}\n${plural(row.requests, "request")}`,
      })),
    ],
  });
}

/** Axis of the time since the recording's start, in seconds. */
function timeAxis(domain, width) {
  const ticks = Math.max(3, Math.min(10, Math.floor(width / 90)));
  return Plot.axisX({ ticks, tickFormat: (ms) => duration(ms * 1e6), tickSize: 4, color: QUIET, label: "since the first request", labelArrow: "none", labelAnchor: "right" });
}

/** Median and 90th percentile in the course of a recording, with the slowest request of each span. */
function latencyOverTime(rows, { width, span, domain, label }) {
  const at = (row) => row.from_ms + span / 2;
  const byTime = new Map(rows.map((row) => [row.from_ms, row]));
  const filled = [];
  for (let ms = 0; ms <= rows.at(-1).from_ms; ms += span) filled.push(byTime.get(ms) ?? { from_ms: ms });
  const counted = rows.filter((row) => row.p50_ms != null);
  const middle = counted.map((row) => row.p50_ms).sort((a, b) => a - b)[counted.length >> 1];
  const largest = Math.max(...counted.map((row) => row.max_ms));
  const log = largest > 12 * middle;
  const last = counted.at(-1);
  const name = (text, y, more) => Plot.text([last], { x: at, y, text: () => text, textAnchor: "start", dx: 7, fill: INK, ...more });
  const least = Math.min(...counted.map((row) => row.p50_ms));
  const y = log ? { type: "log", domain: [least / 1.3, largest * 1.1] } : { domain: [0, largest * 1.04], nice: true };
  const ticks = log ? logTicks(...y.domain, 600) : 4;
  const height = log ? Math.log(largest / least) / Math.log(last.p90_ms / last.p50_ms) : largest / (last.p90_ms - last.p50_ms);
  const near = !(height < 14);
  return Plot.plot({
    width,
    height: 210,
    marginTop: 12,
    marginBottom: 34,
    marginLeft: 48,
    marginRight: 54,
    style: STYLE,
    x: { domain },
    y,
    ariaLabel: label,
    marks: [
      ...valueAxis((ms) => duration(ms * 1e6), ticks),
      timeAxis(domain, width),
      Plot.areaY(filled, { x: at, y1: "p50_ms", y2: "p90_ms", fill: SOFT, fillOpacity: 0.45 }),
      Plot.lineY(filled, { x: at, y: "p90_ms", stroke: MAIN, strokeWidth: 1, strokeDasharray: "4 2" }),
      Plot.lineY(filled, { x: at, y: "p50_ms", stroke: MAIN, strokeWidth: 2 }),
      Plot.dot(counted, { x: at, y: "max_ms", r: 2, fill: QUIET }),
      Plot.dot(counted, { x: at, y: "p50_ms", r: 1.5, fill: MAIN }),
      name("p50", "p50_ms", { dy: near ? -1 : 0, fontWeight: 600 }),
      name("p90", "p90_ms", { dy: near ? -14 : 0 }),
      ...(Math.abs(last.max_ms - last.p90_ms) > largest * 0.09 && !log ? [name("slowest", "max_ms", { fill: QUIET })] : []),
      Plot.tip(counted, Plot.pointerX({
        x: at,
        y: "p50_ms",
        title: (row) => `${duration(row.from_ms * 1e6)} to ${duration((row.from_ms + span) * 1e6)}\n${plural(row.requests, "request")}\np50 ${duration(row.p50_ms * 1e6)}\np90 ${duration(row.p90_ms * 1e6)}\nslowest ${duration(row.max_ms * 1e6)}`,
      })),
    ],
  });
}

/** Bars over time: parts of a rate stacked on one another, each `{ value(row), color }`. */
function overTime(rows, { width, span, domain, parts, label, title, height = 110 }) {
  const stacked = rows.flatMap((row) => {
    let below = 0;
    return parts.map(({ value, color }) => ({ row, color, y1: below, y2: (below += value(row)) }));
  });
  return Plot.plot({
    width,
    height,
    marginTop: 10,
    marginBottom: 34,
    marginLeft: 48,
    marginRight: 54,
    style: STYLE,
    x: { domain },
    y: { nice: true, zero: true },
    ariaLabel: label,
    marks: [
      ...valueAxis(short, 3),
      timeAxis(domain, width),
      Plot.rect(stacked, { x1: (d) => d.row.from_ms, x2: (d) => d.row.from_ms + span, y1: "y1", y2: "y2", fill: (d) => d.color, insetLeft: 0.5, insetRight: 0.5 }),
      Plot.ruleY([0], { stroke: QUIET }),
      Plot.tip(rows, Plot.pointerX({ x: (row) => row.from_ms + span / 2, y: (row) => parts.reduce((sum, part) => sum + part.value(row), 0), title })),
    ],
  });
}

/** Horizontal bars, each named at its left and with its value as text at its right; `parts` as in `overTime`. */
function bars(rows, { width, name, value, parts, title, label, color }) {
  const names = rows.map((row) => cut(name(row), 26));
  const left = Math.min(Math.max(...names.map(textWidth)) + 10, width * 0.45);
  const right = Math.max(...rows.map((row) => textWidth(value(row)))) + 12;
  const largest = Math.max(...rows.map((row) => parts.reduce((sum, part) => sum + part.value(row), 0)));
  const stacked = rows.flatMap((row, i) => {
    let before = 0;
    return parts.map(({ value: part, color }) => ({ i, row, color, x1: before, x2: (before += part(row)) }));
  });
  return Plot.plot({
    width,
    height: rows.length * 20 + 6,
    marginTop: 2,
    marginBottom: 2,
    marginLeft: left,
    marginRight: right,
    style: STYLE,
    x: { axis: null, domain: [0, largest || 1] },
    y: { axis: null, domain: rows.map((_, i) => i), padding: 0.25 },
    ariaLabel: label,
    marks: [
      Plot.ruleX([0], { stroke: LINE }),
      Plot.barX(stacked, { y: "i", x1: "x1", x2: "x2", fill: (d) => color?.(d.row) ?? d.color }),
      Plot.text(rows, { y: (_, i) => i, x: 0, text: (_, i) => names[i], textAnchor: "end", dx: -6, fill: INK }),
      Plot.text(rows, { y: (_, i) => i, x: (row) => parts.reduce((sum, part) => sum + part.value(row), 0), text: value, textAnchor: "start", dx: 6, fill: QUIET }),
      Plot.tip(rows, Plot.pointerY({ y: (_, i) => i, x: (row) => parts.reduce((sum, part) => sum + part.value(row), 0), title, anchor: "bottom-left" })),
    ],
  });
}

const LANES = 14;

/** The lanes of a request's timeline: its calls by name, most time first, and below what others did for it. */
function lanes(rows) {
  const byName = new Map();
  for (const row of rows) {
    const key = row.reach === "own" ? row.name : `→ ${row.procname ?? "?"}`;
    const lane = byName.get(key) ?? { key, own: row.reach === "own", rows: [], ns: 0 };
    lane.rows.push(row);
    lane.ns += row.duration_ns ?? 0;
    byName.set(key, lane);
  }
  const all = [...byName.values()].sort((a, b) => b.own - a.own || b.ns - a.ns || b.rows.length - a.rows.length);
  const own = all.filter((lane) => lane.own);
  if (own.length <= LANES) return all;
  const rest = own.slice(LANES - 1);
  const others = { key: `${rest.length} other calls`, own: true, rows: rest.flatMap((lane) => lane.rows), ns: rest.reduce((sum, lane) => sum + lane.ns, 0) };
  return [...own.slice(0, LANES - 1), others, ...all.filter((lane) => !lane.own)];
}

/** One request from its start to its end: a lane for each system call, a mark for each time that it was made. `beside` are
 * the rows of each request that is drawn, so that all stand on one line. */
function timeline(rows, { width, until, label, beside }) {
  const drawn = lanes(rows);
  const all = beside.flatMap(lanes);
  const text = (lane) => `${count(lane.rows.length)}× ${duration(lane.ns)}`;
  const left = Math.max(...all.map((lane) => textWidth(cut(lane.key, 18)))) + 10;
  const right = Math.max(...all.map((lane) => textWidth(text(lane)))) + 12;
  const marks = drawn.flatMap((lane) => lane.rows.map((row) => ({
    lane: lane.key,
    row,
    x1: row.begin_ns / 1e6,
    x2: Math.min(row.begin_ns + (row.duration_ns ?? 0), row.request_ns) / 1e6,
    color: !lane.own ? "var(--warm)" : row.errno ? BAD : MAIN,
  })));
  const what = ({ row }) => [
    row.reach === "own" ? `${row.name}(${[row.fd, row.path && cut(row.path, 40)].filter((part) => part != null).join(", ")})${row.ret == null ? "" : ` = ${row.errno ?? row.ret}`}` : `${row.procname ?? "?"}, thread ${row.tid}`,
    row.before_ns == null ? `${duration(row.begin_ns)} after the start` : `began ${duration(row.before_ns)} before the request`,
    row.duration_ns == null ? "no end within the request" : `took ${duration(row.duration_ns)}${row.before_ns == null ? "" : " in it"}`,
  ].join("\n");
  const end = rows[0].request_ns / 1e6;
  return Plot.plot({
    width,
    height: drawn.length * 18 + 40,
    marginTop: 6,
    marginBottom: 34,
    marginLeft: left,
    marginRight: right,
    style: STYLE,
    x: { domain: [0, until / 1e6] },
    y: { axis: null, domain: drawn.map((lane) => lane.key), padding: 0.3 },
    ariaLabel: label,
    marks: [
      Plot.ruleY(drawn, { y: "key", x1: 0, x2: end, stroke: LINE }),
      Plot.axisX({ ticks: Math.max(2, Math.floor((width - left - right) / 90)), tickFormat: (ms) => duration(ms * 1e6), tickSize: 4, color: QUIET, label: "since the start of the request", labelArrow: "none", labelAnchor: "right" }),
      Plot.ruleX([0, end], { stroke: QUIET }),
      Plot.barX(marks, { y: "lane", x1: "x1", x2: "x2", fill: "color", stroke: "color", strokeWidth: 1 }),
      Plot.text(drawn, { y: "key", x: 0, text: (lane) => cut(lane.key, 18), textAnchor: "end", dx: -6, fill: INK }),
      Plot.text(drawn, { y: "key", frameAnchor: "right", text, textAnchor: "end", dx: right - 2, fill: QUIET }),
      Plot.tip(marks, Plot.pointer({ y: "lane", x: (d) => (d.x1 + d.x2) / 2, title: what })),
    ],
  });
}
