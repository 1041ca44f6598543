"use strict";
/* The lab's page. What an experiment did comes from /run as parts (text, scenes, figures, claims); a
 * scene has its ladder as a picture and its steps. Stepping lights the row of the ladder and, in the
 * figure of states, the way of both ends. Nothing is kept but the language. */

const $ = id => document.getElementById(id);
const still = matchMedia("(prefers-reduced-motion: reduce)");
const narrow = matchMedia("(max-width: 40rem)");
let language = "en", catalogue, experiment, knobs = {}, seed = "1", report, scene, place = 0, asked = 0;
const crowd = 40, crowd_width = 470; /* many arrows want room: the ladder scrolls sideways, too */
let wide = false;
let playing = 0, watching = true, watched = true, drawn_for = 0;

const say = said => said[language];
const word = name => words[language][name];

function element(name, properties = {}, ...children) {
  const e = Object.assign(document.createElement(name), properties);
  e.append(...children);
  return e;
}

/* A picture in a tree of its own: pictures bring styles that are not meant for each other. */
function show_picture(host, svg, style) {
  const root = host.shadowRoot || host.attachShadow({mode: "open"});
  root.innerHTML = svg;
  root.append(element("style", {textContent: style}));
  return root;
}

async function ask(path, parameters) {
  const answer = await fetch(path + "?" + new URLSearchParams({lang: language, ...parameters}));
  const type = answer.headers.get("Content-Type") || "";
  if (type.startsWith("image/svg+xml") && answer.ok)
    return answer.text();
  if (!type.startsWith("application/json"))
    throw new Error(word("bad"));
  const json = await answer.json();
  if (!answer.ok)
    throw new Error(json.error);
  return json;
}

/* ---- Words of the page itself ---- */

function set_language(to) {
  language = to;
  document.documentElement.lang = to === "zh" ? "zh-CN" : "en";
  document.title = word("title");
  for (const e of document.querySelectorAll("[data-t]"))
    e.textContent = word(e.dataset.t);
  for (const e of document.querySelectorAll("[data-label]")) {
    e.setAttribute("aria-label", word(e.dataset.label));
    if (e.tagName === "BUTTON")
      e.title = word(e.dataset.label);
  }
  for (const id of ["en", "zh"])
    $(id).setAttribute("aria-pressed", String(id === to));
  $("pause").textContent = word(watching ? "pause" : "go");
}

/* What a browser may refuse to keep is kept for as long as the page. */
function remembered(to) {
  try {
    if (to)
      localStorage.setItem("language", to);
    return localStorage.getItem("language");
  } catch {
    return null;
  }
}

async function change_language(to) {
  remembered(to);
  set_language(to);
  list_experiments();
  show_experiment();
  show_fields();
  await draw_figures();
  await run(place);
  look_at_wire();
}

/* ---- Experiments and knobs ---- */

function address(name, values) {
  const parameters = new URLSearchParams(values).toString();
  return "#" + name + (parameters ? "?" + parameters : "");
}

function list_experiments() {
  $("list").replaceChildren(...catalogue.experiments.map(e => {
    const link = element("a", {href: address(e.name, {})}, element("code", {textContent: e.name}), element("span", {textContent: say(e.title)}));
    if (e === experiment)
      link.setAttribute("aria-current", "true");
    return element("li", {}, link);
  }));
}

function show_experiment() {
  $("chosen").textContent = say(experiment.title);
  $("title").textContent = say(experiment.title);
  $("story").textContent = say(experiment.story);
}

function preset_of(knob) {
  return knob ? knob.preset : catalogue.seed;
}

/* What differs from how the knobs stand at first; the page's address has it. */
function turned() {
  const values = {};
  for (const knob of experiment.knobs)
    if (knobs[knob.name] !== knob.preset)
      values[knob.name] = knobs[knob.name];
  if (seed !== catalogue.seed)
    values.seed = seed;
  return values;
}

function field(name, title, unit, input, knob) {
  input.id = "knob-" + name;
  input.name = name;
  input.value = knob ? knobs[name] : seed;
  const range = knob && knob.kind === "number" ? `${knob.min}–${knob.max}` : knob && knob.kind === "segments" ? word("numbers") : "";
  const small = [unit, range].filter(Boolean).join(", ");
  const label = element("label", {textContent: title, htmlFor: input.id});
  const note = element("small", {textContent: small, id: input.id + "-note"});
  input.setAttribute("aria-describedby", note.id + " error");
  return element("div", {className: "knob" + (input.value === preset_of(knob) ? "" : " turned")}, label, element("span", {}, input, note));
}

function knob_field(knob) {
  if (knob.kind === "choice") {
    const options = knob.choices.map(c => element("option", {value: c.name, textContent: say(c.title)}));
    return field(knob.name, say(knob.title), "", element("select", {}, ...options), knob);
  }
  const number = knob.kind === "number";
  const input = element("input", {type: number ? "number" : "text", autocomplete: "off"});
  if (number)
    Object.assign(input, {min: knob.min, max: knob.max, step: 1});
  return field(knob.name, say(knob.title), say(knob.unit), input, knob);
}

function show_fields() {
  const of_seed = field("seed", word("seed"), "", element("input", {type: "text", inputMode: "numeric", autocomplete: "off"}));
  $("fields").replaceChildren(...experiment.knobs.map(knob_field), of_seed);
}

function mark_fields() {
  for (const input of $("fields").querySelectorAll("input,select")) {
    const knob = experiment.knobs.find(k => k.name === input.name);
    input.closest(".knob").classList.toggle("turned", input.value !== preset_of(knob));
  }
}

/* An error begins with the name of what is wrong. */
function show_error(text) {
  const name = /^([a-z-]+)(=|:|：)/.exec(text);
  $("error").textContent = text;
  document.body.classList.toggle("stale", text !== ""); /* what is shown is of other values */
  for (const input of $("fields").querySelectorAll("input,select"))
    input.toggleAttribute("aria-invalid", false);
  const wrong = name && $("knob-" + name[1]);
  if (wrong)
    wrong.setAttribute("aria-invalid", "true");
}

function read_fields() {
  for (const input of $("fields").querySelectorAll("input,select")) {
    if (input.name === "seed")
      seed = input.value;
    else
      knobs[input.name] = input.value;
  }
}

/* The knobs have been turned: the address says so, and it is played. */
function turn() {
  mark_fields();
  history.replaceState(null, "", address(experiment.name, turned()));
  return run();
}

/* ---- Playing ---- */

function ladder_width() {
  const room = Math.floor($("ladder").clientWidth) - 2;
  return Math.max(320, Math.min(960, room));
}

/* at: where to stand afterwards; at the end when nothing is said. */
async function run(at) {
  const mine = ++asked;
  const which = scene && report && report.experiment === experiment.name ? report.scenes.indexOf(scene) : 0;
  halt();
  document.body.setAttribute("aria-busy", "true");
  try {
    drawn_for = ladder_width();
    let got = await ask("/run", {experiment: experiment.name, width: drawn_for, seed, ...knobs});
    wide = drawn_for < crowd_width && got.parts.some(p => p.steps && p.steps.length > crowd);
    if (wide && mine === asked)
      got = await ask("/run", {experiment: experiment.name, width: crowd_width, seed, ...knobs});
    if (mine !== asked)
      return;
    show_error("");
    report = got;
    report.scenes = got.parts.filter(p => p.kind === "scene");
    show_report();
    show_scene(report.scenes[which] || report.scenes[0], at);
  } catch (error) {
    if (mine === asked)
      show_error(error instanceof TypeError ? word("nothing") : error.message);
  } finally {
    if (mine === asked)
      document.body.removeAttribute("aria-busy");
  }
}

/* What is shown is never of another experiment than the title says. */
function forget_report() {
  scene = report = null;
  for (const id of ["claims", "figures", "scenes", "states", "what"])
    $(id).replaceChildren();
  $("lose").hidden = true;
  show_picture($("ladder"), "", ladder_style);
}

/* Whether each of several scenes has figures or bytes of its own behind it. */
function figures_of_each() {
  const kinds = report.parts.map(p => p.kind).filter(k => k === "scene" || k === "figure" || k === "shown");
  return report.scenes.length > 1 && kinds.every((k, i) => k !== "scene" || (kinds[i + 1] || "scene") !== "scene");
}

function show_report() {
  const claims = report.parts.filter(p => p.kind === "claim");
  $("claims").replaceChildren(...claims.map(c =>
    element("li", {className: c.holds ? "" : "fails"}, element("b", {textContent: word(c.holds ? "holds" : "fails")}), c.text)));
  const rest = [];
  const each = figures_of_each();
  let table = null;
  for (const part of report.parts) {
    if (part.kind === "scene" && each)
      rest.push(element("h3", {textContent: part.name}));
    if (part.kind === "figure") {
      table = table || element("table");
      table.append(element("tr", {}, element("th", {scope: "row", textContent: part.name}), element("td", {textContent: part.text})));
      if (!rest.includes(table))
        rest.push(table);
      continue;
    }
    table = null;
    if (part.kind === "shown")
      rest.push(element("pre", {textContent: part.text}));
  }
  $("figures").replaceChildren(...rest);
  const several = report.scenes.length > 1;
  $("scenes").replaceChildren(...(several ? report.scenes : []).map(s => {
    const button = element("button", {type: "button", textContent: s.name});
    button.onclick = () => show_scene(s);
    return button;
  }));
}

/* Segments are numbered as they leave, over all connections: so the knob counts them, too. */
function number_segments(steps) {
  const sent = steps.filter(s => s.kind === "segment" && s.left !== undefined);
  [...sent].sort((a, b) => a.left - b.left).forEach((s, i) => { s.number = i + 1; });
}

const ladder_style = `
  .hf{width:100%;height:auto;display:block}
  g[data-step]{transition:opacity .15s;cursor:pointer}
  .later{opacity:.13}
  .now text,.now .hf-halo{paint-order:stroke;stroke:#fff1a8;stroke-width:6px;stroke-linejoin:round}
  .now path:not(.hf-tip){stroke-width:3.4}
  @media (prefers-color-scheme:dark){.now text,.now .hf-halo{stroke:#5a4a08}}`;

function show_scene(which, at) {
  scene = which;
  number_segments(scene.steps);
  [...$("scenes").children].forEach((b, i) => b.setAttribute("aria-pressed", String(report.scenes[i] === scene)));
  const style = wide ? ladder_style + `.hf{min-width:${crowd_width}px}` : ladder_style;
  show_picture($("ladder"), scene.ladder || "", style);
  $("ladder").scrollLeft = wide ? (crowd_width - $("ladder").clientWidth) / 2 : 0;
  go_to(at === undefined ? scene.steps.length : at, false);
}

/* ---- The connection that carries the page ---- */

function show_wire(live) {
  $("watching").hidden = !live.live;
  if (!live.live) {
    $("carrier").textContent = word(live.kernel ? "kernel" : "unknown");
    $("wire").hidden = true;
    return;
  }
  const box = $("wire");
  const at_end = box.scrollTop + box.clientHeight >= box.scrollHeight - 40;
  const now = live.steps[live.steps.length - 1];
  live.states = now ? live.ends.map((name, end) => `${name} ${now.inferred[end] ? "~" : ""}${now.after[end]}`).join(", ") : "";
  $("carrier").textContent = words[language].carried(live);
  box.hidden = false;
  show_picture(box, live.ladder, ".hf{width:100%;height:auto;display:block}");
  if (at_end)
    box.scrollTop = box.scrollHeight;
}

async function look_at_wire() {
  const width = Math.max(320, Math.min(960, Math.floor($("live").clientWidth) - 4));
  try {
    show_wire(await ask("/live", {width}));
  } catch {
    $("carrier").textContent = word("nothing");
  }
}

function watch() {
  new IntersectionObserver(entries => { watched = entries[0].isIntersecting; }).observe($("live"));
  setInterval(() => {
    if (watching && watched && document.visibilityState === "visible" && !$("watching").hidden)
      look_at_wire();
  }, 2500);
}

/* ---- From the address to the experiment ---- */

async function follow_address() {
  const [name, query] = location.hash.slice(1).split("?");
  const values = Object.fromEntries(new URLSearchParams(query || ""));
  const known = catalogue.experiments.find(e => e.name === name);
  const fresh = experiment !== (known || catalogue.experiments[0]);
  experiment = known || catalogue.experiments[0];
  seed = values.seed || catalogue.seed;
  knobs = Object.fromEntries(experiment.knobs.map(k => [k.name, values[k.name] ?? k.preset]));
  list_experiments();
  show_experiment();
  show_fields();
  if (fresh)
    forget_report();
  await run();
}

function neighbour(by) {
  const all = catalogue.experiments;
  location.hash = address(all[(all.indexOf(experiment) + by + all.length) % all.length].name, {});
}

const keys = {
  ArrowRight: () => go_to(place + 1), ArrowLeft: () => go_to(place - 1),
  Home: () => go_to(0), End: () => go_to(Infinity), " ": play,
  "[": () => neighbour(-1), "]": () => neighbour(1)
};

function on_key(event) {
  const own = event.target.closest("input,select,textarea");
  const button = event.target.closest("button,a,summary");
  if (own || event.ctrlKey || event.altKey || event.metaKey || !keys[event.key] || !scene || (button && event.key === " "))
    return;
  event.preventDefault();
  if (event.key !== " ")
    halt();
  keys[event.key]();
}

function listen() {
  let soon = 0;
  $("knobs").addEventListener("input", () => {
    clearTimeout(soon);
    read_fields();
    soon = setTimeout(turn, 250);
  });
  $("knobs").addEventListener("submit", event => {
    event.preventDefault();
    clearTimeout(soon);
    read_fields();
    turn();
  });
  $("reset").onclick = () => { location.hash = address(experiment.name, {}); follow_address(); };
  $("breaking").onclick = () => {
    knobs[experiment.breaking.name] = experiment.breaking.value;
    show_fields();
    turn();
  };
  for (const to of ["en", "zh"])
    $(to).onclick = () => change_language(to);
  const steps = {first: () => go_to(0), back: () => go_to(place - 1), next: () => go_to(place + 1), last: () => go_to(Infinity)};
  for (const [id, move] of Object.entries(steps))
    $(id).onclick = () => { halt(); move(); };
  $("play").onclick = play;
  $("place").oninput = () => { halt(); go_to(Number($("place").value)); };
  $("pause").onclick = () => { watching = !watching; $("pause").textContent = word(watching ? "pause" : "go"); };
  document.addEventListener("keydown", on_key);
  $("ladder").addEventListener("click", event => {
    const group = event.composedPath()[0].closest("[data-step]");
    const index = group ? scene.steps.findIndex(s => s.id === group.dataset.step) : -1;
    if (index >= 0)
      go_to(index + 1, false);
  });
  $("list").addEventListener("click", event => {
    if (event.target.closest("a")) {
      $("chooser").open = false;
      $("title").focus();
    }
  });
  addEventListener("hashchange", follow_address);
  let settled = 0;
  addEventListener("resize", () => {
    clearTimeout(settled);
    size_figures();
    settled = setTimeout(() => { if (Math.abs(ladder_width() - drawn_for) > 40) run(place); }, 300);
  });
}

async function begin() {
  const wished = remembered() || (navigator.language.startsWith("zh") ? "zh" : "en");
  set_language(wished);
  catalogue = await ask("/experiments", {});
  if (catalogue.language && !remembered())
    set_language(catalogue.language);
  $("chooser").open = !location.hash && !narrow.matches;
  listen();
  await draw_figures();
  await follow_address();
  await look_at_wire();
  watch();
}

begin().catch(() => { $("error").textContent = word("nothing"); });
