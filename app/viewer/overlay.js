// What is written over a canvas: the axes, a bar that tells how long a metre is in the middle of the view, and what is
// measured.
const SVG = 'http://www.w3.org/2000/svg';
const AXES = [['x', 'right', [1, 0, 0]], ['y', 'down', [0, 1, 0]], ['z', 'forward', [0, 0, 1]]];
const set = (node, values) => Object.entries(values).forEach(([key, value]) => node.setAttribute(key, value));
const ARM = 26, CORNER = [90, 46], LONGEST = 110;
const LINE = 14, LETTER = 6.2; // px: of the axes' words, which are not measured, as that would lay the page out

// Moves words that would lie on each other: the upper one of two up, the lower one down.
function apart(words) {
  words.sort((a, b) => a.base - b.base);
  for (let turn = 0; turn < words.length; turn++) {
    for (let k = 1; k < words.length; k++) {
      for (let i = 0; i < k; i++) {
        const [upper, lower] = words[i].base <= words[k].base ? [words[i], words[k]] : [words[k], words[i]];
        const lacks = LINE - (lower.base - upper.base);
        if (lacks <= 0 || upper.right + 4 < lower.left || lower.right + 4 < upper.left) continue;
        upper.base -= lacks / 2;
        lower.base += lacks / 2;
      }
    }
  }
}

class Overlay {
  constructor(svg) {
    this.svg = svg;
    this.ground = this.make('rect', 'mt-cloud-ground'); // keeps the axes readable before the points
    this.axes = AXES.map(([name, word, direction]) => ({
      direction, line: this.make('line', `mt-cloud-${name}`), text: this.make('text', `mt-cloud-${name}`, `${name} ${word}`),
    }));
    this.bar = this.make('path', 'mt-cloud-bar');
    this.length = this.make('text', 'mt-cloud-length');
    this.rule = ['rim', 'rule'].map((name) => this.make('path', `mt-cloud-${name}`));
    this.distance = this.make('text', 'mt-cloud-distance');
    this.cross = this.make('path', 'mt-cloud-cross');
  }

  make(tag, css, text = '') {
    const node = document.createElementNS(SVG, tag);
    node.setAttribute('class', css);
    node.textContent = text;
    return this.svg.appendChild(node);
  }

  // ends: of what is measured, canvas pixels [x, y], none to two. aims: whether Enter picks the point in the middle.
  drawRule(ends, metres, aims, width, height) {
    const spots = ends.map(([x, y]) => `M${x - 4} ${y}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0`).join('');
    const line = ends.length === 2 ? `M${ends.map(([x, y]) => `${x} ${y}`).join('L')}` : '';
    for (const path of this.rule) set(path, { d: spots + line });
    const [[ax, ay], [bx, by]] = ends.length === 2 ? ends : [[0, 0], [0, 0]];
    this.distance.textContent = line && `${metres.toFixed(2)} m`;
    set(this.distance, { x: clamp((ax + bx) / 2, 30, width - 30), y: clamp((ay + by) / 2 - 9, 16, height - 6), 'text-anchor': 'middle' });
    set(this.cross, { d: aims ? `M${width / 2 - 9} ${height / 2}h18M${width / 2} ${height / 2 - 9}v18` : '' });
  }

  draw(orbit, width, height) {
    set(this.svg, { viewBox: `0 0 ${width} ${height}` });
    const { right, up } = orbit.axes(), x = CORNER[0], y = height - CORNER[1];
    const words = [], arm = Math.min(ARM, height / 6);
    for (const { direction, line, text } of this.axes) {
      const dx = arm * dot(direction, right), dy = -arm * dot(direction, up);
      set(line, { x1: x, y1: y, x2: x + dx, y2: y + dy });
      const away = Math.hypot(dx, dy) || 1;
      const anchor = dx < -8 ? 'end' : dx > 8 ? 'start' : 'middle', wide = LETTER * text.textContent.length;
      const at = x + dx + 7 * dx / away, left = at - wide * { end: 1, start: 0, middle: 0.5 }[anchor];
      words.push({ text, at, anchor, left, right: left + wide, base: y + dy + 7 * dy / away + 4 });
    }
    apart(words);
    for (const { text, at, anchor, base } of words) set(text, { x: at, y: base, 'text-anchor': anchor });
    const low = Math.min(x, ...words.map((one) => one.left)) - 4, high = Math.max(x, ...words.map((one) => one.right)) + 4;
    const top = Math.min(y, ...words.map((one) => one.base)) - LINE, bottom = Math.max(y, ...words.map((one) => one.base)) + 5;
    set(this.ground, { x: low, y: top, width: high - low, height: bottom - top, rx: 6 });
    const metre = height / (2 * orbit.distance * orbit.halfHeight(width / height)); // px
    const power = 10 ** Math.floor(Math.log10(LONGEST / metre));
    const length = [5, 2, 1].map((step) => step * power).find((metres) => metres * metre <= LONGEST) ?? power;
    const end = width - 16, start = end - length * metre, base = height - 16;
    set(this.bar, { d: `M${start} ${base - 5}V${base}H${end}V${base - 5}` });
    set(this.length, { x: (start + end) / 2, y: base - 8, 'text-anchor': 'middle' });
    this.length.textContent = length >= 1 ? `${length} m` : `${Math.round(length * 100)} cm`;
  }
}
