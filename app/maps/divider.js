// Tells the page where a divider was dragged to: `hover.js` sees it, this component's value carries it to the others.
let reported = '';
document.addEventListener('mt-divide', ({ detail }) => {
  const said = JSON.stringify(detail);
  if (said === reported) return;
  reported = said;
  props.value = detail;
  trigger('input');
});
