/* Small things that the timeline and the song list share: elements, times and ink.

Names and labels are a person's words: they are only ever set as text. */
(function () {
  "use strict";

  /* 75.5 to 1:15.50; `digits` after the point. */
  function clock(t, digits) {
    const unit = 10 ** digits;
    const whole = Math.round(Math.max(0, t) * unit);
    const minutes = Math.floor(whole / (60 * unit));
    const seconds = (whole - minutes * 60 * unit) / unit;
    return `${minutes}:${seconds.toFixed(digits).padStart(digits ? digits + 3 : 2, "0")}`;
  }

  /* Exactly n children of one kind; `make` builds a missing one, `fill` sets each. Elements are reused. */
  function children(box, items, make, fill) {
    while (box.children.length > items.length) box.lastChild.remove();
    while (box.children.length < items.length) box.append(make());
    items.forEach((item, i) => fill(box.children[i], item, i));
  }

  function element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  /* Black or white, whichever reads better on #rrggbb. */
  function inkOn(colour) {
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16) / 255);
    const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const light = 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    return light > 0.179 ? "#111" : "#fff";
  }

  window.TimelineElements = { clock, children, element, inkOn };
})();
