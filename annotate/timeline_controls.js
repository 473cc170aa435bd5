/* Buttons, names and folds below the timeline's stage: what they do, when they can be used, and the next step in words. */
(function () {
  "use strict";

  const { children, element } = window.TimelineElements;

  /* The next step in a sentence, for those with keys and for those with fingers. */
  const HINTS = {
    keys: {
      moment: (type) => `Drag this ${type}, or its end; 1 to 6 name it anew; Delete removes it.`,
      backwards: (type) => `The red ${type} ends before it begins: click it, then press Delete.`,
      start: "Press space, tap B where a part begins.",
      playing: "Tap B, or click the wave, where a part begins.",
      guess: "Names with ? are guesses. Select the first: a name, or A where it is right, goes on to the next.",
      name: "Name the part: 1 intro, 2 verse, 4 chorus … or pick a name below.",
      more: "Tap B where the next part begins. Drag a boundary to move it.",
      done: "Drag a boundary to move it, Delete joins two parts. Page Down opens the next song.",
    },
    fingers: {
      moment: (type) => `Drag this ${type}, or its end; Remove, below, takes it away.`,
      backwards: (type) => `The red ${type} ends before it begins: tap it, then Remove.`,
      start: "Press Play, tap Begin part where a part begins.",
      playing: "Tap Begin part, or the wave, where a part begins.",
      guess: "A machine heard these; names with ? are its guesses. Tap a part and name it, drag what is off, or undo.",
      name: "Name the part: pick its name below.",
      more: "Tap the wave where the next part begins. Drag a boundary to move it.",
      done: "Drag a boundary to move it, Join makes one part of two.",
    },
  };

  window.timelineControls = function (timeline) {
    const { root, q, colours, edits, sound, keys } = timeline;

    const commands = {
      play: sound.toggle,
      mark: () => edits.mark(timeline.head, { playing: !timeline.audio.paused }),
      propose: edits.propose,
      remove: edits.remove,
      undo: () => edits.travel(true),
      redo: () => edits.travel(false),
      out: () => timeline.zoomAtHead(1.6),
      in: () => timeline.zoomAtHead(1 / 1.6),
      fit: () => timeline.setView(0, timeline.model.duration),
      keys: keys.toggleSheet,
      version: timeline.twin.switchVersion,
      part: sound.playPart,
      loop: sound.toggleLoop,
      speed: sound.nextSpeed,
      clicks: timeline.clicks.toggle,
      measure: timeline.clicks.measure,
      strip: () => timeline.pictures.toggle(),
      unsure: () => timeline.details.toggleUnsure(),
    };
    root.addEventListener("pointerdown", (event) => {
      // A clicked button must not take the focus: the next space should play, not press it again.
      if (event.target.closest("button")) event.preventDefault();
    });
    root.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-do]");
      if (button) commands[button.dataset.do]?.();
      const name = event.target.closest(".sst-name");
      if (name) edits.rename(name.dataset.type || null);
      if ((button || name) && event.detail) root.focus({ preventScroll: true }); // who pressed it by key stays on it
    });
    root.addEventListener("keydown", keys.press);
    for (const fold of root.querySelectorAll("details")) fold.addEventListener("toggle", timeline.draw);

    let filled = null; // types that the names were made of

    function fillNames() {
      filled = timeline.types;
      q(".sst-names").replaceChildren();
      const digit = (type) => (timeline.digits.indexOf(type) + 1 <= 9 && timeline.digits.indexOf(type) + 1) || "";
      const parts = timeline.types.map((type) => [type, digit(type), "part"]);
      const moments = colours.moments.map((type, i) => [type, i + 1, "moment"]);
      const names = [...parts, ["", 0, "part"], ...moments];
      children(q(".sst-names"), names, () => element("button", "sst-name"), (button, [type, digit, kind]) => {
        button.type = "button";
        button.dataset.type = type;
        button.dataset.kind = kind;
        button.style.setProperty("--colour", type ? timeline.colour(type) : "transparent");
        button.append(type || "free");
        if (digit !== "") button.append(element("kbd", "", digit));
      });
      const own = element("input");
      own.placeholder = "another word…";
      own.setAttribute("aria-label", "Name the part with another word, then press Enter");
      own.maxLength = 60;
      own.addEventListener("keydown", (event) => {
        event.stopPropagation();
        if (event.key !== "Enter" && event.key !== "Escape") return;
        const word = own.value.trim().toLowerCase();
        if (event.key === "Enter" && word) edits.rename(word);
        own.value = "";
        root.focus({ preventScroll: true });
      });
      q(".sst-names").append(own);
    }

    /* `part` is the one that a name would go to. */
    function paint(part) {
      if (filled !== timeline.types) fillNames();
      const moment = timeline.selected?.moment;
      const named = moment ? moment.type : part && (part.section ? part.section.type : "");
      for (const name of root.querySelectorAll(".sst-name")) {
        name.hidden = (name.dataset.kind === "moment") !== Boolean(moment);
        const current = !name.hidden && named === name.dataset.type;
        name.dataset.current = current ? "yes" : "no";
        name.setAttribute("aria-pressed", current ? "true" : "false");
      }
      q('[data-do="undo"]').disabled = !timeline.model.canUndo;
      q('[data-do="redo"]').disabled = !timeline.model.canRedo;
      const remove = q('[data-do="remove"]');
      remove.disabled = !moment && timeline.currentBoundary() === null;
      remove.firstChild.textContent = moment ? `Remove ${moment.type} ` : "Join ";
      remove.title = moment ? "Remove the selected moment (Delete)" : "Join the two parts at the selected boundary (Delete)";
      const version = q('[data-do="version"]');
      version.hidden = !timeline.twin.offered();
      version.firstChild.textContent = `${timeline.other?.name || "Model's"} `;
      version.setAttribute("aria-pressed", timeline.version === "other" ? "true" : "false");
      q('[data-do="mark"]').disabled = !timeline.editable;
      q('[data-do="propose"]').hidden = !timeline.proposable || timeline.listening;
      const hint = advice();
      if (q(".sst-hint").textContent !== hint) q(".sst-hint").textContent = q(".sst-hint").title = hint;
    }

    function advice() {
      if (!timeline.editable) return "";
      if (timeline.composing) return "Click where a part begins, name it below, drag its boundaries: the text follows.";
      const { model, selected, audio, named } = timeline;
      const hints = window.matchMedia("(pointer: coarse)").matches ? HINTS.fingers : HINTS.keys;
      const backwards = model.moments.find((m) => m.end < m.start);
      if (selected?.moment) return hints.moment(selected.moment.type);
      if (backwards) return hints.backwards(backwards.type);
      if (!model.sections.length) return audio.paused ? hints.start : hints.playing;
      if (model.sections.some((s) => s.source === "machine")) return hints.guess;
      if (!named) return hints.name;
      return model.boundaries().length < 3 ? hints.more : hints.done;
    }

    return { paint };
  };
})();
