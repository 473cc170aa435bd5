/* What is said of the selected event besides its name and times: words for the model, intensity, what is sung, a comment,
   a doubt. */
(function () {
  "use strict";

  window.timelineDetails = function (timeline) {
    const { root, q, colours } = timeline;
    const field = (name) => q(`[data-detail="${name}"]`);
    let shown = null; // the event that the fields speak of

    /* The moment that is selected, else the section that a name would go to. */
    function event() {
      const { selected, model } = timeline;
      return selected?.moment || model.partAt(timeline.targetTime())?.section || null;
    }

    /* One edit. An event's words stay with it while another is selected. */
    function say(about, said) {
      if (!timeline.editable || !about) return;
      const now = timeline.model.describe(about, said);
      if (timeline.selected?.moment === about) timeline.selected = { moment: now };
      if (shown === about) shown = now;
      timeline.emit();
    }

    const said = {
      label: (input) => input.value.trim() || null,
      comment: (input) => input.value.trim() || null,
      lyrics: (input) => input.value.replace(/\s+$/, "").replace(/^\s*\n/, "") || null,
      intensity: (input) => Number(input.value) / 100,
    };
    for (const [name, value] of Object.entries(said)) {
      field(name).addEventListener("change", () => {
        if (shown && (shown[name] ?? null) !== value(field(name))) say(shown, { [name]: value(field(name)) });
      });
      field(name).addEventListener("keydown", (pressed) => {
        pressed.stopPropagation();
        const line = name === "lyrics" && !pressed.ctrlKey && !pressed.metaKey; // Enter begins a new line of a song
        if (pressed.key !== "Escape" && (pressed.key !== "Enter" || line)) return;
        if (pressed.key === "Escape") fill(name);
        else if (name === "intensity") sayLevel();
        root.focus({ preventScroll: true }); // what was typed is taken over as the field loses the focus
      });
    }
    field("lyrics").addEventListener("input", offerStanzas);
    field("lyrics").addEventListener("focus", () => {
      field("lyrics").rows = 6;
      field("lyrics").scrollIntoView({ block: "nearest" }); // grown, it may reach under what sticks to the window
    });
    field("lyrics").addEventListener("blur", () => (field("lyrics").rows = 1));
    q('[data-do="lay"]').addEventListener("click", layStanzas);
    field("intensity").addEventListener("input", () => (q(".sst-intensity").value = `${field("intensity").value} %`));
    field("intensity").addEventListener("click", sayLevel);
    q('[data-do="level"]').addEventListener("click", () => say(event(), { intensity: null }));

    /* The slider rests at full where nothing is said; to leave it there, once touched, is to say so. */
    function sayLevel() {
      const level = said.intensity(field("intensity"));
      if (shown && shown.intensity !== level) say(shown, { intensity: level });
      if (shown) fill("intensity");
    }

    /* Stanzas of what is typed, without the tags that lyrics of a whole song may carry. */
    function stanzas() {
      const text = field("lyrics").value.replace(/^[ \t]*\[[^\]\n]*\][ \t]*$/gm, "\n");
      return text.split(/\n\s*\n/).map((stanza) => stanza.replace(/^\n+|\s+$/g, "")).filter(Boolean);
    }

    function offerStanzas() {
      q('[data-do="lay"]').hidden = stanzas().length < 2;
    }

    function layStanzas() {
      const about = event();
      if (!timeline.editable || !timeline.model.sections.includes(about)) return;
      shown = timeline.model.layLyrics(about, stanzas(), colours.unsung);
      fill("lyrics");
      timeline.emit();
    }

    function toggleUnsure() {
      const about = event();
      if (about) say(about, { unsure: about.unsure ? null : true });
    }

    function fill(name) {
      if (name === "intensity") {
        const known = typeof shown?.intensity === "number";
        field(name).value = known ? Math.round(100 * shown.intensity) : 100;
        q(".sst-intensity").value = known ? `${field(name).value} %` : "not said";
        q('[data-do="level"]').hidden = !known;
      } else field(name).value = shown?.[name] ?? "";
      if (name === "lyrics") offerStanzas();
    }

    function paint() {
      const about = event();
      q(".sst-details").hidden = !about || !timeline.editable;
      q(".sst-sung").hidden = !timeline.model.sections.includes(about);
      q('[data-do="unsure"]').setAttribute("aria-pressed", about?.unsure ? "true" : "false");
      const typing = q(".sst-details").contains(document.activeElement);
      if (about === shown || typing) return;
      shown = about;
      for (const name of Object.keys(said)) fill(name);
    }

    const focus = (name) => () => {
      if (!timeline.editable || !event()) return;
      paint(); // keys may come faster than frames, and a field must speak of the part that is selected now
      if (field(name).closest("[hidden]")) return;
      field(name).focus();
      if (name !== "lyrics") field(name).select(); // words of a song are gone on with, others typed anew
    };
    const [words, comment, intensity, sung] = ["label", "comment", "intensity", "lyrics"].map(focus);
    return { say, paint, toggleUnsure, words, comment, intensity, sung };
  };
})();
