/* Timeline component: pointer, keys, sound, and the way to Python and back.

`StructureTimeline.mount` is called by Gradio for each component on the page. The editing itself is in
timeline_model.js, the drawing in timeline_paint.js. The value that Python sees is
{song, track, duration, events, compare, names, rev, mode}; every edit sends it whole. */
(function () {
  "use strict";

  const { clock, readEnvelope, wave, children, element, inkOn } = window.TimelinePaint;
  const GRAB = 12; // px on each side of a boundary: a handle of 24
  const STILL = 4; // px: less is a click, more a drag
  const CLOSEST = 0.5; // s that the view shows at least
  const ONE_FRAME = 17; // ms
  const LATE = 5000; // ms without an answer until "not saved yet" is said

  const KEYS = [
    ["Space", "play, pause"],
    ["B or Enter", "begin a part at the play head (a click on the waveform begins one there)"],
    ["1 … 9", "name the part: selected, or under the play head while playing"],
    ["0", "leave the part free: nothing is said about it"],
    ["/", "name the part with a word of your own"],
    ["Delete", "join the two parts at the selected or nearest boundary"],
    [", .", "move that boundary by 10 ms"],
    ["Ctrl+Z", "undo"],
    ["Ctrl+Y, Ctrl+Shift+Z", "redo"],
    ["← →", "1 s back, forward; with Shift 5 s, with Ctrl 15 s"],
    ["↑ ↓", "previous, next boundary"],
    ["Home, End", "start, end of the song"],
    ["- =", "zoom out, in (or turn the wheel; with Shift it pans)"],
    ["F", "whole song"],
    ["Page Down, Page Up", "next, previous song"],
    ["Esc", "let go, close this sheet"],
  ];
  const VIEW_KEYS = new Set(["Space", "← →", "↑ ↓", "Home, End", "- =", "F", "Esc"]);

  const mounted = new Set();
  let lastUsed = null;

  // Keys pressed while nothing has the focus belong to the timeline that one sees.
  document.addEventListener("keydown", (event) => {
    if (document.activeElement && document.activeElement !== document.body) return;
    for (const timeline of mounted) if (!timeline.root.isConnected) mounted.delete(timeline);
    const seen = [...mounted].filter((t) => t.root.clientWidth > 10);
    const target = seen.includes(lastUsed) ? lastUsed : seen[0];
    if (target) target.key(event);
  });

  function theme() {
    return document.body.classList.contains("dark") ? "dark" : "light";
  }

  function mount({ element: host, trigger, props, server, watch }) {
    const plotly = window.Plotly; // a gr.Plot on the page may later put another version there
    const root = host.querySelector(".sst");
    const q = (selector) => root.querySelector(selector);
    const stage = q(".sst-stage"), plot = q(".sst-plot"), audio = q("audio"), minimap = q(".sst-minimap");
    const colours = JSON.parse(host.querySelector(".sst-data").textContent);
    const colour = (type) => colours.sections[type] || colours.other;

    let value = {}; // as last sent or received
    let model = new TimelineModel([], 0, colours.moments);
    let view = [0, 1]; // seconds shown
    let envelope = null;
    let rev = 0;
    let savedRev = 0;
    let head = 0; // play head, seconds
    let selected = null; // {part: time in it} or {boundary: time}, or both
    let named = false; // whether a part of this song has been named since it was opened
    let sending = false;
    let scheduled = false;
    let drawnWave = "";
    let loading = 0; // newest request for a waveform
    let lateTimer = 0, planTimer = 0;

    const composing = () => value.mode === "compose"; // a structure without a song: there is nothing to play or save
    const editable = () => composing() || (value.mode !== "view" && value.track);
    let wide = 1; // px of the stage, read once a frame: asking between two writes would lay the page out anew
    const width = () => wide;
    const x = (t) => ((t - view[0]) / (view[1] - view[0])) * width();
    const time = (px) => view[0] + (px / width()) * (view[1] - view[0]);
    const inSong = (t) => Math.min(Math.max(0, t), model.duration);
    const currentBoundary = () => selected?.boundary ?? model.nearestBoundary(head);
    const targetTime = () => selected?.part ?? head;

    // ---------------------------------------------------------------- to and from Python

    function load() {
      const next = props.value || {};
      const other = next.song !== value.song || next.track !== value.track;
      if (!other && next.rev != null && next.rev < rev) return emit(); // a late echo: Python must learn what is newer
      value = next;
      rev = savedRev = next.rev ?? rev;
      root.dataset.saved = String(savedRev);
      model = new TimelineModel(next.events, next.duration || 0, colours.moments);
      selected = null;
      if (other) {
        view = [0, model.duration || 1];
        named = model.sections.length > 0;
        seek(0);
        note("");
        say({ text: "" });
        fetchTrack();
      }
      root.dataset.mode = ["view", "compose"].includes(next.mode) ? next.mode : "edit";
      root.dataset.sound = next.track ? "yes" : "no";
      root.dataset.song = next.song || "";
      root.setAttribute("aria-label", `Timeline of ${next.song || "the song"}: press question mark for the keys`);
      draw();
    }

    /* The eye first: Gradio's own work on a new value waits until the edit has been painted. */
    function emit() {
      rev += 1;
      root.dataset.rev = rev;
      value = { ...value, events: model.events(), rev };
      if (!sending) requestAnimationFrame(() => setTimeout(send, ONE_FRAME));
      sending = true;
      if (editable() && !composing()) {
        say({ text: "Saving…" });
        clearTimeout(lateTimer);
        lateTimer = setTimeout(() => {
          if (savedRev < rev) say({ kind: "error", text: "Not saved yet. Is Structure Studio still running?" });
        }, LATE);
      }
      draw();
    }

    function send() {
      if (!sending) return;
      sending = false;
      props.value = value; // a new object: the same one would not be sent
      trigger("input", { rev });
      if (!editable() || composing()) return;
      document.dispatchEvent(
        new CustomEvent("structure-studio:events", { detail: { song: value.song, events: value.events } }),
      );
    }

    function status() {
      const news = props.status;
      if (!news || (news.song && news.song !== value.song)) return;
      savedRev = Math.max(savedRev, news.rev ?? rev);
      root.dataset.saved = String(savedRev);
      if (savedRev >= rev) say(news); // an older save: a newer one is on its way
    }

    function say({ text, kind }) {
      q(".sst-save").textContent = text || "";
      q(".sst-save").dataset.kind = kind || "ok";
    }

    function note(text) {
      q(".sst-note").textContent = text;
    }

    async function fetchTrack() {
      const mine = ++loading;
      envelope = null;
      drawnWave = "";
      audio.pause();
      audio.removeAttribute("src");
      delete root.dataset.drawn;
      if (!value.track) return;
      note("Drawing the waveform…");
      const source = await server.track_source(value.track).catch(() => null);
      if (mine !== loading) return;
      if (!source || !source.ok) return note(source ? source.error : "The server did not answer. Reload the page.");
      const bytes = Uint8Array.from(atob(source.peaks), (c) => c.charCodeAt(0));
      envelope = readEnvelope(new Int8Array(bytes.buffer), source.rate);
      audio.src = "gradio_api/file=" + source.audio.split("/").map(encodeURIComponent).join("/");
      note("");
      draw();
      root.dataset.drawn = value.track;
    }

    // ---------------------------------------------------------------- drawing

    function draw() {
      if (scheduled) return;
      scheduled = true;
      requestAnimationFrame(() => {
        scheduled = false;
        if (root.clientWidth > 10) paint();
      });
    }

    function paint() {
      wide = stage.clientWidth;
      const tall = plot.clientHeight;
      root.dataset.theme = theme();
      const shown = (e) => e.end >= view[0] && e.start <= view[1];
      const parts = model.parts();
      const chosen = selected?.part == null ? null : model.partAt(selected.part);
      const isChosen = (p) => chosen !== null && p.start === chosen.start;
      lane(".sst-sections", parts.filter(shown), isChosen, value.names?.[0]);
      const compare = value.compare ? new TimelineModel(value.compare, model.duration, colours.moments).parts() : [];
      q(".sst-compare").hidden = !compare.length;
      lane(".sst-compare", compare.filter(shown), () => false, value.names?.[1]);
      q(".sst-moments").hidden = !model.moments.length;
      lane(".sst-moments", model.moments.filter(shown).map((m) => ({ ...m, section: m })), () => false);
      const coloured = parts.filter((p) => p.section && shown(p));
      children(q(".sst-tints"), coloured, () => element("div", "sst-tint"), (box, part) => {
        place(box, part);
        box.style.background = colour(part.section.type);
        box.dataset.selected = isChosen(part) ? "yes" : "no";
      });
      children(q(".sst-edges"), model.boundaries().filter((b) => b >= view[0] && b <= view[1]), edge, (box, b) => {
        box.style.transform = `translateX(${x(b)}px)`;
        box.dataset.time = b;
        box.dataset.selected = selected?.boundary === b ? "yes" : "no";
      });
      paintHead();
      paintMinimap(parts);
      paintControls(chosen || model.partAt(targetTime()));
      if (q(".sst-table").open) paintTable();
      if (q(".sst-plan").open) paintPlan();
      const key = [view, wide, tall, root.dataset.theme, envelope && value.track, model.duration].join();
      if (key !== drawnWave) {
        drawnWave = key;
        wave(plotly, plot, envelope, view, root.dataset.theme);
      }
      root.dataset.rev = rev;
      root.dataset.ready = "1";
    }

    function edge() {
      return element("div", "sst-edge");
    }

    function place(box, span) {
      const left = Math.max(-2, x(span.start)), right = Math.min(width() + 2, x(span.end));
      box.style.transform = `translateX(${left}px)`;
      box.style.width = `${Math.max(2, right - left)}px`;
    }

    function lane(selector, spans, isChosen, name) {
      const box = q(selector);
      const make = () => {
        const block = element("div", "sst-block");
        block.append(element("span", "sst-fill"), element("span", "sst-word"));
        return block;
      };
      box.querySelector(".sst-row")?.remove();
      children(box, spans, make, (block, span) => {
        place(block, span);
        const { section } = span, [fill, word] = block.children;
        const tint = section ? colour(section.type) : "";
        const text = section ? section.text || section.type : "free";
        block.dataset.free = section ? "no" : "yes";
        block.dataset.selected = isChosen(span) ? "yes" : "no";
        block.dataset.type = section ? section.type : "";
        block.style.setProperty("--colour", tint);
        fill.hidden = !section || box.classList.contains("sst-moments");
        const strength = section && typeof section.intensity === "number" ? section.intensity : 1;
        fill.style.height = `${30 + 70 * strength}%`;
        word.textContent = text;
        word.style.color = section && !fill.hidden && strength > 0.6 ? inkOn(tint) : "";
        const label = section && section.label ? `: ${section.label}` : "";
        block.title = `${text}${label} (${clock(span.start, 2)} to ${clock(span.end, 2)})`;
      });
      if (name && spans.length) box.append(element("span", "sst-row", name));
    }

    function paintHead() {
      const mark = q(".sst-playhead");
      mark.hidden = !value.track || head < view[0] - 1e-6 || head > view[1] + 1e-6;
      mark.style.transform = `translateX(${x(head)}px)`;
      const text = `${clock(head, 2)} / ${clock(model.duration, 2)}`;
      if (q(".sst-clock").textContent !== text) q(".sst-clock").textContent = text;
    }

    function paintMinimap(parts) {
      const share = (t) => `${(100 * t) / (model.duration || 1)}%`;
      const marked = parts.filter((p) => p.section);
      children(q(".sst-minimap-parts"), marked, () => element("div", "sst-minimap-part"), (box, part) => {
        box.style.left = share(part.start);
        box.style.width = share(part.end - part.start);
        box.style.background = colour(part.section.type);
      });
      q(".sst-window").style.left = share(view[0]);
      q(".sst-window").style.width = share(view[1] - view[0]);
    }

    function paintControls(part) {
      for (const name of root.querySelectorAll(".sst-name")) {
        const current = part && (part.section ? part.section.type : "") === name.dataset.type;
        name.dataset.current = current ? "yes" : "no";
        name.setAttribute("aria-pressed", current ? "true" : "false");
      }
      q('[data-do="undo"]').disabled = !model.canUndo;
      q('[data-do="redo"]').disabled = !model.canRedo;
      q('[data-do="remove"]').disabled = currentBoundary() === null;
      q('[data-do="mark"]').disabled = !editable();
      const hint = advice();
      if (q(".sst-hint").textContent !== hint) q(".sst-hint").textContent = hint;
    }

    /* The one sentence that says what to do next. */
    function advice() {
      if (!editable()) return "";
      if (composing()) return "Click where a part begins, name it below, drag its boundaries: the text follows.";
      const cuts = model.boundaries().length;
      if (!model.sections.length) {
        return audio.paused ? "Press space, tap B where a part begins." : "Tap B, or click the wave, where a part begins.";
      }
      if (!named) return "Name the part: 1 intro, 2 verse, 4 chorus … or pick a name below.";
      if (cuts < 3) return "Tap B where the next part begins. Drag a boundary to move it.";
      return "Drag a boundary to move it, Delete joins two parts. Page Down opens the next song.";
    }

    function paintTable() {
      const rows = model.events();
      const make = () => {
        const row = element("tr");
        row.tabIndex = 0;
        for (let i = 0; i < 5; i++) row.append(element("td"));
        return row;
      };
      children(q(".sst-table tbody"), rows, make, (row, event) => {
        const words = [clock(event.start, 3), clock(event.end, 3), `${(event.end - event.start).toFixed(3)} s`];
        words.push("", event.label || "");
        words.forEach((word, i) => (row.children[i].textContent = word));
        const swatch = element("span", "sst-swatch");
        swatch.style.setProperty("--colour", model.moments.includes(event) ? "transparent" : colour(event.type));
        row.children[3].append(swatch, document.createTextNode(event.text || event.type));
        row.dataset.time = event.start;
        row.dataset.selected = selected?.part != null && model.partAt(selected.part)?.section === event ? "yes" : "no";
      });
    }

    /* The frame plan, asked of Python once the hand is still. */
    function paintPlan() {
      clearTimeout(planTimer);
      planTimer = setTimeout(async () => {
        const events = model.events();
        const asked = JSON.stringify(events);
        if (asked === q(".sst-plan").dataset.asked) return;
        const plan = await server.plan_picture({ events, duration: model.duration }).catch(() => null);
        if (!plan || !plan.ok) return void (q(".sst-plan-text").textContent = plan ? plan.error : "No answer.");
        q(".sst-plan").dataset.asked = asked;
        q(".sst-plan-text").textContent = plan.text;
        const canvas = q(".sst-plan canvas"), line = 12;
        const names = q(".sst-plan-names");
        children(names, plan.names, () => element("div"), (box, name) => (box.textContent = name));
        canvas.width = plan.columns;
        canvas.height = plan.names.length;
        canvas.style.height = `${plan.names.length * line}px`;
        const cells = Uint8Array.from(atob(plan.cells), (c) => c.charCodeAt(0));
        const picture = canvas.getContext("2d").createImageData(plan.columns, plan.names.length);
        for (let row = 0; row < plan.names.length; row++) {
          const tint = colours.sections[plan.names[row]] || "#8899aa";
          const rgb = [1, 3, 5].map((i) => parseInt(tint.slice(i, i + 2), 16));
          for (let column = 0; column < plan.columns; column++) {
            const at = row * plan.columns + column;
            picture.data.set([...rgb, 24 + 0.9 * cells[at]], 4 * at);
          }
        }
        canvas.getContext("2d").putImageData(picture, 0, 0);
      }, 150);
    }

    // ---------------------------------------------------------------- view and sound

    function setView(from, span) {
      span = Math.min(Math.max(span, CLOSEST), model.duration || 1);
      from = Math.min(Math.max(0, from), Math.max(0, model.duration - span));
      view = [from, from + span];
      draw();
    }

    function zoom(factor, around) {
      const span = Math.min(Math.max((view[1] - view[0]) * factor, CLOSEST), model.duration || 1);
      const share = (around - view[0]) / (view[1] - view[0]);
      setView(around - share * span, span);
    }

    function zoomAtHead(factor) {
      zoom(factor, head >= view[0] && head <= view[1] ? head : (view[0] + view[1]) / 2);
    }

    function reveal(t) {
      const span = view[1] - view[0];
      if (t < view[0] || t > view[1]) setView(t - span * 0.1, span);
    }

    function seek(t) {
      head = inSong(t);
      if (audio.src) audio.currentTime = head;
      paintHead();
      draw();
    }

    function togglePlay() {
      if (!audio.src) return;
      if (!audio.paused) return audio.pause();
      if (head >= model.duration - 0.05) seek(0);
      for (const other of mounted) if (other.root !== root) other.pause();
      audio.currentTime = head;
      audio.play().catch(() => note("The browser could not play this song. Press Play once more, or reload the page."));
    }

    function follow() {
      if (audio.paused) return;
      const before = model.partAt(head);
      head = inSong(audio.currentTime);
      if (selected && model.partAt(head)?.start !== before?.start) {
        selected = null; // the music went on to another part: keys speak of that one now
        draw();
      }
      if (head > view[1]) setView(head, view[1] - view[0]); // turn the page
      paintHead();
      requestAnimationFrame(follow);
    }

    function playChanged() {
      q(".sst-play").textContent = audio.paused ? "Play" : "Pause";
      root.dataset.playing = audio.paused ? "no" : "yes";
      if (!audio.paused) requestAnimationFrame(follow);
      draw();
    }
    audio.addEventListener("play", playChanged);
    audio.addEventListener("pause", playChanged);
    audio.addEventListener("ended", () => seek(model.duration));

    // ---------------------------------------------------------------- edits

    function mark(t) {
      if (!editable()) return;
      const at = model.addBoundary(inSong(t));
      if (at === null) return;
      selected = { part: at, boundary: at > 0 ? at : undefined };
      emit();
    }

    function remove() {
      const boundary = currentBoundary();
      if (!editable() || boundary === null || !model.removeBoundary(boundary)) return;
      selected = null;
      emit();
    }

    function rename(type) {
      if (!editable()) return;
      const t = targetTime();
      if (model.setType(t, type)) {
        named = true;
        emit();
      } else if (!named) {
        named = true; // the guess was right, and the person has said so
        draw();
      }
    }

    function nudge(by) {
      const boundary = currentBoundary();
      if (!editable() || boundary === null) return;
      const at = model.moveBoundary(boundary, boundary + by);
      selected = { boundary: at, part: at };
      reveal(at);
      emit();
    }

    function travel(back) {
      if (!editable() || !(back ? model.undo() : model.redo())) return;
      selected = null;
      emit();
    }

    function jump(direction) {
      const t = model.boundaryFrom(head, direction);
      seek(t);
      selected = { part: Math.min(t, model.duration - 0.001), boundary: model.boundaries().includes(t) ? t : undefined };
      reveal(t);
      draw();
    }

    function otherSong(step) {
      if (!editable() || composing()) return; // only the annotated song is one of a list
      send();
      document.dispatchEvent(new CustomEvent("structure-studio:step", { detail: { step } }));
    }

    // ---------------------------------------------------------------- keys

    function key(event) {
      if (event.target.closest?.("input, textarea, select, [contenteditable]") || event.altKey) return;
      if (event.target.closest?.("button, summary") && (event.key === " " || event.key === "Enter")) return;
      const command = event.ctrlKey || event.metaKey;
      const action = command ? commandKey(event) : plainKey(event);
      if (!action) return;
      event.preventDefault();
      event.stopPropagation();
      action();
    }

    function commandKey(event) {
      const letter = event.key.toLowerCase();
      if (letter === "z") return () => travel(!event.shiftKey);
      if (letter === "y") return () => travel(false);
      if (letter === "s") return () => {}; // saved already; the browser's own dialogue would only puzzle
      if (event.key === "ArrowLeft") return () => seekTo(head - 15);
      if (event.key === "ArrowRight") return () => seekTo(head + 15);
      return null;
    }

    function seekTo(t) {
      seek(t);
      reveal(head);
    }

    function plainKey(event) {
      const stride = event.shiftKey ? 5 : 1;
      if (/^[1-9]$/.test(event.key)) return () => rename(colours.keys[Number(event.key) - 1]);
      const actions = {
        " ": togglePlay,
        b: () => mark(head),
        B: () => mark(head),
        Enter: () => mark(head),
        0: () => rename(null),
        Delete: remove,
        Backspace: remove,
        ",": () => nudge(-0.01),
        ".": () => nudge(0.01),
        ArrowLeft: () => seekTo(head - stride),
        ArrowRight: () => seekTo(head + stride),
        ArrowUp: () => jump(-1),
        ArrowDown: () => jump(1),
        Home: () => seekTo(0),
        End: () => seekTo(model.duration),
        "-": () => zoomAtHead(1.6),
        "=": () => zoomAtHead(1 / 1.6),
        "+": () => zoomAtHead(1 / 1.6),
        f: () => setView(0, model.duration),
        F: () => setView(0, model.duration),
        "/": editable() ? () => q(".sst-names input").focus() : null,
        "?": () => sheet(q(".sst-keys").hidden),
        PageDown: () => otherSong(1),
        PageUp: () => otherSong(-1),
        Escape: letGo,
      };
      return actions[event.key] || null;
    }

    function letGo() {
      sheet(false);
      if (gesture && gesture.boundary !== undefined) model.cancel();
      gesture = null;
      selected = null;
      draw();
    }

    function sheet(open) {
      const box = q(".sst-keys");
      if (open && !box.children.length) {
        const list = element("dl");
        for (const [keys, does] of KEYS) {
          if (root.dataset.mode !== "view" || VIEW_KEYS.has(keys)) list.append(element("dt", "", keys), element("dd", "", does));
        }
        const close = element("button", "", "Close");
        close.type = "button";
        close.addEventListener("click", () => (sheet(false), root.focus({ preventScroll: true })));
        box.append(list, close);
      }
      box.hidden = !open;
    }

    // ---------------------------------------------------------------- pointer

    let gesture = null;
    const fingers = new Map(); // pointerId -> x, for pinching

    function near(px) {
      let best = null;
      for (const b of model.boundaries()) {
        const away = Math.abs(x(b) - px);
        if (away <= GRAB && (best === null || away < best.away)) best = { b, away };
      }
      return best && best.b;
    }

    const px = (event) => event.clientX - stage.getBoundingClientRect().left - stage.clientLeft;

    stage.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || !model.duration) return;
      root.focus({ preventScroll: true });
      lastUsed = handle;
      stage.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, px(event));
      if (fingers.size === 2) return void pinch();
      if (fingers.size > 2 || gesture) return;
      const waveBox = q(".sst-wave").getBoundingClientRect();
      const onRuler = event.clientY > waveBox.bottom - TimelinePaint.RULER;
      const onSections = event.target.closest(".sst-sections");
      const boundary = editable() && !onRuler ? near(px(event)) : null;
      gesture = { id: event.pointerId, x: px(event), view: [...view], moved: false };
      if (boundary !== null) {
        gesture.boundary = boundary;
        gesture.offset = x(boundary) - px(event);
        model.begin();
        selected = { boundary, part: boundary };
        draw();
      } else if (onRuler || root.dataset.mode === "view") {
        gesture.scrub = true;
        seek(time(px(event)));
      } else gesture.select = Boolean(onSections);
    });

    function pinch() {
      if (gesture && gesture.boundary !== undefined) return; // a second touch while dragging means nothing
      const [a, b] = [...fingers.values()];
      gesture = { pinch: true, from: [time(a), time(b)] };
    }

    stage.addEventListener("pointermove", (event) => {
      if (fingers.has(event.pointerId)) fingers.set(event.pointerId, px(event));
      if (!gesture) return;
      if (gesture.pinch && fingers.size >= 2) {
        const [a, b] = [...fingers.values()];
        const span = (Math.abs(gesture.from[1] - gesture.from[0]) / Math.max(20, Math.abs(b - a))) * width();
        const middle = (gesture.from[0] + gesture.from[1]) / 2;
        return setView(middle - ((a + b) / 2 / width()) * span, span);
      }
      if (event.pointerId !== gesture.id) return;
      const away = px(event) - gesture.x;
      if (!gesture.moved && Math.abs(away) < STILL) return;
      gesture.moved = true;
      if (gesture.boundary !== undefined) {
        const at = model.drag(gesture.boundary, inSong(time(px(event) + gesture.offset)));
        selected = { boundary: at, part: at };
        draw();
      } else if (gesture.scrub) seek(time(px(event)));
      else setView(gesture.view[0] - (away / width()) * (view[1] - view[0]), view[1] - view[0]);
    });

    stage.addEventListener("pointerup", (event) => {
      fingers.delete(event.pointerId);
      if (gesture?.pinch) {
        if (!fingers.size) gesture = null;
        return;
      }
      if (!gesture || event.pointerId !== gesture.id) return;
      const done = gesture;
      gesture = null;
      if (done.boundary !== undefined) {
        if (model.commit()) emit();
      } else if (done.moved || done.scrub) return;
      else if (done.select) {
        selected = { part: inSong(time(done.x)) };
        draw();
      } else mark(time(done.x));
    });

    stage.addEventListener("pointercancel", (event) => {
      fingers.delete(event.pointerId);
      if (gesture?.boundary !== undefined) model.cancel();
      gesture = null;
      draw();
    });

    stage.addEventListener("dblclick", (event) => {
      if (!event.target.closest(".sst-sections, .sst-compare") || near(px(event)) !== null) return;
      const part = model.partAt(time(px(event)));
      seek(part.start);
      if (audio.paused) togglePlay();
    });

    stage.addEventListener("wheel", (event) => {
      if (!model.duration) return;
      const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
      const span = view[1] - view[0];
      if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        event.preventDefault();
        return setView(view[0] + (sideways / width()) * span, span);
      }
      if (event.deltaY > 0 && span >= model.duration - 1e-6) return; // nothing more to see: the page scrolls
      event.preventDefault();
      zoom(Math.exp(Math.max(-200, Math.min(200, event.deltaY)) * 0.002), time(px(event)));
    }, { passive: false });

    const glide = (event) => {
      if (event.type === "pointerdown") minimap.setPointerCapture(event.pointerId);
      else if (!minimap.hasPointerCapture(event.pointerId)) return;
      const box = minimap.getBoundingClientRect();
      const span = view[1] - view[0];
      setView(((event.clientX - box.left) / box.width) * model.duration - span / 2, span);
    };
    minimap.addEventListener("pointerdown", glide);
    minimap.addEventListener("pointermove", glide);

    // ---------------------------------------------------------------- controls

    const commands = {
      play: togglePlay, mark: () => mark(head), remove, undo: () => travel(true), redo: () => travel(false),
      out: () => zoomAtHead(1.6), in: () => zoomAtHead(1 / 1.6), fit: () => setView(0, model.duration),
      keys: () => sheet(q(".sst-keys").hidden),
    };
    root.addEventListener("pointerdown", (event) => {
      lastUsed = handle;
      // A clicked button must not take the focus: the next space should play, not press it again.
      if (event.target.closest("button")) event.preventDefault();
    });
    root.addEventListener("click", (event) => {
      const button = event.target.closest("button[data-do]");
      if (button) commands[button.dataset.do]();
      const name = event.target.closest(".sst-name");
      if (name) rename(name.dataset.type || null);
      if (button || name) root.focus({ preventScroll: true });
      const row = event.target.closest(".sst-table tbody tr");
      if (row) showEvent(Number(row.dataset.time));
    });
    root.addEventListener("keydown", (event) => {
      const row = event.target.closest(".sst-table tbody tr");
      if (row && event.key === "Enter") return showEvent(Number(row.dataset.time));
      key(event);
    });
    for (const fold of root.querySelectorAll("details")) fold.addEventListener("toggle", draw);

    function showEvent(t) {
      selected = { part: t, boundary: model.boundaries().includes(t) ? t : undefined };
      seek(t);
      reveal(t);
    }

    function fillNames() {
      const names = colours.types.map((type) => [type, colours.keys.indexOf(type) + 1 || ""]);
      children(q(".sst-names"), [...names, ["", 0]], () => element("button", "sst-name"), (button, [type, digit]) => {
        button.type = "button";
        button.dataset.type = type;
        button.style.setProperty("--colour", type ? colour(type) : "transparent");
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
        if (event.key === "Enter" && word) rename(word);
        own.value = "";
        root.focus({ preventScroll: true });
      });
      q(".sst-names").append(own);
    }

    // ---------------------------------------------------------------- life

    root.closest(".html-container")?.style.setProperty("padding", "0"); // in line with Gradio's own components
    const handle = { root, key, pause: () => audio.pause() };
    mounted.add(handle);
    fillNames();
    watch("value", load);
    watch("status", status);
    wide = stage.clientWidth || 1;
    new ResizeObserver(() => (root.clientWidth > 10 ? draw() : audio.pause())).observe(root); // hidden tabs are silent
    new MutationObserver(draw).observe(document.body, { attributes: true, attributeFilter: ["class"] });
    root.timeline = {
      get view() { return [...view]; },
      get head() { return head; },
      get events() { return model.events(); },
      get boundaries() { return model.boundaries(); },
    };
    load();
  }

  window.StructureTimeline = { mount };
})();
