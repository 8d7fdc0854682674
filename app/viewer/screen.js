// Full screen, by the browser's API; a browser without it (telephones) has the element cover the page.
class FullScreen {
  constructor(element, changed) {
    this.element = element;
    this.changed = changed;
    document.addEventListener('fullscreenchange', () => this.show(document.fullscreenElement === element));
  }

  get on() { return this.element.classList.contains('mt-cloud-fills'); }

  show(on) {
    if (on === this.on) return;
    this.element.classList.toggle('mt-cloud-fills', on);
    this.changed();
  }

  turn(on) {
    if (!on && document.fullscreenElement === this.element) document.exitFullscreen();
    else if (!on || !this.element.requestFullscreen) this.show(on);
    else this.element.requestFullscreen().catch(() => this.show(true)); // a frame may not be allowed to
  }
}
