/* Clicks on the beats while a song plays, higher on beat one, a blip where a part begins; and how late a person taps.

Sounds are put on the clock of Web Audio a little ahead of time, so that a busy page does not shift them. */
(function () {
  "use strict";

  const AHEAD = 0.25, EVERY = 0.06; // s: how far sounds are planned, and how often
  const VOICES = { one: [1760, 0.03, 0.5], beat: [1175, 0.025, 0.3], part: [587, 0.12, 0.45] }; // Hz, s, level
  const TAPS = 12, COUNT_IN = 4, GAP = 0.6; // clicks of the tap test, those before it, s between two
  const ENOUGH = 8; // taps that make a measurement
  const UNSTEADY = 0.08; // s: a middle deviation above this is no measurement
  const memory = "structure-studio-tap";

  window.timelineClicks = function (timeline) {
    const { audio, q } = timeline;
    let context = null;
    let on = false;
    let planned = -1; // seconds of the song up to which sounds are planned
    let timer = 0;
    let waiting = new Set(); // oscillators that have not sounded yet
    let test = null; // {clicks: times heard, taps: times}
    let late = Number(localStorage.getItem(memory)) || 0; // s

    const ready = () => {
      context ??= new AudioContext();
      context.resume();
      return context;
    };
    /* What is planned for the clock's time t is heard later by this. */
    const behind = () => context.outputLatency || context.baseLatency || 0;

    function voice(kind, when) {
      const [hertz, seconds, level] = VOICES[kind];
      const oscillator = context.createOscillator(), gain = context.createGain();
      oscillator.frequency.value = hertz;
      gain.gain.setValueAtTime(level, when);
      gain.gain.exponentialRampToValueAtTime(0.001, when + seconds);
      oscillator.connect(gain).connect(context.destination);
      oscillator.start(when);
      oscillator.stop(when + seconds);
      waiting.add(oscillator);
      oscillator.onended = () => waiting.delete(oscillator);
    }

    function silence() {
      for (const oscillator of waiting) oscillator.stop();
      waiting = new Set();
      planned = -1;
    }

    /* Beats and boundaries between two times of the song: [seconds, kind]. */
    function sounds(from, to) {
      const { grid } = timeline.beats, found = [];
      const ones = new Set(grid?.ones);
      for (let i = grid ? grid.after(from) : 0; i < (grid?.times.length ?? 0) && grid.times[i] <= to; i++) {
        found.push([grid.times[i], ones.has(i) ? "one" : "beat"]);
      }
      for (const b of timeline.model.boundaries()) if (b > from && b <= to) found.push([b, "part"]);
      return found;
    }

    function plan() {
      clearTimeout(timer);
      if (!on || audio.paused) return silence();
      const now = timeline.sound.heard(), { speed } = timeline.sound;
      const from = Math.max(planned, now), to = now + AHEAD * speed;
      for (const [t, kind] of sounds(from, to)) {
        voice(kind, Math.max(context.currentTime, context.currentTime + (t - now) / speed - behind()));
      }
      planned = Math.max(planned, to);
      timer = setTimeout(plan, 1000 * EVERY);
    }

    function toggle() {
      on = !on;
      if (on) ready();
      plan();
      timeline.draw();
    }

    for (const event of ["play", "pause", "seeked", "ratechange"]) {
      audio.addEventListener(event, () => (silence(), plan()));
    }

    // ---------------------------------------------------------------- how late a person taps

    function measure() {
      if (test) return finish("");
      audio.pause();
      ready();
      const first = context.currentTime + 0.4;
      test = { clicks: [], taps: [] };
      for (let i = 0; i < COUNT_IN + TAPS; i++) {
        const when = first + i * GAP;
        voice(i < COUNT_IN ? "one" : "beat", when);
        test.clicks.push(when + behind());
      }
      document.addEventListener("keydown", tapped, true);
      timeline.note("Tap any key on each click, until they end. Escape stops.");
      test.timer = setTimeout(judge, 1000 * (first - context.currentTime + (COUNT_IN + TAPS) * GAP));
      timeline.draw();
    }

    function tapped(event) {
      if (["Control", "Shift", "Alt", "Meta", "Tab"].includes(event.key)) return;
      event.preventDefault();
      event.stopPropagation();
      if (event.key === "Escape") return finish("");
      if (event.repeat) return;
      test.taps.push(context.currentTime - (performance.now() - event.timeStamp) / 1000);
    }

    function judge() {
      const middle = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
      const asked = test.clicks.slice(COUNT_IN);
      const off = test.taps.map((t) => t - asked.reduce((a, b) => (Math.abs(b - t) < Math.abs(a - t) ? b : a)));
      if (off.length < ENOUGH) return finish(`Only ${off.length} taps were heard: nothing was changed. Tap on each click.`);
      const usual = middle(off), spread = middle(off.map((o) => Math.abs(o - usual)));
      if (spread > UNSTEADY) return finish("These taps were too unsteady to measure: nothing was changed.");
      late = Math.round(usual * 1000) / 1000;
      localStorage.setItem(memory, late);
      finish(`You tap ${Math.abs(Math.round(1000 * late))} ms ${late < 0 ? "early" : "late"}: marks made while playing are moved by that.`);
    }

    function finish(text) {
      clearTimeout(test.timer);
      document.removeEventListener("keydown", tapped, true);
      silence();
      test = null;
      timeline.note(text);
      if (text) setTimeout(() => q(".sst-note").textContent === text && timeline.note(""), 6000);
      timeline.draw();
    }

    function paint() {
      q('[data-do="clicks"]').setAttribute("aria-pressed", on ? "true" : "false");
      q('[data-do="measure"]').textContent = test ? "Stop" : "Measure my taps";
      const told = late ? `${Math.abs(Math.round(1000 * late))} ms ${late < 0 ? "early" : "late"}` : "not measured";
      q(".sst-taps").textContent = `Taps: ${told}`;
    }

    return {
      toggle, measure, paint, sounds,
      get late() { return late; },
    };
  };
})();
