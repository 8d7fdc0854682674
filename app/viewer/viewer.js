// Ties it together: reads the component's value, fetches what is new, draws when something changed.
const KEPT = 8; // fetched files that are kept, so that going back to a colour is instant
const root = element.querySelector('.mt-cloud'), note = root.querySelector('.mt-cloud-note');
const key = root.querySelector('.mt-cloud-key'), legend = root.querySelector('.mt-cloud-needles');
const by = root.querySelector('.mt-cloud-by');
const files = new Map(), number = new Intl.NumberFormat('en');
const HEAD = 0.3; // of an arrow's length
const SLOW_MS = 150, FAST_MS = 60, REST_MS = 200, LEAST = 0.1;
let frame = 0, moving = 0, drawn = 0, detail = 1, turn = 0, value = null, shape = null, last = {};

// Draws at the next frame. Where a machine is too slow to turn all points, it turns fewer, and shows all at rest.
function request() {
  frame ||= requestAnimationFrame((now) => {
    frame = 0;
    if (moving) detail = clamp(detail * (now - drawn > SLOW_MS ? 0.7 : now - drawn < FAST_MS ? 1.2 : 1), LEAST, 1);
    drawn = now;
    const share = moving ? detail : 1;
    panes.forEach((pane) => pane.draw(share));
    by.textContent = panes.some((pane) => pane.painter.by === 'processor') ? 'No graphics card here: the processor draws.' : '';
    Object.assign(root.dataset, { share, frames: Number(root.dataset.frames ?? 0) + 1 });
  });
}

function turned() {
  if (!moving) drawn = performance.now();
  clearTimeout(moving);
  moving = setTimeout(() => { moving = 0; if (detail < 1) request(); }, REST_MS);
  request();
}

const orbit = new Orbit(turned), panes = [], sizes = new ResizeObserver(request);
const ruler = new Ruler(() => { request(); tell(); }), screen = new FullScreen(root.closest('.mt-cloud-view') ?? root, tell);
root.mtCloud = { orbit, panes, ruler };

const tools = {
  measure: () => ruler.turn(!ruler.on),
  reset: () => orbit.reset(),
  picture: () => savePicture(panes.filter((pane) => !pane.figure.hidden), root, value),
  full: () => screen.turn(!screen.on),
};

// What the buttons show, and what a person may do next.
function tell() {
  for (const [name, on] of [['measure', ruler.on], ['full', screen.on]]) {
    root.querySelector(`[data-tool=${name}]`).setAttribute('aria-pressed', on);
  }
  const shown = panes.filter((pane) => pane.scene && !pane.figure.hidden);
  const hint = ruler.on ? ruler.words(shown) : screen.on ? 'Escape ends full screen.' : '';
  root.querySelector('.mt-cloud-hint').textContent = hint;
}

root.addEventListener('click', (event) => tools[event.target.closest('[data-tool]')?.dataset.tool]?.());
root.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const name = { m: 'measure', r: 'reset', f: 'full' }[event.key.toLowerCase()];
  if (event.key === 'Escape' && ruler.on) ruler.turn(false);
  else if (event.key === 'Escape' && screen.on) screen.turn(false);
  else if (name && event.target.closest('canvas')) tools[name]();
  else return;
  event.preventDefault();
});

function addPane() {
  const figure = root.querySelector('template').content.firstElementChild.cloneNode(true);
  root.querySelector('.mt-cloud-panes').append(figure);
  const pane = new Pane(figure, orbit, ruler, request);
  panes.push(pane);
  steer(pane, orbit, { click: clicked, centre: centred });
  for (const change of ['focus', 'blur']) pane.canvas.addEventListener(change, request);
  sizes.observe(pane.canvas);
}

function clicked(pane, x, y) {
  const k = pane.pick(x, y);
  if (k < 0) return;
  if (ruler.on) { ruler.pick(k); return; }
  const [height, width] = value.size, [column, row] = pixelOf(pane.scene, k);
  const detail = { x: (column + 0.5) / width, y: (row + 0.5) / height };
  element.dispatchEvent(new CustomEvent('mt-pick', { bubbles: true, detail }));
}

function centred(pane, x, y) {
  const k = pane.pick(x, y);
  if (k >= 0) orbit.centre(pointOf(pane.scene, k));
}

function fetched(file) {
  const { url } = file;
  if (!files.has(url)) {
    const bytes = fetch(url).then((answer) => {
      if (!answer.ok) throw new Error(`${answer.status}`);
      return answer.arrayBuffer();
    });
    bytes.catch(() => files.delete(url));
    files.set(url, bytes);
    if (files.size > KEPT) files.delete(files.keys().next().value);
  }
  return files.get(url);
}

function say(text) {
  note.textContent = text;
  note.hidden = !text;
}

// The photo's pixels of the sample: entry k of n equal parts of an axis is the pixel under its centre.
function sampled(order, [h, w], [H, W]) {
  const pixels = new Uint16Array(2 * h * w);
  order.forEach((at, k) => {
    pixels[2 * k] = Math.floor((at % w + 0.5) * W / w);
    pixels[2 * k + 1] = Math.floor((Math.floor(at / w) + 0.5) * H / h);
  });
  return pixels;
}

// An order of 0 .. count - 1 whose every first part is spread evenly: steps of the golden ratio.
function scattered(count) {
  const divisor = (a, b) => (b ? divisor(b, a % b) : a);
  let step = Math.max(1, Math.round(count * 0.6180339887));
  while (divisor(step, count) > 1) step++;
  const order = new Uint32Array(count);
  for (let k = 1; k < count; k++) order[k] = (order[k - 1] + step) % count;
  return order;
}

function arranged(values, order, wide = 1) {
  const made = new values.constructor(values.length);
  for (let k = 0; k < order.length; k++) for (let c = 0; c < wide; c++) made[wide * k + c] = values[wide * order[k] + c];
  return made;
}

function unpack(buffer, { grid, size, stages }) {
  const count = grid[0] * grid[1], jumps = 2 * count * stages.length;
  const order = scattered(count);
  const cut = (Kind, start, k) => arranged(new Kind(buffer, start + k * count * Kind.BYTES_PER_ELEMENT, count), order);
  return {
    count, order, pixels: sampled(order, grid, size),
    depths: stages.map((_, k) => cut(Uint16Array, 0, k)), jumps: stages.map((_, k) => cut(Uint8Array, jumps, k)),
  };
}

function median(depths) {
  const some = [];
  for (let k = 0; k < depths.length; k += Math.ceil(depths.length / 999)) if (depths[k]) some.push(depths[k]);
  return some.sort((a, b) => a - b)[some.length >> 1] ?? 65535;
}

function unrolled(region) { // run lengths -> a mask for the graphics card
  if (!region) return null;
  const [height, width] = region.size, mask = new Uint8Array(height * width);
  for (let k = 0; k < region.runs.length; k += 2) mask.fill(255, region.runs[k], region.runs[k] + region.runs[k + 1]);
  return { width, height, mask };
}

function half(bits) { // float16
  const exponent = (bits >> 10) & 31, fraction = bits & 1023, sign = bits >> 15 ? -1 : 1;
  if (exponent === 31) return NaN;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : fraction * 2 ** -24);
}

// The needles of one stage and the outline of the photo's camera.
function linesOf(scene, stage, middle) {
  const start = [], end = [], colour = [];
  const line = (a, b, paint) => { start.push(...a); end.push(...b); colour.push(...paint); };
  const arrow = (root, normal, length, paint) => { // its head lies in a plane with the normal
    const tip = add(root, normal, length), beside = unit(cross(normal, Math.abs(normal[1]) < 0.9 ? [0, 1, 0] : [1, 0, 0]));
    line(root, tip, paint);
    for (const side of [-1, 1]) line(tip, add(add(tip, normal, -HEAD * length), beside, 0.5 * side * HEAD * length), paint);
  };
  const grey = cssColour(root, '--cloud-camera'), { camera, size: [H, W] } = scene, z = 0.12 * middle;
  const corners = [[0, 0], [W, 0], [W, H], [0, H]].map(([x, y]) => lift(camera, [x - 0.5, y - 0.5], z));
  corners.forEach((corner, k) => { line([0, 0, 0], corner, grey); line(corner, corners[(k + 1) % 4], grey); });
  if (scene.needles?.count) {
    const bytes = Uint8Array.from(atob(scene.needles.data), (c) => c.charCodeAt(0));
    const numbers = Float32Array.from(new Uint16Array(bytes.buffer), half), { count, length } = scene.needles;
    const paints = ['--cloud-predicted', '--cloud-derived'].map((name) => cssColour(root, name));
    for (let k = stage * count; k < (stage + 1) * count; k++) {
      const [x, y, depth, ...normals] = numbers.subarray(9 * k, 9 * k + 9);
      if (!(depth > 0)) continue;
      paints.forEach((paint, which) => {
        const normal = normals.slice(3 * which, 3 * which + 3);
        if (Math.hypot(...normal) > 0.5) arrow([x, y, depth], normal, length, paint);
      });
    }
  }
  return { start: new Float32Array(start), end: new Float32Array(end), colour: new Uint8Array(colour) };
}

// The colours of a stage, the same array for the same file, so that it goes to the graphics card once.
function painted(buffer, block) {
  if (shape.painted?.buffer !== buffer) shape.painted = { buffer, blocks: {} };
  const size = 3 * shape.count;
  return shape.painted.blocks[block] ??= arranged(new Uint8Array(buffer, block * size, size), shape.order, 3);
}

function place(scene, colours) {
  const blocks = colours.byteLength / shape.count / 3; // one for all stages, or one each
  const same = (name) => JSON.stringify(last[name]) === JSON.stringify(scene[name]);
  const region = same('region') ? shape.region : unrolled(scene.region);
  shape.region = region;
  while (panes.length < scene.stages.length) addPane();
  panes.forEach((pane, k) => {
    const stage = scene.stages[k];
    const asked = scene.show === stage || scene.stages.length === 1 || (scene.show === 'both' && stage !== 'truth');
    pane.figure.hidden = !stage || !asked;
    if (!stage) { pane.scene = null; return; }
    const middle = median(shape.depths[k]) / 65535 * scene.farthest, block = Math.min(k, blocks - 1);
    const depth = scene.probe.depths[k];
    pane.scene = {
      ...scene, region, pixels: shape.pixels, depths: shape.depths[k], jumps: shape.jumps[k],
      colours: painted(colours, block),
      ...themed(scene, k, middle), probe: depth ? lift(scene.camera, scene.probe.at, depth) : null,
    };
    pane.call(stage, scene.names[k]);
    const total = number.format(scene.size[0] * scene.size[1]);
    pane.figure.querySelector('figcaption').innerHTML =
      `<b class="mt-${stage}"></b> <span class="mt-subdued">${number.format(scene.counts[k])} of ${total} points</span>`;
    pane.figure.querySelector('figcaption b').textContent = scene.names[k];
  });
  root.classList.toggle('mt-cloud-pair', panes.filter((pane) => !pane.figure.hidden).length > 1);
  legend.hidden = !scene.needles || !scene.arrows;
  legend.firstElementChild.textContent = scene.arrows;
  key.hidden = root.querySelector('.mt-cloud-tools').hidden = false;
}

// What has the colours of the page: dark or light.
function themed(scene, stage, middle) {
  return { lines: linesOf(scene, stage, middle), mark: cssColour(root, '--cloud-region').slice(0, 3) };
}

function move(scene) {
  const predicted = scene.stages.filter((stage) => stage !== 'truth').length - 1; // of the predictions
  orbit.seePhoto(scene.camera, scene.size, median(shape.depths[predicted]) / 65535 * scene.farthest);
  const fresh = scene.run !== last.run;
  if (fresh) orbit.set(orbit.home);
  if (scene.focus && (fresh || scene.focus.rank !== last.focus?.rank)) frameRegion(scene.focus);
}

function frameRegion(focus) {
  const { clientWidth, clientHeight } = panes.find((pane) => !pane.figure.hidden)?.canvas ?? {};
  orbit.look(focus, clientWidth / clientHeight || 4 / 3); // not on the page yet: as it will be
}

async function update() {
  const mine = ++turn, scene = props.value;
  if (!scene?.depths) {
    value = null;
    panes.forEach((pane) => { pane.figure.hidden = true; pane.scene = null; });
    key.hidden = root.querySelector('.mt-cloud-tools').hidden = true;
    say(scene?.message ?? '');
    return;
  }
  try {
    const [depths, colours] = await Promise.all([fetched(scene.depths), fetched(scene.colours)]);
    if (mine !== turn) return; // something newer is on its way
    if (shape?.url !== scene.depths.url) {
      shape = { ...unpack(depths, scene), url: scene.depths.url, region: unrolled(scene.region) };
      ruler.clear(); // its points are no more
    }
    value = scene;
    place(scene, colours);
    move(scene);
    last = scene;
    say('');
    tell();
    request();
  } catch (error) {
    if (mine === turn) say(`The points could not be loaded (${error.message}). Choose a colour to try again.`);
  }
}

watch('value', update);
update();
new MutationObserver(() => { // dark or light
  if (!value) return;
  panes.forEach((pane, k) => {
    if (pane.scene) Object.assign(pane.scene, themed(value, k, median(shape.depths[k]) / 65535 * value.farthest));
  });
  request();
}).observe(document.body, { attributes: true, attributeFilter: ['class'] });
document.addEventListener('click', (event) => { // the chosen failure once more: the server has nothing new to say
  const rank = Number(event.target.closest?.('[data-failure]')?.dataset.failure);
  if (rank && rank === value?.focus?.rank) frameRegion(value.focus);
});
