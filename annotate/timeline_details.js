/* What is said of the selected event besides its name and times: words for the model, intensity, a comment, a doubt. */
(function () {
  "use strict";

  window.timelineDetails = function (timeline) {
    const { root, q } = timeline;
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
      intensity: (input) => Number(input.value) / 100,
    };
    for (const [name, value] of Object.entries(said)) {
      field(name).addEventListener("change", () => {
        if (shown && (shown[name] ?? null) !== value(field(name))) say(shown, { [name]: value(field(name)) });
      });
      field(name).addEventListener("keydown", (pressed) => {
        pressed.stopPropagation();
        if (pressed.key !== "Enter" && pressed.key !== "Escape") return;
        if (pressed.key === "Escape") fill(name);
        root.focus({ preventScroll: true }); // what was typed is taken over as the field loses the focus
      });
    }
    field("intensity").addEventListener("input", () => (q(".sst-intensity").value = `${field("intensity").value} %`));
    q('[data-do="level"]').addEventListener("click", () => say(event(), { intensity: null }));

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
    }

    function paint() {
      const about = event();
      q(".sst-details").hidden = !about || !timeline.editable;
      q('[data-do="unsure"]').setAttribute("aria-pressed", about?.unsure ? "true" : "false");
      const typing = q(".sst-details").contains(document.activeElement);
      if (about === shown || typing) return;
      shown = about;
      for (const name of Object.keys(said)) fill(name);
    }

    const focus = (name) => () => timeline.editable && event() && (field(name).focus(), field(name).select?.());
    return { say, paint, toggleUnsure, words: focus("label"), comment: focus("comment"), intensity: focus("intensity") };
  };
})();
