// Sliders with a box for each number: what was typed goes to the server as it is, which says what is wrong with it.

const short = (x) => (x === 0 ? "0" : Math.abs(x) >= 1e6 || Math.abs(x) < 1e-4 ? Number(x.toPrecision(6)).toExponential() : String(Number(x.toPrecision(8))));

const UNITS = { 1: "", cells: "", degrees: " °", A: " Å", "photons/m^2": " /m²" };

function range(slider, first) {
  if (slider.course === "times") {
    if (slider.step === 0) return { to: Math.log10, from: (t) => 10 ** t, low: Math.log10(first / slider.reach), high: Math.log10(first * slider.reach), step: 0.01 };
    const low = slider.step >= 1 ? Math.max(1, Math.round(first / slider.reach)) : first / slider.reach;
    return { to: (v) => v, from: (t) => t, low, high: first * slider.reach, step: slider.step };
  }
  const [low, high] = slider.course === "up" ? [0, Math.max(slider.reach, 2 * first)] : [first - slider.reach, first + slider.reach];
  return { to: (v) => v, from: (t) => t, low, high, step: slider.step };
}

export class Controls {
  constructor(place, sliders, values, withFit, changed) {
    this.sliders = sliders; this.changed = changed; this.groups = new Map(); this.changes = {};
    const several = sliders.some((slider) => slider.crystal > 0), folds = new Map();
    for (const slider of sliders) {
      const inside = several && slider.crystal !== null ? this.fold(place, folds, slider.crystal) : place;
      this.groups.set(slider.key, this.group(inside, slider, values[slider.key], withFit));
    }
  }

  // what holds the sliders of one of several crystals
  fold(place, folds, crystal) {
    if (!folds.has(crystal)) {
      const fold = document.createElement("details");
      fold.append(Object.assign(document.createElement("summary"), { textContent: `crystal ${crystal}` }));
      fold.open = !crystal;
      place.append(fold);
      folds.set(crystal, fold);
    }
    return folds.get(crystal);
  }

  group(place, slider, values, withFit) {
    const box = document.createElement("div"), group = { slider, rows: [], free: null };
    box.className = withFit ? "group free" : "group";
    box.title = slider.key;
    values.forEach((value, number) => {
      const row = document.createElement("div"), name = document.createElement("span"), unit = document.createElement("small");
      row.className = "row";
      name.textContent = `${slider.title} ${slider.labels[number] ?? ""}`.trim();
      unit.textContent = UNITS[slider.unit] ?? ` ${slider.unit}`;
      if (!number) name.append(unit);
      const slide = document.createElement("input"), text = document.createElement("input"), r = range(slider, value);
      const label = `${slider.key} ${slider.labels[number] ?? ""}`.trim();
      slide.type = "range"; slide.min = r.low; slide.max = r.high; slide.step = r.step || "any"; slide.value = r.to(value);
      slide.setAttribute("aria-label", label);
      text.type = "text"; text.value = short(value); text.setAttribute("aria-label", `${label} number`);
      for (const one of [slide, text]) Object.assign(one.dataset, { key: slider.key, number });
      slide.addEventListener("input", () => { text.value = short(r.from(Number(slide.value))); this.say(slider.key, true); });
      slide.addEventListener("change", () => this.say(slider.key, false));
      text.addEventListener("change", () => this.say(slider.key, false));
      row.append(name, slide, text);
      if (withFit && !number) {
        group.free = Object.assign(document.createElement("input"), { type: "checkbox", title: `fit ${slider.key}` });
        group.free.dataset.free = slider.key;
        row.append(group.free);
      }
      box.append(row);
      group.rows.push({ slide, text, range: r });
    });
    place.append(box);
    return group;
  }

  say(key, moving) {
    const { slider, rows } = this.groups.get(key), texts = rows.map((row) => row.text.value.trim());
    this.changes = { ...this.changes, [key]: slider.labels.length === 1 ? texts[0] : `[${texts.join(", ")}]` };
    this.changed(moving);
  }

  // the numbers that the server has, but for what is being typed
  show(values) {
    for (const [key, numbers] of Object.entries(values)) this.groups.get(key)?.rows.forEach((row, number) => {
      row.text.classList.remove("wrong");
      if (document.activeElement !== row.text && document.activeElement !== row.slide) row.text.value = short(numbers[number]);
      const at = row.range.to(numbers[number]);
      if (at < Number(row.slide.min)) row.slide.min = at;
      if (at > Number(row.slide.max)) row.slide.max = at;
      if (document.activeElement !== row.slide) row.slide.value = at;
    });
  }

  wrong(sentences) {
    for (const [key, group] of this.groups) for (const row of group.rows)
      row.text.classList.toggle("wrong", sentences.some((sentence) => sentence.startsWith(`${key}:`)));
  }

  free() { return [...this.groups].filter(([, group]) => group.free?.checked).map(([key]) => key); }
}
