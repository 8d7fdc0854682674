// Mouse, touch and keyboard on one canvas.
const STILL = 4; // CSS pixels a pointer may move and still be a click
const SECOND_CLICK_MS = 250;

// asked: what else can be done: `click` and `centre` at CSS pixels (x, y) of a pane's canvas.
function steer(pane, orbit, asked) {
  const { canvas } = pane, pointers = new Map();
  let moved = 0, waiting = 0;
  const spot = (event) => [event.offsetX, event.offsetY];
  const gesture = () => { // middle and spread of two fingers
    const [a, b] = [...pointers.values()];
    return { x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2, apart: Math.hypot(a[0] - b[0], a[1] - b[1]) || 1 };
  };
  const pan = (x, y) => orbit.pan(x, y, canvas.clientHeight, canvas.clientWidth / canvas.clientHeight);

  canvas.addEventListener('pointerdown', (event) => {
    canvas.setPointerCapture(event.pointerId);
    if (!pointers.size) moved = 0;
    pointers.set(event.pointerId, spot(event));
    if (pointers.size > 1) moved = Infinity;
  });
  canvas.addEventListener('pointermove', (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) return;
    const before = pointers.size === 2 ? gesture() : null, now = spot(event);
    pointers.set(event.pointerId, now);
    const dx = now[0] - last[0], dy = now[1] - last[1];
    moved += Math.hypot(dx, dy);
    if (moved <= STILL) return;
    if (before) {
      const after = gesture();
      orbit.zoom(before.apart / after.apart);
      pan(after.x - before.x, after.y - before.y);
    } else if (event.shiftKey || event.buttons & 6) pan(dx, dy);
    else if (pointers.size === 1) orbit.turn(dx * 0.006, dy * 0.006);
  });
  const release = (event) => {
    const click = event.type === 'pointerup' && pointers.has(event.pointerId) && moved <= STILL && event.button === 0;
    pointers.delete(event.pointerId);
    if (!click) return;
    clearTimeout(waiting);
    const [x, y] = spot(event);
    waiting = setTimeout(() => asked.click(pane, x, y), SECOND_CLICK_MS); // unless it is half of a double click
  };
  canvas.addEventListener('pointerup', release);
  canvas.addEventListener('pointercancel', release);
  canvas.addEventListener('dblclick', (event) => { clearTimeout(waiting); asked.centre(pane, ...spot(event)); });
  canvas.addEventListener('contextmenu', (event) => event.preventDefault());
  canvas.addEventListener('wheel', (event) => {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 30 : event.deltaMode === 2 ? 400 : 1);
    orbit.zoom(Math.exp(clamp(pixels, -200, 200) * 0.0015));
  }, { passive: false });
  const keys = {
    ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
  };
  canvas.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = keys[event.key];
    if (arrow && event.shiftKey) pan(-24 * arrow[0], -24 * arrow[1]);
    else if (arrow) orbit.turn(-0.09 * arrow[0], -0.09 * arrow[1]);
    else if (event.key === '+' || event.key === '=') orbit.zoom(1 / 1.15);
    else if (event.key === '-') orbit.zoom(1.15);
    else if (event.key === 'c' || event.key === 'C') asked.centre(pane, canvas.clientWidth / 2, canvas.clientHeight / 2);
    else if (event.key === 'Enter') asked.click(pane, canvas.clientWidth / 2, canvas.clientHeight / 2);
    else return;
    event.preventDefault();
  });
}
