/* Mouse, pen and fingers on the timeline: what is taken hold of, and what a click, drag, pinch or wheel means. */
(function () {
  "use strict";

  const { RULER } = window.TimelineWave;
  const GRAB = 12; // px on each side of a boundary: a handle of 24
  const STILL = 4; // px: less is a click, more a drag

  window.timelinePointer = function (timeline) {
    const { root, stage, minimap, q, edits, sound } = timeline;
    const fingers = new Map(); // pointerId -> x, for pinching
    let gesture = null;

    const px = (event) => event.clientX - stage.getBoundingClientRect().left - stage.clientLeft;

    /* By its height: the handle of a boundary may lie above the lane. */
    function within(event, lane) {
      const { top, bottom } = q(lane).getBoundingClientRect();
      return event.clientY >= top && event.clientY < bottom;
    }

    function near(at) {
      let best = null;
      for (const b of timeline.model.boundaries()) {
        const away = Math.abs(timeline.x(b) - at);
        if (away <= GRAB && (best === null || away < best.away)) best = { b, away };
      }
      return best && best.b;
    }

    function letGo() {
      if (gesture?.boundary !== undefined || gesture?.hold) timeline.model.cancel();
      gesture = null;
    }

    stage.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !timeline.model.duration) return;
      root.focus({ preventScroll: true });
      stage.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, px(event));
      if (fingers.size === 2) return void pinch();
      if (fingers.size > 2 || gesture) return;
      const onRuler = event.clientY > q(".sst-wave").getBoundingClientRect().bottom - RULER;
      const onMoments = event.target.closest(".sst-moments"), onSections = within(event, ".sst-sections");
      const moment = onMoments && event.target.closest(".sst-block")?.event;
      const boundary = timeline.editable && !onRuler && !onMoments ? near(px(event)) : null;
      if (boundary !== null && event.shiftKey) return edits.removeAt(boundary);
      gesture = { id: event.pointerId, x: px(event), view: timeline.view, moved: false };
      if (boundary !== null) {
        gesture.boundary = boundary;
        gesture.offset = timeline.x(boundary) - px(event);
        timeline.model.begin();
        edits.select({ boundary, part: onSections ? timeline.inSong(timeline.time(px(event))) : boundary });
      } else if (onRuler || root.dataset.mode === "view") {
        gesture.scrub = true;
        sound.seek(timeline.time(px(event)));
      } else if (onMoments && timeline.editable) {
        gesture.hold = timeline.moments.hold(moment, px(event));
        gesture.onMoment = Boolean(moment);
      } else if (onMoments) gesture.select = moment ? { moment } : null;
      else if (onSections) gesture.select = { part: timeline.inSong(timeline.time(px(event))) };
    });

    function pinch() {
      if (gesture?.boundary !== undefined || gesture?.hold) return; // a second touch while dragging means nothing
      const [a, b] = [...fingers.values()];
      gesture = { pinch: true, from: [timeline.time(a), timeline.time(b)] };
    }

    stage.addEventListener("pointermove", (event) => {
      if (fingers.has(event.pointerId)) fingers.set(event.pointerId, px(event));
      if (!gesture) return;
      if (gesture.pinch && fingers.size >= 2) {
        const [a, b] = [...fingers.values()];
        const [from, to] = gesture.from;
        const span = (Math.abs(to - from) / Math.max(20, Math.abs(b - a))) * timeline.width;
        return timeline.setView((from + to) / 2 - ((a + b) / 2 / timeline.width) * span, span);
      }
      if (event.pointerId !== gesture.id) return;
      const away = px(event) - gesture.x;
      if (!gesture.moved && Math.abs(away) < STILL) return;
      gesture.moved = true;
      if (gesture.boundary !== undefined) {
        const to = timeline.beats.snapped(timeline.inSong(timeline.time(px(event) + gesture.offset)), { free: event.altKey });
        const at = timeline.model.drag(gesture.boundary, to);
        edits.select({ boundary: at, part: at });
      } else if (gesture.hold) gesture.hold(px(event), event.altKey);
      else if (gesture.scrub) sound.seek(timeline.time(px(event)));
      else {
        const [from, to] = gesture.view;
        timeline.setView(from - (away / timeline.width) * (to - from), to - from);
      }
    });

    stage.addEventListener("pointerup", (event) => {
      fingers.delete(event.pointerId);
      if (gesture?.pinch) {
        if (!fingers.size) gesture = null;
        return;
      }
      if (!gesture || event.pointerId !== gesture.id) return;
      const done = gesture;
      gesture = null;
      if (done.boundary !== undefined) {
        if (timeline.model.commit()) timeline.emit();
      } else if (done.hold) {
        if (timeline.model.commit()) timeline.emit();
        else if (!done.onMoment) timeline.moments.add(null, timeline.time(done.x), { free: event.altKey });
      } else if (done.moved || done.scrub) return;
      else if (done.select !== undefined) edits.select(done.select);
      else edits.mark(timeline.time(done.x), { free: event.altKey });
    });

    stage.addEventListener("pointercancel", (event) => {
      fingers.delete(event.pointerId);
      letGo();
      timeline.draw();
    });

    stage.addEventListener("dblclick", (event) => {
      if (!event.target.closest(".sst-sections, .sst-compare") || near(px(event)) !== null) return;
      sound.seek(timeline.model.partAt(timeline.time(px(event))).start);
      if (timeline.audio.paused) sound.toggle();
    });

    stage.addEventListener("wheel", (event) => {
      if (!timeline.model.duration) return;
      const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
      const [from, to] = timeline.view, span = to - from;
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        event.preventDefault();
        return timeline.setView(from + (sideways / timeline.width) * span, span);
      }
      if (event.deltaY > 0 && span >= timeline.model.duration - 1e-6) return; // nothing more to see: the page scrolls
      event.preventDefault();
      timeline.zoom(Math.exp(Math.max(-200, Math.min(200, event.deltaY)) * 0.002), timeline.time(px(event)));
    }, { passive: false });

    function glide(event) {
      if (event.type === "pointerdown") minimap.setPointerCapture(event.pointerId);
      else if (!minimap.hasPointerCapture(event.pointerId)) return;
      const box = minimap.getBoundingClientRect();
      const span = timeline.view[1] - timeline.view[0];
      timeline.setView(((event.clientX - box.left) / box.width) * timeline.model.duration - span / 2, span);
    }
    minimap.addEventListener("pointerdown", glide);
    minimap.addEventListener("pointermove", glide);

    return { letGo };
  };
})();
