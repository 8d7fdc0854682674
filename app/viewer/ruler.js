// The distance between two points: the same two pixels of the photo in every cloud, so that clouds can be compared.
function lift({ fx, fy, cx, cy }, [x, y], z) {
  return [(x + 0.5 - cx) / fx * z, (y + 0.5 - cy) / fy * z, z];
}

// The photo's pixel [column, row] of the k-th point, and where the point is; null where its depth is unknown.
const pixelOf = ({ pixels }, k) => [pixels[2 * k], pixels[2 * k + 1]];
const pointOf = (scene, k) => (scene.depths[k] ? lift(scene.camera, pixelOf(scene, k), scene.depths[k] / 65535 * scene.farthest) : null);

class Ruler {
  constructor(changed) {
    this.changed = changed;
    this.on = false;
    this.picked = []; // which points, none to two
  }

  turn(on) { this.on = on; this.clear(); }

  clear() { this.picked = []; this.changed(); }

  pick(k) { // the third begins anew
    this.picked = this.picked.length === 2 ? [k] : [...this.picked, k];
    this.changed();
  }

  ends(scene) { return this.picked.map((k) => pointOf(scene, k)).filter(Boolean); }

  metres(scene) {
    const [a, b] = this.ends(scene);
    return b ? Math.hypot(...add(a, b, -1)) : NaN;
  }

  words(panes) {
    if (this.picked.length < 2) return `Choose ${['two points', 'the second point'][this.picked.length]}; Escape ends measuring.`;
    return panes.map(({ scene, name }) => {
      const metres = this.metres(scene);
      return `${name} ${Number.isNaN(metres) ? 'unknown' : `${metres.toFixed(2)} m`}`;
    }).join(', ');
  }
}
