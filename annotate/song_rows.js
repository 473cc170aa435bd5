/* A long list of which only the rows in view are elements: ten thousand songs are as light as twenty. */
(function () {
  "use strict";

  const { children, element } = window.TimelineElements;
  const HEIGHT = 48; // px of a row, as song_list.css has it
  const SPARE = 6; // rows beyond each end of what is seen

  /* `make` builds a row, `fill(row, item, place)` sets it. */
  window.songRows = function (scroller, make, fill) {
    let items = [];
    const box = element("div", "ssl-rows");
    box.setAttribute("role", "presentation");
    scroller.append(box);

    function paint() {
      const first = Math.max(0, Math.floor(scroller.scrollTop / HEIGHT) - SPARE);
      const last = Math.ceil((scroller.scrollTop + scroller.clientHeight) / HEIGHT) + SPARE;
      const seen = items.slice(first, last);
      children(box, seen, make, (row, item, i) => fill(row, item, first + i));
      box.style.paddingTop = `${first * HEIGHT}px`;
    }

    function show(these) {
      items = these;
      box.style.height = `${items.length * HEIGHT}px`;
      paint();
    }

    /* Scroll no further than needed for a row to be seen whole. */
    function reveal(place) {
      const top = place * HEIGHT;
      const lowest = top + HEIGHT - scroller.clientHeight;
      if (place >= 0) scroller.scrollTop = Math.min(Math.max(scroller.scrollTop, lowest), top);
      paint();
    }

    scroller.addEventListener("scroll", paint, { passive: true });
    new ResizeObserver(paint).observe(scroller); // a hidden tab shows no rows
    return { show, reveal };
  };
})();
