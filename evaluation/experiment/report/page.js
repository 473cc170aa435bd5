/* The report's figures and players. Figures take their colours from the page; a deck plays all its songs at once on one
   clock, with the gain of all but one at zero, so that going from one to the other leaves no gap. */
(function () {
  "use strict";

  const FADE = 0.008; // s, so that nothing clicks
  const AHEAD = 0.03; // s between asking for sound and its beginning
  const STEP = 1; // s that an arrow key moves by

  /* Figures: drawn again whenever the page turns light, dark or to paper. */
  const figures = [...document.querySelectorAll("[data-figure]")].map((place) => {
    const { data, layout } = JSON.parse(document.getElementById(`figure-${place.dataset.figure}`).textContent);
    return { place, data, layout };
  });


  /* Draw these figures, on the screen's ground or on paper's. */
  function paint(paper, some = figures) {
    const style = getComputedStyle(document.documentElement);
    const colour = (name, printed) => (paper ? printed : style.getPropertyValue(name).trim());
    const ink = colour("--ink", "#1d2430"), line = colour("--line", "#dfe3ea"), ground = colour("--paper", "#fff");
    const axis = { title: { font: { size: 12.5 } }, gridcolor: line, linecolor: line, zerolinecolor: line, automargin: true };
    const template = { layout: {
      font: { color: ink, family: "system-ui, sans-serif", size: 12.5 },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", xaxis: axis, yaxis: axis,
      annotationdefaults: { arrowcolor: line }, hoverlabel: { bgcolor: ground, font: { color: ink }, bordercolor: line },
    } };
    const config = { responsive: true, displaylogo: false, scrollZoom: false, modeBarButtons: [["toImage"]] };
    for (const { place, data, layout } of some) Plotly.react(place, data, { ...layout, template }, config);
  }

  /* Players. */
  let context = null, active = null;

  const clock = (s) => `${Math.floor(s / 60)}:${(Math.floor((s % 60) * 10) / 10).toFixed(1).padStart(4, "0")}`;

  function deck(root) {
    const q = (selector) => root.querySelector(selector);
    const arms = [...root.querySelectorAll("button.who")];
    const duration = Number(root.dataset.duration);
    const self = { root, arms, toggle, choose, move, pause, forget };
    let sounds = null; // promise of one AudioBuffer an arm
    let voices = []; // what plays: a source and its gain for each arm
    let heard = 0, position = 0, began = 0; // arm; s in the song; the context's time at position 0
    let turn = 0; // newest call of play or pause

    const playing = () => root.hasAttribute("data-playing");

    function decoded() {
      sounds ??= Promise.all(arms.map((arm) => {
        const bytes = Uint8Array.from(atob(document.getElementById(arm.dataset.sound).textContent), (c) => c.charCodeAt(0));
        return context.decodeAudioData(bytes.buffer);
      }));
      return sounds;
    }

    async function play() {
      const mine = ++turn;
      if (active !== self) take();
      root.dataset.playing = "";
      label();
      try {
        context ??= new AudioContext();
        await context.resume();
        const buffers = await decoded();
        if (mine !== turn) return;
        start(buffers);
        follow(mine);
      } catch {
        if (mine === turn) pause();
        q(".trouble").textContent = "This browser cannot play the sound in this file (OGG Vorbis). Chrome, Firefox and Safari from 18.4 can.";
      }
    }

    function start(buffers) {
      const at = context.currentTime + AHEAD;
      began = at - position;
      voices = buffers.map((buffer, i) => {
        const gain = context.createGain(), source = context.createBufferSource();
        gain.gain.setValueAtTime(0, at);
        gain.gain.linearRampToValueAtTime(i === heard ? 1 : 0, at + FADE);
        source.buffer = buffer;
        source.connect(gain).connect(context.destination);
        source.start(at, Math.min(position, buffer.duration));
        return { source, gain: gain.gain };
      });
    }

    function stop() {
      for (const { source, gain } of voices) {
        gain.setTargetAtTime(0, context.currentTime, FADE / 3);
        source.stop(context.currentTime + 2 * FADE);
      }
      voices = [];
    }

    function pause() {
      turn += 1;
      stop();
      delete root.dataset.playing;
      label();
    }

    function toggle() {
      if (playing()) return pause();
      if (position >= duration) position = 0;
      play();
    }

    /* Hear this arm from now on. */
    function choose(i) {
      heard = i;
      voices.forEach(({ gain }, n) => gain.setTargetAtTime(n === i ? 1 : 0, context.currentTime, FADE / 3));
      if (active !== self) take();
      label();
    }

    function move(seconds) {
      if (active !== self) take();
      position = Math.min(Math.max(seconds, 0), duration);
      show();
      if (!voices.length) return;
      stop();
      play();
    }

    function follow(mine) {
      if (mine !== turn) return;
      position = Math.max(position, Math.min(context.currentTime - began, duration));
      show();
      if (position >= duration) pause();
      else requestAnimationFrame(() => follow(mine));
    }

    function show() {
      root.style.setProperty("--at", position / duration);
      root.dataset.at = position.toFixed(3);
      q(".seek").value = position;
      q(".clock").textContent = clock(position);
    }

    function label() {
      q(".play").textContent = playing() ? "Pause" : "Play";
      arms.forEach((arm, i) => arm.setAttribute("aria-pressed", i === heard));
    }

    /* The keys are this deck's now, and the last one's memory is free. */
    function take() {
      active?.pause();
      active?.forget();
      active = self;
      root.dataset.active = "";
    }

    function forget() {
      sounds = null;
      delete root.dataset.active;
    }

    q(".play").addEventListener("click", toggle);
    q(".seek").addEventListener("input", (event) => move(Number(event.target.value)));
    arms.forEach((arm, i) => arm.addEventListener("click", () => {
      choose(i);
      if (!playing()) play();
    }));
    for (const strip of root.querySelectorAll(".strip")) {
      strip.addEventListener("click", (event) => {
        const box = strip.getBoundingClientRect();
        move(((event.clientX - box.left) / box.width) * duration);
      });
    }
    self.position = () => position;
    label();
  }

  /* Space on a deck's button would press it, and switch arms where a pause was meant: Enter presses, space plays. */
  function key(event) {
    const foreign = event.target.closest("summary, pre, .scroll, .copy");
    if (!active || foreign || event.ctrlKey || event.metaKey || event.altKey) return;
    const chosen = active.arms.findIndex((arm) => arm.querySelector("kbd").textContent === event.key);
    const arrow = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
    if (event.key === " ") active.toggle();
    else if (arrow) active.move(active.position() + arrow);
    else if (chosen >= 0) active.choose(chosen);
    else return;
    event.preventDefault();
  }

  async function copy(event) {
    const code = document.querySelector(".command code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      event.target.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code); // no clipboard for this page: the text is marked, Ctrl+C takes it
      event.target.textContent = "Marked";
    }
  }

  document.querySelectorAll(".deck:has(.play)").forEach(deck);
  document.addEventListener("keydown", key);
  document.addEventListener("keyup", (event) => event.key === " " && event.target.closest(".deck button") && active && event.preventDefault());
  document.querySelector(".copy")?.addEventListener("click", copy);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => paint(false));
  addEventListener("beforeprint", () => paint(true));
  addEventListener("afterprint", () => paint(false));
  figures.forEach((figure, i) => setTimeout(() => paint(false, [figure]), 20 * i)); // the first one is seen before the last is drawn
})();
