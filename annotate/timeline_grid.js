/* Beats of a song, and the beat that a person meant. No DOM, no clock, no network.

A grid holds the times of beats and, for each, how probably a part begins there. Parts begin on beat one eight times in
ten, one beat before it once in ten (counted in the 912 songs of Harmonix). Where a person has said which beats are one,
that is known; where a machine counted bars, each way to count has a probability, and boundaries that a person has set
shift it. `snap` weighs both that and the distance: the most probable beat, not the nearest. */
(function (scope, define) {
  "use strict";
  if (typeof module === "object" && module.exports) module.exports = define();
  else scope.TimelineGrid = define();
})(typeof self === "undefined" ? this : self, function () {
  "use strict";

  const ONE = 0.8, PICKUP = 0.1; // shares of parts that begin there; the other beats of a bar share the rest
  const OFF_BEAT = 0.03; // share of parts that begin on no beat
  const ON_BEAT = 0.07; // s: a boundary this near to a beat is on it
  const REACH = 4; // standard deviations

  class TimelineGrid {
    /* times: seconds of beats, ascending. ones: places of those that are beat one, where a person has said so, else
       null. phases: for each place from 0 on, how probably it begins a bar that goes on every `phases.length` beats. */
    constructor(times, ones, phases) {
      this.times = times;
      this.told = Boolean(ones?.length);
      this.phases = phases?.length ? phases : [1, 0, 0, 0];
      this.ones = this.told ? [...ones] : this._every(indexOfMost(this.phases));
      this._counts = this.told ? countsFrom(this.ones, times.length) : null;
    }

    /* What Python sends: {times, ones} of a sidecar, or {times, phases} of a machine, counted anew in another meter. */
    static from({ times, ones, phases }, meter) {
      const fits = phases?.length === meter;
      return new TimelineGrid(times, ones, fits ? phases : new Array(meter).fill(1 / meter));
    }

    /* As a sidecar has it. */
    toValue() {
      return { times: this.times.map((t) => Math.round(t * 1000) / 1000), ones: this.ones };
    }

    /* The machine's grid after the boundaries that a person has set: each speaks for the way to count that has it on
       beat one. */
    heeding(boundaries) {
      if (this.told || !boundaries.length) return this;
      const meter = this.phases.length;
      const logs = this.phases.map((p) => Math.log(p + 1e-6));
      for (const b of boundaries) {
        const place = this.nearest(b);
        if (place < 0 || Math.abs(this.times[place] - b) > ON_BEAT) continue;
        for (let phase = 0; phase < meter; phase++) logs[phase] += Math.log(share(mod(place - phase, meter), meter));
      }
      const most = Math.max(...logs), raw = logs.map((l) => Math.exp(l - most));
      const sum = raw.reduce((a, b) => a + b);
      return new TimelineGrid(this.times, null, raw.map((r) => r / sum));
    }

    /* Beats a minute, by the middle one of all distances. */
    get tempo() {
      const gaps = this.times.slice(1).map((t, i) => t - this.times[i]).sort((a, b) => a - b);
      return gaps.length ? 60 / gaps[gaps.length >> 1] : 0;
    }

    /* Beats in a bar, by the middle one of all bars. */
    get meter() {
      if (!this.told) return this.phases.length;
      const bars = this.ones.slice(1).map((one, i) => one - this.ones[i]).sort((a, b) => a - b);
      return bars.length ? bars[bars.length >> 1] : 4;
    }

    /* Place of the beat that is nearest to t; -1 where there are none. */
    nearest(t) {
      const { times } = this, after = this.after(t);
      if (after === 0 || after === times.length) return after === 0 ? (times.length ? 0 : -1) : after - 1;
      return t - times[after - 1] <= times[after] - t ? after - 1 : after;
    }

    /* How many beats come at t or before it. */
    after(t) {
      let low = 0, high = this.times.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (this.times[middle] <= t) low = middle + 1;
        else high = middle;
      }
      return low;
    }

    /* Where a person who pointed at t, give or take `sigma` seconds, meant a part to begin: {time, probability, place},
       the place -1 and the time t where that is more probably on no beat; null without beats. */
    snap(t, sigma) {
      const { times } = this;
      if (times.length < 2) return null;
      const low = this.after(t - REACH * sigma), high = this.after(t + REACH * sigma);
      const near = Math.min(Math.max(this.after(t), 1), times.length - 1);
      const bar = this.meter * (times[near] - times[near - 1]);
      let best = { place: -1, weight: OFF_BEAT / bar, time: t }, sum = best.weight;
      for (let place = low; place < high; place++) {
        const z = (t - times[place]) / sigma;
        const weight = ((1 - OFF_BEAT) * this.prior(place) * Math.exp((-z * z) / 2)) / (sigma * Math.sqrt(2 * Math.PI));
        sum += weight;
        if (weight > best.weight) best = { place, weight, time: times[place] };
      }
      return { time: best.time, probability: best.weight / sum, place: best.place };
    }

    /* How probably a part that begins in this beat's bar begins on this beat. */
    prior(place) {
      if (this.told) return share(this._counts.beat[place], this._counts.length[place]);
      const meter = this.phases.length;
      return this.phases.reduce((sum, p, phase) => sum + p * share(mod(place - phase, meter), meter), 0);
    }

    /* Bar and beat at t, counted from 1; bar 0 is the pickup before the first one. Null without beats. */
    position(t) {
      const place = this.after(t + 0.001) - 1;
      if (place < 0 || !this.ones.length) return null;
      let bar = 0;
      while (bar < this.ones.length && this.ones[bar] <= place) bar++;
      return { bar, beat: bar ? place - this.ones[bar - 1] + 1 : mod(place - this.ones[0], this.meter) + 1 };
    }

    /* The beat that is `beats` away from t; t itself counts where it lies on one. */
    stepped(t, beats) {
      const { times } = this;
      if (!times.length) return t;
      const on = this.nearest(t);
      const from = Math.abs(times[on] - t) < 0.02 ? on : beats > 0 ? this.after(t) - 1 : this.after(t);
      return times[Math.min(Math.max(from + beats, 0), times.length - 1)];
    }

    // ---------------------------------------------------------------- what a person corrects; each a grid of its own

    /* The beat nearest to t is beat one, and so is every one that is whole bars away; `onwards`: only those after it. */
    withOneAt(t, onwards = false) {
      const place = this.nearest(t), { meter } = this;
      if (place < 0) return this;
      const every = this._every(mod(place, meter), meter);
      if (!onwards) return new TimelineGrid(this.times, every);
      return new TimelineGrid(this.times, this.ones.filter((one) => one < place).concat(every.filter((one) => one >= place)));
    }

    /* Twice as many beats: what were bars are two bars. */
    doubled() {
      const times = this.times.flatMap((t, i) => (i + 1 < this.times.length ? [t, (t + this.times[i + 1]) / 2] : [t]));
      const { meter } = this;
      return new TimelineGrid(times, this.ones.flatMap((one) => [2 * one, 2 * one + meter]).filter((one) => one < times.length));
    }

    /* Every other beat, those that are one among them; bars are twice as long. */
    halved() {
      if (this.times.length < 4) return this;
      const first = this.ones[0] ?? 0, { meter } = this, from = first % 2;
      const times = this.times.filter((_, i) => i % 2 === from);
      return new TimelineGrid(times, null, null)._counted((first - from) / 2, meter);
    }

    /* All beats earlier or later. */
    shifted(by) {
      const times = this.times.map((t) => t + by).filter((t) => t >= 0);
      const lost = this.times.length - times.length;
      return new TimelineGrid(times, this.ones.map((one) => one - lost).filter((one) => one >= 0));
    }

    _counted(first, meter) {
      return new TimelineGrid(this.times, this._every(mod(first, meter), meter));
    }

    _every(first, meter = this.phases.length) {
      const found = [];
      for (let place = first; place < this.times.length; place += meter) found.push(place);
      return found;
    }
  }

  /* Share of parts that begin on beat `beat` (0 is beat one) of a bar of `meter` beats. */
  function share(beat, meter) {
    if (beat === 0) return meter === 1 ? 1 : ONE;
    if (beat === meter - 1) return meter === 2 ? 1 - ONE : PICKUP;
    return (1 - ONE - PICKUP) / Math.max(1, meter - 2);
  }

  /* For each place: which beat of its bar it is, from 0, and how many beats that bar has. */
  function countsFrom(ones, count) {
    const beat = new Array(count), length = new Array(count);
    const gaps = ones.slice(1).map((one, i) => one - ones[i]);
    const usual = [...gaps].sort((a, b) => a - b)[gaps.length >> 1] || 4;
    for (let place = 0, bar = -1; place < count; place++) {
      if (bar + 1 < ones.length && ones[bar + 1] <= place) bar++;
      length[place] = bar < 0 ? usual : gaps[bar] ?? usual;
      beat[place] = bar < 0 ? mod(place - ones[0], usual) : (place - ones[bar]) % length[place];
    }
    return { beat, length };
  }

  function indexOfMost(values) {
    return values.indexOf(Math.max(...values));
  }

  function mod(a, n) {
    return ((a % n) + n) % n;
  }

  return TimelineGrid;
});
