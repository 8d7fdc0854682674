// Clicks on any picture of the page: `.mt-pick img` moves the probe, `[data-failure]` chooses a failure, and a 3D cloud
// sends a 'mt-pick' event of its own. Sent to the server as one custom event of this component.
let pressed = null;
const STILL = 5; // px a pointer may move between press and release and still be a click, not a drag

function fraction(img, event) {
  const box = img.getBoundingClientRect();
  let { width, height } = box;
  if (getComputedStyle(img).objectFit !== 'fill') { // the picture may be smaller than its element
    const scale = Math.min(box.width / img.naturalWidth, box.height / img.naturalHeight);
    width = img.naturalWidth * scale;
    height = img.naturalHeight * scale;
  }
  const x = (event.clientX - box.left - (box.width - width) / 2) / width;
  const y = (event.clientY - box.top - (box.height - height) / 2) / height;
  return x >= 0 && x < 1 && y >= 0 && y < 1 ? { x, y } : null;
}

function pictureUnder(event) {
  // ImageSlider covers its pictures with its handle's track: look through everything at that point.
  return document.elementsFromPoint(event.clientX, event.clientY)
    .find((node) => node.tagName === 'IMG' && node.closest('.mt-pick'));
}

document.addEventListener('pointerdown', (event) => {
  pressed = event.button === 0 ? { x: event.clientX, y: event.clientY } : null;
}, true);

document.addEventListener('click', (event) => {
  const failure = event.target.closest?.('[data-failure]');
  if (failure) {
    trigger('choose', { rank: Number(failure.dataset.failure) });
    return;
  }
  if (!pressed || Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > STILL) return;
  if (!event.target.closest?.('.mt-pick') || event.target.closest('button:not(:has(img)), a, input')) return;
  const img = pictureUnder(event);
  const at = img && fraction(img, event);
  if (at) trigger('pick', at);
}, true);

document.addEventListener('keydown', (event) => {
  const failure = event.target.closest?.('[data-failure]');
  if (failure && failure.tagName !== 'BUTTON' && (event.key === 'Enter' || event.key === ' ')) {
    event.preventDefault();
    trigger('choose', { rank: Number(failure.dataset.failure) });
  }
});

document.addEventListener('mt-pick', (event) => trigger('pick', event.detail));

// gradio loads its pictures lazily: one below the window has no height until it is scrolled to, and the page would then
// grow under the pointer.
function eagerly() {
  for (const img of document.querySelectorAll('.mt-pick img[loading=lazy]')) img.loading = 'eager';
}
new MutationObserver(eagerly).observe(document.body, { childList: true, subtree: true });
eagerly();
