// Pixels as a picture: colours by a table of the upper half of each float, zoom, rings and spots.

const RING = "#0072b2", SPOT = "#d55e00", CENTRE = "#009e73", ABSENT = [200, 214, 229];

// colour of each upper half of a 4-byte float, as ABGR
export function colourTable(colours, position) {
  const bits = new Uint32Array(1), value = new Float32Array(bits.buffer), table = new Uint32Array(65536);
  const packed = (c) => (255 << 24) | (c[2] << 16) | (c[1] << 8) | c[0];
  for (let half = 0; half < 65536; half++) {
    bits[0] = (half << 16) | 0x8000;
    if ((half & 0x7fff) >= 0x7f80) { table[half] = packed(ABSENT); continue; }
    const t = position(half === 0 ? 0 : value[0]);
    table[half] = packed(colours[Math.max(0, Math.min(255, Math.round(255 * t)))]);
  }
  return table;
}

// from numbers to 0..1, with limits as nbjax.plot chooses them
export function course([kind, low, high]) {
  if (kind === "log") return (v) => (v > 0 ? Math.log(v / low) / Math.log(high / low) : 0);
  if (kind === "sqrt") return (v) => Math.sqrt(Math.max(0, (v - low) / (high - low)));
  return (v) => (v - low) / (high - low);
}

export class Picture {
  constructor(canvas, view, changed, hover) {
    Object.assign(this, { canvas, view, changed, hover, values: null, table: null, overlay: null, pinned: null });
    this.signed = false;
    this.buffers = [];
    new ResizeObserver(() => this.draw()).observe(canvas);
    canvas.addEventListener("wheel", (e) => { e.preventDefault(); this.zoom(e); }, { passive: false });
    canvas.addEventListener("pointerdown", (e) => this.grab(e));
    canvas.addEventListener("pointermove", (e) => this.move(e));
    canvas.addEventListener("pointerup", (e) => this.release(e));
    canvas.addEventListener("pointerleave", () => this.hover(null));
  }

  // ground: where the panels lie; of each there are as many numbers as the largest has
  show(values, ground, stride) {
    Object.assign(this, { values, ground, stride });
    this.buffered = null;
    this.draw();
  }

  // screen pixels per pixel, and where the first pixel's corner is
  frame() {
    const box = this.canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
    const wide = Math.max(1, box.width * ratio), tall = Math.max(1, box.height * ratio);
    const { right, down } = this.ground, fit = Math.min(wide / right, tall / down) * 0.98, scale = fit * this.view.zoom;
    return { wide, tall, ratio, scale, left: wide / 2 - scale * this.view.x * right, top: tall / 2 - scale * this.view.y * down };
  }

  at(event) {
    const f = this.frame(), box = this.canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * f.ratio - f.left) / f.scale, ((event.clientY - box.top) * f.ratio - f.top) / f.scale];
  }

  // panel, slow and fast of a place in the picture
  pixel([x, y]) {
    for (const [number, { corner, edges: [f, s], slow, fast }] of this.ground.panels.entries()) {
      const dx = x - corner[0], dy = y - corner[1], area = f[0] * s[1] - f[1] * s[0];
      const i = Math.floor((dx * s[1] - dy * s[0]) / area), j = Math.floor((dy * f[0] - dx * f[1]) / area);
      if (i >= 0 && j >= 0 && i < fast && j < slow) return [number, j, i];
    }
    return null;
  }

  zoom(event) {
    if (!this.values) return;
    const { right, down } = this.ground, [x, y] = this.at(event), factor = Math.exp(-event.deltaY * 0.0015);
    const zoom = Math.max(1, Math.min(200, this.view.zoom * factor)), kept = this.view.zoom / zoom;
    this.view.x = x / right + (this.view.x - x / right) * kept;
    this.view.y = y / down + (this.view.y - y / down) * kept;
    this.view.zoom = zoom;
    this.changed();
  }

  grab(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.held = { x: event.clientX, y: event.clientY, moved: false };
  }

  move(event) {
    if (!this.values) return;
    if (this.held) {
      const f = this.frame(), dx = event.clientX - this.held.x, dy = event.clientY - this.held.y;
      if (this.held.moved || Math.hypot(dx, dy) > 3) {
        this.view.x -= (dx * f.ratio) / f.scale / this.ground.right;
        this.view.y -= (dy * f.ratio) / f.scale / this.ground.down;
        this.held = { x: event.clientX, y: event.clientY, moved: true };
        this.changed();
        return;
      }
    }
    this.hover(this.pixel(this.at(event)));
  }

  release() {
    this.dragged = Boolean(this.held?.moved);
    this.held = null;
  }

  // the brightest of the pixels that share one of the screen
  binned(number, { slow, fast }, bin) {
    const held = this.buffers[number] ??= { canvas: document.createElement("canvas"), bin: 0 };
    if (held.bin === bin) return held.canvas;
    const { values, table, stride } = this, first = number * stride.slow * stride.fast;
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    const wide = Math.ceil(fast / bin), tall = Math.ceil(slow / bin);
    held.canvas.width = wide; held.canvas.height = tall;
    const context = held.canvas.getContext("2d"), data = context.createImageData(wide, tall);
    const out = new Uint32Array(data.data.buffer);
    for (let row = 0; row < tall; row++) {
      const last = Math.min(slow, (row + 1) * bin);
      for (let column = 0; column < wide; column++) {
        const from = column * bin, end = Math.min(fast, from + bin);
        let best = first + row * bin * stride.fast + from, most = -Infinity;
        if (bin > 1) for (let s = row * bin; s < last; s++) for (let i = first + s * stride.fast + from; i < first + s * stride.fast + end; i++) {
          const size = this.signed ? Math.abs(values[i]) : values[i];
          if (size > most) { most = size; best = i; }
        }
        out[row * wide + column] = table[bits[best] >>> 16];
      }
    }
    context.putImageData(data, 0, 0);
    held.bin = bin;
    return held.canvas;
  }

  draw() {
    if (!this.values || !this.table) return;
    const f = this.frame(), canvas = this.canvas, { right, down, panels } = this.ground;
    if (this.buffered !== this.values) { this.buffered = this.values; this.buffers = []; }
    canvas.width = f.wide; canvas.height = f.tall;
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    for (const [number, panel] of panels.entries()) {
      const bin = Math.max(1, Math.round(1 / (f.scale * Math.hypot(...panel.edges[0])))), picture = this.binned(number, panel, bin);
      this.onPanel(context, f, panel);
      context.drawImage(picture, 0, 0, picture.width * bin, picture.height * bin);
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.save();
    context.beginPath();
    context.rect(f.left, f.top, right * f.scale, down * f.scale);
    context.clip();
    if (this.overlay) this.drawOverlay(context, f);
    context.restore();
    context.lineWidth = 1;
    for (const panel of panels) this.frameOf(context, f, panel, [0, 0, panel.fast, panel.slow], "#9aa8b5");
    if (this.pinned) this.frameOf(context, f, panels[this.pinned[0]], [this.pinned[2], this.pinned[1], 1, 1], SPOT);
  }

  onPanel(context, f, { corner, edges }) {
    const [a, b, c, d] = edges.flat().map((x) => x * f.scale);
    context.setTransform(a, b, c, d, f.left + corner[0] * f.scale, f.top + corner[1] * f.scale);
  }

  frameOf(context, f, panel, rectangle, colour) {
    context.save();
    this.onPanel(context, f, panel);
    context.beginPath();
    context.rect(...rectangle);
    context.restore();
    context.strokeStyle = colour;
    context.stroke();
  }

  drawOverlay(context, f) {
    const place = ([x, y]) => [f.left + x * f.scale, f.top + y * f.scale], shown = this.overlay;
    context.lineWidth = f.ratio;
    context.font = `${11 * f.ratio}px system-ui, sans-serif`;
    if (shown.rings) for (const ring of shown.rings) {
      context.strokeStyle = RING; context.globalAlpha = 0.7;
      context.beginPath();
      let pen = false, label = null;
      for (const point of ring.line) {
        if (!point) { pen = false; continue; }
        const [x, y] = place(point);
        if (pen) context.lineTo(x, y); else context.moveTo(x, y);
        pen = true;
        if (x > 30 && y > 14 && x < f.wide - 46 && y < f.tall - 8 && point[0] > 0 && point[1] > 0 && point[0] < this.ground.right && point[1] < this.ground.down
          && (!label || y < label[1])) label = [x, y];
      }
      context.stroke();
      context.globalAlpha = 1;
      if (label) this.write(context, `${ring.spacing_A} Å`, label[0] - 14 * f.ratio, label[1] - 3 * f.ratio, RING);
    }
    if (shown.rings && shown.centre) {
      const [x, y] = place(shown.centre), arm = 6 * f.ratio;
      context.strokeStyle = CENTRE; context.lineWidth = 1.6 * f.ratio;
      context.beginPath(); context.moveTo(x - arm, y); context.lineTo(x + arm, y); context.moveTo(x, y - arm); context.lineTo(x, y + arm); context.stroke();
    }
    if (shown.spots) {
      context.strokeStyle = SPOT; context.lineWidth = f.ratio;
      const seen = shown.spots.filter(([x, y]) => {
        const [px, py] = place([x, y]);
        return px > 0 && py > 0 && px < f.wide && py < f.tall;
      });
      const named = seen.length < 60;
      for (const [x, y, a, b, turn, name] of shown.spots) {
        const [px, py] = place([x, y]);
        if (px < -50 || py < -50 || px > f.wide + 50 || py > f.tall + 50) continue;
        context.beginPath(); context.ellipse(px, py, a * f.scale, b * f.scale, turn, 0, 2 * Math.PI); context.stroke();
        if (named) this.write(context, name, px + a * f.scale + 2 * f.ratio, py + 4 * f.ratio, SPOT);
      }
    }
  }

  write(context, text, x, y, colour) {
    const width = context.lineWidth;
    context.lineWidth = 3 * (window.devicePixelRatio || 1); context.strokeStyle = "white"; context.strokeText(text, x, y);
    context.fillStyle = colour; context.fillText(text, x, y);
    context.lineWidth = width; context.strokeStyle = colour;
  }
}
