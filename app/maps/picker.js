// Clicks on any picture of the page: `.mt-pick img` moves the probe, `[data-failure]` chooses a failure, and a 3D cloud
// sends a 'mt-pick' event of its own. Sent to the server as one custom event of this component.
let pressed = null;
const STILL = 5; // px a pointer may move between press and release and still be a click, not a drag

function pick(event) {
  if (!pressed || Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > STILL) return;
  if (!event.target.closest?.('.mt-pick') || event.target.closest('button:not(:has(img)), a, input')) return;
  const img = pictureUnder(event);
  const at = img && fraction(img, event);
  if (at) trigger('pick', at);
}

// Failures are cards on a small screen, in a row above the photo: the outline and the 3D view come into sight below them.
function choose(failure) {
  trigger('choose', { rank: Number(failure.dataset.failure) });
  const cards = failure.closest('#failures');
  if (!cards || !matchMedia('(max-width: 620px)').matches) return;
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  cards.scrollIntoView({ block: 'start', behavior: still ? 'instant' : 'smooth' });
}

document.addEventListener('pointerdown', (event) => {
  pressed = event.button === 0 ? { x: event.clientX, y: event.clientY } : null;
}, true);

document.addEventListener('click', (event) => {
  const failure = event.target.closest?.('[data-failure]');
  if (failure) {
    choose(failure);
    return;
  }
  pick(event);
}, true);

// ImageSlider keeps a finger's click from being made.
document.addEventListener('pointerup', (event) => {
  if (event.pointerType === 'touch' && event.target.closest?.('.mt-compare')) pick(event);
}, true);

document.addEventListener('keydown', (event) => {
  const failure = event.target.closest?.('[data-failure]');
  if (failure && failure.tagName !== 'BUTTON' && (event.key === 'Enter' || event.key === ' ')) {
    event.preventDefault();
    choose(failure);
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
