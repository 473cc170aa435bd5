/* The timeline's twin: its events as a table whose cells can be typed into, and in words, one event a line. */
(function () {
  "use strict";

  const { clock, children, element } = window.TimelineElements;
  const STILL = 150; // ms without an edit until the words are asked for
  const CELLS = ["start", "end", "type", "label", "intensity", "comment"];
  const TITLES = { start: "Begins", end: "Ends", type: "Type", label: "Words for the model", intensity: "Intensity, 0 to 1", comment: "Comment" };
  const TIME = /^(?:(\d+):)?(\d+):(\d{1,2}(?:[.,]\d*)?)$|^(\d+(?:[.,]\d*)?)$/;

  /* `1:04.25` or `64.25` in seconds; null for anything else. */
  function seconds(text) {
    const found = TIME.exec(text.trim());
    if (!found) return null;
    const [hours, minutes, rest, alone] = found.slice(1).map((part) => (part ? Number(part.replace(",", ".")) : 0));
    return alone || (hours * 60 + minutes) * 60 + rest;
  }

  window.timelineTable = function (timeline) {
    const { root, q, server } = timeline;
    const fold = q(".sst-table"), body = fold.querySelector("tbody"), words = q(".sst-words");
    let waiting = 0, written = null; // events that the words were written of
    let counted = null; // what the total was said of

    function row() {
      const made = element("tr");
      for (const name of [...CELLS, "unsure", "remove"]) {
        const cell = element("td");
        const input = element(name === "remove" ? "button" : "input", "", name === "remove" ? "×" : undefined);
        input.dataset.cell = name;
        if (name === "remove") input.type = "button";
        if (name === "unsure") input.type = "checkbox";
        if (name === "type") input.setAttribute("list", "sst-types");
        input.setAttribute("aria-label", TITLES[name] || (name === "remove" ? "Take this event away" : "Unsure"));
        cell.append(input);
        made.append(cell);
        if (name === "end") made.append(element("td", "sst-length"));
      }
      return made;
    }

    const texts = {
      start: (e) => clock(e.start, 3),
      end: (e) => clock(e.end, 3),
      type: (e) => e.text || e.type,
      label: (e) => e.label || "",
      intensity: (e) => e.intensity ?? "",
      comment: (e) => e.comment || "",
    };

    function paint() {
      const { model, selected } = timeline;
      const now = [model.sections, model.duration];
      if (!counted?.every((one, i) => one === now[i])) {
        counted = now;
        q(".sst-total").textContent = total();
      }
      if (!fold.open) return;
      const chosen = selected?.moment || (selected?.part != null && model.partAt(selected.part)?.section);
      children(body, model.events(), row, (line, event) => {
        line.dataset.selected = event === chosen ? "yes" : "no";
        if (line.event === event) return;
        line.event = event;
        for (const input of line.querySelectorAll("[data-cell]")) fill(input, event);
        line.querySelector(".sst-length").textContent = `${(event.end - event.start).toFixed(2)} s`;
        line.style.setProperty("--colour", model.moments.includes(event) ? "transparent" : timeline.colour(event.type));
      });
      if (written !== model.sections && document.activeElement !== words) {
        clearTimeout(waiting);
        waiting = setTimeout(write, STILL);
      }
    }

    function fill(input, event) {
      const { cell } = input.dataset;
      if (cell === "unsure") input.checked = Boolean(event.unsure);
      else if (texts[cell]) input.value = texts[cell](event);
      input.disabled = cell !== "remove" && !timeline.editable;
      input.setCustomValidity?.("");
    }

    /* `9 sections, 3:26 of 3:30; 2 gaps, 4.0 s`. */
    function total() {
      const { model } = timeline, parts = model.parts(), gaps = parts.filter((p) => !p.section);
      if (!model.sections.length) return "no sections yet";
      const free = gaps.reduce((sum, p) => sum + p.end - p.start, 0);
      const count = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
      const named = `${count(model.sections.length, "section")}, ${clock(model.duration - free, 0)} of ${clock(model.duration, 0)}`;
      return gaps.length ? `${named}; ${count(gaps.length, "gap")}, ${free.toFixed(1)} s` : named;
    }

    // ---------------------------------------------------------------- typing into cells

    body.addEventListener("change", ({ target }) => {
      const event = target.closest("tr")?.event;
      if (event && target.dataset.cell) change(event, target);
    });
    body.addEventListener("keydown", (pressed) => {
      const { target, key } = pressed;
      if (!target.dataset.cell) return;
      pressed.stopPropagation();
      const step = { ArrowUp: -1, ArrowDown: 1, Enter: 1 }[key];
      if (key === "Escape") {
        fill(target, target.closest("tr").event);
        root.focus({ preventScroll: true });
      } else if (step && target.dataset.cell !== "remove") {
        pressed.preventDefault();
        const line = body.children[target.closest("tr").sectionRowIndex + step];
        const below = line?.querySelector(`[data-cell="${target.dataset.cell}"]`);
        below ? below.focus() : target.blur();
      }
    });
    body.addEventListener("focusin", ({ target }) => {
      const event = target.closest("tr")?.event;
      if (event && target.dataset.cell !== "remove") timeline.edits.select(timeline.edits.selectionOf(event));
    });
    body.addEventListener("click", ({ target }) => {
      const event = target.closest("tr")?.event;
      if (!event) return;
      if (target.dataset.cell === "remove") remove(event);
      else if (!target.dataset.cell) timeline.edits.show(event);
    });
    body.addEventListener("paste", (pasted) => {
      const text = pasted.clipboardData.getData("text");
      if (!/\n.*\S/.test(text.trim())) return; // one line goes into its cell
      pasted.preventDefault();
      take(text);
    });

    function change(event, input) {
      const { model, details } = timeline, { cell } = input.dataset;
      if (cell === "start" || cell === "end") return changeTime(event, input);
      if (cell === "unsure") return details.say(event, { unsure: input.checked || null });
      if (cell === "intensity") {
        const level = Number(input.value.replace(",", "."));
        if (!(level >= 0 && level <= 1)) return refuse(input, "Intensity is from 0, quiet, to 1, loud.");
        return details.say(event, { intensity: input.value.trim() ? level : null });
      }
      const text = input.value.trim();
      if (cell !== "type") return details.say(event, { [cell]: text || null });
      if (!text) return refuse(input, "An event needs a type, such as verse.");
      details.say(event, model.named(text.toLowerCase(), model.moments.includes(event)));
    }

    function changeTime(event, input) {
      const { model } = timeline, t = seconds(input.value);
      if (t === null) return refuse(input, "Write a time as 64.5 or 1:04.5.");
      const start = input.dataset.cell === "start" ? t : event.start, end = input.dataset.cell === "end" ? t : event.end;
      if (!model.moments.includes(event)) model.setTimes(event, start, end);
      else model.moveMoment(event, Math.min(start, end), end);
      timeline.emit();
    }

    function refuse(input, sentence) {
      input.setCustomValidity(sentence);
      input.reportValidity();
    }

    function remove(event) {
      if (!timeline.editable) return;
      const { model } = timeline;
      if (!model.removeMoment(event)) model.setType(event.start, null);
      timeline.selected = null;
      timeline.emit();
      root.focus({ preventScroll: true });
    }

    // ---------------------------------------------------------------- in words

    async function write() {
      const { sections } = timeline.model;
      const answer = await server.written_structure({ events: timeline.model.events() }).catch(() => null);
      if (sections !== timeline.model.sections || document.activeElement === words || !answer?.ok) return;
      written = sections;
      words.value = answer.text;
    }

    async function take(text) {
      if (!timeline.editable) return;
      const { model } = timeline;
      const answer = await server.structure_read({ text, duration: model.duration, events: model.events() }).catch(() => null);
      if (timeline.model !== model) return;
      q(".sst-words-said").textContent = answer ? answer.error || "" : "The server did not answer. Reload the page.";
      if (!answer?.ok || !model.replaceAll(answer.events)) return;
      const { length } = answer.events;
      q(".sst-words-said").textContent = `${length} event${length === 1 ? "" : "s"} taken over. Ctrl+Z brings back what was there.`;
      timeline.selected = null;
      timeline.emit();
    }

    words.addEventListener("keydown", (pressed) => {
      pressed.stopPropagation();
      if (pressed.key === "Enter" && (pressed.ctrlKey || pressed.metaKey)) take(words.value);
      else if (pressed.key !== "Escape") return;
      root.focus({ preventScroll: true });
    });
    q('[data-do="take"]').addEventListener("click", () => take(words.value));

    if (!document.getElementById("sst-types")) {
      const list = element("datalist");
      list.id = "sst-types";
      for (const type of [...timeline.colours.types, ...timeline.colours.moments]) list.append(new Option(type));
      document.body.append(list); // one for all timelines of a page
    }
    return { paint };
  };
})();
