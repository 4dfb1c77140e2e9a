"use strict";
// What coproc serve has seen, as it comes. Names of processes are foreign text: they are only ever set as textContent.

const kept = 1200; // points of a curve: ten minutes
const kept_lines = 64; // of the log
const element = (id) => document.getElementById(id);
let seen = null; // what the server has told so far

// The token has become a cookie, and is to be in no history.
history.replaceState(null, "", location.pathname);

// RFC 7396: null takes away.
function merge(target, patch) {
  for (const [key, value] of Object.entries(patch)) {
    const is_object = value !== null && typeof value === "object" && !Array.isArray(value);
    if (value === null) delete target[key];
    else if (is_object) target[key] = merge(target[key] ?? {}, value);
    else target[key] = value;
  }
  return target;
}

const is_number = (value) => typeof value === "number";
const clock = (time) => new Date(time * 1000).toLocaleTimeString();

function scaled(value, unit) {
  if (!is_number(value)) return "?";
  let prefix = 0;
  for (; Math.abs(value) >= 999.5 && prefix < 4; ++prefix) value /= 1000;
  const digits = (prefix > 0 || !Number.isInteger(value)) && Math.abs(value) < 99.5 ? 1 : 0;
  return (value.toFixed(digits) + " " + ["", "k", "M", "G", "T"][prefix] + unit).trim();
}

function duration(seconds) {
  const two = (number) => String(number).padStart(2, "0");
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return whole + " s";
  const hours = Math.floor(whole / 3600);
  return (hours ? hours + ":" + two(Math.floor(whole / 60) % 60) : Math.floor(whole / 60)) + ":" + two(whole % 60);
}

// The processes so that each follows its host, with the number of hosts above it.
function tree() {
  const all = Object.values(seen.processes).sort((one, other) => one.pid - other.pid);
  const listed = [], done = new Set();
  const add = (process, depth) => {
    if (done.has(process.pid)) return;
    done.add(process.pid);
    listed.push({ process, depth });
    for (const other of all) if (other.host === process.pid) add(other, depth + 1);
  };
  for (const process of all) if (!seen.processes[process.host]) add(process, 0);
  for (const process of all) add(process, 0);
  return listed;
}

const link_of = (pid) => Object.values(seen.links).find((link) => link.kind === "worker" && link.worker === pid);
const has_unread = (link) => link && link.there && link.there.unread_bytes > 0;

// Something that somebody should look at.
function is_marked(process, link) {
  if (["stopped", "traced", "zombie", "full", "hidden"].includes(process.state)) return true;
  return process.state === "blocked" && has_unread(link) && seen.time - process.state_since >= 60;
}

function cells_of(process, link) {
  const of_link = (way) => {
    const ring = link && link[way];
    if (!ring) return ["", ""];
    const messages = ring.messages_per_second;
    const rate = is_number(messages) ? scaled(messages, "/s") : scaled(ring.bytes_per_second, "B/s");
    return [rate, ring.unread_bytes > 0 ? String(ring.unread_messages ?? "?") : "0"];
  };
  return [
    process.name,
    process.pid,
    process.start ?? "",
    [process.state, process.detail || link?.problem].filter(Boolean).join(": "),
    is_number(process.state_since) ? duration(seen.time - process.state_since) : "",
    is_number(process.processors) ? Math.round(100 * process.processors) + " %" : "?",
    scaled(process.resident_bytes, "B"),
    ...of_link("there"),
    ...of_link("back"),
    process.restart?.number ?? "",
  ];
}

const set = (node, text) => { if (node.textContent !== String(text)) node.textContent = text; };

function new_row(pid) {
  const row = document.createElement("tr");
  for (let i = 0; i < 12; ++i) row.insertCell().className = ["name", "number", "", ""][i] ?? "number";
  const button = document.createElement("button");
  button.textContent = "stack";
  button.onclick = () => show_stack(pid);
  row.insertCell().append(button);
  row.dataset.pid = pid;
  return row;
}

function show_table(listed) {
  const body = element("processes");
  const rows = new Map([...body.rows].map((row) => [Number(row.dataset.pid), row]));
  listed.forEach(({ process, depth }, index) => {
    const row = rows.get(process.pid) ?? new_row(process.pid);
    rows.delete(process.pid);
    const link = link_of(process.pid);
    cells_of(process, link).forEach((text, i) => set(row.cells[i], text));
    row.cells[11].title = process.restart?.text ?? "";
    row.cells[0].style.setProperty("--depth", depth);
    row.dataset.state = process.state;
    row.classList.toggle("marked", is_marked(process, link));
    if (body.rows[index] !== row) body.insertBefore(row, body.rows[index] ?? null);
  });
  for (const row of rows.values()) row.remove();
  element("nothing").hidden = listed.length > 0;
  set(element("hidden"), (seen.is_root ? "Run by root, this shows everybody's processes. " : "") + (seen.hidden ?? ""));
}

let asked = 0;  // stacks; an answer that comes after another was asked for is not shown
async function show_stack(pid) {
  const number = ++asked;
  const dialog = element("stack"), text = dialog.querySelector("pre");
  set(dialog.querySelector("h2"), "process " + pid);
  set(text, "asks …");
  dialog.showModal();
  let answer = "connection lost";
  try {
    answer = await (await fetch("/stack/" + pid, { method: "POST" })).text();
  } catch {}
  if (number === asked) set(text, answer);
}
element("stack").querySelector("button").onclick = () => element("stack").close();

// A line for each link, the thicker the more is sent.
function show_links(listed) {
  const svg = element("links");
  const node = (name, attributes, text) => {
    const one = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
    if (text !== undefined) one.textContent = text;
    return one;
  };
  const place = new Map(listed.map(({ process, depth }, i) => [process.pid, { x: 8 + 150 * depth, y: 14 + 22 * i }]));
  const nodes = [];
  for (const link of Object.values(seen.links)) {
    const [one, other] = link.kind === "worker" ? [link.host, link.worker] : link.processes;
    const from = place.get(one), to = place.get(other);
    if (!from || !to || one === other) continue;
    const bytes = sum(rates_of(link)) ?? 0;
    const d = link.kind === "worker" ? `M${from.x} ${from.y}V${to.y}H${to.x}`
      : `M${from.x} ${from.y}C${from.x - 60} ${from.y},${to.x - 60} ${to.y},${to.x} ${to.y}`;
    nodes.push(node("path", { d, "stroke-width": 1 + Math.log10(1 + bytes) }));
  }
  for (const { process } of listed) {
    const { x, y } = place.get(process.pid);
    nodes.push(node("circle", { cx: x, cy: y, r: 4, fill: is_marked(process, link_of(process.pid)) ? "#c50" : "teal" }));
    nodes.push(node("text", { x: x + 8, y: y + 4 }, process.name));
  }
  svg.setAttribute("width", 480);
  svg.setAttribute("height", 22 * listed.length + 8);
  svg.replaceChildren(...nodes);
}

function log(time, text) {
  const line = document.createElement("li");
  line.textContent = clock(time) + "  " + text;
  element("log").prepend(line);
  while (element("log").children.length > kept_lines) element("log").lastChild.remove();
}

// Processes that were told for the first time, or no more.
let known = null;
let restarts = new Map(); // the numbers of those that the log has
function show_restarts() {
  const now = new Map();
  for (const process of Object.values(seen.processes).filter((one) => one.restart)) {
    const { number, text, time } = process.restart;
    now.set(process.pid, number);
    if (restarts.get(process.pid) !== number) log(time, `${process.name} ${process.pid}: ${text}`);
  }
  restarts = now;
}
function show_changes() {
  const now = new Map(Object.values(seen.processes).map((process) => [process.pid, process.name]));
  if (known) {
    for (const [pid, name] of known) if (!now.has(pid)) log(seen.time, `${name} ${pid} has gone`);
    for (const [pid, name] of now) if (!known.has(pid)) log(seen.time, `${name} ${pid} has come`);
  }
  known = now;
  show_restarts();
}

// Of what is known; null if nothing is.
function sum(values) {
  const numbers = values.filter(is_number);
  return numbers.length ? numbers.reduce((one, other) => one + other) : null;
}
const rates_of = (link) => [link.there?.bytes_per_second, link.back?.bytes_per_second];

const of_processes = (name) => sum(Object.values(seen.processes).map((process) => process[name]));
const curves = [
  { title: "processors", value: () => of_processes("processors") },
  { title: "memory, MB", value: () => of_processes("resident_bytes") / 1e6 },
  { title: "bytes/s in links", value: () => sum(Object.values(seen.links).flatMap(rates_of)) },
];
const times = [];
for (const curve of curves) {
  curve.points = [];
  const series = { stroke: "teal", width: 1.5, fill: "rgba(0,128,128,0.1)", points: { show: false } };
  curve.plot = new uPlot({
    title: curve.title, width: 360, height: 150, legend: { show: false }, cursor: { show: false },
    scales: { y: { range: (plot, low, high) => [0, high > 0 ? 1.1 * high : 1] } },
    axes: [{}, { size: 60, values: (plot, all) => all.map((value) => scaled(value, "")) }], series: [{}, series],
  }, [times, curve.points], element("charts"));
}

function show_curves() {
  times.push(seen.time);
  if (times.length > kept) times.shift();
  for (const curve of curves) {
    curve.points.push(curve.value());
    if (curve.points.length > kept) curve.points.shift();
    curve.plot.setData([times, curve.points]);
  }
}

let updates = 0;
function show() {
  const listed = tree();
  show_table(listed);
  show_links(listed);
  show_changes();
  show_curves();
  const workers = listed.filter(({ process }) => process.is_worker).length;
  const marked = element("processes").querySelectorAll(".marked").length;
  element("status").className = "";
  set(element("status"), `live, ${listed.length} processes, ${workers} of them workers, ${marked} marked`);
  document.body.dataset.updates = ++updates;
}

function listen() {
  const events = new EventSource("/events");
  events.addEventListener("whole", (event) => { seen = JSON.parse(event.data); show(); });
  events.onmessage = (event) => { merge(seen, JSON.parse(event.data)); show(); };
  events.onerror = () => {
    element("status").className = "lost";
    set(element("status"), "connection lost" + (seen ? ", last update " + clock(seen.time) : ""));
    // The browser comes back by itself, but not after an answer that is none, such as "too many connections".
    if (events.readyState === EventSource.CLOSED) setTimeout(listen, 5000);
  };
}
listen();
