/* What a person may do on the timeline, whichever key, click or button asks for it. Every edit is sent at once. */
(function () {
  "use strict";

  const BLIND =
    "Every tenth song is marked by ear alone, so that one can tell what a machine's proposals do to people. " +
    "Press G once more to have them anyway.";

  window.timelineEdits = function (timeline) {
    let asked = false; // whether proposals were asked for that this song should do without

    const select = (selected) => {
      timeline.selected = selected;
      timeline.draw();
    };

    /* A boundary's own time as a selection; a time that is none selects the part alone. */
    const selectionAt = (t, part = t) => ({
      part, boundary: timeline.model.boundaries().includes(t) ? t : undefined,
    });

    /* Who taps while a song plays is as late as was measured. */
    function meant(t, how) {
      return how?.playing ? timeline.inSong(t - timeline.clicks.late * timeline.sound.speed) : t;
    }

    /* `how`: {playing, free}, see what the beats make of it. */
    function mark(t, how) {
      if (!timeline.editable) return;
      const at = timeline.model.addBoundary(timeline.inSong(timeline.beats.snapped(meant(t, how), how)));
      if (at === null) return;
      timeline.selected = { part: at, boundary: at > 0 ? at : undefined };
      timeline.emit();
    }

    /* Let the server hear the song. What a person marks meanwhile is worth more than its answer. */
    async function propose() {
      const { track } = timeline.value;
      if (!timeline.proposable || timeline.listening) return;
      if (timeline.value.blind && !asked) {
        asked = true;
        return timeline.note(BLIND);
      }
      timeline.listening = true;
      timeline.note("Listening for where parts begin…");
      const heard = await timeline.server.proposed_parts(track).catch(() => null);
      timeline.listening = false;
      if (timeline.value.track !== track) return;
      timeline.note(heard?.ok ? "" : heard?.error || "The server did not answer. Reload the page.");
      if (heard?.ok && timeline.proposable && timeline.model.propose(heard.events)) timeline.emit();
      else timeline.draw();
    }

    /* The selected moment; where none is, the boundary that keys speak of. */
    function remove() {
      const moment = timeline.selected?.moment, boundary = timeline.currentBoundary();
      if (!timeline.editable || (!moment && boundary === null)) return;
      if (!(moment ? timeline.model.removeMoment(moment) : timeline.model.removeBoundary(boundary))) return;
      timeline.selected = null;
      timeline.emit();
    }

    function removeAt(boundary) {
      timeline.selected = null;
      if (timeline.model.removeBoundary(boundary)) timeline.emit();
    }

    /* Who names a machine's parts one after another need not select each. */
    function rename(type) {
      if (!timeline.editable) return;
      if (timeline.selected?.moment) return timeline.moments.rename(type);
      const { model, selected } = timeline, at = timeline.targetTime();
      const guessed = model.partAt(at)?.section?.source === "machine";
      if (model.setType(at, type)) {
        timeline.named = true;
        const next = model.sections.find((s) => s.source === "machine" && s.start > at);
        if (guessed && selected?.part !== undefined && next) {
          timeline.selected = selectionAt(next.start);
          timeline.reveal(next.start);
        }
        timeline.emit();
      } else if (!timeline.named) {
        timeline.named = true; // the guess was right, and the person has said so
        timeline.draw();
      }
    }

    function nudge(by) {
      moveTo((t) => t + by);
    }

    /* Move what keys speak of, a moment or a boundary, a beat on or back. */
    function nudgeBeat(direction) {
      const { grid } = timeline.beats;
      if (grid) moveTo((t) => grid.stepped(t, direction));
    }

    function moveTo(place) {
      if (timeline.editable && timeline.selected?.moment) return timeline.moments.moveTo(place);
      const boundary = timeline.currentBoundary();
      if (!timeline.editable || boundary === null) return;
      const at = timeline.model.moveBoundary(boundary, place(boundary));
      timeline.selected = { boundary: at, part: at };
      timeline.reveal(at);
      timeline.emit();
    }

    function travel(back) {
      const { beats } = timeline.model;
      if (!timeline.editable || !(back ? timeline.model.undo() : timeline.model.redo())) return;
      timeline.selected = null;
      if (timeline.model.beats !== beats) {
        timeline.beats.load();
        timeline.beats.hear();
      }
      timeline.emit();
    }

    /* One beat on or back; with Shift a bar, with Ctrl eight. Without beats 1, 5 and 15 s. */
    function step(direction, { shiftKey, ctrlKey, metaKey }) {
      const far = ctrlKey || metaKey;
      const [beats, bars, seconds] = far ? [0, 8, 15] : shiftKey ? [0, 1, 5] : [1, 0, 1];
      seekTo(timeline.beats.stepped(direction * beats, direction * bars) ?? timeline.head + direction * seconds);
    }

    function seekTo(t) {
      timeline.sound.seek(t);
      timeline.reveal(timeline.head);
    }

    function jump(direction) {
      const t = timeline.model.boundaryFrom(timeline.head, direction);
      timeline.sound.seek(t);
      timeline.selected = selectionAt(t, Math.min(t, timeline.model.duration - 0.001));
      timeline.reveal(t);
      timeline.draw();
    }

    const selectionOf = (event) => (timeline.model.moments.includes(event) ? { moment: event } : selectionAt(event.start));

    /* To the next boundary (the first after the last), and hear what is around it. */
    function check() {
      const boundaries = timeline.model.boundaries(), from = timeline.selected?.boundary ?? timeline.head;
      const next = boundaries.find((b) => b > from + 1e-3) ?? boundaries[0];
      if (next === undefined) return;
      timeline.selected = { boundary: next, part: next };
      timeline.sound.playAround(next);
      timeline.reveal(next);
    }

    /* Another song. */
    function forget() {
      asked = false;
    }

    function nextSong(what) {
      if (!timeline.editable || timeline.composing) return;
      timeline.send();
      window.dispatchEvent(new CustomEvent("structure-studio:next", { detail: { what } }));
    }

    /* Select it and go there. */
    function show(event) {
      timeline.selected = selectionOf(event);
      seekTo(event.start);
    }

    function otherSong(step) {
      if (!timeline.editable || timeline.composing) return; // only the annotated song is one of a list
      timeline.send();
      document.dispatchEvent(new CustomEvent("structure-studio:step", { detail: { step } }));
    }

    return { select, selectionOf, meant, mark, propose, remove, removeAt, rename, nudge, nudgeBeat, travel, step, seekTo, jump, show, check, otherSong, nextSong, forget };
  };
})();
