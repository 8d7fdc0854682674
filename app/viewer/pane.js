// One stage's cloud on its canvas, and who draws it. Draws only when asked to.
const KEYS = 'Arrow keys turn it, plus and minus zoom, shift with an arrow moves, R resets the view, M measures, '
  + 'Enter takes the point in the middle, C turns about it, F fills the screen.';
const IMITATED = /swiftshader|llvmpipe|softpipe|software|basic render/i;

// Is there a graphics card behind WebGL2? A program that imitates one is several times slower than our own loop.
function hasCard() {
  const gl = document.createElement('canvas').getContext('webgl2', { failIfMajorPerformanceCaveat: true });
  if (!gl) return false;
  const asked = gl.getExtension('WEBGL_debug_renderer_info');
  const name = gl.getParameter(asked ? asked.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
  gl.getExtension('WEBGL_lose_context')?.loseContext(); // browsers give out few at a time
  return !IMITATED.test(name);
}

class Pane {
  constructor(figure, orbit, ruler, changed) {
    this.figure = figure;
    this.orbit = orbit;
    this.ruler = ruler;
    this.canvas = figure.querySelector('canvas');
    this.overlay = new Overlay(figure.querySelector('svg'));
    this.scene = null; // what to draw
    const begin = () => { this.painter = this.begin(); changed(); };
    this.canvas.addEventListener('webglcontextlost', (event) => { event.preventDefault(); begin(); });
    this.canvas.addEventListener('webglcontextrestored', begin);
    this.painter = this.begin();
  }

  begin() {
    this.painter?.end();
    hasCard.answer ??= hasCard();
    const gl = hasCard.answer && this.canvas.getContext('webgl2', { antialias: false, alpha: true });
    if (gl && !gl.isContextLost()) {
      try {
        return new Card(gl);
      } catch (error) {
        console.warn(error); // a driver that refuses a shader: the processor can draw it
      }
    }
    return new Splat(this.canvas);
  }

  call(stage, name) {
    this.figure.dataset.stage = stage;
    this.name = name;
    this.canvas.setAttribute('aria-label', `Point cloud, ${name}. ${KEYS}`);
  }

  fit() { // the canvas's pixels to its place on the page; false if it has none
    const { clientWidth, clientHeight } = this.canvas, { canvas, sharpest } = this.painter;
    const ratio = Math.min(devicePixelRatio || 1, sharpest);
    const width = Math.round(clientWidth * ratio), height = Math.round(clientHeight * ratio);
    if (!width || !height) return false;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    this.ratio = ratio;
    this.aspect = width / height;
    return true;
  }

  // Canvas pixels that a point at depth 1, seen from distance 1, is wide, if that share of the points is drawn.
  pointScale(share = 1) {
    const { camera, size, grid, spread } = this.scene;
    const gap = Math.max(size[1] / grid[1] / camera.fx, size[0] / grid[0] / camera.fy);
    return spread * gap / Math.sqrt(share) * this.painter.canvas.height / 2 / this.orbit.halfHeight(this.aspect);
  }

  // share: of the points; any first part of them is spread evenly over the photo.
  draw(share = 1) {
    if (this.figure.hidden || !this.scene || !this.fit()) return;
    this.write();
    this.painter.draw(this.scene, {
      share, matrix: this.orbit.matrix(this.aspect), ratio: this.ratio, wide: this.pointScale(share),
      nearest: this.orbit.distance / 100, typical: Math.hypot(...this.orbit.target) / this.orbit.distance,
    });
  }

  write() { // all that is over the canvas
    const { clientWidth: width, clientHeight: height } = this.canvas, points = this.ruler.ends(this.scene);
    this.overlay.draw(this.orbit, width, height);
    const seen = points.map((point) => this.project(point)), hidden = seen.some(([, , w]) => w < this.orbit.distance / 100);
    const aims = this.ruler.on && this.canvas.matches(':focus-visible');
    this.overlay.drawRule(hidden ? [] : seen, this.ruler.metres(this.scene), aims, width, height);
  }

  // CSS pixels x, y of a point in the world, and its distance along the view.
  project([X, Y, Z]) {
    const m = this.orbit.matrix(this.aspect), row = (r) => m[r] * X + m[4 + r] * Y + m[8 + r] * Z + m[12 + r], w = row(3);
    return [(row(0) / w + 1) / 2 * this.canvas.clientWidth, (1 - row(1) / w) / 2 * this.canvas.clientHeight, w];
  }

  // Which point is at (x, y) CSS pixels of the canvas, -1: none. Of those under the pointer the nearest to the eye.
  pick(x, y) {
    const { scene } = this;
    if (!scene || !this.fit()) return -1;
    const m = this.orbit.matrix(this.aspect), { fx, fy, cx, cy } = scene.camera;
    const width = this.canvas.clientWidth, height = this.canvas.clientHeight;
    const found = [];
    let front = Infinity;
    const wide = this.pointScale() / this.ratio / 2;
    for (let k = 0; k < scene.depths.length; k++) {
      if (!scene.depths[k] || scene.jumps[k] > scene.limit) continue;
      const Z = scene.depths[k] / 65535 * scene.farthest;
      const X = (scene.pixels[2 * k] + 0.5 - cx) / fx * Z, Y = (scene.pixels[2 * k + 1] + 0.5 - cy) / fy * Z;
      const w = m[3] * X + m[7] * Y + m[11] * Z + m[15];
      if (w <= 0) continue;
      const dx = ((m[0] * X + m[4] * Y + m[8] * Z + m[12]) / w + 1) / 2 * width - x;
      const dy = (1 - (m[1] * X + m[5] * Y + m[9] * Z + m[13]) / w) / 2 * height - y;
      const reach = Math.max(5, wide * Z / w);
      const away = dx * dx + dy * dy;
      if (away > reach * reach) continue;
      found.push([k, w, away]);
      front = Math.min(front, w);
    }
    const best = found.filter(([, w]) => w <= 1.03 * front).sort((a, b) => a[2] - b[2])[0];
    return best ? best[0] : -1;
  }
}
