/* Where the sound is while a song plays slower or faster with its pitch kept.

   To stretch sound, a browser runs ahead of its own clock of the song, or behind it, by an amount that depends on the
   speed. It is measured once for each speed and kept in the browser: a track of clicks, unheard, runs through Web Audio,
   which says when each click comes out. What speed 1 shows by the same path is taken off. */
(function () {
  "use strict";

  const RATE = 44100, GAP = 0.25; // Hz; s between clicks
  const SECONDS = 1.6; // that a measurement takes
  const FIRST = 1; // clicks until the stretch has settled
  const MOST = 0.2; // s: more than this is no measurement
  const memory = "structure-studio-stretch";
  const WATCHER = `registerProcessor("clicks", class extends AudioWorkletProcessor {
    process([input]) {
      (input[0] ?? []).forEach((sample, i) => {
        const now = currentTime + i / sampleRate;
        if (Math.abs(sample) < 0.2) return;
        if (!(now - this.loud < 0.05)) this.port.postMessage(now);
        this.loud = now;
      });
      return true;
    }
  });`;

  let known = {};
  try {
    known = { ...JSON.parse(localStorage.getItem(memory)) };
  } catch {
    // what was kept is not ours: measured anew
  }
  let measuring = null; // a promise

  const link = (content, type) => URL.createObjectURL(new Blob(content, { type }));
  const middle = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

  function clickTrack(seconds) {
    const length = RATE * seconds, header = new DataView(new ArrayBuffer(44)), samples = new Int16Array(length);
    const words = [0x52494646, 36 + 2 * length, 0x57415645, 0x666d7420, 16, [1, 1], RATE, 2 * RATE, [2, 16], 0x64617461, 2 * length];
    words.forEach((word, i) => {
      if (Array.isArray(word)) word.forEach((half, j) => header.setUint16(4 * i + 2 * j, half, true));
      else header.setUint32(4 * i, word, ![0, 2, 3, 9].includes(i)); // names of chunks are text
    });
    for (let t = GAP; t < seconds - GAP; t += GAP) {
      for (let i = 0; i < 400; i++) samples[Math.round(t * RATE) + i] = 29000 * Math.cos(0.285 * i) * Math.exp(-i / 80);
    }
    return link([header, samples], "audio/wav");
  }

  /* Seconds of the song by which the sound is ahead of the clock at a speed, by way of Web Audio. */
  async function ahead(speed) {
    const context = new AudioContext(), found = [], told = [];
    const clicks = clickTrack(Math.ceil(SECONDS * speed)), watching = link([WATCHER], "text/javascript");
    const track = new Audio(clicks);
    await context.audioWorklet.addModule(watching);
    const watcher = new AudioWorkletNode(context, "clicks");
    watcher.port.onmessage = ({ data }) => {
      const { contextTime, performanceTime } = context.getOutputTimestamp();
      const wait = context.outputLatency || context.baseLatency || 0; // what is merely played does not pass here
      found.push(performanceTime + 1000 * (data - contextTime - wait));
    };
    context.createMediaElementSource(track).connect(watcher).connect(context.destination); // its output is silence
    track.preservesPitch = true;
    track.defaultPlaybackRate = track.playbackRate = speed;
    const timer = setInterval(() => told.push([performance.now(), track.currentTime]), 5);
    const over = new Promise((done) => (track.onended = done));
    try {
      await track.play();
      await over;
    } finally {
      clearInterval(timer);
      context.close();
      [clicks, watching].forEach((made) => URL.revokeObjectURL(made));
    }
    const off = found.slice(FIRST).map((when) => {
      const after = told.find(([now]) => now >= when);
      if (!after) return NaN;
      const clock = after[1] - ((after[0] - when) / 1000) * speed;
      return Math.round(clock / GAP) * GAP - clock;
    });
    return middle(off.filter(Number.isFinite));
  }

  async function measureAll(speeds) {
    if (!window.AudioContext || !window.AudioWorkletNode) return; // a page that is not of this machine, without TLS
    for (const speed of [1, ...speeds]) {
      if (speed in known) continue;
      const found = await ahead(speed).catch(() => undefined);
      if (found === undefined) continue; // the next visit tries again
      known[speed] = found;
      localStorage.setItem(memory, JSON.stringify(known));
    }
  }

  /* Seconds to add to the browser's clock of the song at a speed; 0 until it is known. */
  window.timelineStretch = {
    lead(speed) {
      const lead = speed === 1 ? 0 : known[speed] - known[1];
      return Math.abs(lead) < MOST ? lead : 0;
    },
    /* Measure what is not known, in the background, while the page is heard for the first time. */
    learn(speeds) {
      measuring ??= measureAll(speeds);
    },
  };
})();
