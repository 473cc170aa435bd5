/* The timeline for ears: what is selected, else what the song holds, in words that a screen reader speaks; and a focus
   that is never lost. */
(function () {
  "use strict";

  const { clock } = window.TimelineElements;
  const STILL = 200; // ms without another change: who drags or steps on hears only where it ends

  window.timelineSaid = function (timeline) {
    const { root, stage, q } = timeline;
    let said = "", waiting = 0;

    function paint() {
      const now = words();
      if (now !== said) {
        said = now;
        clearTimeout(waiting);
        waiting = setTimeout(() => (q(".sst-said").textContent = said), STILL);
      }
      const at = document.activeElement;
      if (root.contains(at) && (at.disabled || at.closest("[hidden]"))) root.focus({ preventScroll: true });
    }

    function words() {
      const { model, selected, value } = timeline;
      if (!timeline.editable) return "";
      if (selected?.moment) return `${selected.moment.type}, ${span(selected.moment)}`;
      if (selected?.boundary !== undefined) {
        const before = model.partAt(selected.boundary - 0.001), after = model.partAt(selected.boundary + 0.001);
        return `Boundary at ${clock(selected.boundary, 2)}: ${name(before)} to ${name(after)}`;
      }
      const part = selected?.part === undefined ? null : model.partAt(selected.part);
      if (part) return `${name(part)}, ${span(part)}`;
      const many = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
      return `${value.song || "Structure"}: ${many(model.sections.length, "part")}, ${many(model.moments.length, "moment")}`;
    }

    function name(part) {
      const section = part?.section;
      if (!section) return "free";
      const heard = section.source === "machine" ? ", as a machine heard it" : "";
      return (section.text || section.type) + heard + (section.unsure ? ", unsure" : "");
    }

    const span = ({ start, end }) => `${clock(start, 2)}${end > start ? ` to ${clock(end, 2)}` : ""}`;

    /* Whoever comes by Tab sees what the keys are for, however far the folds below it reach. */
    root.addEventListener("keyup", (event) => {
      if (event.key === "Tab" && event.target === root) stage.scrollIntoView({ block: "nearest" });
    });

    return { paint };
  };
})();
