// Where a pointer is on the photo's plane. Every picture inside of `.mt-pick` shows all of that plane.

// The box of the window in which the picture itself is drawn: it may be smaller than its element, and zoomed.
function pictureBox(img) {
  const box = img.getBoundingClientRect();
  let { width, height } = box;
  if (getComputedStyle(img).objectFit !== 'fill' && img.naturalWidth) {
    const scale = Math.min(box.width / img.naturalWidth, box.height / img.naturalHeight);
    width = img.naturalWidth * scale;
    height = img.naturalHeight * scale;
  }
  return { left: box.left + (box.width - width) / 2, top: box.top + (box.height - height) / 2, width, height };
}

function fraction(img, event) {
  const box = pictureBox(img);
  const x = (event.clientX - box.left) / box.width, y = (event.clientY - box.top) / box.height;
  return x >= 0 && x < 1 && y >= 0 && y < 1 ? { x, y } : null;
}

function pictureUnder(event) {
  // ImageSlider covers its pictures with its handle's track: look through everything at that point.
  return document.elementsFromPoint(event.clientX, event.clientY)
    .find((node) => node.tagName === 'IMG' && node.closest('.mt-pick'));
}
