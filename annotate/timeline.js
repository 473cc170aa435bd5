/* Timeline component: what it shows, and the way to Python and back.

`StructureTimeline.mount` is called by Gradio for each component on the page. Every file beside this one does one thing
with the `Timeline` made here: timeline_model.js keeps the events; timeline_paint.js, timeline_wave.js and
timeline_pictures.js draw; timeline_grid.js and timeline_beats.js know the beats; timeline_edits.js, timeline_moments.js
and timeline_parts.js edit; timeline_pointer.js and timeline_keys.js listen; timeline_sound.js and timeline_clicks.js
play; timeline_controls.js, timeline_details.js, timeline_table.js and timeline_folds.js fill what lies below the stage;
timeline_said.js speaks; timeline_unsaved.js keeps what is not saved yet.
The value that Python sees is {song, track, duration, events, compare, names, beats, meter, blind, types, rev, mode};
every edit sends it whole. Events and beats travel as JSON in strings: Gradio walks through whatever is not a string, on
both sides, and 5 000 events are then seconds. */
(function () {
  "use strict";

  const { readEnvelope } = window.TimelineWave;
  const CLOSEST = 0.5; // s that the view shows at least
  const ONE_FRAME = 17; // ms
  const ASK_AGAIN = 1000; // ms from one look at a recording that is being read to the next
  const HEADER = 0.1; // s by which a header may be wrong about a song's length
  const PACKED = ["events", "beats"]; // as timeline.py has them
  const LATE = 5000; // ms without an answer until "not saved yet" is said

  const mounted = new Set();
  let lastUsed = null;

  // Keys pressed while nothing has the focus belong to the timeline that one sees; so do those of a song just chosen from
  // the list, but for what moves in the list.
  document.addEventListener("keydown", (event) => {
    const { activeElement } = document;
    const inList = activeElement?.closest(".ssl-songs") && !["ArrowUp", "ArrowDown", "Enter", "Tab"].includes(event.key);
    if (activeElement && activeElement !== document.body && !inList) return;
    for (const timeline of mounted) if (!timeline.root.isConnected) mounted.delete(timeline);
    const seen = [...mounted].filter((t) => t.root.clientWidth > 10);
    const target = seen.includes(lastUsed) ? lastUsed : (seen.find((t) => t.editable) ?? seen[0]);
    if (target) target.keys.press(event);
  });

  class Timeline {
    value = {}; // as last sent or received
    view = [0, 1]; // seconds shown; replaced, never changed
    width = 1; // px of the stage, as last painted
    tall = 1; // px of the waveform with its ruler, as last painted
    head = 0; // play head, seconds
    envelope = null; // what is drawn of the track, once it is here
    selected = null; // {part: time in it} or {boundary: time}, or both; or {moment: one of the model's}
    reading = false; // whether the track is still being decoded, and a sketch of it drawn
    listening = false; // whether the server is asked for a proposal
    other = null; // another recording of this structure: {song, track, name, hear}
    version = "song"; // which one is heard and drawn: song or other
    named = false; // whether a part of this song has been named since it was opened
    _rev = 0;
    _savedRev = 0;
    _sending = false;
    _scheduled = false;
    _request = 0; // newest one for a waveform
    _late = 0; // timer

    constructor(host, { trigger, props, server }) {
      Object.assign(this, { _trigger: trigger, _props: props, server });
      this.root = host.querySelector(".sst");
      this.q = (selector) => this.root.querySelector(selector);
      this.stage = this.q(".sst-stage");
      this.plot = this.q(".sst-plot");
      this.minimap = this.q(".sst-minimap");
      this.audio = this.q("audio");
      this.colours = JSON.parse(host.querySelector(".sst-data").textContent);
      this.colour = (type) => this.colours.sections[type] || this.colours.other;
      this.draw = this.draw.bind(this);
      this.model = new TimelineModel([], 0, this.colours.moments);
      this.width = this.stage.clientWidth || 1;
      this.beats = window.timelineBeats(this);
      this.painting = window.timelinePaint(this);
      this.paintHead = this.painting.paintHead;
      this.sound = window.timelineSound(this);
      this.twin = window.timelineTwin(this);
      this.clicks = window.timelineClicks(this);
      this.edits = window.timelineEdits(this);
      this.moments = window.timelineMoments(this);
      this.parts = window.timelineParts(this);
      this.pointer = window.timelinePointer(this);
      this.keys = window.timelineKeys(this);
      this.controls = window.timelineControls(this);
      this.folds = window.timelineFolds(this);
      this.details = window.timelineDetails(this);
      this.table = window.timelineTable(this);
      this.pictures = window.timelinePictures(this);
      this.said = window.timelineSaid(this);
      this.unsaved = window.timelineUnsaved(this);
    }

    // ---------------------------------------------------------------- what is shown

    /* A structure without a song: there is nothing to play or save. */
    get composing() {
      return this.value.mode === "compose";
    }

    get editable() {
      return this.composing || Boolean(this.value.mode !== "view" && this.value.track);
    }

    /* Whether an edit has been made that the server has not answered yet. */
    get isSaving() {
      return this.editable && !this.composing && this._savedRev < this._rev;
    }

    /* A song in which nobody has marked a part yet. */
    get proposable() {
      return this.editable && !this.composing && !this.model.sections.length;
    }

    /* Names of parts; those on the digits. */
    get types() {
      return this.value.types ?? this.colours.types;
    }

    get digits() {
      return this.value.types ?? this.colours.keys;
    }

    /* What is heard and drawn. */
    get track() {
      return this.version === "other" ? this.other.track : this.value.track;
    }

    x(t) {
      return ((t - this.view[0]) / (this.view[1] - this.view[0])) * this.width;
    }

    time(px) {
      return this.view[0] + (px / this.width) * (this.view[1] - this.view[0]);
    }

    inSong(t) {
      return Math.min(Math.max(0, t), this.model.duration);
    }

    currentBoundary() {
      return this.selected?.boundary ?? this.model.nearestBoundary(this.head);
    }

    /* In the part that a name would go to. */
    targetTime() {
      return this.selected?.part ?? this.head;
    }

    /* Parts of the second row, where there is one. */
    compared() {
      if (!this.value.compare) return [];
      return new TimelineModel(this.value.compare, this.model.duration, this.colours.moments).parts();
    }

    setView(from, span) {
      span = Math.min(Math.max(span, CLOSEST), this.model.duration || 1);
      from = Math.min(Math.max(0, from), Math.max(0, this.model.duration - span));
      this.view = [from, from + span];
      this.draw();
    }

    zoom(factor, around) {
      const [from, to] = this.view;
      const span = Math.min(Math.max((to - from) * factor, CLOSEST), this.model.duration || 1);
      this.setView(around - ((around - from) / (to - from)) * span, span);
    }

    zoomAtHead(factor) {
      const [from, to] = this.view;
      this.zoom(factor, this.head >= from && this.head <= to ? this.head : (from + to) / 2);
    }

    reveal(t) {
      const [from, to] = this.view;
      if (t < from || t > to) this.setView(t - (to - from) * 0.1, to - from);
    }

    /* Once a frame at most, and only where somebody can see it. */
    draw() {
      if (this._scheduled) return;
      this._scheduled = true;
      requestAnimationFrame(() => {
        this._scheduled = false;
        if (this.root.clientWidth <= 10) return;
        this.painting.measure();
        this.beats.paint(); // first: words on a canvas have the browser style whatever has changed so far
        this.controls.paint(this.painting.paint());
        this.sound.paint();
        this.clicks.paint();
        this.parts.paint();
        this.folds.paint();
        this.details.paint();
        this.table.paint();
        this.pictures.paint();
        this.said.paint(); // last: what the others have hidden cannot keep the focus
        this.root.dataset.rev = this._rev;
        this.root.dataset.ready = "1";
      });
    }

    say({ text, kind }) {
      this.q(".sst-save").textContent = text || "";
      this.q(".sst-save").dataset.kind = kind || "ok";
    }

    note(text) {
      this.q(".sst-note").textContent = text;
    }

    // ---------------------------------------------------------------- to and from Python

    load() {
      const next = { ...this._props.value };
      for (const part of PACKED) if (typeof next[part] === "string") next[part] = JSON.parse(next[part]);
      const other = next.song !== this.value.song || next.track !== this.value.track;
      const otherBeats = next.mode !== this.value.mode || JSON.stringify(next.beats) !== JSON.stringify(this.value.beats);
      if (!other && next.rev != null && next.rev < this._rev) return this.emit(); // a late echo: Python must learn what is newer
      const { past, ...value } = next;
      this.value = value;
      this._rev = this._savedRev = next.rev ?? this._rev;
      this.model = new TimelineModel(next.events, next.duration || 0, this.colours.moments, next.beats ?? null);
      this.model.remember(JSON.parse(past || "[]"));
      this.selected = null;
      if (other) {
        this.view = [0, this.model.duration || 1];
        this.named = this.model.sections.length > 0;
        this.version = "song";
        this.sound.forget();
        this.edits.forget();
        this.sound.seek(0);
        this.note("");
        this.say({ text: "" });
        this.beats.load();
        this.fetchTrack();
      } else if (otherBeats) {
        this.beats.load();
        this.beats.hear();
      }
      const { dataset } = this.root;
      dataset.saved = String(this._savedRev);
      dataset.mode = ["view", "compose"].includes(next.mode) ? next.mode : "edit";
      dataset.sound = next.track ? "yes" : "no";
      dataset.song = next.song || "";
      this.root.setAttribute("aria-label", `Timeline of ${next.song || "the song"}: press question mark for the keys`);
      this.unsaved.restore();
      this.draw();
    }

    /* The eye first: Gradio's own work on a new value waits until the edit has been painted. */
    emit() {
      this._rev += 1;
      this.root.dataset.rev = this._rev;
      this.value = { ...this.value, events: this.model.events(), beats: this.model.beats, rev: this._rev };
      this.unsaved.keep();
      this._refused = false;
      if (!this._sending) requestAnimationFrame(() => setTimeout(() => this.send(), ONE_FRAME));
      this._sending = true;
      if (this.editable && !this.composing) {
        this.say({ text: "Saving…" });
        clearTimeout(this._late);
        this._late = setTimeout(() => {
          if (this._savedRev >= this._rev) return;
          this.say({ kind: "error", text: "Not saved yet. Is Structure Studio still running?" });
        }, LATE);
      }
      this.draw();
    }

    send() {
      if (!this._sending) return;
      this._sending = false;
      const sent = { ...this.value }; // a new object: the same one would not be sent
      for (const part of PACKED) if (sent[part]) sent[part] = JSON.stringify(sent[part]);
      this._props.value = sent;
      this._trigger("input", { rev: this._rev });
      if (!this.editable || this.composing) return;
      const detail = { song: this.value.song, events: this.value.events };
      setTimeout(() => document.dispatchEvent(new CustomEvent("structure-studio:events", { detail }))); // once it is sent
    }

    /* Another recording to switch to. */
    offerOther() {
      this.other = this._props.other ?? null;
      this.twin.offer();
    }

    /* Somebody comes back to the page: another program may have written the sidecar meanwhile. */
    lookAgain() {
      if (this.editable && !this.composing && this.value.song && this.root.clientWidth > 10) this._trigger("focus", {});
    }

    /* How saving went. */
    report() {
      const news = this._props.status;
      if (!news || (news.song && news.song !== this.value.song)) return;
      this._savedRev = Math.max(this._savedRev, news.rev ?? this._rev);
      this.root.dataset.saved = String(this._savedRev);
      if (this._savedRev < this._rev) return; // an older save: a newer one is on its way
      this.say(news);
      this._refused ||= news.kind === "error";
      if (news.kept) this.unsaved.forget();
      else if (news.kind === "ok" && !this._refused) this.unsaved.isSaved();
      if (!news.problems) return;
      const detail = { song: this.value.song, problems: news.problems };
      document.dispatchEvent(new CustomEvent("structure-studio:saved", { detail }));
    }

    async fetchTrack() {
      const mine = ++this._request;
      const { track } = this.value;
      this.twin.drawn(null);
      this.audio.pause();
      this.audio.removeAttribute("src");
      delete this.root.dataset.drawn;
      this.reading = false;
      if (!track) return;
      this.note("Drawing the waveform…");
      for (;;) {
        const source = await this.readSource(track);
        if (mine !== this._request) return;
        if (source.error) return this.note(source.error);
        if (source.url) this.audio.src = source.url;
        if (source.url && this.reading) this.lasts(source.duration);
        this.reading = !source.url;
        this.note(source.url ? "" : `Reading the sound: ${Math.floor(100 * source.share)} %. Parts can be marked meanwhile.`);
        this.twin.drawn(source.envelope);
        this.draw();
        this.root.dataset.drawn = this.track;
        if (source.url) return this.beats.hear(); // the picture first
        await new Promise((after) => setTimeout(after, ASK_AGAIN));
        if (mine !== this._request) return;
      }
    }

    /* All of a long recording was read: its header may have been wrong about its length. */
    lasts(duration) {
      if (Math.abs(this.model.duration - duration) < HEADER) return;
      this.value = { ...this.value, duration };
      const whole = this.view[1] - this.view[0] >= this.model.duration;
      this.model.duration = duration;
      this.setView(this.view[0], whole ? duration : this.view[1] - this.view[0]);
    }

    /* A track's waveform and where its sound is, or why there is none: {envelope, duration, url} or {error}; while a long
       recording is being read, the share that is, in place of the url. */
    async readSource(track) {
      const source = await this.server.track_source(track).catch(() => null);
      if (!source?.ok) return { error: source ? source.error : "The server did not answer. Reload the page." };
      const { duration, rate, share } = source;
      const bytes = Uint8Array.from(atob(source.peaks), (c) => c.charCodeAt(0));
      const url = source.audio && "gradio_api/file=" + source.audio.split("/").map(encodeURIComponent).join("/");
      return { envelope: readEnvelope(new Int8Array(bytes.buffer), rate), duration, share, url };
    }
  }

  function mount({ element: host, trigger, props, server, watch }) {
    const timeline = new Timeline(host, { trigger, props, server });
    const { root, audio, draw } = timeline;
    root.closest(".html-container")?.style.setProperty("padding", "0"); // in line with Gradio's own components
    mounted.add(timeline);
    window.addEventListener("focus", () => root.isConnected && timeline.lookAgain());
    root.addEventListener("pointerdown", () => (lastUsed = timeline));
    watch("value", () => timeline.load());
    watch("status", () => timeline.report());
    watch("other", () => timeline.offerOther());
    new ResizeObserver(() => (root.clientWidth > 10 ? draw() : audio.pause())).observe(root); // hidden tabs are silent
    new MutationObserver(draw).observe(document.body, { attributes: true, attributeFilter: ["class"] });
    root.timeline = {
      get view() { return [...timeline.view]; },
      get head() { return timeline.head; },
      get track() { return timeline.track; },
      get events() { return timeline.model.events(); },
      get boundaries() { return timeline.model.boundaries(); },
      get beats() { return timeline.beats.grid?.toValue() ?? null; },
    };
    timeline.load();
    timeline.offerOther(); // one that was there before the page was
  }

  window.StructureTimeline = { mount };
})();
