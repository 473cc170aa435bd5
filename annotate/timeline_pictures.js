/* A strip above the waveform: the song's spectrogram, or how like the part one is at each moment sounds. */
(function () {
  "use strict";

  const KINDS = ["none", "spectrogram", "likeness"];
  const SETTLED = 120; // ms without a change of the view until a picture for it is asked for
  const memory = "structure-studio-strip";
  const NAMES = { none: "Strip", spectrogram: "Spectrogram", likeness: "Likeness" };
  /* Dark to bright, readable in either theme and by colour-blind eyes; between these, straight lines. */
  const SHADES = [[8, 10, 30], [45, 35, 110], [120, 50, 130], [205, 85, 95], [248, 165, 80], [252, 245, 190]];

  const palette = Uint8Array.from({ length: 256 * 3 }, (_, i) => {
    const place = (Math.floor(i / 3) / 255) * (SHADES.length - 1), low = Math.min(Math.floor(place), SHADES.length - 2);
    return SHADES[low][i % 3] + (place - low) * (SHADES[low + 1][i % 3] - SHADES[low][i % 3]);
  });

  window.timelinePictures = function (timeline) {
    const { q } = timeline;
    const strip = q(".sst-strip"), canvas = strip.querySelector("canvas"), said = strip.querySelector("span");
    let kind = KINDS.includes(localStorage.getItem(memory)) ? localStorage.getItem(memory) : "none";
    let shown = null; // the picture there is: {key, image, spans: [[from, to, column], …]}
    let asked = ""; // what was asked for last
    let waiting = 0, drawn = "";

    function toggle() {
      kind = KINDS[(KINDS.indexOf(kind) + 1) % KINDS.length];
      localStorage.setItem(memory, kind);
      shown = null;
      asked = "";
      timeline.draw();
    }

    /* What the picture is of: for a spectrogram the view, with room for panning; for a likeness the part. */
    function wanted() {
      const { view, width, model, track } = timeline;
      if (kind === "none" || !track || !model.duration) return null;
      if (kind === "likeness") {
        const part = model.partAt(timeline.targetTime());
        return part && { kind, track, start: part.start, end: part.end };
      }
      const room = (view[1] - view[0]) / 2;
      const start = Math.max(0, view[0] - room), end = Math.min(model.duration, view[1] + room);
      return { kind, track, start, end, columns: Math.ceil((width * (end - start)) / (view[1] - view[0])) };
    }

    function paint() {
      strip.hidden = kind === "none" || !timeline.value.track;
      q('[data-do="strip"]').textContent = NAMES[kind];
      q('[data-do="strip"]').setAttribute("aria-pressed", kind === "none" ? "false" : "true");
      const next = strip.hidden ? null : wanted();
      if (!next) return;
      const key = JSON.stringify([next, timeline.reading]);
      if (key !== asked) {
        asked = key;
        clearTimeout(waiting);
        waiting = setTimeout(() => ask(next, key), SETTLED);
      }
      paintStrip();
    }

    async function ask(next, key) {
      const answer = await timeline.server.picture(next).catch(() => null);
      if (key !== asked) return;
      said.textContent = answer?.ok ? "" : answer?.error || "The server did not answer. Reload the page.";
      if (!answer?.ok) return;
      shown = { key, image: imageOf(answer), from: next.start, to: next.end, edges: answer.edges };
      timeline.draw();
    }

    /* Rows come low to high, a picture is drawn from the top. */
    function imageOf({ rows, columns, cells }) {
      const bytes = atob(cells), image = document.createElement("canvas");
      image.width = columns;
      image.height = rows;
      const data = new ImageData(columns, rows);
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const shade = 3 * bytes.charCodeAt(row * columns + column), at = 4 * ((rows - 1 - row) * columns + column);
          data.data.set(palette.subarray(shade, shade + 3), at);
          data.data[at + 3] = 255;
        }
      }
      image.getContext("2d").putImageData(data, 0, 0);
      return image;
    }

    function paintStrip() {
      const { width, view } = timeline, ratio = window.devicePixelRatio || 1;
      const key = [shown?.key, width, ratio, view].join();
      if (key === drawn) return;
      drawn = key;
      const height = canvas.clientHeight;
      canvas.width = Math.round(width * ratio); // sets all of it clear
      canvas.height = Math.round(height * ratio);
      if (!shown) return;
      const ink = canvas.getContext("2d");
      ink.scale(ratio, ratio);
      ink.imageSmoothingEnabled = kind === "spectrogram";
      const { image, from, to, edges } = shown;
      if (!edges) return ink.drawImage(image, timeline.x(from), 0, timeline.x(to) - timeline.x(from), height);
      for (let i = 0; i + 1 < edges.length; i++) {
        if (edges[i + 1] < view[0] || edges[i] > view[1]) continue;
        const left = timeline.x(edges[i]);
        ink.drawImage(image, i, 0, 1, 1, left, 0, timeline.x(edges[i + 1]) - left + 0.5, height);
      }
    }

    return { toggle, paint };
  };
})();
