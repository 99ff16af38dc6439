"use strict";
// Numbers and times as people read them, and the few elements that the page is made of. Text of the dataset becomes text
// nodes; nothing here reads markup.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const MINUS = "\u2212";
const THIN = "\u202f";

/** A number to three significant digits, never in the exponential form. */
function three(value) {
  const size = Math.abs(value);
  if (size >= 100 || size === 0) return whole.format(value);
  return value.toLocaleString("en", { maximumFractionDigits: size >= 10 ? 1 : size >= 1 ? 2 : 3 });
}

const count = (n) => (n == null ? "" : whole.format(n));
const plural = (n, one, many = one + "s") => `${count(n)} ${n === 1 ? one : many}`;

/** The largest unit of `units` (size and name, ascending) that `value` reaches. */
function inUnit(value, units) {
  if (value === 0) return "0";
  const fitting = units.filter(([size]) => Math.abs(value) >= size * 0.9995);
  const [size, name] = fitting.at(-1) ?? units[0];
  return `${three(value / size).replace("-", MINUS)}${THIN}${name}`;
}

const duration = (ns) => (ns == null ? "" : inUnit(ns, [[1, "ns"], [1e3, "µs"], [1e6, "ms"], [1e9, "s"], [6e10, "min"], [3.6e12, "h"]]));
const bytes = (n) => (n == null ? "" : inUnit(n, [[1, "B"], [1e3, "kB"], [1e6, "MB"], [1e9, "GB"]]));
const short = (n) => (n == null ? "" : inUnit(n, [[1, ""], [1e3, "k"], [1e6, "M"], [1e9, "G"]]).trim());
const percent = (share) => (share == null ? "" : share > 0 && share < 0.01 ? `<${THIN}0.01${THIN}%` : `${three(share)}${THIN}%`);

/** A time of the trace, in whole seconds. */
function moment(ns) {
  if (ns == null) return "";
  return new Date(Number(BigInt(ns) / 1000000n)).toISOString().replace("T", " ").slice(0, 19) + " UTC";
}

/** An element with attributes and children; what is no element becomes text. */
function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value != null) element.setAttribute(key, value);
  element.append(...children.flat().filter((child) => child != null && child !== ""));
  return element;
}

/** A table of rows; `columns` are [title, value of a row, numeric?]. */
function table(columns, rows, label) {
  const cell = (name, [, , numeric], ...content) => el(name, { class: numeric ? "number" : null, scope: name === "th" ? "col" : null }, ...content);
  const head = el("tr", {}, columns.map((column) => cell("th", column, column[0])));
  const body = rows.map((row) => el("tr", {}, columns.map((column) => cell("td", column, String(column[1](row) ?? "")))));
  const whole = el("table", {}, el("thead", {}, head), el("tbody", {}, body));
  return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, whole);
}

const CELLS = 500;

/** The table behind a chart, with all columns as the query gave them, and the command that gives them. */
function behind(answer, label) {
  const rows = answer.rows;
  const names = Object.keys(rows[0] ?? {});
  const columns = names.map((name) => {
    const numeric = rows.every((row) => row[name] == null || typeof row[name] === "number");
    const bare = /(id|fd|ret)$/.test(name);
    const text = (value) => (typeof value === "number" && !bare ? value.toLocaleString("en", { maximumFractionDigits: 6 }) : value);
    return [name, (row) => text(row[name]), numeric];
  });
  const details = el("details", {}, el("summary", {}, `Table (${plural(rows.length, "row")})`));
  const fill = () => {
    if (details.childElementCount > 1) return;
    details.append(table(columns, rows.slice(0, CELLS), `${label}, as a table`));
    const rest = rows.length > CELLS ? `The first ${CELLS} rows. ` : "";
    details.append(el("p", { class: "source" }, `${rest}From `, el("code", {}, answer.command)));
  };
  details.addEventListener("toggle", fill);
  return details;
}
