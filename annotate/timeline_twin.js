/* Another recording beside the song: both play at once, one of them silently, so that going from one to the other leaves
   no gap. The song's clock leads; while the other is silent, its speed is nudged until the two are together. */
(function () {
  "use strict";

  const NEAR = 0.002; // s apart that count as together
  const FAR = 0.3; // s apart from which one jumps instead
  const NUDGE = 0.06; // share of the speed
  const SILENT = 1e-5; // volume; what is muted has another clock in Chromium, and jumps by 90 ms when it is heard again

  window.timelineTwin = function (timeline) {
    const { root, audio, q } = timeline;
    const twin = q(".sst-twin");
    let pictures = { song: null, other: null }; // envelopes
    let request = 0; // newest one for the other's waveform

    twin.preservesPitch = false;

    const offered = () => Boolean(timeline.other?.track) && timeline.other.song === timeline.value.song;

    /* The song's own waveform has come, or has gone: another song's twin goes with it. */
    function drawn(envelope) {
      pictures.song = envelope;
      if (timeline.version === "song") timeline.envelope = envelope;
      if (!offered()) forget();
    }

    function forget() {
      request += 1;
      pictures.other = null;
      twin.pause();
      twin.removeAttribute("src");
      show("song");
    }

    /* Fetch the other recording; it is heard at once unless it was asked to wait. */
    async function offer() {
      if (!offered()) return forget();
      const mine = ++request, { track, hear } = timeline.other;
      const source = await timeline.readSource(track);
      if (mine !== request) return;
      if (source.error || !source.url) return timeline.note(source.error || "The other recording is still being read.");
      pictures.other = source.envelope;
      twin.src = source.url;
      twin.currentTime = audio.currentTime;
      if (!audio.paused) start();
      show(hear === false ? timeline.version : "other");
    }

    function switchVersion() {
      if (pictures.other) show(timeline.version === "song" ? "other" : "song");
    }

    /* Hear and draw this one. */
    function show(version) {
      timeline.version = version;
      silence(audio, version === "other");
      silence(twin, version === "song");
      if (version === "other") twin.playbackRate = audio.playbackRate;
      timeline.envelope = pictures[version];
      if (timeline.envelope) root.dataset.drawn = timeline.track;
      timeline.draw();
    }

    function silence(element, silent) {
      element.volume = silent ? SILENT : 1;
      element.muted = silent && element.volume > 0.5; // where the volume is the person's own, as on a phone
    }

    function start() {
      if (!twin.src) return;
      twin.currentTime = audio.currentTime;
      twin.defaultPlaybackRate = twin.playbackRate = audio.playbackRate;
      twin.play().catch(() => {}); // the song itself says so
      requestAnimationFrame(keepTogether);
    }

    function keepTogether() {
      if (audio.paused || !twin.src) return;
      const apart = twin.currentTime - audio.currentTime;
      if (timeline.version === "song" && !twin.ended) {
        if (Math.abs(apart) > FAR) twin.currentTime = audio.currentTime;
        const nudge = Math.abs(apart) < NEAR ? 0 : -Math.sign(apart) * NUDGE;
        const rate = audio.playbackRate * (1 + nudge);
        if (Math.abs(twin.playbackRate - rate) > 1e-6) twin.playbackRate = rate;
      }
      root.dataset.apart = apart.toFixed(4);
      requestAnimationFrame(keepTogether);
    }

    audio.addEventListener("play", start);
    audio.addEventListener("pause", () => twin.pause());
    audio.addEventListener("seeking", () => twin.src && (twin.currentTime = audio.currentTime));
    audio.addEventListener("ratechange", () => (twin.playbackRate = audio.playbackRate));
    return { drawn, offer, switchVersion, offered };
  };
})();
