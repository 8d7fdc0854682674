// Small multiples of curves in a gr.HTML: one zoom for all of them, which lives here and outlasts every update.
// `props.value` is the JSON that app/views/training.py describes, or null. Runs as the component's js_on_load.
const NS = 'http://www.w3.org/2000/svg';
const DASHES = ['', '7 4', '2 3', '9 3 2 3'];
const HEIGHT = 190, LEFT = 52, RIGHT = 10, TOP = 8, BOTTOM = 34;
const root = element.querySelector('.mt-charts');
const hidden = new Set();
let data = null, zoom = null, drag = null, hover = null, frame = 0;

const make = (tag, attributes = {}, parent = null, text = null) => {
  const svg = ['svg', 'path', 'line', 'rect', 'text', 'g', 'clipPath', 'defs', 'title'].includes(tag);
  const made = svg ? document.createElementNS(NS, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== null) made.textContent = text;
  if (parent) parent.append(made);
  return made;
};

// Markers, one shape a task: disc, square, triangle, diamond, cross, plus, bar.
const SHAPES = [
  r => `M${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`,
  r => `M${-r} ${-r}h${2 * r}v${2 * r}h${-2 * r}z`,
  r => `M0 ${-1.2 * r}L${1.15 * r} ${r}H${-1.15 * r}z`,
  r => `M0 ${-1.4 * r}L${1.2 * r} 0L0 ${1.4 * r}L${-1.2 * r} 0z`,
  r => `M${-r} ${-r}L${r} ${r}M${-r} ${r}L${r} ${-r}`,
  r => `M${-1.2 * r} 0H${1.2 * r}M0 ${-1.2 * r}V${1.2 * r}`,
  r => `M0 ${-1.3 * r}V${1.3 * r}`,
];
const marker = (shape, x, y, r = 3) => `<path transform="translate(${x} ${y})" d="${SHAPES[shape % SHAPES.length](r)}"/>`;

const read = () => {
  const before = data && data.axis;
  try { data = props.value ? JSON.parse(props.value) : null; } catch (error) { data = null; }
  if (!data || (before && before !== data.axis)) zoom = null;
  drag = data ? drag : null;
  layout();
};

const shown = line => !hidden.has(line.key) && !hidden.has(line.runKey);

const extent = () => {
  let low = Infinity, high = -Infinity;
  for (const chart of data.charts) for (const line of chart.series) {
    if (!line.x.length) continue;
    low = Math.min(low, line.x[0]);
    high = Math.max(high, line.x[line.x.length - 1]);
  }
  if (!(low <= high)) return [0, 1];
  low = Math.min(low, 0);
  return high > low ? [low, high] : [low, low + 1];
};

const span = () => zoom || extent();

const heights = (chart, [x0, x1]) => {
  let low = Infinity, high = -Infinity;
  for (const line of chart.series) {
    if (!shown(line)) continue;
    for (let i = 0; i < line.x.length; i++) {
      // a neighbour of the window counts: its line crosses the edge
      const near = line.kind === 'dots' || line.dots ? line.x[i] >= x0 && line.x[i] <= x1
        : (line.x[i + 1] ?? line.x[i]) >= x0 && (line.kind === 'stairs' ? line.x[i] : line.x[i - 1] ?? line.x[i]) <= x1;
      if (!near || line.y[i] === null) continue;
      low = Math.min(low, line.y[i]);
      high = Math.max(high, line.y[i]);
    }
  }
  if (!(low <= high)) return [0, 1];
  const pad = high > low ? 0.07 * (high - low) : 0.1 * Math.abs(high) || 1;
  return [low >= 0 ? Math.max(0, low - pad) : low - pad, high + pad];
};

const ticks = (low, high, count) => {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(k => k * power).find(s => s >= rough * 0.999) || rough;
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) found.push(i * step);
  return [found, step];
};

const label = (value, step, power) => {
  if (power) return value === 0 ? '0' : value.toExponential(Math.max(0, Math.min(2, Math.floor(Math.log10(Math.abs(value))) - Math.floor(Math.log10(step)))));
  return value.toFixed(Math.max(0, Math.min(6, -Math.floor(Math.log10(step) + 1e-9))));
};

const amount = (value, power) => power ? value.toExponential(2) : Math.abs(value) >= 100 ? value.toFixed(1) : value.toPrecision(3);

function layout() {
  const charts = data ? data.charts : [];
  const ids = charts.map(chart => chart.id).join(' ');
  if (root.dataset.ids !== ids) {
    root.dataset.ids = ids;
    root.replaceChildren();
    if (!charts.length) return;
    make('div', { class: 'mt-chart-bar' }, root);
    const grid = make('div', { class: 'mt-chart-grid' }, root);
    for (const chart of charts) build(chart, grid);
  }
  if (charts.length) { bar(); draw(); }
}

function bar() {
  const place = root.querySelector('.mt-chart-bar');
  const focused = document.activeElement && place.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  place.replaceChildren();
  for (const entry of data.legend) {
    const button = make('button', {
      type: 'button', class: 'mt-key', 'data-key': entry.key, 'aria-pressed': String(!hidden.has(entry.key)),
      title: 'Show or hide',
    }, place);
    const width = entry.thick ? 3 : 2;
    button.innerHTML = `<svg width="30" height="12" aria-hidden="true" style="color:${entry.colour}"><g fill="currentColor" stroke="currentColor" stroke-width="${width}"><path fill="none" d="M1 6H29" stroke-dasharray="${DASHES[entry.dash]}"/>${entry.shape === undefined ? '' : marker(entry.shape, 15, 6)}</g></svg>`;
    make('span', {}, button, entry.name);
    button.onclick = () => {
      if (!hidden.delete(entry.key)) hidden.add(entry.key);
      bar();
      draw();
    };
    if (focused === entry.key) button.focus();
  }
  const all = make('button', { type: 'button', class: 'mt-key mt-all' }, place, 'Show all');
  all.hidden = zoom === null;
  all.onclick = () => show(null);
  make('span', { class: 'mt-subdued mt-how' }, place, 'Drag across a chart to zoom, double-click to see all.');
}

function build(chart, grid) {
  const figure = make('figure', { class: 'mt-chart', 'data-chart': chart.id }, grid);
  make('figcaption', {}, figure);
  const svg = make('svg', { height: HEIGHT, tabindex: '0', role: 'img' }, figure);
  make('div', { class: 'mt-chart-tip', hidden: '' }, figure);
  svg.addEventListener('pointerdown', event => {
    if (event.button !== 0) return;
    drag = { id: chart.id, from: at(svg, event), to: at(svg, event), moved: false, x: event.clientX };
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener('pointermove', event => {
    hover = { id: chart.id, x: at(svg, event) };
    if (drag) {
      drag.to = hover.x;
      drag.moved = drag.moved || Math.abs(event.clientX - drag.x) > 6;
    }
    soon();
  });
  svg.addEventListener('pointerup', () => {
    const done = drag;
    drag = null;
    if (done && done.moved) show([Math.min(done.from, done.to), Math.max(done.from, done.to)]);
  });
  svg.addEventListener('pointercancel', () => { drag = null; soon(); });
  svg.addEventListener('pointerleave', () => { hover = null; soon(); });
  svg.addEventListener('dblclick', () => show(null));
  svg.addEventListener('keydown', event => {
    const [x0, x1] = span(), wide = x1 - x0, keys = {
      ArrowLeft: [x0 - 0.2 * wide, x1 - 0.2 * wide], ArrowRight: [x0 + 0.2 * wide, x1 + 0.2 * wide],
      '+': [x0 + 0.2 * wide, x1 - 0.2 * wide], '-': [x0 - 0.3 * wide, x1 + 0.3 * wide], Escape: null, 0: null,
    };
    if (!(event.key in keys)) return;
    event.preventDefault();
    show(keys[event.key]);
  });
}

function at(svg, event) {
  const box = svg.getBoundingClientRect(), [x0, x1] = span();
  const part = (event.clientX - box.left - LEFT) / Math.max(1, box.width - LEFT - RIGHT);
  return x0 + Math.min(1, Math.max(0, part)) * (x1 - x0);
}

function show(range) {
  const [low, high] = extent();
  zoom = range && range[1] - range[0] > 1e-6 * (high - low) && range[0] < high && range[1] > low
    && (range[0] > low || range[1] < high) ? range : null;
  bar();
  draw();
}

function soon() {
  if (!frame) frame = requestAnimationFrame(() => { frame = 0; draw(); });
}

function draw() {
  if (!data) return;
  const range = span();
  root.dataset.zoom = zoom ? JSON.stringify(zoom) : '';
  root.querySelectorAll('figure').forEach((figure, i) => {
    if (figure.clientWidth) paint(figure, data.charts[i], range, figure.clientWidth);
  });
}

function paint(figure, chart, [x0, x1], width) {
  const caption = figure.querySelector('figcaption'), svg = figure.querySelector('svg');
  if (caption.dataset.of !== chart.title + chart.unit) {
    caption.dataset.of = chart.title + chart.unit;
    caption.replaceChildren(make('b', {}, null, chart.title), make('span', { class: 'mt-subdued' }, null, ` ${chart.unit}`));
    svg.setAttribute('aria-label', `${chart.title}, ${chart.unit}, against ${data.x}. Arrow keys move, plus and minus zoom.`);
  }
  const [y0, y1] = heights(chart, [x0, x1]), power = chart.y === 'power';
  const right = width - RIGHT, bottom = HEIGHT - BOTTOM;
  const px = x => +(LEFT + (x - x0) / (x1 - x0) * (right - LEFT)).toFixed(1);
  const py = y => +(bottom - (y - y0) / (y1 - y0) * (bottom - TOP)).toFixed(1);
  const clip = `clip-${root.dataset.unique}-${chart.id}`;
  let out = `<defs><clipPath id="${clip}"><rect x="${LEFT - 5}" y="${TOP - 5}" width="${right - LEFT + 10}" height="${bottom - TOP + 10}"/></clipPath></defs>`;
  const [ys, ystep] = ticks(y0, y1, 4), [xs, xstep] = ticks(x0, x1, Math.max(2, Math.floor((right - LEFT) / 70)));
  out += '<g class="mt-grid">' + ys.map(y => `<path d="M${LEFT} ${py(y)}H${right}"/>`).join('') + '</g><g class="mt-axis-text">';
  out += ys.map(y => `<text x="${LEFT - 6}" y="${py(y) + 4}" text-anchor="end">${label(y, ystep, power)}</text>`).join('');
  out += xs.map(x => `<text x="${px(x)}" y="${bottom + 15}" text-anchor="middle">${label(x, xstep)}</text>`).join('');
  out += `<text x="${(LEFT + right) / 2}" y="${HEIGHT - 4}" text-anchor="middle">${data.x}</text></g>`;
  out += `<path class="mt-axis" d="M${LEFT} ${bottom}H${right}"/>`;
  if (chart.guide !== null && chart.guide >= y0 && chart.guide <= y1) out += `<path class="mt-guide" d="M${LEFT} ${py(chart.guide)}H${right}"/>`;
  out += `<g clip-path="url(#${clip})">${chart.series.filter(shown).map(line => drawn(line, px, py)).join('')}</g>`;
  if (drag && drag.moved) {
    const a = px(Math.min(drag.from, drag.to)), b = px(Math.max(drag.from, drag.to));
    out += `<rect class="mt-select" x="${a}" y="${TOP}" width="${b - a}" height="${bottom - TOP}"/>`;
  } else if (hover) out += `<path class="mt-cross" d="M${px(hover.x)} ${TOP}V${bottom}"/>`;
  svg.setAttribute('width', width);
  svg.innerHTML = out;
  tip(figure, chart, px, power, width);
}

function drawn(line, px, py) {
  let path = '', pen = false, dots = '';
  const wantDots = line.kind === 'dots' || line.dots;
  for (let i = 0; i < line.x.length; i++) {
    if (line.y[i] === null) { pen = false; continue; }
    const x = px(line.x[i]), y = py(line.y[i]);
    path += pen ? (line.kind === 'stairs' ? `H${x}V${y}` : `L${x} ${y}`) : `M${x} ${y}`;
    pen = true;
    if (wantDots) dots += marker(line.shape < 0 ? 0 : line.shape, x, y, line.kind === 'dots' ? 2.6 : 3);
  }
  const marks = (line.marks || []).filter(i => line.y[i] !== null && line.y[i] !== undefined)
    .map(i => `<path class="mt-floor" transform="translate(${(px(line.x[i]) + px(line.x[i + 1] ?? line.x[i])) / 2} ${py(line.y[i])})" d="M-6 -11H6L0 -2z"><title>the floor acted</title></path>`).join('');
  const wide = line.thick ? 2.6 : line.faint ? 1 : line.what === 'smoothed' ? 2.4 : line.kind === 'stairs' || line.dots ? 2 : 1.3;
  const stroke = line.kind === 'dots' ? '' : `<path class="mt-line" fill="none" stroke-width="${wide}" stroke-dasharray="${DASHES[line.dash % 4]}" d="${path}"/>`;
  return `<g style="color:${line.colour}" data-series="${line.key}" fill="currentColor" stroke="currentColor" ${line.faint ? 'opacity=".35"' : ''}>${stroke}${dots}${marks}</g>`;
}

// The value at x: the nearest point, or for stairs the step that x is on.
function valueAt(line, x) {
  let low = 0, high = line.x.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (line.x[middle] <= x) low = middle; else high = middle - 1;
  }
  if (line.kind !== 'stairs' && low + 1 < line.x.length && line.x[low + 1] - x < x - line.x[low]) low++;
  return line.y[low] ?? null;
}

function tip(figure, chart, px, power, width) {
  const box = figure.querySelector('.mt-chart-tip');
  box.hidden = !hover || hover.id !== chart.id || Boolean(drag && drag.moved);
  if (box.hidden) return;
  const several = new Set(chart.series.map(line => line.run)).size > 1;
  const rows = [];
  for (const line of chart.series) {
    const value = shown(line) && !line.faint && line.x.length ? valueAt(line, hover.x) : null;
    if (value === null) continue;
    const row = make('div');
    make('i', { style: `background:${line.colour === 'currentColor' ? 'var(--body-text-color)' : line.colour}` }, row);
    make('span', {}, row, [line.name, several ? line.run : '', line.what === 'step' || line.what === 'applied' ? '' : line.what].filter(Boolean).join(', '));
    make('b', {}, row, amount(value, power));
    rows.push(row);
  }
  box.replaceChildren(make('div', { class: 'mt-subdued' }, null, `${data.x.split(' ')[0]} ${data.axis === 'epoch' ? hover.x.toFixed(2) : Math.round(hover.x)}`), ...rows);
  const x = px(hover.x);
  box.style.left = x < width / 2 ? `${x + 12}px` : '';
  box.style.right = x < width / 2 ? '' : `${width - x + 12}px`;
}

root.dataset.unique = Math.random().toString(36).slice(2);
new ResizeObserver(soon).observe(root);
watch('value', read);
read();
