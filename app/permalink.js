// Keeps the address bar at what is seen, without an entry in the history. The server says all but the tab, as
// `data-query` in this component; until it has said anything, the address is the one that was opened.
const OURS = ['example', 'tab', 'probe', 'failure', 'fov', 'a', 'b'];

function follow() {
  const said = element.querySelector('[data-query]');
  if (!said) return;
  const at = new URL(location.href), tab = document.querySelector('#tabs [role=tab][aria-selected=true]');
  OURS.forEach((key) => at.searchParams.delete(key));
  const wanted = [...new URLSearchParams(said.dataset.query)];
  if (wanted.length && tab) wanted.splice(1, 0, ['tab', tab.textContent.trim().toLowerCase().replaceAll(' ', '-')]);
  wanted.forEach(([key, value]) => at.searchParams.set(key, value));
  const address = at.href.replaceAll('%2C', ',');
  if (address !== location.href) history.replaceState(history.state, '', address);
}

new MutationObserver(follow).observe(element, { childList: true, subtree: true, attributes: true });
new MutationObserver(follow).observe(document.body, // the tabs may not be there yet
  { subtree: true, attributes: true, attributeFilter: ['aria-selected'] });
