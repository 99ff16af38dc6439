// The page: which charts there are, in which order, and what is said beside them.

const DATA = JSON.parse(document.getElementById("data").textContent);
const ANSWERS = DATA.answers;
for (const answer of Object.values(ANSWERS)) {
  answer.rows = answer.rows.map((row) => Object.fromEntries(answer.columns.map((name, i) => [name, row[i]])));
}
const rowsOf = (key) => ANSWERS[key]?.rows ?? [];
/** So many recordings or labels get a chart of their own; the tables have all. */
const PANELS = 8;
/** So many labelled spans of a recording are told. */
const SPANS = 5;
const drawings = [];

/** A figure that is drawn anew whenever its width changes. `draw` gets the width and gives an SVG. */
function figure({ title, sub, key, draw }) {
  const plot = el("div", { class: "plot" });
  const answer = ANSWERS[key];
  const caption = el("figcaption", {}, title && el("h3", {}, title), sub && el("p", { class: "sub" }, sub));
  drawings.push({ plot, draw, width: 0 });
  return el("figure", { class: "chart" }, caption, plot, answer && behind(answer, title ?? key));
}

function drawAll(force) {
  for (const drawing of drawings) {
    const width = Math.floor(drawing.plot.clientWidth);
    if (width < 1 || (width === drawing.width && !force)) continue;
    drawing.width = width;
    const drawn = drawing.draw(width);
    drawn.setAttribute("role", "img");
    drawing.plot.replaceChildren(drawn);
  }
}

function section(title, lead, ...content) {
  const shown = content.flat().filter(Boolean);
  const id = title.toLowerCase().replace(/[^a-z]+/g, "-");
  document.getElementById("main").append(
    el("section", { "aria-labelledby": id }, el("h2", { id }, title), lead && el("p", { class: "lead" }, lead), ...shown),
  );
}

/** What the page says in the place of a chart: the query's own message, or why there is nothing to draw. */
function nothing(key, why) {
  const failed = DATA.unanswered.find((question) => question.query === key);
  const text = failed ? `This dataset cannot answer the query ${key}: ${failed.why}` : why;
  return el("p", { class: "note" }, text);
}

const labelOf = new Map(DATA.recordings.map((recording) => [recording.trace_id, recording.label]));
/** What to call a recording: its label, and its id where that does not tell it from others. */
function recordingName(traceId) {
  const label = labelOf.get(traceId);
  const alone = label && DATA.recordings.filter((recording) => recording.label === label).length === 1;
  return alone ? label : [label, `recording ${cut(traceId, 13)}`].filter(Boolean).join(", ");
}

function byRecording(rows) {
  const groups = Map.groupBy ? Map.groupBy(rows, (row) => row.trace_id) : rows.reduce((map, row) => map.set(row.trace_id, [...(map.get(row.trace_id) ?? []), row]), new Map());
  return [...groups].slice(0, PANELS);
}

const tooMany = (groups, what) => (groups > PANELS ? el("p", { class: "note" }, `The first ${PANELS} of ${plural(groups, what)} are drawn; the tables have all.`) : null);

function heading() {
  const total = rowsOf("latency").at(-1) ?? {};
  const calls = rowsOf("calls");
  const made = calls.reduce((sum, row) => sum + row.calls, 0);
  const failed = calls.reduce((sum, row) => sum + row.errors, 0);
  const length = DATA.recordings.reduce((sum, r) => sum + (r.first_ns == null ? 0 : Number(BigInt(r.last_ns) - BigInt(r.first_ns))), 0);
  const servers = rowsOf("latency").map((row) => row.procname).filter(Boolean);
  const first = DATA.recordings.map((r) => r.first_ns).filter((ns) => ns != null).sort((a, b) => Number(BigInt(a) - BigInt(b)))[0];
  const facts = [
    plural(DATA.recordings.length, "recording"),
    first && `from ${moment(first)}`,
    servers.length && `server ${[...new Set(servers)].slice(0, 4).join(", ")}`,
    `requests cut by the rule ${DATA.options.requests ?? "connection"}`,
    `made with ${DATA.tool.name} ${DATA.tool.version}`,
  ].filter(Boolean);
  document.getElementById("facts").textContent = facts.join(" · ");
  const tile = (name, value, more, bad) => el("div", { class: bad ? "bad" : null }, el("dt", {}, name), el("dd", {}, value), more && el("dd", { class: "more" }, more));
  const lost = DATA.discarded_events + DATA.discarded_packets > 0 || DATA.damaged;
  const lostText = DATA.discarded_events > 0 ? count(DATA.discarded_events) : DATA.discarded_packets > 0 ? plural(DATA.discarded_packets, "packet") : DATA.damaged ? "unknown" : "none";
  const tiles = [
    tile("Requests", count(DATA.requests), DATA.incomplete_requests ? `${count(DATA.incomplete_requests)} of them incomplete` : "all complete"),
    total.p50_ns != null && tile("Median time", duration(total.p50_ns), `mean ${duration(total.mean_ms * 1e6)}`),
    total.p99_ns != null && tile("99th percentile", duration(total.p99_ns), `slowest ${duration(total.max_ns)}`),
    tile("Events", count(DATA.events), length > 0 ? `in ${duration(length)}` : null),
    made > 0 && tile("Failed calls", percent((100 * failed) / made), `${count(failed)} of ${count(made)}`),
    tile("Lost events", lostText, !lost ? "the tracer discarded nothing" : DATA.discarded_events ? `${percent((100 * DATA.discarded_events) / (DATA.discarded_events + DATA.events))} of all` : null, lost),
  ];
  document.getElementById("main").append(el("dl", { class: "tiles" }, tiles.filter(Boolean)));
  for (const { query, why } of DATA.unanswered) {
    document.getElementById("main").append(el("p", { class: "note" }, `This dataset cannot answer the query ${query}: ${why}`));
  }
}

function latency() {
  const total = rowsOf("latency").at(-1);
  const rows = rowsOf("durations");
  if (!total?.requests) return section("How long requests take", null, nothing("latency", "There is no complete request in this dataset."));
  const left = total.left_out ? ` ${plural(total.left_out, "request")} that ${total.left_out === 1 ? "is" : "are"} cut off or touched by a loss ${total.left_out === 1 ? "is" : "are"} left out.` : "";
  const lead = `Half of ${plural(total.requests, "complete request")} are answered within ${duration(total.p50_ns)}, 99 of 100 within ${duration(total.p99_ns)}.${left}`;
  const labels = rowsOf("latency_by_label");
  const panels = labels.slice(0, PANELS).map((row, i) => {
    const marks = [["p50", row.p50_ms], ["p90", row.p90_ms], ["p99", row.p99_ms]].map(([name, ms]) => ({ value: ms * 1e6, text: `${name} ${duration(ms * 1e6)}` }));
    const bins = rows.filter((bin) => bin.label === row.label);
    if (!row.requests) return null;
    const title = labels.length > 1 ? row.label ?? "without a label" : "Distribution";
    const label = `Distribution of request durations${labels.length > 1 ? ` with label ${title}` : ""}: ${marks.map((mark) => mark.text).join(", ")}`;
    const color = labels.length > 1 ? `var(--series-${(i % 5) + 1})` : MAIN;
    return figure({ title, sub: "Requests by their duration, with its median and percentiles.", key: "durations", draw: (width) => histogram(bins, { width, format: duration, unit: "duration, logarithmic", marks, label, color }) });
  });
  const compared = labels.length > 1 ? figure({
    title: "Median by label",
    key: "latency_by_label",
    draw: (width) => bars(labels.filter((row) => row.requests), {
      width,
      name: (row) => row.label ?? "without a label",
      value: (row) => `${duration(row.p50_ms * 1e6)} · p99 ${duration(row.p99_ms * 1e6)}`,
      parts: [{ value: (row) => row.p50_ms, color: MAIN }],
      title: (row) => `${row.label ?? "without a label"}\n${plural(row.requests, "request")}, ${count(row.left_out)} left out`,
      label: "Median duration of requests by label",
    }),
  }) : null;
  section("How long requests take", lead, compared, labels.length > 1 ? el("div", { class: "pair" }, panels.filter(Boolean)) : panels, tooMany(labels.length, "label"));
}

/** The same time axis for all that is drawn over the time of a recording. */
function timeOf(traceId) {
  const span = DATA.span_ms;
  const rows = [...rowsOf("latency_over_time"), ...rowsOf("losses")].filter((row) => row.trace_id === traceId && row.from_ms != null);
  return [Math.min(0, ...rows.map((row) => row.from_ms)), Math.max(...rows.map((row) => row.from_ms + span))];
}

function overTimeSection() {
  const span = DATA.span_ms;
  const groups = byRecording(rowsOf("latency_over_time"));
  if (!groups.length) return;
  const several = groups.length > 1;
  const figures = groups.flatMap(([traceId, rows]) => {
    const of = several ? ` of ${recordingName(traceId)}` : "";
    const domain = timeOf(traceId);
    const perSecond = (row, n) => (n * 1000) / span;
    const counted = rows.some((row) => row.p50_ms != null);
    return [
      counted && figure({
        title: several ? recordingName(traceId) : "Time of a request",
        sub: `Median (line), 90th percentile (dashed) and slowest request (dots) of each ${duration(span * 1e6)}.`,
        key: "latency_over_time",
        draw: (width) => latencyOverTime(rows, { width, span, domain, label: `Percentiles of request durations over time${of}` }),
      }),
      figure({
        title: several ? null : "Requests per second",
        key: several ? null : "latency_over_time",
        draw: (width) => overTime(rows, {
          width, span, domain, label: `Requests per second over time${of}`,
          parts: [
            { value: (row) => perSecond(row, row.requests), color: MAIN },
            { value: (row) => perSecond(row, row.left_out), color: "var(--rest)" },
          ],
          title: (row) => `${duration(row.from_ms * 1e6)}: ${plural(row.requests, "request")}${row.left_out ? `, ${count(row.left_out)} left out` : ""}`,
        }),
      }),
    ].filter(Boolean);
  });
  const total = new Set(rowsOf("latency_over_time").map((row) => row.trace_id)).size;
  section("In the course of the recording", rowsOf("latency_over_time").some((row) => row.left_out) ? "Grey in the rate: requests that are cut off or touched by a loss." : null, figures, tooMany(total, "recording"));
}

const PARTS = { on_cpu: "on a CPU", runnable: "waiting for a CPU", unattended: "no thread at work", blocked: "blocked" };
const PART_COLORS = { on_cpu: MAIN, runnable: "var(--warm)", unattended: "var(--rest)", blocked: "var(--series-3)" };

function whereTimeGoes() {
  const rows = rowsOf("blocked_time").filter((row) => row.total_ns > 0);
  const services = rowsOf("downstream").filter((row) => row.services);
  const untold = rows.length ? null : nothing("blocked_time", "There are no scheduler events (sched_switch) in the trace, so it does not tell when threads were on a CPU, waiting or blocked.");
  const name = (row) => (row.part === "blocked" ? `blocked in ${row.call ?? "no call"}` : PARTS[row.part]);
  const top = rows[0];
  const lead = top && `Most of it, ${percent(top.share)}, is ${top.part === "unattended" ? "with no thread at work" : name(top)}. The parts add up to the requests' durations.`;
  const time = rows.length ? figure({
    title: "Time of a request by what its threads do",
    key: "blocked_time",
    draw: (width) => bars(rows.slice(0, 12), {
      width, name,
      value: (row) => (width < 420 ? percent(row.share) : `${percent(row.share)} · mean ${duration(row.mean_ms * 1e6)}`),
      parts: [{ value: (row) => row.total_ns }],
      color: (row) => PART_COLORS[row.part],
      title: (row) => `${name(row)}\n${duration(row.total_ns)} in ${plural(row.requests, "request")}\nmean over all requests ${duration(row.mean_ms * 1e6)}`,
      label: `Where the time of requests goes: ${rows.slice(0, 5).map((row) => `${name(row)} ${percent(row.share)}`).join(", ")}`,
    }),
  }) : null;
  const served = services.length ? figure({
    title: "Work of other processes for them",
    sub: "Share of the requests' time in which a service was at work on them.",
    key: "downstream",
    draw: (width) => bars(services.slice(0, 8), {
      width,
      name: (row) => row.procname ?? "?",
      value: (row) => (width < 420 ? percent(row.share) : `${percent(row.share)} · ${count(row.services)} times, median ${duration(row.p50_ms * 1e6)}`),
      parts: [{ value: (row) => row.share, color: "var(--warm)" }],
      title: (row) => `${row.procname ?? "?"}\nfor ${plural(row.requests, "request")}, ${count(row.services)} times\nmedian ${duration(row.p50_ms * 1e6)}, p99 ${duration(row.p99_ms * 1e6)}`,
      label: `Work of other processes for requests: ${services.slice(0, 5).map((row) => `${row.procname} ${percent(row.share)}`).join(", ")}`,
    }),
  }) : null;
  section("Where their time goes", lead, untold, time, served);
}

/** All labels' rows of a distribution as one. */
function merged(rows) {
  const bins = new Map();
  for (const row of rows) {
    const bin = bins.get(row.from_value) ?? { ...row, label: null, requests: 0, left_out: 0 };
    bin.requests += row.requests;
    bin.left_out += row.left_out;
    bins.set(row.from_value, bin);
  }
  return [...bins.values()].sort((a, b) => a.from_value - b.from_value);
}

function lengths() {
  const drawn = [
    ["lengths", "Events of a request", "Requests by how many events they have of their own.", count, "events, logarithmic"],
    ["answer_sizes", "Bytes written to the client", "Requests by the length of what they answered.", bytes, "bytes, logarithmic"],
  ].filter(([key]) => rowsOf(key).some((row) => row.requests > 0 && row.from_value > 0));
  const figures = drawn.map(([key, title, sub, format, unit]) => figure({
    title, key, sub,
    draw: (width) => histogram(merged(rowsOf(key)), { width, format, unit, label: `Distribution: ${title.toLowerCase()}` }),
  }));
  if (figures.length) section("How long their sequences are", "Complete requests, in equal steps of the logarithm.", el("div", { class: "pair" }, figures));
}

function calls() {
  const rows = rowsOf("calls").filter((row) => row.calls > 0);
  if (!rows.length) return section("System calls", null, nothing("syscall_histogram", "There are no system calls in this dataset."));
  const byCalls = [...rows].sort((a, b) => b.calls - a.calls);
  const top = byCalls.slice(0, 20);
  const rate = (row) => (100 * row.errors) / row.calls;
  const sum = rows.reduce((n, row) => n + row.calls, 0);
  const share = (100 * top.reduce((n, row) => n + row.calls, 0)) / sum;
  const lead = rows.length > top.length ? `The ${top.length} most frequent of ${plural(rows.length, "system call")} make up ${percent(share)} of ${count(sum)} calls of the whole system.` : `${plural(rows.length, "system call")}, ${count(sum)} calls of the whole system.`;
  const often = figure({
    title: "Calls",
    sub: "The orange part of a bar failed.",
    key: "calls",
    draw: (width) => bars(top, {
      width,
      name: (row) => row.name,
      value: (row) => (row.errors ? `${count(row.calls)} · ${percent(rate(row))} fail` : count(row.calls)),
      parts: [{ value: (row) => row.calls - row.errors, color: MAIN }, { value: (row) => row.errors, color: BAD }],
      title: (row) => `${row.name}\n${plural(row.calls, "call")}, ${count(row.errors)} failed\nmean ${duration(row.mean_us * 1e3)}`,
      label: `Most frequent system calls: ${top.slice(0, 5).map((row) => `${row.name} ${count(row.calls)}`).join(", ")}`,
    }),
  });
  const failed = rowsOf("errors");
  const fails = failed.length ? figure({
    title: "Failures by call and error",
    sub: "With the share of the call's returns that end so.",
    key: "errors",
    draw: (width) => bars(failed.slice(0, 20), {
      width,
      name: (row) => `${row.name} ${row.errno}`,
      value: (row) => `${count(row.failures)} · ${percent(row.share)}`,
      parts: [{ value: (row) => row.failures, color: BAD }],
      title: (row) => `${row.name} ${row.errno}\n${plural(row.failures, "failure")}, ${percent(row.share)} of its calls\n${count(row.in_requests)} of them in ${plural(row.requests, "request")}`,
      label: `Most frequent failures: ${failed.slice(0, 5).map((row) => `${row.name} ${row.errno} ${count(row.failures)}`).join(", ")}`,
    }),
  }) : nothing("errors", "No system call failed.");
  section("System calls, and how they fail", lead, el("div", { class: "pair" }, often, fails));
}

function timelines() {
  const rows = rowsOf("timeline");
  if (!rows.length) return;
  const slowest = rows[0].request_ns;
  const beside = ["slowest", "median"].map((which) => rows.filter((row) => row.which === which));
  const figures = ["slowest", "median"].flatMap((which) => {
    const own = rows.filter((row) => row.which === which);
    if (!own.length) return [];
    const { request_id: id, trace_id: traceId, request_ns: ns, rows: all } = own[0];
    const name = which === "slowest" ? "The slowest request" : "The median request";
    const cutOff = all > own.length ? ` The first ${count(own.length)} of ${count(all)} calls are drawn.` : "";
    return [figure({
      title: `${name}: ${duration(ns)}`,
      sub: `Request ${id}${DATA.recordings.length > 1 ? ` of ${recordingName(traceId)}` : ""}.${cutOff}`,
      key: "timeline",
      draw: (width) => timeline(own, { width, until: slowest, beside, label: `${name}, ${duration(ns)}, call by call` }),
    })];
  });
  const lead = "A lane for each system call, a mark for each time it was made, as long as it took; orange marks failed. Lanes with an arrow show what other processes did for the request. Between marks its threads compute or wait for a CPU.";
  section("Single requests", lead, figures);
}

function losses() {
  const span = DATA.span_ms;
  const rows = rowsOf("losses").filter((row) => row.from_ms != null);
  const lost = rowsOf("losses").reduce((sum, row) => sum + row.losses, 0);
  const touched = DATA.incomplete_requests;
  const lead = !lost && !DATA.damaged
    ? "The tracer lost nothing: every event that it was asked for is here."
    : `The tracer discarded ${plural(DATA.discarded_events, "event")}${DATA.discarded_packets ? ` and ${plural(DATA.discarded_packets, "packet")}` : ""}. ${plural(touched, "request")} ${touched === 1 ? "is" : "are"} marked as incomplete, for this or because the recording began or ended within.`;
  const groups = byRecording(rows);
  const figures = groups.map(([traceId, own]) => figure({
    title: groups.length > 1 ? recordingName(traceId) : "Events per second",
    sub: lost ? "RecordMetadata, and above them in orange those that were discarded." : null,
    key: "losses",
    draw: (width) => overTime(own, {
      width, span, domain: timeOf(traceId), height: 140,
      label: `Events recorded and discarded over time${groups.length > 1 ? ` in ${recordingName(traceId)}` : ""}`,
      parts: [
        { value: (row) => (row.events * 1000) / span, color: SOFT },
        { value: (row) => (row.discarded_events * 1000) / span, color: BAD },
      ],
      title: (row) => `${duration(row.from_ms * 1e6)}: ${plural(row.events, "event")}${row.discarded_events ? `\n${count(row.discarded_events)} discarded` : ""}${row.discarded_packets ? `\n${plural(row.discarded_packets, "packet")} discarded` : ""}`,
    }),
  }));
  const damage = DATA.recordings.flatMap((recording) => recording.damage.map((d) => el("p", { class: "note bad" }, `Not read to its end: ${d.place}: ${d.what}`)));
  section("What was lost", lead, damage, figures, tooMany(new Set(rows.map((row) => row.trace_id)).size, "recording"));
}

function split() {
  const rule = DATA.split;
  if (!rule) return;
  const given = Object.entries(rule.parameters).map(([name, value]) => `${name} = ${value}`);
  const lead = `Requests are split by ${[rule.by, ...given].join(", ")}. For each part, so many of its requests have one to train with that shares something with them.`;
  const names = [...new Set(rule.audit.flatMap((row) => Object.keys(row)))];
  const first = ["split", "requests", "events"];
  const columns = [...first, ...names.filter((name) => !first.includes(name)).sort()].map((name) => [
    name.replaceAll("_", " "),
    (row) => (name === "split" || row[name] == null ? row[name] : count(Number(row[name]))),
    name !== "split",
  ]);
  const parts = Object.entries(rule.parts ?? {}).flatMap(([part, ids]) => ids.map((id) => [part, id]));
  section(
    "How requests are split",
    lead,
    el("div", { class: "plain" }, table(columns, rule.audit, "Splits and what they share")),
    parts.length && el("div", { class: "plain" }, table([["part", ([part]) => part], ["recording", ([, id]) => recordingName(id)]], parts, "Recordings by part")),
  );
}

function compared() {
  const { rows, warnings, missing } = DATA.compared;
  if (!rows.length) return;
  const lead = warnings.length
    ? "What labels differ in though it says nothing of the server, and what a model could tell them apart by:"
    : "The recordings of all labels were made in the same way, and no plain figure of a request tells its label.";
  const points = [...warnings, ...missing].slice(0, CELLS).map((sentence) => el("li", {}, sentence));
  const shown = rows.filter((row) => row.differs || row.auroc != null);
  const columns = [
    ["label", (row) => row.a],
    ["other label", (row) => row.b],
    ["what", (row) => [row.aspect, row.what].filter(Boolean).join(": ")],
    ["in the first", (row) => row.in_a],
    ["in the other", (row) => row.in_b],
    ["AUROC", (row) => row.auroc?.toFixed(3), true],
    ["more in", (row) => row.more_in],
  ];
  section(
    "Whether labels can be compared",
    lead,
    points.length && el("ul", {}, points),
    el("div", { class: "plain" }, table(columns, shown.slice(0, CELLS), "Labels compared")),
    el("p", { class: "source" }, "From ", el("code", {}, "sysds compare DATASET")),
  );
}

/** The parts of a recording that have labels of their own, the first few. */
function spans(all) {
  const length = (s) => duration(Number(BigInt(s.end_ns) - BigInt(s.begin_ns)));
  const shown = all.slice(0, SPANS).map((s) => `${s.label}, ${length(s)} from ${moment(s.begin_ns)}`);
  return [...shown, all.length > SPANS ? `${count(all.length - SPANS)} more` : ""].filter(Boolean).join("; ");
}

function provenance() {
  const env = (recording, ...names) => names.map((name) => recording.env?.[name]).filter(Boolean).join(" ");
  const columns = [
    ["Recording", (r) => r.trace_id],
    ["Label", (r) => r.label ?? ""],
    ["Labelled spans", (r) => spans(r.spans)],
    ["Host", (r) => env(r, "hostname")],
    ["Kernel", (r) => env(r, "sysname", "kernel_release")],
    ["Tracer", (r) => [env(r, "tracer_name"), [r.env?.tracer_major, r.env?.tracer_minor, r.env?.tracer_patchlevel].filter((part) => part != null).join(".")].filter(Boolean).join(" ")],
    ["Began", (r) => moment(r.first_ns)],
    ["Length", (r) => (r.first_ns == null ? "" : duration(Number(BigInt(r.last_ns) - BigInt(r.first_ns)))), true],
    ["Events", (r) => count(r.events), true],
    ["Requests", (r) => count(r.requests), true],
    ["Incomplete", (r) => count(r.incomplete_requests), true],
    ["Lost events", (r) => count(r.discarded_events), true],
  ];
  const shown = columns.filter(([, value]) => DATA.recordings.some((r) => value(r)));
  const upright = DATA.recordings.length <= 3;
  const cells = upright
    ? table([["", ([title]) => title], ...DATA.recordings.map((r) => [r.label ?? "", ([, value]) => value(r)])], shown, "Recordings")
    : table(shown, DATA.recordings, "Recordings");
  section("Where it comes from", null, el("div", { class: upright ? "plain upright" : "plain" }, cells));
  document.getElementById("foot").append(
    `Drawn by sysds report from the queries that ship with sysds; the command under each table repeats them. Times of the dataset are UTC. Made ${DATA.created}.`,
  );
}

heading();
latency();
overTimeSection();
whereTimeGoes();
lengths();
calls();
timelines();
losses();
split();
compared();
provenance();
drawAll();
new ResizeObserver(() => drawAll()).observe(document.getElementById("main"));
// Paper has a width of its own, which a page learns only when it is too late to draw for it.
addEventListener("beforeprint", () => {
  document.body.classList.add("paper");
  drawAll();
});
addEventListener("afterprint", () => {
  document.body.classList.remove("paper");
  drawAll();
});
