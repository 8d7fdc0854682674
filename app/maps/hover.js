// What the page does with a pointer over any map: values beside it, a cross at the same place in all other pictures,
// outlines of failures, and one divider for all comparisons. Nothing here asks the server.
const STILL_PX = 8; // a finger may move by this much and still tap
let arrays = null, turn = 0, waiting = null, pressed = null, dragged = null;

// ---- values
async function load() {
  const now = ++turn, { value } = props;
  arrays = null;
  leave();
  const photo = document.querySelector('#photo img');
  document.documentElement.style.setProperty('--photo', photo ? `url("${photo.src}")` : 'none');
  if (!value) return;
  try {
    const loaded = new Arrays(await Promise.all(value.map(unpacked)));
    if (now === turn) arrays = loaded;
  } catch {
    if (now === turn) arrays = null; // the file is gone, or the browser cannot unpack: the probe still reads out
  }
  element.dataset.ready = String(arrays !== null);
}

function divider(compare) {
  const content = compare.querySelector('.content').getBoundingClientRect();
  const img = compare.querySelector('.content img'), handle = compare.querySelector('.outer').getBoundingClientRect();
  const width = Math.min(content.width, content.height * img.naturalWidth / img.naturalHeight);
  return (handle.left + handle.width / 2 - content.left - (content.width - width) / 2) / width;
}

// Whose values the picture shows at that point.
function stageUnder(img, event) {
  const compare = img.closest('.mt-compare');
  if (!compare) return img.closest('.mt-alone') ? 'initial' : img.closest('.mt-is-truth') ? 'truth' : null;
  const handle = compare.querySelector('.outer').getBoundingClientRect();
  return event.clientX < handle.left + handle.width / 2 ? 'initial' : 'refined';
}

// ---- the cross
function mark(at, own) {
  const places = [...document.querySelectorAll('.mt-pick')].map((pick) => {
    const img = pick === own ? null : pick.querySelector('img');
    return { pick, outer: pick.getBoundingClientRect(), inner: img && img.getClientRects().length ? pictureBox(img) : null };
  });
  for (const { pick, outer, inner } of places) {
    let cross = pick.querySelector(':scope > .mt-linked');
    if (!inner) {
      if (cross) cross.hidden = true;
      continue;
    }
    if (!cross) {
      cross = document.createElement('i');
      cross.className = 'mt-linked';
      pick.append(cross);
    }
    cross.hidden = false;
    Object.assign(cross.style, {
      left: `${inner.left - outer.left - pick.clientLeft}px`, top: `${inner.top - outer.top - pick.clientTop}px`,
      width: `${inner.width}px`, height: `${inner.height}px`,
    });
    cross.style.setProperty('--x', `${100 * at.x}%`);
    cross.style.setProperty('--y', `${100 * at.y}%`);
  }
}

function leave() {
  box.hidden = true;
  for (const cross of document.querySelectorAll('.mt-linked')) cross.hidden = true;
}

function show(event, touch) {
  const img = event.target.closest?.('.mt-pick') && pictureUnder(event);
  const at = img && fraction(img, event);
  if (!at) return leave();
  mark(at, touch ? null : img.closest('.mt-pick'));
  if (!arrays) return;
  fillReadout(arrays, at, stageUnder(img, event));
  if (touch) placeUnder(img); else placeBeside(event);
}

document.addEventListener('pointermove', (event) => {
  if (dragged) requestAnimationFrame(divide);
  if (event.pointerType === 'touch') return;
  if (!waiting) requestAnimationFrame(() => { show(waiting, false); waiting = null; });
  waiting = event;
}, { capture: true, passive: true });
document.documentElement.addEventListener('pointerleave', (event) => { if (event.pointerType !== 'touch') leave(); });

// ---- one divider: what a hand moves, all follow
document.addEventListener('pointerdown', (event) => {
  pressed = event;
  dragged = event.target.closest?.('.mt-compare .outer')?.closest('.mt-compare') ?? null;
}, true);
function released(event) {
  if (dragged) requestAnimationFrame(() => { divide(); dragged = null; });
  if (event.pointerType !== 'touch' || event.type === 'pointercancel' || !pressed) return;
  if (Math.hypot(event.clientX - pressed.clientX, event.clientY - pressed.clientY) <= STILL_PX) show(event, true);
}
document.addEventListener('pointerup', released, true);
document.addEventListener('pointercancel', released, true);

function divide() {
  if (!dragged) return;
  const at = Math.round(1e5 * Math.max(0, Math.min(1, divider(dragged)))) / 1e3; // per cent
  document.dispatchEvent(new CustomEvent('mt-divide', { detail: { at, of: dragged.id } }));
}

// ---- outlines: a row of the list, a number or the region itself under the pointer makes its outline strong
function strengthen(event) {
  const rank = event.target.closest?.('[data-failure], [data-outline]');
  const wanted = rank ? rank.dataset.failure ?? rank.dataset.outline : null;
  for (const path of document.querySelectorAll('[data-outline]')) path.classList.toggle('mt-strong', path.dataset.outline === wanted);
}
document.addEventListener('pointerover', strengthen);
document.addEventListener('focusin', strengthen);

watch('value', load);
load();
