/* States and orders of a song list by themselves: `node --test` runs this file, and test_stats.py runs node. */
"use strict";
const test = require("node:test");
const assert = require("node:assert/strict");
const { sorted, wanted, following, judge } = require("../../annotate/song_states.js");

const whole = { type: "verse", start: 0, end: 60 };
const make = (name, place, events, problems = []) =>
  judge({ name, place, duration: 60 - 10 * place, problems, events }, new Set(["crash"]));
const SONGS = [
  make("a", 0, [whole]), make("b", 1, []), make("c", 2, [{ ...whole, unsure: true }]), make("d", 3, [whole], ["wrong"]),
  make("e", 4, [{ ...whole, end: 5 }]),
];
const names = (songs) => songs.map((song) => song.name).join("");

test("songs are sorted by name, length or what asks for attention, and back", () => {
  assert.equal(names(sorted(SONGS, "length")), "edcba");
  assert.equal(names(sorted(SONGS, "state")), "dcbea");
  assert.equal(names(sorted(sorted(SONGS, "state"), "name")), "abcde");
});

test("the next song of a kind comes after this one, from the top again after the last", () => {
  const next = (name, what) => following(SONGS, name, (song) => wanted(song, what))?.name;
  assert.equal(next("a", "unmarked"), "b");
  assert.equal(next("b", "unmarked"), "e");
  assert.equal(next("e", "unmarked"), "b");
  assert.equal(next("d", "unsure"), "c");
  assert.equal(next("d", "problem"), undefined); // this one is open already
  assert.equal(next("gone", "problem"), "d");
});
