// Draws a cloud with the graphics card (WebGL2).
const ROUND_PX = 3.5; // canvas pixels from which on points are drawn round
const MARKER_PX = 34, LINE_PX = 1.4; // CSS pixels

class Card {
  constructor(gl) {
    this.gl = gl;
    this.canvas = gl.canvas;
    this.by = 'WebGL2';
    this.sharpest = 2; // device pixels per CSS pixel, at most
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

  end() {} // a lost context has let go of everything already

  // Calls `put` with the scene's entry of that name if the graphics card does not have it yet.
  renew(scene, name, put) {
    if (this.loaded[name] === scene[name]) return;
    this.loaded[name] = scene[name];
    put(scene[name]);
  }

  upload(scene) {
    const { gl, points, lines } = this;
    this.renew(scene, 'pixels', (data) => load(gl, points.pixel, data));
    this.renew(scene, 'depths', (data) => load(gl, points.depth, data));
    this.renew(scene, 'jumps', (data) => load(gl, points.jump, data));
    this.renew(scene, 'colours', (data) => load(gl, points.colour, data));
    this.renew(scene, 'lines', (data) => {
      load(gl, lines.start, data.start);
      load(gl, lines.end, data.end);
      load(gl, lines.colour, data.colour);
    });
    this.renew(scene, 'region', (region) => {
      if (!region) return;
      gl.bindTexture(gl.TEXTURE_2D, this.region);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, region.width, region.height, 0, gl.RED, gl.UNSIGNED_BYTE, region.mask);
    });
  }

  // view: share of the points, matrix, wide (see Pane.pointScale), typical (how much wider a point in the middle is),
  // ratio (canvas pixels per CSS pixel).
  draw(scene, view) {
    const { gl } = this, { camera } = scene;
    if (gl.isContextLost()) return;
    this.upload(scene);
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    let { made, at } = view.wide * view.typical > ROUND_PX ? this.round : this.square;
    gl.useProgram(made);
    gl.uniformMatrix4fv(at.matrix, false, view.matrix);
    gl.uniform4f(at.camera, camera.fx, camera.fy, camera.cx, camera.cy);
    gl.uniform2f(at.photo, scene.size[1], scene.size[0]);
    gl.uniform1f(at.farthest, scene.farthest);
    gl.uniform1f(at.limit, scene.limit);
    gl.uniform1f(at.scale, view.wide);
    gl.uniform1i(at.marked, scene.region ? 1 : 0);
    gl.uniform3fv(at.mark, scene.mark.map((v) => v / 255));
    gl.bindTexture(gl.TEXTURE_2D, this.region);
    gl.bindVertexArray(this.points.array);
    gl.drawArrays(gl.POINTS, 0, Math.ceil(view.share * scene.depths.length));
    ({ made, at } = this.lines);
    gl.useProgram(made);
    gl.uniformMatrix4fv(at.matrix, false, view.matrix);
    gl.uniform2f(at.canvas, this.canvas.width, this.canvas.height);
    gl.uniform1f(at.width, LINE_PX * view.ratio);
    gl.bindVertexArray(this.lines.array);
    gl.drawArraysInstanced(gl.TRIANGLES, 0, 6, scene.lines.start.length / 3);
    gl.bindVertexArray(null);
    if (scene.probe) this.drawMarker(view, scene.probe);
  }

  drawMarker(view, point) {
    const { gl } = this, { made, at } = this.marker;
    gl.useProgram(made);
    gl.disable(gl.DEPTH_TEST);
    gl.uniformMatrix4fv(at.matrix, false, view.matrix);
    gl.uniform3fv(at.at, point);
    gl.uniform1f(at.size, MARKER_PX * view.ratio);
    gl.drawArrays(gl.POINTS, 0, 1);
    gl.enable(gl.DEPTH_TEST);
  }
}
