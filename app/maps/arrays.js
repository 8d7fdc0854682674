// The maps' values: fetches the files that `app/views/hover.py` packs, unpacks them, reads a pixel.
async function unpacked(file) {
  const answer = await fetch(file.url);
  if (!answer.ok) throw new Error(`${answer.status}`);
  const plain = answer.body.pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(plain).arrayBuffer());
}

// Numbers from their differences along each row; wide: 16 bits, all lower bytes before all higher ones.
function numbers(bytes, start, count, width, wide) {
  const made = wide ? new Uint16Array(count) : new Uint8Array(count); // both wrap round, as the differences did
  for (let i = 0; i < count; i++) {
    const step = bytes[start + i] + (wide ? 256 * bytes[start + count + i] : 0);
    made[i] = (i % width ? made[i - 1] : 0) + step;
  }
  return made;
}

class Arrays {
  constructor(files) {
    this.rows = [];
    this.planes = [];
    for (const bytes of files) this.add(bytes);
  }

  add(bytes) {
    const length = new DataView(bytes.buffer).getUint32(0, true);
    const { size, grid, stages, heads, rows, planes } = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
    Object.assign(this, { size, grid, stages, heads });
    this.rows.push(...rows);
    const count = grid[0] * grid[1];
    let at = 4 + length;
    for (const plane of planes) {
      this.planes.push({ ...plane, numbers: numbers(bytes, at, count, grid[1], plane.wide) });
      at += count * (plane.wide ? 2 : 1);
    }
  }

  // The cell at fractions of the photo: its index, and the pixel that it stands for.
  cell(x, y) {
    const at = [y, x].map((part, k) => Math.min(Math.floor(part * this.grid[k]), this.grid[k] - 1));
    const [row, column] = at.map((part, k) => Math.min(Math.floor((part + 0.5) * this.size[k] / this.grid[k]), this.size[k] - 1));
    return { index: at[0] * this.grid[1] + at[1], pixel: [column, row] };
  }

  // What a row of the readout has at a stage, a number for each of its planes; null: unknown, or no such plane.
  read(row, stage, index) {
    return this.planes.filter((plane) => plane.row === row && plane.stage === stage).map((plane) => {
      const raw = plane.numbers[index];
      return raw === (plane.wide ? 65535 : 255) ? null : plane.offset + plane.scale * raw;
    });
  }
}
