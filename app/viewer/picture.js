// A picture of what is shown: the canvases on the page's ground, each with its name and what is written over it.
const GAP = 12, TITLE = 26; // CSS pixels

function savePicture(panes, root, scene) {
  const names = panes.map((pane) => scene.files[scene.stages.indexOf(pane.figure.dataset.stage)]);
  pictureOf(panes, root).toBlob((blob) => {
    const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(blob) });
    link.download = `${scene.stem}-3d-${names.join('-')}.png`;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }, 'image/png');
}

// The panes side by side, all points drawn.
function pictureOf(panes, root) {
  for (const pane of panes) pane.draw(); // a graphics card keeps its picture no longer than this task lasts
  const ratio = Math.max(...panes.map((pane) => pane.ratio)), sizes = panes.map(({ canvas }) => [canvas.clientWidth, canvas.clientHeight]);
  const width = sizes.reduce((sum, [w]) => sum + w + GAP, -GAP), height = Math.max(...sizes.map(([, h]) => h)) + TITLE;
  const canvas = Object.assign(document.createElement('canvas'), { width: Math.round(width * ratio), height: Math.round(height * ratio) });
  const context = canvas.getContext('2d'), of = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  context.scale(ratio, ratio);
  context.fillStyle = of('--cloud-ground') || 'white';
  context.fillRect(0, 0, width, height);
  let x = 0;
  panes.forEach((pane, k) => {
    const { color, fontFamily } = getComputedStyle(pane.overlay.svg);
    Object.assign(context, { fillStyle: color, font: `600 14px ${fontFamily}`, textAlign: 'start' });
    context.fillText(pane.name, x + 8, TITLE - 8, sizes[k][0] - 16);
    context.save();
    context.beginPath();
    context.rect(x, TITLE, ...sizes[k]);
    context.clip();
    context.translate(x, TITLE);
    context.drawImage(pane.painter.canvas, 0, 0, ...sizes[k]);
    for (const node of pane.overlay.svg.children) copy(context, node);
    context.restore();
    x += sizes[k][0] + GAP;
  });
  return canvas;
}

function copy(context, node) { // a line, path or text of an SVG, as the page shows it
  const style = getComputedStyle(node), at = (name) => Number(node.getAttribute(name));
  Object.assign(context, { strokeStyle: style.stroke, lineWidth: parseFloat(style.strokeWidth), fillStyle: style.fill, lineJoin: 'round' });
  if (node.tagName === 'text') {
    context.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    context.textAlign = { middle: 'center', end: 'end' }[node.getAttribute('text-anchor')] ?? 'start';
    context.strokeText(node.textContent, at('x'), at('y'));
    context.fillText(node.textContent, at('x'), at('y'));
    return;
  }
  context.stroke(new Path2D(node.getAttribute('d') ?? `M${at('x1')} ${at('y1')}L${at('x2')} ${at('y2')}`));
}
