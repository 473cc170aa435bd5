/* Sound of the timeline: playing, and the play head that follows it. One timeline of a page sounds at a time. */
(function () {
  "use strict";

  let sounding = null; // the audio element that was played last

  window.timelineSound = function (timeline) {
    const { root, audio, q } = timeline;

    function seek(t) {
      timeline.head = timeline.inSong(t);
      if (audio.src) audio.currentTime = timeline.head;
      timeline.paintHead();
      timeline.draw();
    }

    function toggle() {
      if (!audio.src) return;
      if (!audio.paused) return audio.pause();
      if (timeline.head >= timeline.model.duration - 0.05) seek(0);
      if (sounding && sounding !== audio) sounding.pause();
      sounding = audio;
      audio.currentTime = timeline.head;
      const refused = "The browser could not play this song. Press Play once more, or reload the page.";
      audio.play().catch(() => timeline.note(refused));
    }

    /* The song, or the other recording of its structure, at the same place and still playing if it was. */
    async function switchVersion() {
      const { other, value, version } = timeline;
      if (!other || other.song !== value.song) return;
      const { head } = timeline, playing = !audio.paused;
      timeline.version = version === "song" ? "other" : "song";
      await timeline.fetchTrack();
      seek(head);
      if (playing && audio.paused) toggle();
    }

    function follow() {
      if (audio.paused) return;
      const before = timeline.model.partAt(timeline.head);
      timeline.head = timeline.inSong(audio.currentTime);
      if (timeline.selected && timeline.model.partAt(timeline.head)?.start !== before?.start) {
        timeline.selected = null; // the music went on to another part: keys speak of that one now
        timeline.draw();
      }
      const { head, view } = timeline;
      if (head > view[1]) timeline.setView(head, view[1] - view[0]); // turn the page
      timeline.paintHead();
      requestAnimationFrame(follow);
    }

    function changed() {
      q(".sst-play").textContent = audio.paused ? "Play" : "Pause";
      root.dataset.playing = audio.paused ? "no" : "yes";
      if (!audio.paused) requestAnimationFrame(follow);
      timeline.draw();
    }

    audio.addEventListener("play", changed);
    audio.addEventListener("pause", changed);
    audio.addEventListener("ended", () => seek(timeline.model.duration));
    return { seek, toggle, switchVersion };
  };
})();
