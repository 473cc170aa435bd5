/* How far a song's annotation is, and which songs a list shows in which order. progress.py says the same of a dataset.

A song is {name, duration, problems, events, place}, or {name, place} until somebody has read it; `judge` adds {state,
marked, unsure, parts}. */
(function () {
  "use strict";

  const STATES = ["problem", "unsure", "new", "work", "done"]; // what asks for attention comes first
  const UNREAD = { duration: null, problems: [], events: [], parts: [], unsure: 0, marked: false, state: "unread" };
  const WORDS = { unread: "Not read yet", problem: "Problem", unsure: "Unsure", new: "New", work: "In work", done: "Done" };
  const LOOSE = 1.0; // seconds that may belong to no section, at the song's ends and between sections

  const told = (event) => event.source !== "machine";

  /* `momentTypes`: a set; an event of another type is a section, unless its family says otherwise. */
  function judge(song, momentTypes) {
    if (!song.events || !song.problems) return Object.assign(song, UNREAD);
    const isSection = (e) => (e.family || (momentTypes.has(e.type) ? "moment" : "section")) === "section";
    song.parts = song.events.filter(isSection).sort((a, b) => a.start - b.start);
    song.unsure = song.events.filter((e) => e.unsure === true).length;
    song.marked = !song.problems.length && song.parts.length > 0 && song.parts.every(told) && covered(song);
    if (song.problems.length) song.state = "problem";
    else if (song.unsure) song.state = "unsure";
    else if (!song.events.some(told)) song.state = "new";
    else song.state = song.marked ? "done" : "work";
    return song;
  }

  function covered({ parts, duration }) {
    let reach = 0;
    for (const { start, end } of [...parts, { start: duration || 0, end: duration || 0 }]) {
      if (start - reach > LOOSE) return false;
      reach = Math.max(reach, end);
    }
    return true;
  }

  /* A copy by name (each song's `place` in the folder), length (shortest first) or state (what asks for attention first). */
  function sorted(songs, by) {
    const key = { length: (s) => s.duration ?? Infinity, state: (s) => [...STATES, "unread"].indexOf(s.state) }[by] || (() => 0);
    return [...songs].sort((a, b) => ascending(key(a), key(b)) || ascending(a.place, b.place));
  }

  const ascending = (a, b) => (a === b ? 0 : a < b ? -1 : 1);

  /* Whether words typed in are found in a song's name. */
  function named(song, words) {
    return !words || song.name.toLowerCase().includes(words);
  }

  /* Whether a song is one to go to: `unmarked` (new or not finished), `unsure` or `problem`. */
  function wanted(song, what) {
    return what === "unmarked" ? !song.marked && !song.problems.length && song.state !== "unread" : song.state === what;
  }

  /* The next song after `name` of which `test` is true, from the top again after the last; undefined where none is. */
  function following(songs, name, test) {
    const at = songs.findIndex((song) => song.name === name);
    return songs.find((song, i) => i > at && test(song)) || songs.find((song, i) => i < at && test(song));
  }

  const SongStates = { STATES, WORDS, judge, sorted, named, wanted, following };
  if (typeof module === "undefined") window.SongStates = SongStates;
  else module.exports = SongStates;
})();
