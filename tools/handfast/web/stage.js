"use strict";
/* Stepping through a scene: the row of the ladder, the way of both ends in the figure of states, the step
 * in words; playing by itself, and losing a segment by pointing at it. */

/* ---- Stepping: place 0 is before anything happens, n behind step n ---- */

function go_to(to, scroll = true) {
  if (!scene)
    return;
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
  if (playing || !scene)
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
