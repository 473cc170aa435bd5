/* The beat grid: worked by hand, and against a crowd of unsteady taps. */
"use strict";

const test = require("node:test");
const assert = require("node:assert/strict");
const path = require("node:path");
const TimelineGrid = require(path.join(__dirname, "../../annotate/timeline_grid.js"));

const BEATS = Array.from({ length: 64 }, (_, i) => 0.25 + i * 0.5);
const told = (first = 0, meter = 4) => new TimelineGrid(BEATS, BEATS.map((_, i) => i).filter((i) => i >= first && (i - first) % meter === 0));

function gaussian(seed) {
  let state = seed;
  const uniform = () => ((state = (state * 1664525 + 1013904223) % 4294967296) + 0.5) / 4294967296;
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

test("a tap between a beat one and a nearer other beat meant the beat one", () => {
  const found = told().snap(BEATS[8] + 0.27, 0.15);
  assert.equal(found.place, 8);
  assert.ok(found.probability > 0.5 && found.probability < 0.95);
  assert.ok(told().snap(BEATS[8] + 0.02, 0.15).probability > 0.95);
});

test("a pickup is possible: a tap on beat four stays there, and where no beat is near a tap stays where it was", () => {
  assert.equal(told().snap(BEATS[11], 0.05).place, 11);
  const between = told().snap(BEATS[9] + 0.25, 0.03);
  assert.deepEqual([between.place, between.time], [-1, BEATS[9] + 0.25]);
  assert.equal(new TimelineGrid([], null, []).snap(1, 0.1), null);
});

test("unsteady taps on known beats: nine in ten are right, as the simulation that the method comes from says", () => {
  const noise = gaussian(7), grid = told();
  let raw = 0, near = 0, snapped = 0;
  const draws = 4000;
  for (let i = 0; i < draws; i++) {
    const u = (i + 0.5) / draws, bar = 4 * (1 + (i % 14));
    const meant = BEATS[bar + (u < 0.8 ? 0 : u < 0.9 ? 3 : u < 0.95 ? 2 : 1)];
    const tap = meant + 0.15 * noise();
    const right = (t) => Math.abs(t - meant) <= 0.07;
    raw += right(tap);
    near += right(BEATS[grid.nearest(tap)]);
    snapped += right(grid.snap(tap, 0.15).time);
  }
  assert.ok(raw / draws < 0.42, `raw ${raw / draws}`);
  assert.ok(snapped > near, `${snapped} of the most probable, ${near} of the nearest`);
  assert.ok(snapped / draws > 0.9, `snapped ${snapped / draws}`);
});

test("boundaries that a person set teach a machine's grid where bars begin", () => {
  const unsure = new TimelineGrid(BEATS, null, [0.4, 0.2, 0.2, 0.2]);
  assert.equal(unsure.ones[0], 0);
  const heeding = unsure.heeding([BEATS[18], BEATS[34], 99]);
  assert.equal(heeding.ones[0], 2);
  assert.ok(heeding.phases[2] > 0.9);
  const known = told(1);
  assert.equal(known.heeding([BEATS[18]]), known);
});

test("which beat is one is said for all bars, or from there on", () => {
  assert.deepEqual(told().withOneAt(BEATS[6] + 0.1).ones.slice(0, 3), [2, 6, 10]);
  assert.deepEqual(told().withOneAt(BEATS[6], true).ones.slice(0, 4), [0, 4, 6, 10]);
  assert.equal(told(0, 3).withOneAt(BEATS[4]).meter, 3);
});

test("twice and half the beats go back to the same, and bars keep their beats", () => {
  for (const grid of [told(), told(1), told(2, 3)]) {
    const fast = grid.doubled();
    assert.ok(Math.abs(fast.tempo - 2 * grid.tempo) < 1e-6 && fast.meter === grid.meter);
    assert.ok(Math.abs(fast.halved().tempo - grid.tempo) < 1e-6);
    const slow = grid.halved();
    assert.ok(Math.abs(slow.tempo - grid.tempo / 2) < 1e-6 && slow.meter === grid.meter);
    assert.ok(slow.times.includes(grid.times[grid.ones[0]]), "a beat one stays");
  }
});

test("moving all beats keeps what is one, and drops what would lie before the song", () => {
  const moved = told().shifted(-0.3);
  assert.equal(moved.times.length, 63);
  assert.deepEqual(moved.ones.slice(0, 2), [3, 7]);
  assert.ok(Math.abs(moved.times[0] - 0.45) < 1e-9);
});

test("bars and beats are counted from one, before the first bar as well", () => {
  const grid = told(1);
  assert.deepEqual(grid.position(BEATS[0]), { bar: 0, beat: 4 });
  assert.deepEqual(grid.position(BEATS[1]), { bar: 1, beat: 1 });
  assert.deepEqual(grid.position(BEATS[8] + 0.4), { bar: 2, beat: 4 });
  assert.equal(grid.position(0), null);
});

test("steps go from beat to beat, from between them to the neighbour", () => {
  const grid = told();
  assert.equal(grid.stepped(BEATS[4], 1), BEATS[5]);
  assert.equal(grid.stepped(BEATS[4] + 0.1, 1), BEATS[5]);
  assert.equal(grid.stepped(BEATS[4] + 0.1, -1), BEATS[4]);
  assert.equal(grid.stepped(BEATS[4], -8), BEATS[0]);
});

test("what is sent to Python comes back the same", () => {
  const grid = told(3);
  assert.deepEqual(TimelineGrid.from(grid.toValue(), 4).toValue(), grid.toValue());
  assert.equal(TimelineGrid.from({ times: BEATS, phases: [0, 1, 0, 0] }, 3).phases.length, 3);
});
