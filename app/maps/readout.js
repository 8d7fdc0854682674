// The small table beside the cursor: every map's value at one pixel, a column for each stage.
const NOTHING = '\u2013', GAP = 16; // px between the cursor and the table

const box = document.createElement('div');
box.className = 'mt-hover';
box.setAttribute('aria-hidden', 'true'); // the probe's table has the same for those who do not point
box.hidden = true;
document.body.append(box);

const signed = (value, digits) => {
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace('-', '') : text.replace('-', '\u2212');
};

function written(row, values) {
  const node = document.createElement('td');
  if (values[0] == null) node.textContent = NOTHING;
  else if (row.kind === 'label') {
    const [label, share] = values, swatch = document.createElement('i');
    swatch.style.background = row.colours[label];
    node.append(swatch, row.names[label] + (share == null ? '' : ` ${share.toFixed(2)}`));
  } else node.textContent = values.map((value) => signed(value, row.digits)).join(' ') + row.unit;
  return node;
}

// stage: the one whose picture the cursor is on, or null.
function fillReadout(arrays, at, stage) {
  const { index, pixel } = arrays.cell(at.x, at.y);
  const line = (title, cells) => {
    const row = document.createElement('tr'), head = document.createElement('th');
    head.textContent = title;
    row.append(head, ...cells);
    cells.forEach((cell, k) => cell.classList.toggle('mt-here', arrays.stages[k] === stage));
    return row;
  };
  const heads = arrays.stages.map((name, k) => {
    const head = document.createElement('th');
    head.className = `mt-${name}`;
    head.textContent = arrays.heads[k];
    return head;
  });
  const table = document.createElement('table');
  table.append(line(pixel.join(', '), heads));
  for (const row of arrays.rows) table.append(line(row.title, arrays.stages.map((name) => written(row, arrays.read(row.row, name, index)))));
  box.replaceChildren(table);
  Object.assign(box.dataset, { x: pixel[0], y: pixel[1], stage: stage ?? '' });
}

// Beside the cursor, on the side where there is room.
function placeBeside(event) {
  box.hidden = false;
  box.classList.remove('mt-hover-line');
  const { width, height } = box.getBoundingClientRect();
  const left = event.clientX + GAP + width < innerWidth ? event.clientX + GAP : Math.max(4, event.clientX - GAP - width);
  const top = event.clientY + GAP + height < innerHeight ? event.clientY + GAP : Math.max(4, event.clientY - GAP - height);
  Object.assign(box.style, { left: `${left + scrollX}px`, top: `${top + scrollY}px`, width: '' });
}

// Under the picture, for fingers, which would hide it.
function placeUnder(img) {
  box.hidden = false;
  box.classList.add('mt-hover-line');
  const picture = pictureBox(img);
  const width = Math.min(innerWidth - 16, Math.max(picture.width, 340));
  const left = Math.max(8, Math.min(picture.left, innerWidth - 8 - width));
  Object.assign(box.style, { left: `${left + scrollX}px`, top: `${picture.top + picture.height + 6 + scrollY}px`, width: `${width}px` });
}
