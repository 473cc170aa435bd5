/* Edits kept by this browser until they are in the song's file: the page may be closed, or the server be gone, before.
   Whoever opens the song again has them again; where the file has changed meanwhile, undo brings them back. */
(function () {
  "use strict";

  const KEPT = "structure-studio unsaved";

  /* Events and beats as text that is the same in whichever order their keys come. */
  function spelled({ events, beats }) {
    const entries = (event) => Object.entries(event).filter(([, value]) => value != null).sort();
    return JSON.stringify([events.map(entries), beats ? [beats.times, beats.ones] : null]);
  }

  window.timelineUnsaved = function (timeline) {
    let saved = ""; // what the file holds
    const place = () => [KEPT, timeline.value.track, timeline.value.song].join(" ");
    const state = () => ({ events: timeline.model.events(), beats: timeline.model.beats });
    const isSong = () => timeline.editable && !timeline.composing && Boolean(timeline.value.song);

    /* Something was edited. A browser that has no room, or may not keep anything, saves as before. */
    function keep() {
      try {
        if (isSong()) localStorage.setItem(place(), JSON.stringify({ ...state(), saved }));
      } catch { /* full, or forbidden */ }
    }

    function forget() {
      try {
        localStorage.removeItem(place());
      } catch { /* forbidden */ }
    }

    /* What is shown is in the file. */
    function isSaved() {
      saved = spelled(state());
      forget();
    }

    function find() {
      try {
        const found = JSON.parse(localStorage.getItem(place()));
        return Array.isArray(found?.events) ? found : null;
      } catch {
        return null;
      }
    }

    /* A song was opened: what was not saved of it is made once more. */
    function restore() {
      saved = spelled(state());
      const found = isSong() ? find() : null;
      if (!found) return;
      const { events, beats } = found;
      if (spelled(found) === saved) return forget();
      if (found.saved === saved) {
        timeline.model.replaceAll(events, beats);
        timeline.beats.load();
        timeline.emit();
        return timeline.say({ text: "Edits that were not saved are back. Saving…" });
      }
      timeline.model.addPast({ events, beats });
      timeline.say({ kind: "error", text: "Changed elsewhere before your last edits were saved. Undo brings those back." });
    }

    return { keep, forget, isSaved, restore };
  };
})();
