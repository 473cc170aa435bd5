/* Moments (crash, riser …) by hand: added at a time or drawn over a range, moved, made longer, named anew. */
(function () {
  "use strict";

  const EDGE = 7; // px of a moment's end by which it is made longer or shorter
  const POINTS = ["crash", "key change"]; // have no length unless one is drawn
  const LONG = 2; // s; with beats a bar

  window.timelineMoments = function (timeline) {
    let usual = "crash"; // the type used last

    function add(type, t, how) {
      if (!timeline.editable) return;
      const start = timeline.inSong(timeline.beats.snapped(timeline.edits.meant(t, how), how));
      usual = type || usual;
      choose(timeline.model.addMoment(usual, start, endOf(usual, start)));
      timeline.emit();
    }

    function endOf(type, start) {
      if (POINTS.includes(type)) return start;
      const { grid } = timeline.beats;
      return timeline.inSong(grid ? grid.stepped(start, grid.meter) : start + LONG);
    }

    function choose(moment) {
      timeline.selected = { moment };
      timeline.draw();
    }

    function rename(type) {
      if (!type || !timeline.editable) return; // a moment without a name is none
      usual = type;
      choose(timeline.model.describe(timeline.selected.moment, timeline.model.named(type, true)));
      timeline.emit();
    }

    function moveTo(place) {
      const { moment } = timeline.selected;
      const start = place(moment.start);
      choose(timeline.model.moveMoment(moment, start, start + moment.end - moment.start));
      timeline.reveal(start);
      timeline.emit();
    }

    // ---------------------------------------------------------------- by pointer: `hold` answers to each move of it

    /* What a pointer at `at` px takes hold of: a moment, its end, or an empty place. All that follows is one edit. */
    function hold(moment, at) {
      const { model, beats } = timeline;
      const from = timeline.time(at);
      model.begin();
      const snapped = (t, free) => timeline.inSong(beats.snapped(timeline.inSong(t), { free }));
      if (!moment) {
        let drawn = null;
        return (to, free) => {
          const [start, end] = [snapped(from, free), snapped(timeline.time(to), free)].sort((a, b) => a - b);
          drawn = drawn ? model.moveMoment(drawn, start, end) : model.addMoment(usual, start, end);
          choose(drawn);
        };
      }
      let now = moment;
      choose(moment);
      const { start, end } = moment;
      const atEnd = end > start && Math.abs(timeline.x(end) - at) <= EDGE && timeline.x(end) - timeline.x(start) > 2 * EDGE;
      return (to, free) => {
        const moved = timeline.time(to) - from;
        const first = atEnd ? start : snapped(start + moved, free);
        now = model.moveMoment(now, first, atEnd ? Math.max(start, snapped(end + moved, free)) : first + end - start);
        choose(now);
      };
    }

    return { add, rename, moveTo, hold };
  };
})();
