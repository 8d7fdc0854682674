// Tells the page where a divider was dragged to: `hover.js` sees it, this component's value carries it to the others.
let told = '';
document.addEventListener('mt-divide', ({ detail }) => {
  const said = JSON.stringify(detail);
  if (said === told) return;
  told = said;
  props.value = detail;
  trigger('input');
});
