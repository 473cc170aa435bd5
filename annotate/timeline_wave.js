/* Waveform of the timeline on a canvas, and its ruler, drawn by Plotly's own JavaScript. */
(function () {
  "use strict";

  const { clock } = window.TimelineElements;

  const LEVELS = 5; // steps of brightness
  const JUDGED = 20_000; // buckets that tell how bright a song is
  const FAR = 32; // buckets of one as they are seen from afar
  const BUCKET = 2; // px of one drawn bucket: more than this cost time and show nothing
  const STROKE = 1.6, SILENT = 1; // px
  const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
  const RULER = 24; // px below the waveform

  const SHADES = {
    light: { peak: "rgba(71,85,105,0.28)", loudness: ["#1e3a5f", "#2f6690", "#4f93b0", "#8a8f6a", "#b9822f"] },
    dark: { peak: "rgba(190,205,225,0.25)", loudness: ["#5f86b8", "#6fa8d0", "#8fcbe0", "#d3cf9f", "#f3c06b"] },
  };
  const INK = { light: "#4b5563", dark: "#b6bdc9" };

  /* What is drawn of an envelope: int8 rows (lowest, highest, brightness) at `rate` buckets a second. Brightness is
     averaged over a second and stretched to what this song has, since it is differences that show its parts. */
  function readEnvelope(rows, rate) {
    const count = rows.length / 3;
    let top = 6;
    for (let i = 0; i < rows.length; i += 3) top = Math.max(top, -rows[i], rows[i + 1]);
    const smooth = new Float32Array(count);
    const reach = Math.round(rate / 2);
    let weight = 0, sum = 0;
    const loud = (k) => rows[3 * k + 1] - rows[3 * k]; // silence has no colour of its own
    for (let k = -reach; k < count; k++) {
      const enter = k + reach, leave = k - reach - 1;
      if (enter < count) (weight += loud(enter)), (sum += loud(enter) * rows[3 * enter + 2]);
      if (leave >= 0) (weight -= loud(leave)), (sum -= loud(leave) * rows[3 * leave + 2]);
      if (k >= 0) smooth[k] = weight > 0 ? sum / weight : 0;
    }
    const each = Math.ceil(count / JUDGED);
    const heard = smooth.filter((_, k) => k % each === 0 && loud(k) > top / 8).sort();
    const dark = heard[Math.floor(heard.length * 0.03)] || 0;
    const bright = heard[Math.floor(heard.length * 0.97)] || 127;
    const span = Math.max(12, bright - dark); // a song of one colour stays of one colour
    const shade = Uint8Array.from(smooth, (v) => Math.min(LEVELS - 1, Math.max(0, Math.floor(((v - dark) / span) * LEVELS))));
    return { rows, rate, top, shade, far: fromAfar(rows) };
  }

  /* Four numbers for every FAR buckets: lowest, highest, the sum of the low ends, that of the high ones. Hours are drawn
     from these, a million buckets would take more than a frame. */
  function fromAfar(rows) {
    const far = new Float32Array(4 * Math.ceil(rows.length / 3 / FAR));
    for (let k = 0; 3 * k < rows.length; k++) {
      const at = 4 * Math.floor(k / FAR);
      if (k % FAR === 0) far.set([127, -127], at);
      far[at] = Math.min(far[at], rows[3 * k]);
      far[at + 1] = Math.max(far[at + 1], rows[3 * k + 1]);
      far[at + 2] += rows[3 * k];
      far[at + 3] += rows[3 * k + 1];
    }
    return far;
  }

  /* Of buckets from `first` to before `last`: lowest, highest, and the mean of the low and of the high ends. */
  function summed({ rows, far }, first, last, isFar) {
    let low = 127, high = -127, lows = 0, highs = 0;
    if (isFar) {
      const [begin, end] = [Math.floor(first / FAR), Math.max(Math.floor(first / FAR) + 1, Math.floor(last / FAR))];
      for (let k = begin; k < end; k++) {
        low = Math.min(low, far[4 * k]);
        high = Math.max(high, far[4 * k + 1]);
        lows += far[4 * k + 2];
        highs += far[4 * k + 3];
      }
      const n = Math.min(end * FAR, rows.length / 3) - begin * FAR;
      return [low, high, lows / n, highs / n];
    }
    for (let k = first; k < last; k++) {
      low = Math.min(low, rows[3 * k]);
      high = Math.max(high, rows[3 * k + 1]);
      lows += rows[3 * k];
      highs += rows[3 * k + 1];
    }
    return [low, high, lows / (last - first), highs / (last - first)];
  }

  /* The waveform of [from, to] seconds: behind, one stroke per bucket from the lowest to the highest sample; on it, in
     the colour of its brightness, one as high as the bucket is loud on average. A canvas, not Plotly: its paths take 60 ms
     of a frame that lasts 17. */
  function paintStrokes(canvas, envelope, [from, to], { width, height, ratio }, shades) {
    canvas.width = Math.round(width * ratio); // sets all of it clear
    canvas.height = Math.round(height * ratio);
    if (!envelope || !(to > from)) return;
    const ink = canvas.getContext("2d");
    ink.scale(ratio, ratio);
    const { rows, rate, top, shade } = envelope;
    const isFar = ((to - from) * rate * BUCKET) / width > 4 * FAR;
    const count = rows.length / 3, middle = height / 2, reach = (0.95 * height) / 2 / top;
    const buckets = Math.max(1, Math.floor(width / BUCKET));
    const step = (to - from) / buckets;
    const stroke = (colour, x, low, high) => {
      const tall = Math.max(SILENT, (high - low) * reach); // silence is a line, not nothing
      ink.fillStyle = colour;
      ink.fillRect(x, middle - ((high + low) / 2) * reach - tall / 2, STROKE, tall);
    };
    for (let i = 0; i < buckets; i++) {
      const first = Math.max(0, Math.floor((from + i * step) * rate));
      const last = Math.min(count, Math.max(first + 1, Math.floor((from + (i + 1) * step) * rate)));
      if (first >= count) break;
      const [low, high, lows, highs] = summed(envelope, first, last, isFar);
      const x = ((i + 0.5) / buckets) * width - STROKE / 2;
      if (last - first > 1) stroke(shades.peak, x, low, high);
      stroke(shades.loudness[shade[(first + last) >> 1] ?? shade[first]], x, lows, highs);
    }
  }

  function ticks(from, to, width) {
    const fits = Math.max(2, width / 70);
    const step = STEPS.find((s) => (to - from) / s <= fits) || STEPS[STEPS.length - 1];
    const digits = step >= 1 ? 0 : step >= 0.1 ? 1 : 2;
    const values = [];
    for (let i = Math.max(0, Math.ceil(from / step)); i * step <= to + 1e-9; i++) values.push(i * step);
    return { values, names: values.map((t) => clock(t, digits)) };
  }

  /* The ruler of a stretch of time. Fixed margins, so that a pixel is a time without asking Plotly. */
  function ruler(plotly, plot, [from, to], theme) {
    const width = plot.clientWidth, { values, names } = ticks(from, to, width);
    const axis = { fixedrange: true, zeroline: false, showgrid: false };
    const layout = {
      width, height: plot.clientHeight, margin: { l: 0, r: 0, t: 0, b: RULER, autoexpand: false }, showlegend: false,
      paper_bgcolor: "transparent", plot_bgcolor: "transparent", font: { color: INK[theme], size: 11, family: "inherit" },
      xaxis: {
        ...axis, range: [from, to], tickvals: values, ticktext: names, ticks: "outside", ticklen: 4, tickcolor: INK[theme],
        ticklabelposition: "outside right", tickangle: 0,
      },
      yaxis: { ...axis, range: [-1, 1], visible: false },
    };
    return plotly.react(plot, [], layout, { staticPlot: true, displayModeBar: false, responsive: false });
  }

  const shades = (theme) => SHADES[theme];
  window.TimelineWave = { readEnvelope, paintStrokes, ruler, shades, INK, RULER };
})();
