/* Beats on the timeline: where they come from, how they are drawn and corrected, and what is snapped to them. */
(function () {
  "use strict";

  const TimelineGrid = window.TimelineGrid;
  const { INK, RULER } = window.TimelineWave;
  const { clock } = window.TimelineElements;
  const TAP = 0.15; // s: how unsteadily one taps while a song plays
  const POINTING = 3; // px: how unsteadily one points
  const SIGMA = [0.02, 0.3]; // s: bounds of what pointing is taken for
  const BEAT_ROOM = 7, BAR_ROOM = 5, NUMBER_ROOM = 34; // px from one to the next: closer ones are not drawn
  const SLIDE = 0.01; // s that all beats are moved by

  window.timelineBeats = function (timeline) {
    const { root, stage, q } = timeline;
    const canvas = q(".sst-grid");
    const memory = "structure-studio-snap";
    let grid = null; // as it was told or heard
    let heeded = null; // with what the person's boundaries say about it
    let heededFor = null;
    let changes = 0; // how often another grid came
    let drawn = ""; // what the canvas shows
    let snapping = localStorage.getItem(memory) !== "off";
    let pointed = null; // {t} under the pointer

    const commands = {
      one: () => correct((g) => g.withOneAt(timeline.head)),
      twice: () => correct((g) => g.doubled()),
      half: () => correct((g) => g.halved()),
      earlier: () => correct((g) => g.shifted(-SLIDE)),
      later: () => correct((g) => g.shifted(SLIDE)),
      heard: () => forget(),
      snap: () => toggleSnapping(),
    };
    q(".sst-beats").addEventListener("click", (event) => {
      const button = event.target.closest("button[data-beats]");
      if (button) commands[button.dataset.beats]();
      if (button && event.detail) root.focus({ preventScroll: true });
    });

    /* The song's beats as a person corrected them; where nobody has, none until they are heard. */
    function load() {
      const { beats } = timeline.model, { meter } = timeline.value;
      set(beats ? TimelineGrid.from(beats, meter || 4) : null);
    }

    /* Let the server find what nobody has told. */
    async function hear() {
      const { track, meter } = timeline.value;
      if (timeline.model.beats || !track || !timeline.editable || timeline.composing) return;
      const heard = await timeline.server.beat_grid(track).catch(() => null);
      if (timeline.value.track === track && !timeline.model.beats && heard?.ok) set(TimelineGrid.from(heard, meter || 4));
    }

    function set(next) {
      grid = next?.times.length ? next : null;
      heededFor = null;
      changes += 1;
      root.dataset.beats = grid ? (grid.told ? "told" : "heard") : "none";
      timeline.draw();
    }

    /* What one works with: boundaries that a person set say which beats are one, as long as nobody has. */
    function current() {
      if (grid && heededFor !== timeline.model.sections) {
        heededFor = timeline.model.sections;
        const own = heededFor.filter((s) => s.source !== "machine").map((s) => s.start);
        heeded = grid.heeding(own.filter((t) => t > 0));
      }
      return grid && heeded;
    }

    function correct(change) {
      if (!timeline.editable || !current()) return;
      const next = change(current());
      timeline.model.setBeats(next.toValue());
      set(next);
      timeline.emit();
    }

    /* Back to what a machine hears. */
    function forget() {
      if (!timeline.model.beats) return;
      timeline.model.setBeats(null);
      timeline.emit();
      load();
      hear();
    }

    function toggleSnapping() {
      snapping = !snapping;
      localStorage.setItem(memory, snapping ? "on" : "off");
      timeline.draw();
    }

    /* The beat that somebody meant who tapped or pointed at t: {time, probability, place}, or null where nothing snaps. */
    function meant(t, { playing = false, free = false } = {}) {
      if (free || !snapping || !current()) return null;
      const seconds = (POINTING * (timeline.view[1] - timeline.view[0])) / timeline.width;
      const found = current().snap(t, playing ? TAP : Math.min(Math.max(seconds, SIGMA[0]), SIGMA[1]));
      return found && found.place >= 0 && timeline.inSong(found.time) === found.time ? found : null;
    }

    function snapped(t, how) {
      return meant(t, how)?.time ?? t;
    }

    /* `beats` beats or bars on from the play head; null without beats. */
    function stepped(beats, bars) {
      const g = current();
      return g && g.stepped(timeline.head, beats + bars * g.meter);
    }

    // ---------------------------------------------------------------- the pointer

    stage.addEventListener("pointermove", (event) => {
      const onWave = event.target.closest(".sst-wave") || (event.buttons && event.target.closest(".sst-edges"));
      point(onWave && event.pointerType !== "touch" && timeline.model.duration ? event : null);
    });
    stage.addEventListener("pointerleave", () => point(null));

    function point(event) {
      pointed = event && {
        t: timeline.inSong(timeline.time(event.clientX - stage.getBoundingClientRect().left - stage.clientLeft)),
        free: event.altKey,
        dragging: event.buttons !== 0,
      };
      paintPointed();
    }

    /* A line where a click would begin a part, the fainter the less sure, and time and bar in words. */
    function paintPointed() {
      const ghost = q(".sst-ghost");
      ghost.hidden = !pointed || !timeline.editable || timeline.composing;
      if (ghost.hidden) return;
      const found = meant(pointed.t, pointed);
      const at = found?.time ?? pointed.t;
      ghost.style.transform = `translateX(${timeline.x(at)}px)`;
      ghost.style.setProperty("--sure", found ? 0.25 + 0.75 * found.probability : 0.25);
      ghost.dataset.side = timeline.x(at) > timeline.width - 190 ? "left" : "right";
      const sure = found && !pointed.dragging ? ` · ${Math.round(100 * found.probability)} % sure` : "";
      ghost.firstChild.textContent = `${clock(at, 2)}${where(at)}${sure}`;
    }

    /* ` · bar 17`, with the beat where it is not the first. */
    function where(t) {
      const found = current()?.position(t);
      if (!found || !found.bar) return "";
      return ` · bar ${found.bar}${found.beat > 1 ? `.${found.beat}` : ""}`;
    }

    // ---------------------------------------------------------------- the picture

    function paint() {
      paintGrid();
      paintPointed();
      const g = current();
      q(".sst-bar").textContent = where(timeline.head).slice(3);
      q(".sst-beats").hidden = !timeline.editable || timeline.composing;
      const from = grid?.told ? "corrected by you" : "heard by a machine";
      q(".sst-beats-state").textContent = g ? `${Math.round(g.tempo)} a minute, ${g.meter} in a bar, ${from}` : "none heard";
      for (const button of q(".sst-beats").querySelectorAll("button")) button.disabled = !g;
      q('[data-beats="heard"]').disabled = !grid?.told;
      const snap = q('[data-beats="snap"]');
      snap.setAttribute("aria-pressed", snapping ? "true" : "false");
      snap.disabled = false;
    }

    function paintGrid() {
      const g = current(), { width, tall, view } = timeline, { theme } = root.dataset;
      const ratio = window.devicePixelRatio || 1;
      const wanted = [view, width, tall, ratio, theme, timeline.value.mode, changes, g?.ones[0]].join();
      if (wanted === drawn) return;
      drawn = wanted;
      const ink = clearCanvas(Math.round(width * ratio), Math.round(tall * ratio), ratio);
      if (!g || timeline.value.mode === "view") return;
      ink.fillStyle = ink.strokeStyle = INK[theme];
      const [from, to] = view, perSecond = width / (to - from);
      const beatRoom = (60 / g.tempo) * perSecond, barRoom = beatRoom * g.meter;
      const floor = tall - RULER;
      if (beatRoom >= BEAT_ROOM) {
        for (let i = g.after(from); i < g.times.length && g.times[i] <= to; i++) line(ink, g.times[i], floor - 5, floor, 0.35);
      }
      if (barRoom < BAR_ROOM) return;
      const every = Math.max(1, 2 ** Math.ceil(Math.log2(NUMBER_ROOM / barRoom)));
      g.ones.forEach((one, bar) => {
        const t = g.times[one];
        if (t < from || t > to) return;
        const numbered = bar % every === 0;
        line(ink, t, numbered ? 0 : floor - 12, floor, numbered ? 0.22 : 0.5);
        ink.globalAlpha = 0.75;
        if (numbered) ink.fillText(String(bar + 1), timeline.x(t) + 3, floor - 3);
      });
    }

    /* A new size forgets the font, and to set a font has the browser style the whole page: never in a frame of zooming. */
    function clearCanvas(width, height, ratio) {
      const ink = canvas.getContext("2d");
      if (canvas.width !== width || canvas.height !== height) {
        canvas.width = width;
        canvas.height = height;
        ink.scale(ratio, ratio);
        ink.font = "10px system-ui, sans-serif";
      }
      ink.clearRect(0, 0, width / ratio, height / ratio);
      return ink;
    }

    function line(ink, t, top, bottom, strength) {
      ink.globalAlpha = strength;
      ink.fillRect(Math.round(timeline.x(t)), top, 1, bottom - top);
    }

    return {
      load, hear, paint, snapped, stepped, toggleSnapping, one: commands.one,
      get grid() { return current(); },
      get snapping() { return snapping; },
    };
  };
})();
