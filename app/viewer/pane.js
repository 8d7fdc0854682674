// One canvas with one stage's cloud. Draws only when asked to.
const NO_WEBGL = 'This browser draws no 3D here: it needs WebGL2. Try another browser, or switch hardware acceleration on; '
  + 'the other views, and the downloads, work without it.';
const LOST = 'The graphics card dropped this picture; it comes back by itself when the card is free again.';
const SHARPEST = 2; // device pixels per CSS pixel, at most
const BYTES = 255;
const ROUND_PX = 3.5; // canvas pixels from which on points are drawn round

class Pane {
  constructor(figure, orbit, changed) {
    this.figure = figure;
    this.orbit = orbit;
    this.canvas = figure.querySelector('canvas');
    this.overlay = new Overlay(figure.querySelector('svg'));
    this.said = figure.querySelector('.mt-cloud-message');
    this.scene = null; // what to draw
    this.canvas.addEventListener('webglcontextlost', (event) => {
      event.preventDefault();
      this.gl = null;
      this.say(LOST);
    });
    this.canvas.addEventListener('webglcontextrestored', () => { this.begin(); changed(); });
    this.begin();
  }

  say(text) {
    this.said.textContent = text;
    this.said.hidden = !text;
  }

  begin() {
    const gl = this.canvas.getContext('webgl2', { antialias: false, alpha: true });
    if (!gl) { this.say(NO_WEBGL); return; }
    this.say('');
    try {
      this.prepare(gl);
      this.gl = gl;
    } catch (error) {
      this.say(NO_WEBGL);
      console.warn(error); // a driver that refuses a shader: the rest of the page goes on
    }
  }

  prepare(gl) {
    this.loaded = {}; // what the graphics card has: compared by identity
    gl.enable(gl.DEPTH_TEST);
    gl.clearColor(0, 0, 0, 0);
    this.round = program(gl, POINT_VERTEX, ROUND_FRAGMENT);
    this.square = program(gl, POINT_VERTEX, SQUARE_FRAGMENT);
    this.points = { attribute: this.round.attribute }; // both programs have the same
    this.points.array = gl.createVertexArray();
    gl.bindVertexArray(this.points.array);
    this.points.pixel = feed(gl, this.points.attribute('pixel'), 2, gl.UNSIGNED_SHORT);
    this.points.depth = feed(gl, this.points.attribute('depth'), 1, gl.UNSIGNED_SHORT, true);
    this.points.jump = feed(gl, this.points.attribute('jump'), 1, gl.UNSIGNED_BYTE);
    this.points.colour = feed(gl, this.points.attribute('colour'), 3, gl.UNSIGNED_BYTE, true);
    this.lines = program(gl, LINE_VERTEX, LINE_FRAGMENT);
    this.lines.array = gl.createVertexArray();
    gl.bindVertexArray(this.lines.array);
    this.lines.start = feed(gl, this.lines.attribute('start'), 3, gl.FLOAT, false, 1);
    this.lines.end = feed(gl, this.lines.attribute('end'), 3, gl.FLOAT, false, 1);
    this.lines.colour = feed(gl, this.lines.attribute('colour'), 4, gl.UNSIGNED_BYTE, true, 1);
    gl.bindVertexArray(null);
    this.marker = program(gl, MARKER_VERTEX, MARKER_FRAGMENT);
    this.region = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.region);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    for (const [name, value] of [['MIN_FILTER', 'NEAREST'], ['MAG_FILTER', 'NEAREST'], ['WRAP_S', 'CLAMP_TO_EDGE'], ['WRAP_T', 'CLAMP_TO_EDGE']]) {
      gl.texParameteri(gl.TEXTURE_2D, gl[`TEXTURE_${name}`], gl[value]);
    }
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, 1, 1, 0, gl.RED, gl.UNSIGNED_BYTE, new Uint8Array(1));
  }

  // Calls `put` with the scene's entry of that name if the graphics card does not have it yet.
  renew(name, put) {
    const value = this.scene[name];
    if (this.loaded[name] === value) return;
    this.loaded[name] = value;
    put(value);
  }

  upload() {
    const { gl, points, lines } = this;
    this.renew('pixels', (data) => load(gl, points.pixel, data));
    this.renew('depths', (data) => load(gl, points.depth, data));
    this.renew('jumps', (data) => load(gl, points.jump, data));
    this.renew('colours', (data) => load(gl, points.colour, data));
    this.renew('lines', (data) => {
      load(gl, lines.start, data.start);
      load(gl, lines.end, data.end);
      load(gl, lines.colour, data.colour);
    });
    this.renew('region', (region) => {
      if (!region) return;
      gl.bindTexture(gl.TEXTURE_2D, this.region);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, region.width, region.height, 0, gl.RED, gl.UNSIGNED_BYTE, region.mask);
    });
  }

  fit() { // the canvas's pixels to its place on the page; false if it has none
    const { canvas } = this, ratio = Math.min(devicePixelRatio || 1, SHARPEST);
    const width = Math.round(canvas.clientWidth * ratio), height = Math.round(canvas.clientHeight * ratio);
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
    return spread * gap / Math.sqrt(share) * this.canvas.height / 2 / this.orbit.halfHeight(this.aspect);
  }

  // share: of the points; any first part of them is spread evenly over the photo.
  draw(share = 1) {
    if (this.figure.hidden || !this.scene || !this.fit()) return;
    this.overlay.draw(this.orbit, this.canvas.clientWidth, this.canvas.clientHeight);
    const { gl, scene } = this;
    if (!gl || gl.isContextLost()) return;
    this.upload();
    const matrix = this.orbit.matrix(this.aspect), { camera } = scene;
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    const wide = this.pointScale(share), near = Math.hypot(...this.orbit.target) / this.orbit.distance;
    let { made, at } = wide * near > ROUND_PX ? this.round : this.square;
    gl.useProgram(made);
    gl.uniformMatrix4fv(at.matrix, false, matrix);
    gl.uniform4f(at.camera, camera.fx, camera.fy, camera.cx, camera.cy);
    gl.uniform2f(at.photo, scene.size[1], scene.size[0]);
    gl.uniform1f(at.farthest, scene.farthest);
    gl.uniform1f(at.limit, scene.limit);
    gl.uniform1f(at.scale, wide);
    gl.uniform1i(at.marked, scene.region ? 1 : 0);
    gl.uniform3fv(at.mark, cssColour(this.figure, '--cloud-region').slice(0, 3).map((v) => v / BYTES));
    gl.bindTexture(gl.TEXTURE_2D, this.region);
    gl.bindVertexArray(this.points.array);
    gl.drawArrays(gl.POINTS, 0, Math.ceil(share * scene.depths.length));
    ({ made, at } = this.lines);
    gl.useProgram(made);
    gl.uniformMatrix4fv(at.matrix, false, matrix);
    gl.uniform2f(at.canvas, this.canvas.width, this.canvas.height);
    gl.uniform1f(at.width, 1.7 * this.ratio);
    gl.bindVertexArray(this.lines.array);
    gl.drawArraysInstanced(gl.TRIANGLES, 0, 6, scene.lines.start.length / 3);
    gl.bindVertexArray(null);
    if (scene.probe) this.drawMarker(matrix, scene.probe);
  }

  drawMarker(matrix, point) {
    const { gl } = this, { made, at } = this.marker, size = 34 * this.ratio;
    gl.useProgram(made);
    gl.disable(gl.DEPTH_TEST);
    gl.uniformMatrix4fv(at.matrix, false, matrix);
    gl.uniform3fv(at.at, point);
    gl.uniform1f(at.size, size);
    gl.drawArrays(gl.POINTS, 0, 1);
    gl.enable(gl.DEPTH_TEST);
  }

  // The photo's pixel [column, row] of the point at (x, y) CSS pixels of the canvas, or null: of those under the
  // pointer the nearest to the eye.
  pick(x, y) {
    const { scene } = this;
    if (!scene || !this.fit()) return null;
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
    return best ? [scene.pixels[2 * best[0]], scene.pixels[2 * best[0] + 1]] : null;
  }
}
