/* What is done to whole parts: cut in half or in eights, made as long as its like, named as is likely or as its like is,
   a machine's taken over or turned down. Each is one edit, undone in one step. */
(function () {
  "use strict";

  const SURE = 0.8; // probability from which on all of a machine's parts are taken over at once
  const BARS = 8;
  const PAUSE = 150; // ms: who goes on editing is not asked about
  const LONE_BEAT = 0.5; // s; without beats a bar is two seconds

  window.timelineParts = function (timeline) {
    const { root, q, edits } = timeline;
    let asked = {}; // what the server was asked last: {track, start, sections}; sections are never changed in place
    let likely = null; // its answer: {names: [[type, probability]], alike: [starts]}
    let waiting = 0;

    const part = () => timeline.model.partAt(timeline.targetTime());
    const guessed = (p) => p?.section?.source === "machine";

    /* All that `change` does to the model is one edit. */
    function together(change) {
      if (!timeline.editable) return;
      const { model } = timeline;
      model.begin();
      change(model);
      if (model.commit()) timeline.emit();
      else timeline.draw();
    }

    function split() {
      const here = part();
      if (here) edits.mark((here.start + here.end) / 2);
    }

    /* A boundary every eight bars, as far as the part goes. */
    function cutInEights() {
      const here = part(), { grid } = timeline.beats;
      if (!here) return;
      together((model) => {
        for (let at = eightBarsOn(here.start, grid); at < here.end - 1; at = eightBarsOn(at, grid)) model.addBoundary(at);
      });
    }

    function eightBarsOn(t, grid) {
      const on = grid ? grid.stepped(t, BARS * grid.meter) : t;
      return on > t + LONE_BEAT ? on : t + BARS * 4 * LONE_BEAT;
    }

    /* The part ends after as long a time as the last part of its name before it. */
    function extend() {
      const here = part();
      const like = here?.section && timeline.model.sections.filter((s) => s.type === here.section.type && s.end <= here.start);
      if (!like?.length) return;
      const { start, end } = like[like.length - 1];
      const to = timeline.beats.snapped(here.start + end - start);
      together((model) => {
        if (here.end < model.duration - 1e-3) model.moveBoundary(here.end, to);
        else model.addBoundary(to);
      });
    }

    function zoom() {
      const here = part();
      if (!here) return;
      const room = 0.05 * (here.end - here.start);
      timeline.setView(here.start - room, here.end - here.start + 2 * room);
    }

    /* The name that is most likely. */
    function nameLikely() {
      if (likely?.names.length) edits.rename(likely.names[0][0]);
    }

    /* Give this part's name to all that sound like it. */
    function nameAlike() {
      const here = part();
      if (!here?.section || !likely) return;
      together((model) => {
        for (const start of [here.start, ...likely.alike]) model.setType(start, here.section.type);
      });
    }

    function accept() {
      const here = part();
      if (guessed(here)) edits.rename(here.section.type);
    }

    function acceptSure() {
      together((model) => {
        for (const s of model.sections) if (s.source === "machine" && s.probability >= SURE) model.setType(s.start, s.type);
      });
    }

    /* No part begins here: the one before goes on. */
    function reject() {
      const here = part();
      if (guessed(here)) together((model) => model.removeBoundary(here.start));
    }

    /* Ask what the part is, once the person pauses; what is known is shown on the names. */
    function paint() {
      const here = part(), { sections } = timeline.model, { track } = timeline.value;
      const some = sections.some((s) => s.source === "machine");
      for (const wanted of ["accept", "reject", "sure"]) q(`[data-parts="${wanted}"]`).hidden = !some;
      for (const wanted of ["accept", "reject"]) q(`[data-parts="${wanted}"]`).disabled = !guessed(here);
      const start = here?.section && timeline.editable ? here.start : undefined;
      if (asked.sections !== sections || asked.start !== start || asked.track !== track) {
        const question = (asked = { track, start, sections });
        likely = null;
        clearTimeout(waiting);
        if (start !== undefined) waiting = setTimeout(() => ask(question), PAUSE);
      }
      paintLikely(here);
    }

    /* A save comes first: both are work of one server. */
    async function ask(question) {
      if (timeline.isSaving) return void (waiting = setTimeout(() => ask(question), PAUSE));
      const { track, start, sections } = question, { duration } = timeline.model;
      const answer = await timeline.server.likely_names({ track, duration, events: sections, start }).catch(() => null);
      if (question !== asked || !answer?.ok) return;
      likely = answer;
      paintLikely(part());
    }

    function paintLikely(here) {
      const first = likely?.names[0]?.[0];
      for (const name of root.querySelectorAll(".sst-name")) {
        const found = likely?.names.find(([type]) => type === name.dataset.type);
        name.dataset.likely = !found ? "no" : found[0] === first ? "first" : "yes";
        name.title = found ? `${Math.round(100 * found[1])} % likely${found[0] === first ? " (P)" : ""}` : "";
      }
      const others = (likely?.alike ?? []).filter((start) => {
        const other = timeline.model.partAt(start);
        return here?.section && other?.section && other.start !== here.start && other.section.type !== here.section.type;
      });
      const button = q('[data-parts="alike"]');
      button.hidden = !others.length;
      if (others.length) button.firstChild.textContent = `${others.length} more sound${others.length > 1 ? "" : "s"} like this: ${here.section.type} `;
    }

    const commands = { accept, reject, sure: acceptSure, alike: nameAlike };
    root.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-parts]");
      if (!button) return;
      commands[button.dataset.parts]();
      if (event.detail) root.focus({ preventScroll: true });
    });

    return { split, cutInEights, extend, zoom, nameLikely, nameAlike, accept, acceptSure, reject, paint };
  };
})();
