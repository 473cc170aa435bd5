/* Sound of the timeline: playing, at which speed and between which times, and the play head that follows. One timeline
   of a page sounds at a time. */
(function () {
  "use strict";

  const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2]; // the browser keeps the pitch
  const LAST = 0.05; // s before the end of what plays in which a timer, not the next frame, ends it
  const SHORTEST = 0.1; // s of a range
  const AROUND = 1.2; // s heard before and after a boundary

  let sounding = null; // the audio element that was played last

  window.timelineSound = function (timeline) {
    const { root, audio, q } = timeline;
    let range = null; // what is played alone: {from, to, loop}, and `back`, where the play head rests after it
    let speed = 1;
    let ending = 0; // timer

    audio.preservesPitch = true;

    function seek(t) {
      timeline.head = timeline.inSong(t);
      if (range && (timeline.head < range.from || timeline.head > range.to)) range = null; // who leaves it wants to
      if (audio.src) audio.currentTime = timeline.head;
      timeline.paintHead();
      timeline.draw();
    }

    /* What sounds now, in seconds of the song. */
    const heard = () => audio.currentTime + window.timelineStretch.lead(speed);

    function toggle() {
      if (!audio.src) return;
      if (!audio.paused) return audio.pause();
      if (range && !range.loop) range = null;
      if (timeline.head >= timeline.model.duration - 0.05) seek(0);
      play();
    }

    function play() {
      if (sounding && sounding !== audio) sounding.pause();
      sounding = audio;
      audio.currentTime = timeline.head;
      audio.defaultPlaybackRate = audio.playbackRate = speed; // a new source takes the default one
      const refused = "The browser could not play this song. Press Play once more, or reload the page.";
      audio.play().catch(() => timeline.note(refused));
    }

    /* The part that a name would go to, from its start to its end; then the play head is back where it began. */
    function playPart() {
      const part = timeline.model.partAt(timeline.targetTime());
      if (!part || !audio.src) return;
      range = { from: part.start, to: part.end, loop: false, back: part.start };
      seek(part.start);
      if (audio.paused) play();
    }

    /* What leads to a boundary and what follows; then the play head is on it. */
    function playAround(boundary) {
      if (!audio.src) return;
      range = { from: timeline.inSong(boundary - AROUND), to: timeline.inSong(boundary + AROUND), loop: false, back: boundary };
      seek(range.from);
      if (audio.paused) play();
    }

    /* The part again and again, or no longer. */
    function toggleLoop() {
      const part = range ? null : timeline.model.partAt(timeline.targetTime());
      range = part && { from: part.start, to: part.end, loop: true };
      if (part && (timeline.head < part.start || timeline.head >= part.end)) seek(part.start);
      timeline.draw();
    }

    /* A range of one's own begins (or ends) at the play head. */
    function loopFrom() {
      const to = range && range.to >= timeline.head + SHORTEST ? range.to : timeline.model.duration;
      if (to - timeline.head >= SHORTEST) range = { from: timeline.head, to, loop: true };
      timeline.draw();
    }

    function loopTo() {
      const from = range && range.from <= timeline.head - SHORTEST ? range.from : 0;
      if (timeline.head - from >= SHORTEST) range = { from, to: timeline.head, loop: true };
      timeline.draw();
    }

    /* At the end of the range: once more, or back to where it began. */
    function finish() {
      ending = 0;
      if (!range || audio.paused || heard() < range.to - LAST) return;
      const { from, loop, back } = range;
      if (!loop) {
        audio.pause();
        range = null;
      }
      seek(loop ? from : back);
    }

    /* Steps faster (1) or slower (-1), and plays; 0 is as it was recorded. */
    function changeSpeed(steps) {
      const place = SPEEDS.indexOf(speed) + steps;
      speed = steps ? SPEEDS[Math.min(Math.max(0, place), SPEEDS.length - 1)] : 1;
      audio.defaultPlaybackRate = audio.playbackRate = speed;
      timeline.draw();
    }

    function faster() {
      if (audio.paused) return toggle();
      changeSpeed(1);
    }

    function nextSpeed() {
      changeSpeed(speed === SPEEDS[SPEEDS.length - 1] ? 1 - SPEEDS.length : 1);
    }

    function stop() {
      audio.pause();
      changeSpeed(0);
    }

    function follow() {
      if (audio.paused) return;
      const before = timeline.model.partAt(timeline.head);
      const now = heard();
      timeline.head = timeline.inSong(now);
      const left = range ? (range.to - now) / speed : Infinity;
      if (left <= 0) finish();
      else if (left < LAST && !ending) ending = setTimeout(finish, 1000 * left);
      if (!range && timeline.selected && timeline.model.partAt(timeline.head)?.start !== before?.start) {
        timeline.selected = null; // the music went on to another part: keys speak of that one now
        timeline.draw();
      }
      const { head, view } = timeline;
      if (head > view[1]) timeline.setView(head, view[1] - view[0]); // turn the page
      timeline.paintHead();
      requestAnimationFrame(follow);
    }

    function changed() {
      root.dataset.playing = audio.paused ? "no" : "yes";
      if (!audio.paused) {
        window.timelineStretch.learn(SPEEDS);
        requestAnimationFrame(follow);
      }
      timeline.draw();
    }

    function paint() {
      q(".sst-play").textContent = audio.paused ? "Play" : "Pause";
      q('[data-do="loop"]').setAttribute("aria-pressed", range?.loop ? "true" : "false");
      q('[data-do="speed"]').textContent = `${speed} ×`;
      q('[data-do="speed"]').setAttribute("aria-label", `Speed: ${speed} times`);
      const box = q(".sst-range");
      box.hidden = !range;
      if (!range) return;
      const left = Math.max(-4, timeline.x(range.from)), right = Math.min(timeline.width + 4, timeline.x(range.to));
      box.hidden = right <= left;
      box.style.transform = `translateX(${left}px)`;
      box.style.width = `${right - left}px`;
    }

    /* Another song: nothing of the last one's range. */
    function forget() {
      range = null;
    }

    audio.addEventListener("play", changed);
    audio.addEventListener("pause", changed);
    audio.addEventListener("ended", () => (range?.loop ? (seek(range.from), play()) : seek(timeline.model.duration)));
    return {
      seek, toggle, playPart, playAround, toggleLoop, loopFrom, loopTo, faster, nextSpeed, stop, paint, forget,
      heard, slower: () => changeSpeed(-1),
      get speed() { return speed; },
    };
  };
})();
