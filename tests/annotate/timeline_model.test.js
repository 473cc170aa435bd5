/* The editing model by itself: `node --test` runs this file, and test_timeline_model.py runs node. */
"use strict";
const test = require("node:test");
const assert = require("node:assert/strict");
const TimelineModel = require("../../annotate/timeline_model.js");

const MOMENTS = ["crash", "riser"];
const make = (events, duration = 60) => new TimelineModel(events, duration, MOMENTS);
const shape = (model) => model.sections.map((s) => [s.type, s.start, s.end]);
const SONG = [
  { type: "intro", start: 0, end: 10 },
  { type: "verse", start: 10, end: 30, label: "soft", mine: 7 },
  { type: "chorus", start: 40, end: 60 },
  { type: "crash", start: 10, end: 10 },
];

test("the first mark cuts the song in two", () => {
  const model = make([]);
  assert.equal(model.addBoundary(12.3456), 12.346);
  assert.deepEqual(shape(model), [["intro", 0, 12.346], ["verse", 12.346, 60]]);
});

test("a first mark at the very start is the song's start", () => {
  const model = make([]);
  assert.equal(model.addBoundary(0.2), 0);
  assert.deepEqual(shape(model), [["intro", 0, 60]]);
});

test("a mark splits the section under it and keeps all that was said of it", () => {
  const model = make(SONG);
  model.addBoundary(20);
  assert.deepEqual(model.sections[1], { type: "verse", start: 10, end: 20, label: "soft", mine: 7 });
  assert.deepEqual(model.sections[2], { type: "verse", start: 20, end: 30, label: "soft", mine: 7 });
});

test("a mark in a free part begins a section there and leaves the rest free", () => {
  const model = make(SONG);
  model.addBoundary(35);
  assert.deepEqual(shape(model)[2], ["verse", 35, 40]);
  assert.equal(model.partAt(32).section, null);
});

const HEARD = [
  { type: "verse", start: 0, end: 16, source: "machine", probability: 1 },
  { type: "chorus", start: 16, end: 32.004, source: "machine", probability: 0.6 },
  { type: "outro", start: 32, end: 60, source: "machine", probability: 0.9 },
];

test("a proposal is one edit, and only for a song in which nobody marked a part", () => {
  const model = make([{ type: "crash", start: 10, end: 10 }]);
  assert.equal(model.propose([]), false);
  assert.equal(model.propose(HEARD), true);
  assert.deepEqual(shape(model), [["verse", 0, 16], ["chorus", 16, 32], ["outro", 32, 60]]);
  assert.equal(model.propose(HEARD), false);
  assert.equal(model.moments.length, 1);
  model.undo();
  assert.deepEqual([model.sections, model.canUndo], [[], false]);
});

test("what a person changes of a proposal is no longer the machine's, and the rest still is", () => {
  const sources = (model) => model.sections.map((s) => [s.source, s.probability]);
  const moved = make([]);
  moved.propose(HEARD);
  moved.moveBoundary(16, 15);
  assert.deepEqual(sources(moved), [["edited", undefined], ["edited", undefined], ["machine", 0.9]]);
  const named = make([]);
  named.propose(HEARD);
  assert.equal(named.setType(20, "chorus"), true); // confirmed
  assert.equal(named.setType(20, "chorus"), false);
  assert.deepEqual(sources(named), [["machine", 1], ["edited", undefined], ["machine", 0.9]]);
  const cut = make([]);
  cut.propose(HEARD);
  cut.addBoundary(24);
  cut.removeBoundary(16);
  assert.deepEqual(sources(cut), [["edited", undefined], ["edited", undefined], ["machine", 0.9]]);
  const own = make(SONG);
  own.moveBoundary(10, 11);
  assert.equal(own.sections.some((s) => "source" in s), false);
});

test("a guess corrected corrects the same guess after it, and nothing that a person has named", () => {
  const model = make([]);
  model.propose([0, 10, 20, 30].map((start, i) => ({ type: i % 2 ? "chorus" : "verse", start, end: start + 10, source: "machine" })));
  model.setType(0, "verse"); // right as it was: nothing to correct
  assert.deepEqual(model.sections.map((s) => s.type), ["verse", "chorus", "verse", "chorus"]);
  model.setType(10, "drop");
  assert.deepEqual(model.sections.map((s) => [s.type, s.source]), [
    ["verse", "edited"], ["drop", "edited"], ["verse", "machine"], ["drop", "machine"],
  ]);
  model.setType(30, "solo");
  model.setType(20, "bridge");
  assert.deepEqual(model.sections.map((s) => s.type), ["verse", "drop", "bridge", "solo"]);
  model.undo();
  model.undo();
  model.undo();
  assert.deepEqual(model.sections.map((s) => s.type), ["verse", "chorus", "verse", "chorus"]);
});

test("two marks cannot lie on each other", () => {
  const model = make(SONG);
  assert.equal(model.addBoundary(10.01), null);
  assert.equal(model.addBoundary(59.99), null);
  assert.equal(model.canUndo, false);
});

test("moving a boundary moves both neighbours, and neither vanishes", () => {
  const model = make(SONG);
  assert.equal(model.moveBoundary(10, 12.5), 12.5);
  assert.deepEqual(shape(model).slice(0, 2), [["intro", 0, 12.5], ["verse", 12.5, 30]]);
  assert.equal(model.moveBoundary(12.5, 99), 29.95);
  assert.equal(model.moveBoundary(29.95, -5), TimelineModel.SHORTEST);
});

test("a free part may be closed by dragging, and opens again on the way back", () => {
  const model = make(SONG);
  model.begin();
  assert.equal(model.drag(30, 50), 40);
  assert.deepEqual(model.boundaries(), [10, 40]);
  assert.equal(model.drag(30, 33), 33);
  assert.deepEqual(model.boundaries(), [10, 33, 40]);
  model.commit();
  model.undo();
  assert.deepEqual(model.boundaries(), [10, 30, 40]);
});

test("deleting a boundary lets the left part go on", () => {
  const model = make(SONG);
  model.removeBoundary(10);
  assert.deepEqual(shape(model)[0], ["intro", 0, 30]);
  model.removeBoundary(30); // the free part joins it
  assert.deepEqual(shape(model), [["intro", 0, 40], ["chorus", 40, 60]]);
  const free = make([{ type: "verse", start: 20, end: 60 }]);
  free.removeBoundary(20); // free goes on
  assert.deepEqual(shape(free), []);
  assert.equal(free.removeBoundary(20), false);
});

test("naming keeps the description and drops the old spelling; 0 sets free; a free part can be named", () => {
  const model = make([{ type: "chorus", text: "Refrain", start: 0, end: 30, label: "loud", intensity: 0.9 }]);
  assert.equal(model.setType(5, "chorus"), false);
  model.setType(5, "verse");
  assert.deepEqual(model.sections[0], { type: "verse", start: 0, end: 30, label: "loud", intensity: 0.9 });
  model.setType(40, "outro");
  assert.deepEqual(shape(model)[1], ["outro", 30, 60]);
  model.setType(5, null);
  assert.deepEqual(shape(model), [["outro", 30, 60]]);
});

test("undo goes on with what was saved before the page was opened", () => {
  const verse = (end) => ({ type: "verse", start: 0, end });
  const model = new TimelineModel([verse(30)], 40, []);
  model.remember([{ events: [verse(10)], beats: null }, { events: [verse(20)], beats: { times: [1, 2], ones: [0] } }]);
  model.addBoundary(15);
  model.undo();
  assert.equal(model.sections.length, 1);
  model.undo();
  assert.deepEqual([model.sections[0].end, model.beats.ones], [20, [0]]);
  model.undo();
  assert.deepEqual([model.sections[0].end, model.beats, model.canUndo], [10, null, false]);
  model.redo();
  assert.equal(model.sections[0].end, 20);
});

test("one gesture is one undo step, and one that changes nothing is none", () => {
  const model = make(SONG);
  model.begin();
  for (let t = 11; t < 20; t += 0.5) model.drag(10, t);
  assert.equal(model.commit(), true);
  model.begin();
  model.drag(19.5, 25);
  model.drag(19.5, 19.5);
  assert.equal(model.commit(), false);
  model.undo();
  assert.deepEqual(model.boundaries()[0], 10);
  assert.equal(model.canUndo, false);
  model.redo();
  assert.deepEqual(model.boundaries()[0], 19.5);
});

test("a gesture that is let go leaves no trace", () => {
  const model = make(SONG);
  model.begin();
  model.drag(10, 22);
  model.cancel();
  assert.deepEqual(model.boundaries(), [10, 30, 40]);
  assert.equal(model.canUndo, false);
});

test("moments and unknown keys go through untouched", () => {
  const model = make([...SONG, { type: "verse", family: "moment", start: 5, end: 6, x: [1] }]);
  model.addBoundary(20);
  model.undo();
  assert.deepEqual(model.events().filter((e) => e.type === "crash" || e.family), [
    { type: "verse", family: "moment", start: 5, end: 6, x: [1] },
    { type: "crash", start: 10, end: 10 },
  ]);
  assert.deepEqual(model.events().find((e) => e.mine), SONG[1]);
});

test("a moment can be taken away, a backwards one too, and brought back", () => {
  const backwards = { type: "riser", start: 12, end: 9, by: "me" };
  const model = make([...SONG, backwards]);
  const before = JSON.stringify(model.events());
  assert.equal(model.removeMoment(backwards), true);
  assert.deepEqual(model.moments.map((m) => m.type), ["crash"]);
  assert.deepEqual(model.boundaries(), [10, 30, 40]); // the parts stay
  assert.equal(model.removeMoment(backwards), false);
  model.addBoundary(20);
  model.undo();
  assert.deepEqual(model.moments.map((m) => m.type), ["crash"]);
  model.undo();
  assert.equal(JSON.stringify(model.events()), before);
  model.redo();
  assert.deepEqual(model.moments.map((m) => m.type), ["crash"]);
});

test("sections that nearly touch share a boundary, overlaps and overruns are cut", () => {
  const model = make([
    { type: "intro", start: -1, end: 10.003 },
    { type: "verse", start: 10, end: 25 },
    { type: "chorus", start: 20, end: 70 },
    { type: "outro", start: 80, end: 90 },
  ]);
  assert.deepEqual(shape(model), [["intro", 0, 10], ["verse", 10, 20], ["chorus", 20, 60]]);
});

test("next and previous boundaries, and the song's ends beyond them", () => {
  const model = make(SONG);
  assert.equal(model.boundaryFrom(10, 1), 30);
  assert.equal(model.boundaryFrom(10, -1), 0);
  assert.equal(model.boundaryFrom(45, 1), 60);
  assert.equal(model.nearestBoundary(34), 30);
  assert.equal(make([]).nearestBoundary(3), null);
});

/* A small generator with a seed, so that a failure can be had again. */
function dice(seed) {
  return () => {
    seed = (seed * 1664525 + 1013904223) % 4294967296;
    return seed / 4294967296;
  };
}

test("any edits leave sections ordered, inside the song, without overlap, and undoable to the start", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const roll = dice(seed);
    const start = seed % 2 ? [] : SONG;
    const model = make(start);
    const all = () => JSON.stringify([model.sections, model.moments]);
    const before = all();
    let last = before;
    for (let i = 0; i < 60; i++) {
      const t = roll() * 60, cuts = model.boundaries(), cut = cuts[Math.floor(roll() * cuts.length)];
      const choice = Math.floor(roll() * 10);
      if (choice <= 1) model.addBoundary(t);
      else if (choice === 2 && cut !== undefined) model.moveBoundary(cut, t);
      else if (choice === 3 && cut !== undefined) model.removeBoundary(cut);
      else if (choice === 4) model.setType(t, roll() < 0.3 ? null : "bridge");
      else if (choice === 5 && cut !== undefined) {
        model.begin();
        for (let k = 0; k < 4; k++) model.drag(cut, roll() * 60);
        roll() < 0.5 ? model.commit() : model.cancel();
      } else if (choice === 6) roll() < 0.5 ? model.undo() : model.redo();
      else if (choice === 7) model.addMoment("crash", t, roll() * 80 - 10);
      else if (choice === 8 && model.moments.length) model.moveMoment(model.moments[0], t, t + roll() * 80);
      else if (choice === 9 && model.sections.length) {
        const section = model.sections[Math.floor(roll() * model.sections.length)];
        model.setTimes(section, roll() * 80 - 10, roll() * 80 - 10);
      }
      for (const m of model.moments) assert.ok(m.start >= 0 && m.end >= m.start && m.end <= 60, `seed ${seed}, step ${i}`);
      let at = 0;
      for (const s of model.sections) {
        assert.ok(s.start >= at && s.end > s.start, `seed ${seed}, step ${i}: ${JSON.stringify(shape(model))}`);
        at = s.end;
      }
      assert.ok(at <= 60);
      const joined = model.parts();
      assert.equal(joined[0].start, 0);
      for (let k = 1; k < joined.length; k++) assert.equal(joined[k].start, joined[k - 1].end);
      assert.equal(joined[joined.length - 1].end, 60);
    }
    last = all();
    let steps = 0;
    while (model.undo()) steps++;
    assert.equal(all(), before, `seed ${seed}`);
    for (; steps > 0; steps--) model.redo();
    assert.equal(all(), last, `seed ${seed}`);
  }
});

test("a moment is added, moved, named anew and taken back, each as one edit", () => {
  const model = make(SONG);
  const riser = model.addMoment("riser", 34, 30);
  assert.deepEqual(riser, { type: "riser", start: 30, end: 34 });
  assert.deepEqual(model.addMoment("glitch", 59.9, 70), { type: "glitch", start: 59.9, end: 60, family: "moment" });
  const late = model.moveMoment(riser, 58, 62);
  assert.deepEqual([late.start, late.end], [56, 60]);
  assert.equal(model.describe(late, { type: "crash" }).type, "crash");
  for (let i = 0; i < 4; i++) model.undo();
  assert.deepEqual(model.events(), make(SONG).events());
});

test("moments of a gesture are one edit, and cancelling it leaves none", () => {
  const model = make(SONG);
  model.begin();
  let moment = model.addMoment("crash", 20);
  moment = model.moveMoment(moment, 20, 21);
  moment = model.moveMoment(moment, 20, 24);
  model.commit();
  assert.equal(model.moments.length, 2);
  model.undo();
  assert.equal(model.moments.length, 1);
  model.begin();
  model.addMoment("crash", 20);
  model.cancel();
  assert.equal(model.moments.length, 1);
});

test("what is said of an event is kept beside its times, and taken away by null", () => {
  const model = make(SONG);
  const told = model.describe(model.sections[1], { label: null, intensity: 0.4, unsure: true });
  assert.deepEqual(told, { type: "verse", start: 10, end: 30, mine: 7, intensity: 0.4, unsure: true });
  assert.equal(model.sections[1], told);
});

test("a doubt about a machine's part leaves it the machine's; words for the model make it a person's", () => {
  const model = make([]);
  model.propose(HEARD);
  assert.equal(model.describe(model.sections[1], { unsure: true }).source, "machine");
  const told = model.describe(model.sections[1], { label: "loud" });
  assert.deepEqual([told.source, told.probability], ["edited", undefined]);
});

test("times typed in move the boundary of both neighbours; an end at nothing moves alone", () => {
  const model = make(SONG);
  model.setTimes(model.sections[1], 12, 32);
  assert.deepEqual(shape(model), [["intro", 0, 12], ["verse", 12, 32], ["chorus", 40, 60]]);
  model.undo();
  assert.deepEqual(shape(model), [["intro", 0, 10], ["verse", 10, 30], ["chorus", 40, 60]]);
  model.setTimes(model.sections[0], 2, 10);
  model.setTimes(model.sections[2], 40, 99);
  assert.deepEqual(shape(model), [["intro", 2, 10], ["verse", 10, 30], ["chorus", 40, 60]]);
  model.setTimes(model.sections[1], 50, 55);
  assert.deepEqual(shape(model)[1], ["verse", 29.95, 40]);
});

test("a correction of the beats is undone as any edit, and with none there were none", () => {
  const model = make(SONG);
  model.addBoundary(20);
  model.setBeats({ times: [0, 1], ones: [0] });
  model.undo();
  assert.deepEqual([model.beats, shape(model).length], [null, 4]);
  model.redo();
  assert.deepEqual(model.beats.ones, [0]);
});

test("all events written anew are one edit, and none where nothing changed", () => {
  const model = make(SONG);
  assert.equal(model.replaceAll(SONG), false);
  assert.equal(model.replaceAll([{ type: "verse", start: 0, end: 60 }, { type: "crash", start: 5, end: 5 }]), true);
  assert.deepEqual([shape(model), model.moments.length], [[["verse", 0, 60]], 1]);
  model.undo();
  assert.deepEqual(model.events(), make(SONG).events());
});

test("what is sung is sung once: a cut leaves it with the first half, a join takes both", () => {
  const model = make([
    { type: "verse", start: 0, end: 20, lyrics: "one" },
    { type: "chorus", start: 20, end: 40, lyrics: "two" },
    { type: "outro", start: 40, end: 60 },
  ]);
  model.addBoundary(10);
  assert.deepEqual(model.sections.map((s) => s.lyrics), ["one", undefined, "two", undefined]);
  model.removeBoundary(20);
  assert.deepEqual(model.sections.map((s) => s.lyrics), ["one", "two", undefined]);
  model.removeBoundary(10);
  assert.deepEqual(model.sections.map((s) => s.lyrics), ["one\ntwo", undefined]);
  for (let i = 0; i < 3; i++) model.undo();
  assert.deepEqual(model.sections.map((s) => s.lyrics), ["one", "two", undefined]);
});

test("stanzas are laid on the parts from one on, not on those without a voice, as one edit", () => {
  const parts = [["intro", 0], ["verse", 10], ["chorus", 20], ["solo", 30], ["verse", 40], ["outro", 50]];
  const model = make(parts.map(([type, start]) => ({ type, start, end: start + 10, source: "machine", probability: 1 })));
  const now = model.layLyrics(model.sections[1], ["a", "b", "c", "d"], ["solo", "outro"]);
  assert.equal(now, model.sections[1]);
  assert.deepEqual(model.sections.map((s) => s.lyrics), [undefined, "a", "b", undefined, "c\nd", undefined]);
  assert.equal(now.source, "edited");
  model.undo();
  assert.ok(model.sections.every((s) => s.lyrics === undefined));
});
