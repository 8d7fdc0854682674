// Draws a cloud with the processor, into the bytes of a 2D canvas: where there is no WebGL2, where a program only
// imitates it (two to ten times slower than this), and while a graphics card has dropped the picture.
const SMALLEST_PX = 1.5, LARGEST_PX = 48, LINE_BIAS = 0.004; // as in the shaders
const DIM = 0.22; // how much of the mark's colour the inside of a region takes

const packed = (r, g, b) => (0xff000000 | b << 16 | g << 8 | r) >>> 0;

class Splat {
  constructor(canvas) {
    this.by = 'processor';
    this.sharpest = 1.5;
    this.canvas = canvas;
    this.context = canvas.getContext('2d', { willReadFrequently: true }); // CPU memory: nothing goes to and fro
    if (this.context) return;
    this.canvas = this.cover = canvas.cloneNode(); // a canvas keeps the kind of its first context
    this.cover.removeAttribute('tabindex');
    this.cover.setAttribute('aria-hidden', 'true');
    this.cover.style.pointerEvents = 'none';
    canvas.after(this.cover);
    this.context = this.cover.getContext('2d', { willReadFrequently: true });
  }

  end() { this.cover?.remove(); }

  // Position and colour of each point that is shown, in their order.
  unpack(scene) {
    const { camera: { fx, fy, cx, cy }, pixels, depths, jumps, colours, limit, farthest } = scene;
    const at = new Float32Array(3 * depths.length), paint = new Uint32Array(depths.length);
    const mark = scene.region && this.marker(scene);
    let n = 0;
    for (let k = 0; k < depths.length; k++) {
      if (!depths[k] || jumps[k] > limit) continue;
      const z = depths[k] / 65535 * farthest, x = pixels[2 * k], y = pixels[2 * k + 1];
      at[3 * n] = (x + 0.5 - cx) / fx * z;
      at[3 * n + 1] = (y + 0.5 - cy) / fy * z;
      at[3 * n + 2] = z;
      const shade = [colours[3 * k], colours[3 * k + 1], colours[3 * k + 2]];
      paint[n++] = mark ? mark(x, y, ...shade) : packed(...shade);
    }
    Object.assign(this, { scene, at: at.subarray(0, 3 * n), paint: paint.subarray(0, n) });
  }

  // A region's pixels are tinted, its rim has the mark's full colour.
  marker({ region: { width, height, mask }, size: [H, W], mark }) {
    const inside = (x, y) => mask[clamp(y, 0, height - 1) * width + clamp(x, 0, width - 1)] > 0;
    return (column, row, ...shade) => {
      const x = Math.floor((column + 0.5) / W * width), y = Math.floor((row + 0.5) / H * height);
      if (!inside(x, y)) return packed(...shade);
      const deep = inside(x + 2, y) && inside(x - 2, y) && inside(x, y + 2) && inside(x, y - 2);
      return packed(...shade.map((v, k) => v + (deep ? DIM : 1) * (mark[k] - v)));
    };
  }

  size() { // of the picture, to the canvas's
    const { width, height } = this.canvas;
    if (this.picture?.width === width && this.picture.height === height) return;
    this.picture = this.context.createImageData(width, height);
    this.bytes = new Uint32Array(this.picture.data.buffer);
    this.away = new Float32Array(width * height); // distance of what is drawn there
  }

  draw(scene, view) {
    if (this.scene !== scene) this.unpack(scene);
    this.size();
    this.bytes.fill(0);
    this.away.fill(Infinity);
    this.drawPoints(view);
    const { start, end, colour } = scene.lines;
    for (let k = 0; k < start.length; k += 3) {
      const c = 4 * k / 3;
      this.drawLine(view, start.subarray(k, k + 3), end.subarray(k, k + 3), [...colour.subarray(c, c + 3)]);
    }
    this.context.putImageData(this.picture, 0, 0);
    if (scene.probe) this.drawMarker(view, scene.probe);
  }

  // The inner loop of it all: no calls, no objects.
  drawPoints({ share, matrix: m, wide, nearest }) {
    const { at, paint, bytes, away } = this, { width, height } = this.picture;
    const [m0, m1, , m3, m4, m5, , m7, m8, m9, , m11, m12, m13, , m15] = m, count = Math.ceil(share * paint.length);
    for (let k = 0, p = 0; k < count; k++, p += 3) {
      const X = at[p], Y = at[p + 1], Z = at[p + 2], w = m3 * X + m7 * Y + m11 * Z + m15;
      if (w < nearest) continue;
      const x = ((m0 * X + m4 * Y + m8 * Z + m12) / w + 1) * 0.5 * width;
      const y = (1 - (m1 * X + m5 * Y + m9 * Z + m13) / w) * 0.5 * height;
      let r = 0.5 * wide * Z / w;
      if (r < SMALLEST_PX / 2) r = SMALLEST_PX / 2;
      else if (r > LARGEST_PX / 2) r = LARGEST_PX / 2;
      if (x + r < 0 || y + r < 0 || x - r > width || y - r > height) continue;
      const round = 2 * r > ROUND_PX, colour = paint[k];
      let left = x - r + 0.5 | 0, right = x + r + 0.5 | 0, top = y - r + 0.5 | 0, bottom = y + r + 0.5 | 0;
      if (top < 0) top = 0;
      if (bottom > height) bottom = height;
      for (let j = top; j < bottom; j++) {
        if (round) {
          const dy = j + 0.5 - y, half = Math.sqrt(Math.max(r * r - dy * dy, 0));
          left = x - half + 0.5 | 0;
          right = x + half + 0.5 | 0;
        }
        const row = j * width, last = row + (right > width ? width : right);
        for (let i = row + (left < 0 ? 0 : left); i < last; i++) {
          if (w < away[i]) { away[i] = w; bytes[i] = colour; }
        }
      }
    }
  }

  // Canvas pixels x, y, and the distance along the view of a point in the world.
  project(m, [X, Y, Z]) {
    const row = (r) => m[r] * X + m[4 + r] * Y + m[8 + r] * Z + m[12 + r], w = row(3);
    return [(row(0) / w + 1) / 2 * this.canvas.width, (1 - row(1) / w) / 2 * this.canvas.height, w];
  }

  // Steps of a pixel along a line, each a small square with a dark rim. 1 / distance is what is linear on the screen.
  drawLine({ matrix, nearest, ratio }, start, end, colour) {
    const { width, height } = this.picture;
    const [before, after] = [start, end].map((at) => this.project(matrix, at)[2]);
    const cut = (at, to, w, v) => add(at, [0, 1, 2].map((k) => to[k] - at[k]), (nearest - w) / (v - w));
    if (before < nearest && after < nearest) return;
    const [ax, ay, aw] = this.project(matrix, before < nearest ? cut(start, end, before, after) : start);
    const [bx, by, bw] = this.project(matrix, after < nearest ? cut(end, start, after, before) : end);
    let first = 0, last = 1; // the part that is on the canvas
    for (const [a, b, most] of [[ax, bx, width], [ay, by, height]]) {
      const [t, s] = [-a / (b - a || 1e-9), (most - a) / (b - a || 1e-9)].sort((p, q) => p - q);
      first = Math.max(first, t);
      last = Math.min(last, s);
    }
    const length = Math.max(Math.abs(bx - ax), Math.abs(by - ay)), steps = Math.ceil(length * (last - first));
    const wide = Math.max(1, Math.round(LINE_PX * ratio)), rim = packed(...colour.map((v) => v / 4));
    const away = (t) => (1 - LINE_BIAS) / ((1 - t) / aw + t / bw);
    // The colour is as near as the nearest rim that reaches here, or the rim of a steep line would cover it.
    for (const [brush, paint, reach] of [[wide + 1, rim, 0], [wide, packed(...colour), (wide + 1) / (length || 1)]]) {
      for (let k = 0; k <= steps; k++) {
        const t = first + (last - first) * k / (steps || 1);
        const w = Math.min(away(clamp(t - reach, 0, 1)), away(clamp(t + reach, 0, 1)));
        this.stamp(Math.round(ax + t * (bx - ax) - wide / 2), Math.round(ay + t * (by - ay) - wide / 2), brush, w, paint);
      }
    }
  }

  stamp(left, top, wide, w, paint) {
    const { width, height } = this.picture, { away, bytes } = this;
    for (let j = Math.max(top, 0); j < Math.min(top + wide, height); j++) {
      for (let i = j * width + Math.max(left, 0); i < j * width + Math.min(left + wide, width); i++) {
        if (w <= away[i]) { away[i] = w; bytes[i] = paint; }
      }
    }
  }

  // Ring and cross, white with a dark rim, always in front.
  drawMarker({ matrix, nearest, ratio }, point) {
    const [x, y, w] = this.project(matrix, point), { context } = this;
    if (w < nearest) return;
    const path = new Path2D();
    path.arc(x, y, 11 * ratio, 0, 2 * Math.PI);
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      path.moveTo(x + 3 * ratio * dx, y + 3 * ratio * dy);
      path.lineTo(x + 16 * ratio * dx, y + 16 * ratio * dy);
    }
    for (const [style, wide] of [['#0d121f', 4.4], ['white', 2.2]]) {
      Object.assign(context, { strokeStyle: style, lineWidth: wide * ratio });
      context.stroke(path);
    }
  }
}
