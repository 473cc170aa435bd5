/* Editing model of the timeline: sections as boundaries that neighbours share. No DOM, no clock, no network.

A song from 0 to `duration` seconds is cut into parts. A part either is a section (it has a type) or is free: nothing
is known there, and nothing is saved for it. A boundary is a time strictly inside the song where a part begins;
moving it moves the end of the part before and the start of the part after. Moments lie on top; they are carried along
or removed. Lists and what they hold are never changed in place, so that a snapshot for undo is three references. */
(function (scope, define) {
  "use strict";
  if (typeof module === "object" && module.exports) module.exports = define();
  else scope.TimelineModel = define();
})(typeof self === "undefined" ? this : self, function () {
  "use strict";

  const SHORTEST = 0.05; // s: no part gets shorter than this by editing
  const TOUCH = 0.005; // s: ends this near to a start are one boundary
  const EDGE = 0.05; // s: a time this near to the song's start or end is no boundary
  const FIRST = 0.5; // s: a first mark this early means the song's very start
  const HISTORY = 500;
  const ASIDES = ["unsure", "comment"]; // what is said to people alone

  const round = (t) => Math.round(t * 1000) / 1000;

  class TimelineModel {
    /* events: objects with type, start, end and any other keys, as they stand in the sidecar.
       momentTypes: types that are moments unless `family` says otherwise.
       beats: as a person corrected them, {times, ones}; null where nobody has. */
    constructor(events, duration, momentTypes, beats = null) {
      this.duration = duration;
      this.beats = beats;
      this._momentTypes = new Set(momentTypes || []);
      const isMoment = (e) => (e.family ? e.family === "moment" : this._momentTypes.has(e.type));
      const sound = (events || []).filter((e) => isFinite(e.start) && isFinite(e.end));
      this.moments = sound.filter(isMoment);
      this.sections = tidy(sound.filter((e) => !isMoment(e)), duration);
      this._past = [];
      this._future = [];
      this._gesture = null;
      this._found = {}; // what follows from the sections
    }

    /* Everything that is to be saved, by start. */
    events() {
      return this.sections.concat(this.moments).sort((a, b) => a.start - b.start || b.end - a.end);
    }

    /* The song from 0 to its end without holes: {start, end, section}, section null where it is free. */
    parts() {
      return this._known("parts", () => this._parts());
    }

    _parts() {
      const found = [];
      let at = 0;
      for (const section of this.sections) {
        if (section.start - at >= TOUCH) found.push({ start: at, end: section.start, section: null });
        found.push({ start: section.start, end: section.end, section });
        at = section.end;
      }
      if (this.duration - at >= TOUCH) found.push({ start: at, end: this.duration, section: null });
      return found;
    }

    /* Sought once for as long as the sections stay, since every frame asks for it. */
    _known(what, seek) {
      const { sections, duration } = this, known = this._found;
      if (known.sections !== sections || known.duration !== duration) this._found = { sections, duration };
      return (this._found[what] ??= seek());
    }

    partAt(t) {
      const parts = this.parts();
      return parts.find((p) => t >= p.start && t < p.end) || parts[parts.length - 1] || null;
    }

    boundaries() {
      return this._known("boundaries", () => this._boundaries());
    }

    _boundaries() {
      const times = new Set();
      for (const s of this.sections) times.add(s.start).add(s.end);
      return [...times].filter((t) => t > EDGE && t < this.duration - EDGE).sort((a, b) => a - b);
    }

    nearestBoundary(t) {
      let best = null;
      for (const b of this.boundaries()) if (best === null || Math.abs(b - t) < Math.abs(best - t)) best = b;
      return best;
    }

    /* The next boundary after t (direction 1) or before it (-1); the song's ends where there is none. */
    boundaryFrom(t, direction) {
      const times = this.boundaries();
      if (direction > 0) return times.find((b) => b > t + TOUCH) ?? this.duration;
      return times.findLast((b) => b < t - TOUCH) ?? 0;
    }

    /* Begin a part at t. Returns the time of the boundary, or null where one is too near. */
    addBoundary(t) {
      t = round(t);
      if (!this.sections.length) {
        if (t >= this.duration - SHORTEST) return null;
        const first = t < FIRST ? [] : [{ type: "intro", start: 0, end: t }];
        const start = t < FIRST ? 0 : t;
        return this._edit(first.concat({ type: first.length ? "verse" : "intro", start, end: this.duration }), start);
      }
      const part = this.partAt(t);
      if (!part || t - part.start < SHORTEST || part.end - t < SHORTEST) return null;
      if (!part.section) return this._edit(this.sections.concat({ type: "verse", start: t, end: part.end }), t);
      const { lyrics, ...unsung } = part.section; // sung once
      const halves = [changed(part.section, { end: t }), changed(unsung, { start: t })];
      return this._edit(this._without(part.section).concat(halves), t);
    }

    /* Move a boundary; both neighbours follow, neither vanishes. Returns where it came to lie. */
    moveBoundary(from, to) {
      const parts = this.parts();
      const before = parts.find((p) => p.end === from);
      const after = parts.find((p) => p.start === from);
      if (!before || !after) return from;
      // A free part may shrink to nothing: then its neighbours touch.
      const lowest = before.start + (before.section ? SHORTEST : 0);
      const highest = after.end - (after.section ? SHORTEST : 0);
      to = round(Math.min(Math.max(to, lowest), Math.max(lowest, highest)));
      if (!before.section && to - before.start < TOUCH) to = before.start;
      if (!after.section && after.end - to < TOUCH) to = after.end;
      const moved = this.sections.map((s) => {
        if (s === before.section) return changed(s, { end: to });
        return s === after.section ? changed(s, { start: to }) : s;
      });
      return this._edit(moved, to);
    }

    /* Join the parts on both sides: what was on the left goes on, and what is sung on the right follows what is sung on
       the left. Returns whether there was such a boundary. */
    removeBoundary(t) {
      const parts = this.parts();
      const before = parts.find((p) => p.end === t);
      const after = parts.find((p) => p.start === t);
      if (!before || !after) return false;
      const kept = this.sections.filter((s) => s !== before.section && s !== after.section);
      const words = [before, after].map((part) => part.section?.lyrics).filter(Boolean);
      const sung = words.length ? { lyrics: words.join("\n") } : {};
      this._edit(before.section ? kept.concat(changed(before.section, { end: after.end, ...sung })) : kept, true);
      return true;
    }

    /* Name the part at t; null sets it free. A machine's name given once more is a person's. Where a person corrects it,
       later guesses of that name are corrected too, since a machine gives one name to what sounds alike; earlier ones
       were passed over as right. Returns whether anything changed. */
    setType(t, type) {
      const part = this.partAt(t);
      if (!part) return false;
      const guess = part.section?.source === "machine" ? part.section.type : undefined;
      if ((part.section ? part.section.type : null) === type && guess === undefined) return false;
      if (type === null) return this._edit(this._without(part.section), true);
      const alike = (s) => s.source === "machine" && s.type === guess && s.start > part.start;
      const corrected = (s) => (alike(s) ? { ...s, type } : s);
      const rest = this._without(part.section).map(corrected);
      const now = { ...touched(part.section || {}), ...this.named(type, false), start: part.start, end: part.end };
      return this._edit(rest.concat(withoutNulls(now)), true);
    }

    /* Sections that a machine heard, for a song that has none: one edit. Returns whether they were taken. */
    propose(sections) {
      if (this.sections.length || !sections.length) return false;
      return this._edit(tidy(sections, this.duration), true);
    }

    /* What changes of an event that gets another name: a moment stays one, and so does a section. */
    named(type, isMoment) {
      const usual = this._momentTypes.has(type) === isMoment;
      return { type, text: null, family: usual ? null : isMoment ? "moment" : "section" };
    }

    /* A moment from `start` to `end`, which may be one time. Returns it. */
    addMoment(type, start, end = start) {
      const times = [start, end].map((t) => round(Math.min(Math.max(0, t), this.duration))).sort((a, b) => a - b);
      const moment = withoutNulls({ ...this.named(type, true), start: times[0], end: times[1] });
      return this._edit(this.sections, moment, this.moments.concat(moment));
    }

    /* What is said of an event besides its times; a value of null takes that away. A doubt or a comment does not make a
       machine's part a person's. Returns what the event is now. */
    describe(event, said) {
      const aside = Object.keys(said).every((key) => ASIDES.includes(key));
      return this._swap(event, withoutNulls({ ...(aside ? event : touched(event)), ...said }));
    }

    /* Words that are sung, laid on the parts from `section` on, a stanza each; parts of the types of `unsung` get none
       unless they are the first, and the last part takes what is left. One edit. Returns what `section` is now. */
    layLyrics(section, stanzas, unsung) {
      const takers = this.sections.filter((s) => s === section || (s.start > section.start && !unsung.includes(s.type)));
      const words = new Map(takers.map((s, i) => [s, stanzas.slice(i, i + 1 < takers.length ? i + 1 : undefined).join("\n")]));
      const laid = this.sections.map((s) => (words.get(s) ? { ...touched(s), lyrics: words.get(s) } : s));
      const at = this.sections.indexOf(section);
      this._edit(laid, true);
      return laid[at] || section;
    }

    /* A moment at other times. Returns what it is now. Within a gesture as outside of it. */
    moveMoment(moment, start, end) {
      const length = Math.max(0, end - start);
      const from = Math.min(Math.max(0, start), Math.max(0, this.duration - length));
      return this._swap(moment, { ...touched(moment), start: round(from), end: round(Math.min(from + length, this.duration)) });
    }

    /* A section's start and end as typed in: a boundary moves for both of its neighbours, an end that touches nothing
       moves alone. Returns what the section is now. */
    setTimes(section, start, end) {
      const within = this._gesture !== null;
      if (!within) this.begin();
      let now = section;
      const parts = this.parts();
      const place = (from, to, bound) => {
        if (to === from) return;
        if (parts.some((p) => p.end === from) && parts.some((p) => p.start === from)) this.moveBoundary(from, to);
        else this._swap(now, { ...touched(now), [bound]: round(Math.min(Math.max(to, 0), this.duration)) });
        now = this.sections.find((s) => (bound === "start" ? s.end === now.end : s.start === now.start)) || now;
      };
      place(section.start, Math.min(start, now.end - SHORTEST), "start");
      place(section.end, Math.max(end, now.start + SHORTEST), "end");
      if (!within) this.commit();
      return now;
    }

    /* Beats as a person corrects them; null forgets that. */
    setBeats(beats) {
      return this._edit(this.sections, true, this.moments, beats);
    }

    /* All events at once, as somebody wrote them down. Returns whether that changed anything. */
    replaceAll(events, beats = this.beats) {
      const fresh = new TimelineModel(events, this.duration, this._momentTypes);
      if (beats === this.beats && JSON.stringify(fresh.events()) === JSON.stringify(this.events())) return false;
      return this._edit(fresh.sections, true, fresh.moments, beats);
    }

    /* Take one of `moments` away. Returns whether it was one of them. */
    removeMoment(moment) {
      const rest = this.moments.filter((m) => m !== moment);
      return rest.length < this.moments.length && this._edit(this.sections, true, rest);
    }

    /* One undo step for all that happens until `commit`; `cancel` takes it back. */
    begin() {
      this._gesture = this._state();
    }

    /* Within a gesture: the boundary that was at `from` when it began is now at `to`. Always from the beginning, so
       that passing over a free part and coming back leaves it as it was. */
    drag(from, to) {
      if (this._gesture !== null) this.sections = this._gesture[0];
      return this.moveBoundary(from, to);
    }

    commit() {
      const before = this._gesture;
      this._gesture = null;
      if (before === null) return false;
      if (same(before[0], this.sections) && same(before[1], this.moments) && before[2] === this.beats) return false;
      this._remember(before);
      return true;
    }

    cancel() {
      if (this._gesture !== null) [this.sections, this.moments, this.beats] = this._gesture;
      this._gesture = null;
    }

    /* What undo is to reach beyond the edits made here: [{events, beats}], oldest first. */
    remember(states) {
      this._past = [];
      states.forEach((state) => this.addPast(state));
    }

    /* One state more that undo goes back to, before any other. */
    addPast({ events, beats }) {
      this._past.push(new TimelineModel(events, this.duration, this._momentTypes, beats)._state());
    }

    undo() {
      return this._travel(this._past, this._future);
    }

    redo() {
      return this._travel(this._future, this._past);
    }

    get canUndo() {
      return this._past.length > 0;
    }

    get canRedo() {
      return this._future.length > 0;
    }

    _without(section) {
      return this.sections.filter((s) => s !== section);
    }

    /* Another event in an event's place. */
    _swap(event, now) {
      if (!this.sections.includes(event) && !this.moments.includes(event)) return event;
      const swapped = (list) => list.map((e) => (e === event ? now : e));
      return this._edit(swapped(this.sections), now, swapped(this.moments));
    }

    _state() {
      return [this.sections, this.moments, this.beats];
    }

    _edit(sections, result, moments = this.moments, beats = this.beats) {
      if (this._gesture === null) this._remember(this._state());
      this.sections = [...sections].sort((a, b) => a.start - b.start);
      this.moments = moments;
      this.beats = beats;
      return result;
    }

    _remember(before) {
      this._past.push(before);
      if (this._past.length > HISTORY) this._past.shift();
      this._future = [];
    }

    _travel(from, to) {
      if (!from.length || this._gesture !== null) return false;
      to.push(this._state());
      [this.sections, this.moments, this.beats] = from.pop();
      return true;
    }
  }

  /* Sections by start, inside the song, touching where they nearly touch; of two that overlap the later one begins
     where it says and the earlier one ends there. */
  function tidy(sections, duration) {
    const inside = sections
      .map((s) => ({ ...s, start: Math.max(0, s.start), end: Math.min(duration, s.end) }))
      .sort((a, b) => a.start - b.start || a.end - b.end);
    for (let i = 0; i + 1 < inside.length; i++) {
      if (inside[i + 1].start - inside[i].end < TOUCH) inside[i].end = inside[i + 1].start;
    }
    return inside.filter((s) => s.end - s.start > 0);
  }

  /* An event that a person changed. What a machine proposed says so from now on, and is no longer so and so sure. */
  function changed(event, changes) {
    return { ...touched(event), ...changes };
  }

  function withoutNulls(event) {
    return Object.fromEntries(Object.entries(event).filter(([, value]) => value !== null));
  }

  function touched(event) {
    if (event.source !== "machine") return event;
    const { probability, ...kept } = event;
    return { ...kept, source: "edited" };
  }

  function same(a, b) {
    return a.length === b.length && a.every((s, i) => s === b[i] || JSON.stringify(s) === JSON.stringify(b[i]));
  }

  TimelineModel.SHORTEST = SHORTEST;
  return TimelineModel;
});
