// Plotly's brush -> one custom event of this component. gradio draws the chart (gr.Plot) when there is something to
// draw, and may put a new one in its place: each is listened to once.
const chart = () => document.querySelector('#triage-scatter .js-plotly-plot');

function brushed(points) {
  trigger('select', { points: points.map((point) => Number(point.customdata)) });
}

function attend() {
  const plot = chart();
  if (!plot || plot.dataset.brush || !plot.on) return;
  plot.dataset.brush = 'on';
  plot.on('plotly_selected', (event) => { if (event) brushed(event.points); });
  plot.on('plotly_deselect', () => brushed([]));
}

new MutationObserver(attend).observe(document.body, { childList: true, subtree: true });
attend();
