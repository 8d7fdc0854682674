// Draws the plotly figure that `props.value` holds as JSON, and draws it again when the value, the width or the theme
// changes: Plotly.react keeps zoom and hidden series (`uirevision`). The library is loaded when the first chart comes near
// the window. `layout.meta` says how the panels may be laid out (app/views/charts.py). Runs as js_on_load.
const box = element.querySelector('.mt-plot');
const MODEBAR = 32, LEGEND_ROW = 21, HEADING = 46, FOOT = 44;
let figure = null, near = false, stale = false, frame = 0, listening = false;

function library() {
  window.mtPlotly ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = new URL(box.dataset.library, `${window.gradio_config?.root ?? location.href.split(/[?#]/)[0]}`.replace(/\/*$/, '/'));
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => { window.mtPlotly = undefined; reject(new Error('not loaded')); };
    document.head.append(script);
  });
  return window.mtPlotly;
}

// Plotly wants colours as numbers: everything that begins with var( becomes what it is at the moment.
function painted(value) {
  const probe = document.createElement('i'), canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const known = new Map();
  probe.hidden = true;
  element.append(probe);
  const colour = css => {
    if (!known.has(css)) {
      probe.style.color = css;
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = getComputedStyle(probe).color;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      known.set(css, `rgba(${r},${g},${b},${(a / 255).toFixed(3)})`);
    }
    return known.get(css);
  };
  const walk = item => {
    if (typeof item === 'string') return item.startsWith('var(') ? colour(item) : item;
    if (Array.isArray(item)) return typeof item[0] === 'number' ? item : item.map(walk);
    if (item && typeof item === 'object') return Object.fromEntries(Object.entries(item).map(([k, v]) => [k, walk(v)]));
    return item;
  };
  const result = walk(value);
  probe.remove();
  return result;
}

// What lies behind the chart: pictures saved of it have it too.
function behind() {
  for (let node = box; node; node = node.parentElement) {
    const colour = getComputedStyle(node).backgroundColor;
    if (!/^(transparent|rgba\(.*, 0\))$/.test(colour)) return colour;
  }
  return 'white';
}

function measured(layout, wide) {
  const { panels, columns, cell, keys } = layout.meta;
  const across = columns.filter(count => wide / count >= cell[0]).pop() ?? columns[0];
  const rows = Math.ceil(panels / across);
  const legend = keys.length < 2 ? 0 : Math.ceil(keys.reduce((sum, name) => sum + 8 * name.length + 52, 0) / wide);
  const margin = { l: 46, r: 12, t: MODEBAR + legend * LEGEND_ROW + HEADING, b: FOOT, ...layout.margin };
  const height = rows * Math.min(cell[1], Math.round(0.4 * wide)) + margin.t; // lower on a phone
  return { across, rows, height, margin, showlegend: legend > 0 };
}

function ready(wide) {
  const { data, layout } = painted(figure);
  const { across, rows, ...size } = measured(layout, wide);
  Object.assign(layout, size, { width: wide, autosize: false, paper_bgcolor: behind() });
  layout.grid = { ...layout.grid, rows, columns: across };
  layout.legend = { x: 0, xanchor: 'left', yref: 'container', y: 1 - MODEBAR / size.height, yanchor: 'top', ...layout.legend };
  layout.font = { family: getComputedStyle(element).fontFamily, ...layout.font };
  if (matchMedia('(pointer: coarse)').matches) layout.dragmode ??= false; // a finger scrolls the page
  return [data, layout];
}

function rowsOf(plot) {
  const rows = [['chart', 'series', plot.layout.meta.x || 'x', 'y']];
  plot.data.forEach((trace, i) => {
    if (plot._fullData[i].visible !== true || !trace.meta) return; // hidden by a click in the legend; no data
    trace.x.forEach((x, k) => {
      if (x !== null) rows.push([trace.meta, trace.name, x, trace.y[k] ?? '']);
    });
  });
  return rows;
}

function save(plot) {
  const quoted = cell => (/[",\n]/.test(cell) ? `"${String(cell).replaceAll('"', '""')}"` : cell);
  const text = rowsOf(plot).map(row => row.map(quoted).join(',')).join('\n') + '\n';
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
  link.download = `${plot.layout.meta.name}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// Made once: Plotly.react starts anew, and forgets its zoom, where the configuration is another one.
let settings = null;
const configured = ({ name, picks }) => settings ??= {
  displaylogo: false, displayModeBar: true, responsive: false,
  showSendToCloud: false, plotlyServerURL: '', // nothing leaves this page
  modeBarButtonsToRemove: picks ? [] : ['select2d', 'lasso2d', 'autoScale2d'],
  modeBarButtonsToAdd: [{
    name: 'csv', title: 'Download the series as CSV', click: save,
    icon: { width: 24, height: 24, path: 'M3 3h18v18H3V3zm2 4v3h6V7H5zm8 0v3h6V7h-6zm-8 5v3h6v-3H5zm8 0v3h6v-3h-6zm-8 5v2h6v-2H5zm8 0v2h6v-2h-6z' },
  }],
  toImageButtonOptions: { format: 'png', scale: 2, filename: name },
};

// A brush that holds nothing would dim all points: it goes, and the server says so.
function brushed(event) {
  if (!event) return; // plotly let go of it
  if (event.points.length) { trigger('select', points(event)); return; }
  setTimeout(() => window.Plotly.update(box, { selectedpoints: [null] }, { selections: [] }));
  trigger('select', { points: [], missed: true });
}

const points = event => ({ points: (event?.points ?? []).map(point => point.customdata) });

async function draw() {
  const wide = Math.floor(box.clientWidth);
  if (!figure) {
    if (listening) window.Plotly.purge(box);
    listening = false;
    box.style.height = '';
    return;
  }
  if (!wide) return;
  box.style.minHeight = `${measured(figure.layout, wide).height}px`; // the page does not jump when it is drawn
  if (!near) { stale = true; return; }
  stale = false;
  let plotly;
  try {
    plotly = await library();
  } catch {
    box.textContent = 'The chart could not be loaded: is the server still there? Reload the page.';
    return;
  }
  if (!figure) return;
  await plotly.react(box, ...ready(wide), configured(figure.layout.meta));
  if (!listening && figure.layout.meta.picks) {
    box.on('plotly_click', event => trigger('click', points(event)));
    box.on('plotly_selected', brushed);
    box.on('plotly_deselect', () => trigger('select', points()));
  }
  listening = true;
}

function soon() {
  if (!frame) frame = requestAnimationFrame(() => { frame = 0; draw(); });
}

function read() {
  try { figure = props.value ? JSON.parse(props.value) : null; } catch { figure = null; }
  if (!figure) box.style.minHeight = '';
  soon();
}

new IntersectionObserver(([entry]) => {
  near = entry.isIntersecting;
  if (near && stale) soon();
}, { rootMargin: '300px' }).observe(box);
let width = 0;
new ResizeObserver(() => {
  if (box.clientWidth && box.clientWidth !== width) { width = box.clientWidth; soon(); }
}).observe(box);
let dark = document.body.classList.contains('dark');
new MutationObserver(() => {
  if (dark !== document.body.classList.contains('dark')) { dark = !dark; soon(); }
}).observe(document.body, { attributes: true, attributeFilter: ['class'] });
watch('value', read);
read();
