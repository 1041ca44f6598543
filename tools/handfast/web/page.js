"use strict";
/* The lab's page. What an experiment did comes from /run as parts (text, scenes, figures, claims); a
 * scene has its ladder as a picture and its steps. Stepping lights the row of the ladder and, in the
 * figure of states, the way of both ends. Nothing is kept but the language. */

const words = {
  en: {
    title: "Handfast: the lab", lab: "the lab", skip: "To the ladder", choose: "Experiment:",
    knobs: "Knobs", again: "Play again", reset: "As at first", breaking: "Break the claim",
    scenes: "Scenes", steps: "Steps", first: "To the beginning", back: "One step back", play: "Play",
    stop: "Stop", next: "One step on", last: "To the end", ladder: "Ladder; arrow keys step",
    wire: "Ladder of this page's connection", live: "The connection that brought you this page",
    pause: "Hold it still", go: "Let it run", seed: "seed", numbers: "such as 2,4",
    holds: "Holds:", fails: "Fails:", of: (n, all) => `${n} of ${all}`,
    before: "Before anything happens.", segment: "segment", lost: "lost on the way",
    again_sent: "sent again", calls: "calls", took: (a, b) => `${a} → ${b} ms`,
    left: a => `left at ${a} ms`, came: b => `arrived at ${b} ms`, at: a => `at ${a} ms`,
    ended: "ended:", lose: n => `Lose segment ${n}`, keep: n => `Do not lose segment ${n}`,
    left_so: "left by no arrow of the figure:", nothing: "The server does not answer.",
    bad: "The server answered something unexpected.",
    keys: "Keys: ← → step, Home and End go to the ends, Space plays, [ and ] change the experiment.",
    kernel: "This page came over the kernel's TCP, and nothing can be seen of it from here. Without --listen, handfast lab --web serves it over Handfast's own TCP, and the connection is drawn here.",
    unknown: "Nothing is known of this connection any more.",
    carried: l => `Handfast's own TCP, ${l.local}, carries this page to ${l.remote}: connection ${l.number} since the server began. ` +
      `So far ${l.records} events` + (l.missing ? `, ${l.missing} of them between the first and the last are not kept. ` : ". ") +
      `Each look at it adds some: the request is on the connection that it asks for. Now: ${l.states}.`
  },
  zh: {
    title: "Handfast 实验室", lab: "实验室", skip: "跳到时序图", choose: "实验：",
    knobs: "旋钮", again: "再来一次", reset: "恢复原样", breaking: "打破论断",
    scenes: "场景", steps: "步骤", first: "回到开头", back: "后退一步", play: "播放",
    stop: "停止", next: "前进一步", last: "到结尾", ladder: "时序图；用方向键单步",
    wire: "本页连接的时序图", live: "把本页送来的这条连接",
    pause: "停住", go: "继续", seed: "随机种子", numbers: "例如 2,4",
    holds: "成立：", fails: "不成立：", of: (n, all) => `第 ${n} 步，共 ${all} 步`,
    before: "一切尚未开始。", segment: "报文段", lost: "途中丢失",
    again_sent: "重发", calls: "调用", took: (a, b) => `${a} → ${b} 毫秒`,
    left: a => `${a} 毫秒发出`, came: b => `${b} 毫秒到达`, at: a => `${a} 毫秒`,
    ended: "结束：", lose: n => `丢掉报文段 ${n}`, keep: n => `不丢报文段 ${n}`,
    left_so: "图中没有这条箭头：", nothing: "服务器没有回答。",
    bad: "服务器的回答出乎意料。",
    keys: "按键：← → 单步，Home 和 End 到两端，空格播放，[ 和 ] 换实验。",
    kernel: "本页经由内核的 TCP 送来，从这里看不到它的任何细节。不带 --listen 时，handfast lab --web 用 Handfast 自己的 TCP 提供本页，连接就画在这里。",
    unknown: "关于这条连接已经一无所知。",
    carried: l => `Handfast 自己的 TCP（${l.local}）把本页送到 ${l.remote}：这是服务器启动以来的第 ${l.number} 条连接。` +
      `至今 ${l.records} 个事件` + (l.missing ? `，首尾之间有 ${l.missing} 个没有保留。` : "。") +
      `每看一次就会多几个：请求正是走在它所询问的这条连接上。此刻：${l.states}。`
  }
};

const $ = id => document.getElementById(id);
const still = matchMedia("(prefers-reduced-motion: reduce)");
const narrow = matchMedia("(max-width: 40rem)");
let language = "en", catalogue, experiment, knobs = {}, seed = "1", report, scene, place = 0, asked = 0;
const crowd = 40, crowd_width = 560; /* many arrows want room: the ladder scrolls sideways, too */
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

function show_report() {
  const claims = report.parts.filter(p => p.kind === "claim");
  $("claims").replaceChildren(...claims.map(c =>
    element("li", {className: c.holds ? "" : "fails"}, element("b", {textContent: word(c.holds ? "holds" : "fails")}), c.text)));
  const rest = [];
  let table = null;
  for (const part of report.parts) {
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
  go_to(at === undefined ? scene.steps.length : at, false);
}

/* ---- Stepping: place 0 is before anything happens, n behind step n ---- */

function go_to(to, scroll = true) {
  const all = scene.steps.length;
  place = Math.max(0, Math.min(all, to));
  $("place").max = all;
  $("place").value = place;
  $("place").setAttribute("aria-valuetext", word("of")(place, all));
  $("count").textContent = `${place} / ${all}`;
  $("first").disabled = $("back").disabled = place === 0;
  $("last").disabled = $("next").disabled = place === all;
  const step = place > 0 ? scene.steps[place - 1] : null;
  light_ladder(step, scroll);
  for (const end of [0, 1])
    light_figure(end, step || scene.steps[0]);
  tell(step);
}

function light_ladder(step, scroll) {
  const root = $("ladder").shadowRoot;
  const order = new Map(scene.steps.map((s, i) => [s.id, i]));
  let found = null;
  for (const group of root.querySelectorAll("[data-step]")) {
    const index = order.get(group.dataset.step), now = step !== null && index === place - 1;
    const arrives = step !== null && group.dataset.arrival === step.id;
    group.classList.toggle("later", index >= place && !arrives);
    group.classList.toggle("now", now || arrives);
    found = found || (now || arrives ? group : null);
  }
  if (!scroll)
    return;
  const box = $("ladder"), at = found ? found.getBoundingClientRect() : null;
  const top = at ? box.scrollTop + at.top - box.getBoundingClientRect().top - box.clientHeight / 2 + at.height / 2 : 0;
  box.scrollTo({top, behavior: still.matches ? "auto" : "smooth"});
}

/* The states of an end up to this place, within the connection of this step. */
function way_of(end, step) {
  const way = [];
  let because = "";
  for (let i = 0; i < Math.max(place, 1); i++) {
    const s = scene.steps[i];
    if (!s || s.connection !== step.connection)
      continue;
    if (way.length === 0)
      way.push(s.before[end]);
    if (i < place && s.after[end] !== way[way.length - 1]) {
      way.push(s.after[end]);
      because = "";
    }
    because = (i < place && s["ended" + end]) || because;
  }
  return {way, because};
}

const figure_style = `
  .hf{width:100%;height:auto;display:block}
  .small .hf-state{font-size:15.5px!important;letter-spacing:-.2px}
  .small .hf-word,.small .hf-bar{display:none}
  .small .hf-word.fresh{display:inline;font-size:19px!important}
  .hf-box.hf-here.fresh{stroke:#f59e0b!important;stroke-width:5!important}
  .hf path.hf-lit.fresh:not(.hf-tip){stroke-width:5!important}`;

async function draw_figures() {
  const svg = await ask("/states.svg", {});
  for (const end of [0, 1])
    show_picture($("diagram" + end), svg, figure_style);
  size_figures();
}

function size_figures() {
  for (const end of [0, 1]) {
    const svg = $("diagram" + end).shadowRoot?.querySelector("svg");
    svg?.classList.toggle("small", $("diagram" + end).clientWidth < 560);
  }
}

function put_number(line, number) {
  const middle = line.getPointAtLength(line.getTotalLength() / 2);
  const make = (name, attributes) => {
    const e = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes))
      e.setAttribute(key, value);
    return e;
  };
  const group = make("g", {class: "number"});
  const text = make("text", {class: "hf-number", x: middle.x, y: middle.y + 4, "text-anchor": "middle"});
  text.textContent = number;
  group.append(make("circle", {class: "hf-count", cx: middle.x, cy: middle.y, r: 9}), text);
  line.parentNode.append(group);
}

/* CLOSED stands twice: at the top, and where a connection ends in order. */
function box_of(root, state, from) {
  const boxes = root.querySelectorAll(`rect[data-state="${state}"]`);
  return boxes[state === "CLOSED" && (from === "LAST-ACK" || from === "TIME-WAIT") ? boxes.length - 1 : 0];
}

function light_box(box, here, fresh) {
  const text = box.nextElementSibling;
  box.classList.add("hf-lit");
  text.classList.remove("hf-unlit");
  if (here) {
    box.classList.add("hf-here");
    box.classList.toggle("fresh", fresh);
    text.classList.add("hf-inbox");
  }
}

function forget_figure(root) {
  for (const e of root.querySelectorAll(".number"))
    e.remove();
  for (const e of root.querySelectorAll("[data-edge],[data-state]")) {
    e.classList.remove("hf-lit", "hf-here", "hf-inbox", "hf-said", "fresh");
    if (e.tagName === "text" && e.dataset.state)
      e.classList.add("hf-unlit");
  }
  for (const e of root.querySelectorAll("g[visibility]"))
    e.setAttribute("visibility", "hidden");
}

function light_figure(end, step) {
  const root = $("diagram" + end).shadowRoot;
  $("end" + end).textContent = scene.ends[end];
  $("odd" + end).textContent = "";
  if (!root || !step)
    return;
  const {way, because} = way_of(end, step);
  const fresh = place > 0 && step.before[end] !== step.after[end];
  forget_figure(root);
  way.forEach((state, i) => {
    const from = way[i - 1], newest = i === way.length - 1;
    light_box(box_of(root, state, from), newest, fresh);
    if (i === 0)
      return;
    const edge = root.querySelectorAll(`[data-edge="${from} ${state}"]`);
    for (const e of edge) {
      e.classList.add(e.tagName === "text" ? "hf-said" : "hf-lit");
      e.classList.toggle("fresh", newest && fresh);
      if (e.parentNode.hasAttribute("visibility"))
        e.parentNode.setAttribute("visibility", "visible");
    }
    const said = [...edge].filter(e => e.tagName === "text");
    said.forEach((e, line) => e.setAttribute("dy", e.closest(".small") ? 5 + 8 * line : 0)); /* larger there */
    if (edge.length > 0)
      put_number(edge[0], i);
    else
      $("odd" + end).textContent = `${i}: ${word("left_so")} ${from} → ${state}` + (newest && because ? `, ${because}` : "");
  });
  $("end" + end).append(element("span", {textContent: " " + way[way.length - 1]}));
}

function name_of(end) {
  return scene.ends[end];
}

/* The step in words. */
function tell(step) {
  const what = $("what");
  $("lose").hidden = true;
  if (!step) {
    what.textContent = word("before");
    $("states").replaceChildren();
    return;
  }
  const parts = [];
  const soft = text => element("span", {className: "who", textContent: text});
  if (step.kind === "segment") {
    const other = 1 - step.from;
    parts.push(soft((step.number ? `${word("segment")} ${step.number}, ` : "") + `${name_of(step.from)} → ${name_of(other)}: `),
      element("b", {textContent: step.text}));
  } else {
    parts.push(soft(`${name_of(step.from)}${step.kind === "call" ? " " + word("calls") : ""}: `), element("b", {textContent: step.text}));
  }
  if (step.lost)
    parts.push(" ", element("span", {className: "bad", textContent: word("lost")}));
  parts.push(soft(" · " + when(step)));
  if (step.remark)
    parts.push(element("span", {className: "who" + (step.repair || step.lost ? "" : " remark"), textContent: " · " + step.remark}));
  what.replaceChildren(...parts);
  $("states").replaceChildren(...[0, 1].map(end => state_of(end, step)));
  offer_loss(step);
}

function when(step) {
  const [a, b] = [step.left, step.arrived].map(t => t === undefined ? t : t.toFixed(3));
  if (step.kind !== "segment")
    return word("at")(a);
  return a !== undefined && b !== undefined ? word("took")(a, b) : a !== undefined ? word("left")(a) : word("came")(b);
}

function state_of(end, step) {
  const changed = step.before[end] !== step.after[end];
  const line = element("span", {}, name_of(end) + " ", element("b", {textContent: step.before[end]}));
  if (changed)
    line.append(" → ", element("b", {className: "new", textContent: step.after[end]}));
  if (step["ended" + end])
    line.append(element("span", {className: "why", textContent: ` (${word("ended")} ${step["ended" + end]})`}));
  return line;
}

/* ---- Losing a segment by pointing at it ---- */

function lost_numbers() {
  return (knobs.lose || "").split(",").filter(Boolean).map(Number);
}

function offer_loss(step) {
  const knob = experiment.knobs.find(k => k.name === "lose");
  if (!knob || step.kind !== "segment" || !step.number || step.number > knob.max)
    return;
  const lost = lost_numbers().includes(step.number);
  $("lose").textContent = word(lost ? "keep" : "lose")(step.number);
  $("lose").hidden = false;
  $("lose").onclick = () => {
    const numbers = lost_numbers().filter(n => n !== step.number);
    knobs.lose = (lost ? numbers : [...numbers, step.number]).sort((a, b) => a - b).join(",");
    show_fields();
    history.replaceState(null, "", address(experiment.name, turned()));
    run(place);
  };
}

/* ---- Playing by itself ---- */

function halt() {
  clearInterval(playing);
  playing = 0;
  $("play").textContent = "▶";
  $("play").setAttribute("aria-label", word("play"));
}

function play() {
  if (playing)
    return halt();
  if (place === scene.steps.length)
    go_to(0);
  $("play").textContent = "⏸";
  $("play").setAttribute("aria-label", word("stop"));
  playing = setInterval(() => {
    go_to(place + 1);
    if (place === scene.steps.length)
      halt();
  }, 1300);
  return playing;
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
  const [name, query] = decodeURIComponent(location.hash.slice(1)).split("?");
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
    scene = null;
  await run();
}

function neighbour(by) {
  const all = catalogue.experiments;
  location.hash = address(all[(all.indexOf(experiment) + by + all.length) % all.length].name, {});
}

const keys = {
  ArrowRight: () => go_to(place + 1), ArrowLeft: () => go_to(place - 1),
  Home: () => go_to(0), End: () => go_to(scene.steps.length), " ": play,
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
  const steps = {first: () => go_to(0), back: () => go_to(place - 1), next: () => go_to(place + 1), last: () => go_to(scene.steps.length)};
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
