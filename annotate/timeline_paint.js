/* Painting of the timeline's stage: Plotly draws waveform and ruler, plain elements draw what is dragged. */
(function () {
  "use strict";

  const { clock, children, element, inkOn } = window.TimelineElements;
  const { paintStrokes, ruler, shades, RULER } = window.TimelineWave;
  const WIDE = 3; // times the view that the ruler is drawn for, so that it can be moved instead of drawn anew
  const SETTLED = 160; // ms without a change of the view until it is
  const STRETCHED = 1.6; // times that its words may be too wide or too narrow until then

  const CROWDED = 8; // px: of things that begin within so many, or up to twice, a picture shows one, wide ones and the chosen
  const LEGIBLE = 16; // px: a name that has less room is not written

  /* What of `spans`, by start, can be told apart at `scale` pixels a second. Thousands are drawn as few, and as the same
     few wherever the view begins: they are counted on a grid of the whole song, which zooming halves or doubles. */
  function apart(spans, scale, isChosen) {
    const step = 2 ** Math.ceil(Math.log2(CROWDED / scale));
    let last = -1;
    return spans.filter((span) => {
      const now = Math.floor(span.start / step);
      if (now === last && span.end - span.start < step && !isChosen(span)) return false;
      last = now;
      return true;
    });
  }

  window.timelinePaint = function (timeline) {
    const plotly = window.Plotly; // a gr.Plot on the page may later put another version there
    const { root, stage, plot, q, colour } = timeline;
    let drawn = ""; // what the waveform shows
    let ruled = null; // what the ruler shows: {from, to, key}
    let settling = 0; // timer
    let mapped = null; // what the small map shows

    /* Sizes first: asking between two writes would lay the page out anew. */
    function measure() {
      timeline.width = stage.clientWidth;
      timeline.tall = plot.clientHeight;
      const theme = document.body.classList.contains("dark") ? "dark" : "light";
      if (root.dataset.theme !== theme) root.dataset.theme = theme;
    }

    function paint() {
      const { model, selected, view, value } = timeline;
      const shown = (e) => e.end >= view[0] && e.start <= view[1];
      const scale = timeline.width / (view[1] - view[0] || 1);
      const few = (spans, isChosen = () => false) => apart(spans.filter(shown), scale, isChosen);
      const parts = model.parts();
      const chosen = selected?.part == null ? null : model.partAt(selected.part);
      const isChosen = (p) => chosen !== null && p.start === chosen.start;
      lane(".sst-sections", few(parts, isChosen), isChosen, value.names?.[0]);
      const compare = timeline.compared();
      q(".sst-compare").hidden = !compare.length;
      lane(".sst-compare", few(compare), () => false, value.names?.[1]);
      q(".sst-moments").hidden = !timeline.editable && !model.moments.length;
      const isMoment = (m) => m.section === selected?.moment;
      const points = model.moments.map((m) => ({ ...seen(m), section: m })).sort((a, b) => a.start - b.start);
      const moments = few(points, isMoment);
      lane(".sst-moments", moments, isMoment);
      [...q(".sst-moments").children].forEach((block, i) => roomForName(block.lastChild, moments[i], moments[i + 1]));
      const coloured = few(parts.filter((p) => p.section), isChosen);
      children(q(".sst-tints"), coloured, () => element("div", "sst-tint"), (box, part) => {
        stretch(box, part);
        box.style.background = colour(part.section.type);
        box.dataset.selected = isChosen(part) ? "yes" : "no";
      });
      const cuts = model.boundaries().map((b) => ({ start: b, end: b }));
      const isCut = (cut) => selected?.boundary === cut.start;
      children(q(".sst-edges"), few(cuts, isCut), () => element("div", "sst-edge"), (box, { start: b }) => {
        box.style.transform = `translateX(${timeline.x(b)}px)`;
        box.dataset.time = b;
        box.dataset.selected = selected?.boundary === b ? "yes" : "no";
      });
      paintHead();
      paintMinimap(parts);
      paintWave();
      return chosen || model.partAt(timeline.targetTime());
    }

    /* Where a moment is drawn: one that runs backwards or lies outside the song must be seen to be removed. */
    function seen({ start, end }) {
      return { start: timeline.inSong(Math.min(start, end)), end: timeline.inSong(Math.max(start, end)) };
    }

    /* A moment's name may be longer than the moment, but ends where the next one begins. */
    function roomForName(word, moment, next) {
      const room = next ? timeline.x(next.start) - Math.max(0, timeline.x(moment.start)) - 2 : Infinity;
      word.hidden = room < LEGIBLE;
      word.style.maxWidth = room < timeline.width && !word.hidden ? `${room}px` : "";
    }

    function paintWave() {
      const { view, envelope, model, width, tall } = timeline;
      const { theme } = root.dataset, ratio = window.devicePixelRatio || 1;
      const wanted = [view, width, tall, ratio, theme, envelope && timeline.track, envelope?.rate, model.duration].join();
      if (wanted === drawn) return;
      drawn = wanted;
      paintStrokes(q(".sst-strokes"), envelope, view, { width, height: tall - RULER, ratio }, shades(theme));
      moveRuler([width, tall, theme].join());
    }

    /* A frame of zooming or panning moves the ruler there is, or hides it where it would mislead; once the view has
       settled it is drawn for it. */
    function moveRuler(key) {
      const { view, width } = timeline, span = view[1] - view[0];
      clearTimeout(settling);
      if (ruled?.key !== key) return drawRuler(key);
      const stretch = (ruled.to - ruled.from) / (WIDE * span);
      const fits = view[0] >= ruled.from && view[1] <= ruled.to && stretch < STRETCHED && stretch > 1 / STRETCHED;
      plot.style.visibility = fits ? "" : "hidden";
      plot.style.transform = `translateX(${timeline.x(ruled.from) + width}px) scaleX(${stretch})`;
      settling = setTimeout(() => drawRuler(key), SETTLED);
    }

    function drawRuler(key) {
      const { view } = timeline, beside = ((WIDE - 1) / 2) * (view[1] - view[0]);
      ruled = { from: view[0] - beside, to: view[1] + beside, key };
      plot.style.transform = plot.style.visibility = "";
      ruler(plotly, plot, [ruled.from, ruled.to], root.dataset.theme);
    }

    /* Left and right of what is seen of a span, in pixels. */
    const inView = ({ start, end }) => [Math.max(-2, timeline.x(start)), Math.min(timeline.width + 2, timeline.x(end))];

    /* Returns how wide it is. */
    function place(box, span) {
      const [left, right] = inView(span);
      box.style.transform = `translateX(${left}px)`;
      box.style.width = `${Math.max(2, right - left)}px`;
      return right - left;
    }

    /* As `place`, of what is a colour alone: nothing is laid out anew. */
    function stretch(box, span) {
      const [left, right] = inView(span);
      box.style.transform = `translateX(${left}px) scaleX(${right - left})`;
    }

    /* What a block shows: an event is never changed in place. */
    const shownOf = (span) => span.section || `${span.start} ${span.end}`;

    /* Blocks that have left the view are put where others come into it, so that those between stay what they are. */
    function turn(box, spans) {
      const blocks = [...box.children], shows = (block) => block.told?.[1];
      if (!blocks.length || !spans.length) return;
      const gone = blocks.findIndex((block) => shows(block) === shownOf(spans[0]));
      if (gone > 0) box.append(...blocks.slice(0, gone));
      const come = gone < 0 ? spans.findIndex((span) => shownOf(span) === shows(blocks[0])) : 0;
      if (come > 0) box.prepend(...blocks.slice(-come));
    }

    function lane(selector, spans, isChosen, name) {
      const box = q(selector), above = selector === ".sst-moments"; // where a name may be longer than what it names
      const make = () => {
        const block = element("div", "sst-block");
        block.append(element("span", "sst-fill"), element("span", "sst-word"));
        block.setAttribute("role", "listitem");
        return block;
      };
      box.querySelector(".sst-row")?.remove();
      turn(box, spans);
      children(box, spans, make, (block, span) => {
        const { section } = span, [fill, word] = block.children;
        const width = place(block, span);
        if (!above) word.hidden = width < LEGIBLE;
        const told = [isChosen(span), shownOf(span)];
        if (block.told?.every((one, i) => one === told[i])) return;
        block.told = told;
        const tint = section ? colour(section.type) : "";
        const guessed = section?.source === "machine";
        const text = section ? (section.text || section.type) + (guessed ? "?" : "") : "free";
        block.event = section; // for the pointer
        block.dataset.wrong = section && section.end < section.start ? "yes" : "no";
        block.dataset.free = section ? "no" : "yes";
        block.dataset.selected = isChosen(span) ? "yes" : "no";
        block.dataset.type = section ? section.type : "";
        block.style.setProperty("--colour", tint);
        fill.hidden = !section || above;
        const strength = section && typeof section.intensity === "number" ? section.intensity : 1;
        fill.style.height = `${30 + 70 * strength}%`;
        word.textContent = text;
        const ink = section && !fill.hidden ? inkOn(tint) : "";
        word.style.color = ink;
        block.style.setProperty("--paper", ink === "#fff" ? "#000" : "#fff");
        const label = section && section.label ? `: ${section.label}` : "";
        const { start, end } = section || span;
        const sure = guessed && section.probability ? `, begins here: ${Math.round(100 * section.probability)} % sure` : "";
        block.dataset.unsure = section?.unsure ? "yes" : "no";
        const comment = section?.comment ? `\n${section.comment}` : "";
        block.ariaCurrent = isChosen(span) ? "true" : null;
        block.title = `${text}${label} (${clock(start, 2)} to ${clock(end, 2)}${sure})${section?.unsure ? ", unsure" : ""}${comment}`;
      });
      if (name && spans.length) box.append(element("span", "sst-row", name));
    }

    function paintHead() {
      const { head, view, value, model } = timeline;
      const mark = q(".sst-playhead");
      mark.hidden = !value.track || head < view[0] - 1e-6 || head > view[1] + 1e-6;
      mark.style.transform = `translateX(${timeline.x(head)}px)`;
      const text = `${clock(head, 2)} / ${clock(model.duration, 2)}`;
      if (q(".sst-clock").textContent !== text) q(".sst-clock").textContent = text;
    }

    function paintMinimap(parts) {
      const { view, model, width } = timeline;
      const share = (t) => `${(100 * t) / (model.duration || 1)}%`;
      q(".sst-window").style.left = share(view[0]);
      q(".sst-window").style.width = share(view[1] - view[0]);
      const shows = [model.sections, model.duration, width];
      if (mapped?.every((one, i) => one === shows[i])) return;
      mapped = shows;
      const marked = apart(parts.filter((p) => p.section), width / (model.duration || 1), () => false);
      children(q(".sst-minimap-parts"), marked, () => element("div", "sst-minimap-part"), (box, part) => {
        box.style.left = share(part.start);
        box.style.width = share(part.end - part.start);
        box.style.background = colour(part.section.type);
      });
    }

    return { measure, paint, paintHead };
  };
})();
