// The page: asks for images while sliders move, for finer ones when they rest, and tells what the server says.

import { Controls } from "./controls.js";
import { Picture, colourTable, course } from "./picture.js";

const $ = (id) => document.getElementById(id);
const tab = crypto.getRandomValues(new Uint32Array(2)).join("-");
const DIFFERENCE = 6; // standard deviations at the ends of the colours
const LEAST_VARIANCE = 0.01; // photons squared, as nbjax compare has it
let start, controls, model, beside, photons = null, measured = null, limits = null, overlay = null, ground = null;
let serial = 0, asking = false, wanted = null, waiting = null, resting = null, looking = null, pinned = null, at = null;

async function post(name, body) {
  let answer;
  try {
    answer = await fetch(name, { method: "POST", body: JSON.stringify(body) });
  } catch (error) {
    gone();
    throw error;
  }
  return answer;
}

function gone() {
  $("gone").hidden = false;
  document.body.dataset.state = "gone";
}

async function floats(answer) {
  const buffer = await answer.arrayBuffer(), length = new DataView(buffer).getUint32(0, true);
  return [JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length))), new Float32Array(buffer, 4 + length)];
}

function errors(sentences) {
  const place = $("messages");
  place.hidden = !sentences.length;
  place.replaceChildren(...sentences.map((text) => Object.assign(document.createElement("p"), { textContent: text })));
  controls?.wrong(sentences);
}

function status(text, busy = false) {
  $("status").textContent = text;
  $("status").classList.toggle("busy", busy);
}

// one request at a time; the newest wish is the next
function ask(moving, level = 0) {
  wanted = { moving, level, serial: ++serial };
  if (!asking) next();
}

// what a long answer waits for
async function tellDoing(wish) {
  try {
    const { doing } = await (await fetch("alive")).json();
    if (waiting === wish) status(doing ? `${doing}, as this changes more than numbers` : "computing", true);
  } catch { /* the next look at the server tells */ }
}

async function next() {
  asking = true;
  while (wanted) {
    const wish = wanted;
    wanted = null;
    const slow = setTimeout(() => status("computing", true), 300), watch = setInterval(() => tellDoing(wish), 700), begin = performance.now();
    waiting = wish;
    try {
      const answer = await post("image", { tab, ...wish, changes: controls.changes, course: $("course").value });
      if (answer.status === 409) continue;
      if (!answer.ok) {
        errors((await answer.json()).errors);
        status("not drawn");
        document.body.dataset.state = "refused";
        continue;
      }
      const [told, values] = await floats(answer);
      photons = values;
      if (told.limits) limits = told.limits;
      if (told.ground) ground = told.ground;
      errors([]);
      controls.show(told.values);
      draw();
      const fine = told.levels > 1 ? `, ${told.level + 1} of ${told.levels}` : "";
      status(`${(performance.now() - begin).toFixed(0)} ms, ${told.milliseconds.toFixed(0)} of them the image${fine}`);
      document.body.dataset.milliseconds = (performance.now() - begin).toFixed(1);
      if (!wish.moving) remarks(told.remarks);
      if (!wish.moving && told.level + 1 < told.levels && !wanted) wanted = { moving: false, level: told.level + 1, serial: ++serial };
      else if (!wish.moving && !wanted) { document.body.dataset.state = "done"; decorate(); look(); }
    } catch (error) {
      if (document.body.dataset.state !== "gone") { errors([String(error)]); }
      break;
    } finally {
      clearTimeout(slow);
      clearInterval(watch);
      waiting = null;
    }
  }
  asking = false;
}

function changed(moving) {
  document.body.dataset.state = "working";
  clearTimeout(resting);
  if (overlay) { overlay = null; }
  if (moving) {
    ask(true);
    resting = setTimeout(() => ask(false), 250);
  } else ask(false);
}

async function decorate() {
  if (!$("rings").checked && !$("spots").checked) { overlay = null; draw(); return; }
  const answer = await post("overlay", { changes: controls.changes });
  if (answer.ok && document.body.dataset.state === "done") { overlay = await answer.json(); draw(); }
}

function draw() {
  if (!photons || !limits) return;
  const [kind, low, high] = limits, brighter = 10 ** -Number($("brightness").value);
  const top = kind === "log" ? Math.max(high * brighter, low * 1.01) : low + (high - low) * brighter;
  const key = [kind, low, top, $("colours").value].join();
  if (model.key !== key) {
    model.key = key;
    model.table = colourTable(start.colours[$("colours").value], course([kind, low, top]));
  }
  const shown = overlay && { rings: $("rings").checked && overlay.rings, centre: overlay.centre, spots: $("spots").checked && overlay.spots };
  model.overlay = beside.overlay = shown;
  model.show(photons, ground, start);
  if (measured) drawBeside();
}

function drawBeside() {
  beside.signed = $("which").value === "difference";
  if (!beside.signed) {
    beside.table = model.table;
    beside.show(measured, ground, start);
    $("measured-title").textContent = start.measured;
    return;
  }
  const sigmas = new Float32Array(photons.length);
  let sum = 0, count = 0;
  for (let i = 0; i < sigmas.length; i++) {
    const d = (measured[i] - photons[i]) / Math.sqrt(Math.max(photons[i], LEAST_VARIANCE));
    sigmas[i] = d;
    if (d === d) { sum += d * d; count++; }
  }
  differences ??= colourTable(start.differences, (v) => 0.5 + v / (2 * DIFFERENCE));
  beside.table = differences;
  beside.show(sigmas, ground, start);
  $("measured-title").textContent = `measured less model, ±${DIFFERENCE} σ; rms ${Math.sqrt(sum / count).toPrecision(4)} σ`;
}
let differences = null;

function remarks(sentences) {
  $("remarks").replaceChildren(...sentences.map((text) => Object.assign(document.createElement("p"), { textContent: text })));
}

function facts(rows) {
  $("at").replaceChildren(...rows.flatMap(([name, value]) => [
    Object.assign(document.createElement("dt"), { textContent: name }), Object.assign(document.createElement("dd"), { textContent: value })]));
}

function hover(pixel) {
  if (pinned || !pixel || !photons) return;
  at = pixel;
  clearTimeout(looking);
  tell(null);
  looking = setTimeout(look, 120);
}

function tell(found) {
  const [panel, slow, fast] = at, number = (panel * start.slow + slow) * start.fast + fast, several = ground.panels.length > 1;
  const { corner, edges: [f, s] } = ground.panels[panel];
  const mm = [0, 1].map((i) => (ground.corner_mm[i] + (corner[i] + (fast + 0.5) * f[i] + (slow + 0.5) * s[i]) * ground.pixel_mm[i]).toFixed(3));
  const rows = several ? [["panel", `${panel} ${ground.panels[panel].name}`]] : [];
  rows.push(["slow, fast", `${slow}, ${fast}`], several ? ["mm right, down of beam", mm.join(", ")] : ["mm slow, fast", mm.reverse().join(", ")]);
  rows.push(["photons", photons[number].toPrecision(6)]);
  if (measured) rows.push(["measured", measured[number].toPrecision(6)]);
  if (found) {
    rows.push(["d", found.spacing_A === null ? "direct beam" : `${found.spacing_A.toPrecision(6)} Å`]);
    found.hkl.forEach((hkl, crystal) => rows.push([`nearest h k l${found.hkl.length > 1 ? `, crystal ${crystal}` : ""}`, hkl.join(" ")]));
    if (found.of_mean) rows.push(["factors", "of the mean lattice"]);
  }
  facts(rows);
}

async function look() {
  if (!at) return;
  const pixel = at, answer = await post("pixel", { changes: controls.changes, panel: ground.panels.length > 1 ? pixel[0] : null, slow: pixel[1], fast: pixel[2] });
  if (at !== pixel || !answer.ok) return;
  const found = await answer.json();
  tell(found);
  const shown = (v) => (Array.isArray(v) ? v.map((x) => shown(x)).join(", ") : Number.isInteger(v) ? String(v) : v.toPrecision(9));
  $("factors").tBodies[0].replaceChildren(...ordered(found.values).map(([key, value]) => {
    const row = document.createElement("tr"), name = document.createElement("td"), cell = document.createElement("td");
    name.textContent = key;
    cell.textContent = shown(value);
    cell.dataset.factor = key;
    const unit = found.units[key];
    if (unit && unit !== "1" && !key.includes(unit)) name.append(" ", Object.assign(document.createElement("small"), { textContent: unit }));
    row.append(name, cell);
    return row;
  }));
}

// what the photons are the product of before the vectors that it follows from
function ordered(values) {
  const entries = Object.entries(values), last = entries.filter(([, value]) => Array.isArray(value));
  return [...entries.filter(([, value]) => !Array.isArray(value)).reverse(), ...last];
}

async function save() {
  const answer = await post("config", { changes: controls.changes });
  if (!answer.ok) { errors((await answer.json()).errors); return; }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = start.name.replace(/(\.toml)?$/, ".explored.toml");
  link.click();
  URL.revokeObjectURL(link.href);
}

async function fit() {
  const button = $("fit"), place = $("fitted");
  const write = (lines) => place.replaceChildren(...lines.map((text) => Object.assign(document.createElement("p"), { textContent: text })));
  button.disabled = true;
  errors([]);
  write(["preparing"]);
  try {
    const answer = await post("fit", { changes: controls.changes, keys: controls.free() });
    if (!answer.ok) { write([]); errors((await answer.json()).errors); return; }
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      text += value;
      const lines = text.split("\n");
      text = lines.pop();
      for (const line of lines.map((one) => JSON.parse(one))) {
        if (line.said) write([line.said]);
        if (line.errors) { write([]); errors(line.errors); }
        if (line.changes) {
          controls.changes = line.changes;
          write([`${line.outcome}: ${line.reason}`, ...line.numbers.map(([name, v, s, unit]) => `${name} ${v.toPrecision(8)}${s === null ? "" : ` ± ${s.toPrecision(2)}`} ${unit}`), ...line.warnings]);
          changed(false);
        }
      }
    }
  } finally {
    button.disabled = false;
  }
}

async function begin() {
  start = await (await fetch("start")).json();
  ground = start.ground;
  $("name").textContent = start.name;
  document.title = `${start.name} - nbjax explore`;
  for (const name of Object.keys(start.colours)) $("colours").append(new Option(name));
  const view = { zoom: 1, x: 0.5, y: 0.5 }, redraw = () => { model.draw(); beside.draw(); };
  model = new Picture($("model"), view, redraw, hover);
  beside = new Picture($("measured"), view, redraw, hover);
  for (const picture of [model, beside]) picture.canvas.addEventListener("click", () => {
    if (picture.dragged) return;
    pinned = pinned ? null : at;
    model.pinned = beside.pinned = pinned;
    redraw();
  });
  controls = new Controls($("sliders"), start.sliders, start.values, start.measured !== null, changed);
  if (start.measured !== null) {
    [, measured] = await floats(await fetch("measured"));
    $("beside").hidden = $("fitting").hidden = false;
  }
  $("which").addEventListener("change", draw);
  $("brightness").addEventListener("input", draw);
  $("colours").addEventListener("change", draw);
  $("course").addEventListener("change", () => ask(false));
  for (const name of ["rings", "spots"]) $(name).addEventListener("change", decorate);
  $("whole").addEventListener("click", () => { Object.assign(view, { zoom: 1, x: 0.5, y: 0.5 }); redraw(); });
  $("reset").addEventListener("click", () => { controls.changes = {}; controls.show(start.values); changed(false); });
  $("save").addEventListener("click", save);
  $("fit").addEventListener("click", fit);
  changed(false);
  setInterval(async () => {
    try { if ((await fetch("alive")).ok) { $("gone").hidden = true; return; } } catch { /* below */ }
    gone();
  }, 2000);
}

begin();
