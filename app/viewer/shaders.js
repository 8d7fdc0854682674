// Points are pixels of the photo with a depth: the camera lifts them here. Sizes follow the gap between neighbours.
const POINT_VERTEX = `#version 300 es
uniform mat4 matrix;
uniform vec4 camera;     // fx, fy, cx, cy in pixels
uniform vec2 photo;      // width, height in pixels
uniform float farthest;  // metres at depth 1
uniform float limit;     // largest jump shown
uniform float scale;     // canvas pixels per metre at distance 1, times the gap in radians, times the person's choice
uniform bool marked;
uniform sampler2D region;
uniform vec3 mark;
layout(location = 0) in vec2 pixel;
layout(location = 1) in float depth;
layout(location = 2) in float jump;
layout(location = 3) in vec3 colour;
flat out vec3 shade;
flat out float size;
float inside(vec2 at) { return step(0.5, texture(region, at).r); }
void main() {
  shade = colour;
  size = 1.0;
  gl_PointSize = 1.0;
  if (depth <= 0.0 || jump > limit) { gl_Position = vec4(2.0, 2.0, 2.0, 1.0); return; }
  float z = depth * farthest;
  gl_Position = matrix * vec4((pixel + 0.5 - camera.zw) / camera.xy * z, z, 1.0);
  size = clamp(scale * z / gl_Position.w, 1.5, 48.0);
  gl_PointSize = size;
  if (!marked) return;
  vec2 at = (pixel + 0.5) / photo, edge = 2.0 / vec2(textureSize(region, 0));
  if (inside(at) < 0.5) return;
  float around = inside(at + vec2(edge.x, 0)) + inside(at - vec2(edge.x, 0)) + inside(at + vec2(0, edge.y)) + inside(at - vec2(0, edge.y));
  shade = mix(colour, mark, around < 3.5 ? 1.0 : 0.22);
}`;

const ROUND_FRAGMENT = `#version 300 es
precision highp float;
flat in vec3 shade;
flat in float size;
out vec4 paint;
void main() {
  vec2 at = gl_PointCoord * 2.0 - 1.0;
  if (size > 2.5 && dot(at, at) > 1.0) discard;
  paint = vec4(shade, 1.0);
}`;

// For points so small that nobody sees their corners: without a discard, hidden ones cost nothing.
const SQUARE_FRAGMENT = `#version 300 es
precision highp float;
flat in vec3 shade;
out vec4 paint;
void main() { paint = vec4(shade, 1.0); }`;

// A line is a strip as wide as asked for, with a dark or light rim so that it stands out from any colour.
const LINE_VERTEX = `#version 300 es
uniform mat4 matrix;
uniform vec2 canvas;     // pixels
uniform float width;     // pixels
in vec3 start; in vec3 end; in vec4 colour;
out vec4 shade;
out float across;
void main() {
  vec4 a = matrix * vec4(start, 1.0), b = matrix * vec4(end, 1.0);
  const float near = 0.01;
  if (a.w < near && b.w < near) { gl_Position = vec4(2.0, 2.0, 2.0, 1.0); return; }
  if (a.w < near) a = mix(a, b, (near - a.w) / (b.w - a.w));
  if (b.w < near) b = mix(b, a, (near - b.w) / (a.w - b.w));
  vec2 along = (b.xy / b.w - a.xy / a.w) * canvas;
  along = length(along) > 1e-4 ? normalize(along) : vec2(1.0, 0.0);
  int corner = int[6](0, 1, 2, 2, 1, 3)[gl_VertexID];
  across = (corner & 1) == 0 ? -1.0 : 1.0;
  vec4 at = corner < 2 ? a : b;
  at.xy += vec2(-along.y, along.x) * across * width / canvas * at.w;
  at.z -= 0.004 * at.w;  // a needle's root is not buried in its point
  shade = colour;
  gl_Position = at;
}`;

const LINE_FRAGMENT = `#version 300 es
precision highp float;
in vec4 shade;
in float across;
out vec4 paint;
void main() {
  paint = vec4(abs(across) > 0.6 ? shade.rgb * 0.25 : shade.rgb, 1.0);
}`;

// The probe: ring and cross, white with a dark rim, always in front.
const MARKER_VERTEX = `#version 300 es
uniform mat4 matrix;
uniform vec3 at;
uniform float size;
void main() {
  gl_Position = matrix * vec4(at, 1.0);
  gl_PointSize = size;
}`;

const MARKER_FRAGMENT = `#version 300 es
precision highp float;
uniform float size;
out vec4 paint;
void main() {
  vec2 p = (gl_PointCoord - 0.5) * size;
  float unit = size / 34.0;
  float ring = abs(length(p) - 11.0 * unit);
  float arm = max(min(abs(p.x), abs(p.y)), max(0.0, max(abs(p.x), abs(p.y)) - 16.0 * unit));
  float gap = length(p) < 3.0 * unit ? 9.0 : 0.0;
  float near = min(ring, arm + gap) / unit;
  if (near > 2.2) discard;
  paint = near < 1.1 ? vec4(1.0) : vec4(0.05, 0.07, 0.12, 1.0);
}`;
