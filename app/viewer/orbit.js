// The shared camera: an eye that circles a target. World axes are the photo camera's: x right, y down, z forward.
// yaw and pitch (radians) say how far the eye went to the left and up from looking along z.
const add = (a, b, s = 1) => [a[0] + s * b[0], a[1] + s * b[1], a[2] + s * b[2]];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const unit = (a) => { const l = Math.hypot(...a) || 1; return a.map((v) => v / l); };
const clamp = (v, low, high) => Math.min(Math.max(v, low), high);
const radians = (degrees) => degrees * Math.PI / 180;
const ASIDE = radians(26), ABOVE = radians(18); // of the first view: in the photo's own, a cloud looks flat
const STEEPEST = radians(85), FLIGHT_MS = 400;
const FILLED = 0.7; // of the picture's width or height by a framed region: half of the picture if it has its shape

class Orbit {
  constructor(changed) {
    this.changed = changed;
    this.home = { target: [0, 0, 3], distance: 3.6, yaw: ASIDE, pitch: ABOVE };
    this.tangents = [0.58, 0.43]; // half the photo's width and height at distance 1
    this.flight = 0;
    Object.assign(this, this.home);
  }

  // The first view of a photo: all of it, from a little above and aside.
  seePhoto(camera, size, depth) {
    this.tangents = [Math.max(camera.cx, size[1] - camera.cx) / camera.fx, Math.max(camera.cy, size[0] - camera.cy) / camera.fy];
    this.home = { target: [0, 0, depth], distance: 1.2 * depth, yaw: ASIDE, pitch: ABOVE };
  }

  get back() { // from the target to the eye
    return [-Math.sin(this.yaw) * Math.cos(this.pitch), -Math.sin(this.pitch), -Math.cos(this.yaw) * Math.cos(this.pitch)];
  }

  // Half the height of the picture at distance 1, so that the photo fits into a canvas of that width / height.
  halfHeight(aspect) {
    return clamp(Math.max(this.tangents[1], this.tangents[0] / aspect), 0.1, 2.5);
  }

  axes() { // of the picture: right, up, forward
    const forward = this.back.map((v) => -v);
    const right = unit(cross(forward, [0, -1, 0]));
    return { right, up: cross(right, forward), forward };
  }

  // Column-major world -> clip matrix.
  matrix(aspect) {
    const { right, up, forward } = this.axes();
    const eye = add(this.target, this.back, this.distance);
    const half = this.halfHeight(aspect), near = this.distance / 100, far = this.distance * 10 + 100;
    const rows = [
      [...right, -dot(right, eye)].map((v) => v / (half * aspect)),
      [...up, -dot(up, eye)].map((v) => v / half),
      [...forward, -dot(forward, eye)].map((v, k) => (v * (far + near) - (k === 3 ? 2 * far * near : 0)) / (far - near)),
      [...forward, -dot(forward, eye)],
    ];
    return new Float32Array([0, 1, 2, 3].flatMap((column) => rows.map((row) => row[column])));
  }

  set(state) { this.flight++; Object.assign(this, state); this.changed(); }

  turn(left, up) {
    this.set({ yaw: this.yaw + left, pitch: clamp(this.pitch + up, -STEEPEST, STEEPEST) });
  }

  zoom(factor) { this.set({ distance: clamp(this.distance * factor, 0.05, 200) }); }

  // Moves the target so that what is there follows by (x, y) pixels in a canvas of that height.
  pan(x, y, height, aspect) {
    const scale = 2 * this.distance * this.halfHeight(aspect) / height, { right, up } = this.axes();
    this.set({ target: add(add(this.target, right, -x * scale), up, y * scale) });
  }

  reset() { this.fly(this.home); }

  // Turns about that point from now on: it comes to the middle and stays as large as it is.
  centre(point) {
    const eye = add(this.target, this.back, this.distance), distance = clamp(dot(add(eye, point, -1), this.back), 0.05, 200);
    this.fly({ target: point, distance, yaw: this.yaw, pitch: this.pitch });
  }

  // Frames a region (see `Viewpoint` in mtcp/geometry/cloud.py) in a canvas of that width / height.
  look(focus, aspect) {
    const half = this.halfHeight(aspect);
    const distance = Math.max(focus.width / aspect, focus.height) / (half * FILLED) + focus.nearer;
    this.fly({ target: focus.centre, distance, yaw: radians(focus.yaw), pitch: radians(focus.pitch) });
  }

  fly(to) {
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) { this.set(to); return; }
    const from = { target: this.target, distance: this.distance, yaw: this.yaw, pitch: this.pitch };
    const turn = Math.round((to.yaw - from.yaw) / (2 * Math.PI)) * 2 * Math.PI; // the short way round
    const flight = ++this.flight, start = performance.now();
    const step = (now) => {
      if (flight !== this.flight) return; // another movement took over
      const t = clamp((now - start) / FLIGHT_MS, 0, 1), s = t * t * (3 - 2 * t);
      const mix = (a, b) => a + s * (b - a);
      this.target = from.target.map((v, k) => mix(v, to.target[k]));
      this.distance = Math.exp(mix(Math.log(from.distance), Math.log(to.distance)));
      this.yaw = mix(from.yaw, to.yaw - turn);
      this.pitch = mix(from.pitch, to.pitch);
      this.changed();
      if (t < 1) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }
}
