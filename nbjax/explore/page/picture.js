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
    this.buffer = document.createElement("canvas");
    new ResizeObserver(() => this.draw()).observe(canvas);
    canvas.addEventListener("wheel", (e) => { e.preventDefault(); this.zoom(e); }, { passive: false });
    canvas.addEventListener("pointerdown", (e) => this.grab(e));
    canvas.addEventListener("pointermove", (e) => this.move(e));
    canvas.addEventListener("pointerup", (e) => this.release(e));
    canvas.addEventListener("pointerleave", () => this.hover(null));
  }

  show(values, slow, fast) {
    Object.assign(this, { values, slow, fast });
    this.buffered = null;
    this.draw();
  }

  // screen pixels per pixel, and where the first pixel's corner is
  frame() {
    const box = this.canvas.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
    const wide = Math.max(1, box.width * ratio), tall = Math.max(1, box.height * ratio);
    const fit = Math.min(wide / this.fast, tall / this.slow) * 0.98, scale = fit * this.view.zoom;
    return { wide, tall, ratio, scale, left: wide / 2 - scale * this.view.x * this.fast, top: tall / 2 - scale * this.view.y * this.slow };
  }

  at(event) {
    const f = this.frame(), box = this.canvas.getBoundingClientRect();
    return [((event.clientX - box.left) * f.ratio - f.left) / f.scale, ((event.clientY - box.top) * f.ratio - f.top) / f.scale];
  }

  zoom(event) {
    if (!this.values) return;
    const [x, y] = this.at(event), factor = Math.exp(-event.deltaY * 0.0015);
    const zoom = Math.max(1, Math.min(200, this.view.zoom * factor)), kept = this.view.zoom / zoom;
    this.view.x = x / this.fast + (this.view.x - x / this.fast) * kept;
    this.view.y = y / this.slow + (this.view.y - y / this.slow) * kept;
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
        this.view.x -= (dx * f.ratio) / f.scale / this.fast;
        this.view.y -= (dy * f.ratio) / f.scale / this.slow;
        this.held = { x: event.clientX, y: event.clientY, moved: true };
        this.changed();
        return;
      }
    }
    const [x, y] = this.at(event).map(Math.floor);
    this.hover(x >= 0 && y >= 0 && x < this.fast && y < this.slow ? [y, x] : null);
  }

  release() {
    this.dragged = Boolean(this.held?.moved);
    this.held = null;
  }

  // the brightest of the pixels that share one of the screen
  binned(bin) {
    if (this.buffered === bin) return;
    const bits = new Uint32Array(this.values.buffer, this.values.byteOffset, this.values.length);
    const wide = Math.ceil(this.fast / bin), tall = Math.ceil(this.slow / bin);
    this.buffer.width = wide; this.buffer.height = tall;
    const context = this.buffer.getContext("2d"), data = context.createImageData(wide, tall);
    const out = new Uint32Array(data.data.buffer), table = this.table, values = this.values;
    if (bin === 1) for (let i = 0; i < bits.length; i++) out[i] = table[bits[i] >>> 16];
    else for (let row = 0; row < tall; row++) {
      const last = Math.min(this.slow, (row + 1) * bin);
      for (let column = 0; column < wide; column++) {
        const end = Math.min(this.fast, (column + 1) * bin);
        let best = row * bin * this.fast + column * bin, most = -Infinity;
        for (let s = row * bin; s < last; s++) for (let i = s * this.fast + column * bin; i < s * this.fast + end; i++) {
          const size = this.signed ? Math.abs(values[i]) : values[i];
          if (size > most) { most = size; best = i; }
        }
        out[row * wide + column] = table[bits[best] >>> 16];
      }
    }
    context.putImageData(data, 0, 0);
    this.buffered = bin;
  }

  draw() {
    if (!this.values || !this.table) return;
    const f = this.frame(), canvas = this.canvas, bin = Math.max(1, Math.round(1 / f.scale));
    canvas.width = f.wide; canvas.height = f.tall;
    this.binned(bin);
    const context = canvas.getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(this.buffer, f.left, f.top, this.buffer.width * bin * f.scale, this.buffer.height * bin * f.scale);
    context.save();
    context.beginPath();
    context.rect(f.left, f.top, this.fast * f.scale, this.slow * f.scale);
    context.clip();
    if (this.overlay) this.drawOverlay(context, f);
    context.restore();
    context.strokeStyle = "#9aa8b5";
    context.strokeRect(f.left, f.top, this.fast * f.scale, this.slow * f.scale);
    if (this.pinned) {
      context.strokeStyle = SPOT;
      context.strokeRect(f.left + this.pinned[1] * f.scale, f.top + this.pinned[0] * f.scale, f.scale, f.scale);
    }
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
        if (x > 30 && y > 14 && x < f.wide - 46 && y < f.tall - 8 && point[0] > 0 && point[1] > 0 && point[0] < this.fast && point[1] < this.slow
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
