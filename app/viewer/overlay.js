// What is written over a canvas: the axes, and a bar that tells how long a metre is in the middle of the view.
const SVG = 'http://www.w3.org/2000/svg';
const AXES = [['x', 'right', [1, 0, 0]], ['y', 'down', [0, 1, 0]], ['z', 'forward', [0, 0, 1]]];
const ARM = 26, CORNER = [84, 46], LONGEST = 110;

class Overlay {
  constructor(svg) {
    this.svg = svg;
    this.axes = AXES.map(([name, word, direction]) => ({
      direction, line: this.make('line', `mt-cloud-${name}`), text: this.make('text', `mt-cloud-${name}`, `${name} ${word}`),
    }));
    this.bar = this.make('path', 'mt-cloud-bar');
    this.length = this.make('text', 'mt-cloud-length');
  }

  make(tag, css, text = '') {
    const node = document.createElementNS(SVG, tag);
    node.setAttribute('class', css);
    node.textContent = text;
    return this.svg.appendChild(node);
  }

  draw(orbit, width, height) {
    const set = (node, values) => Object.entries(values).forEach(([key, value]) => node.setAttribute(key, value));
    set(this.svg, { viewBox: `0 0 ${width} ${height}` });
    const { right, up } = orbit.axes(), x = CORNER[0], y = height - CORNER[1];
    for (const { direction, line, text } of this.axes) {
      const dx = ARM * dot(direction, right), dy = -ARM * dot(direction, up);
      set(line, { x1: x, y1: y, x2: x + dx, y2: y + dy });
      const away = Math.hypot(dx, dy) || 1;
      set(text, { x: x + dx + 7 * dx / away, y: y + dy + 7 * dy / away + 4, 'text-anchor': dx < -8 ? 'end' : dx > 8 ? 'start' : 'middle' });
    }
    const metre = height / (2 * orbit.distance * orbit.halfHeight(width / height)); // px
    const power = 10 ** Math.floor(Math.log10(LONGEST / metre));
    const length = [5, 2, 1].map((step) => step * power).find((metres) => metres * metre <= LONGEST) ?? power;
    const end = width - 16, start = end - length * metre, base = height - 16;
    set(this.bar, { d: `M${start} ${base - 5}V${base}H${end}V${base - 5}` });
    set(this.length, { x: (start + end) / 2, y: base - 8, 'text-anchor': 'middle' });
    this.length.textContent = length >= 1 ? `${length} m` : `${Math.round(length * 100)} cm`;
  }
}
