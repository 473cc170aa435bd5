/* Waveform and ruler of the timeline, drawn by Plotly's own JavaScript. */
(function () {
  "use strict";

  const { clock } = window.TimelineElements;

  const LEVELS = 5; // steps of brightness; each is one line trace
  const BUCKET = 2; // px of one drawn bucket: more points than this cost time and show nothing
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
    const heard = Array.from(smooth).filter((_, k) => loud(k) > top / 8).sort((a, b) => a - b);
    const dark = heard[Math.floor(heard.length * 0.03)] || 0;
    const bright = heard[Math.floor(heard.length * 0.97)] || 127;
    const span = Math.max(12, bright - dark); // a song of one colour stays of one colour
    const shade = Uint8Array.from(smooth, (v) => Math.min(LEVELS - 1, Math.max(0, Math.floor(((v - dark) / span) * LEVELS))));
    return { rows, rate, top, shade };
  }

  /* Line traces of [from, to] seconds: behind, one stroke per bucket from the lowest to the highest sample; on it, in
     the colour of its brightness, one as high as the bucket is loud on average. */
  function strokes(envelope, from, to, width, shades) {
    const trace = (color) => ({
      type: "scatter", mode: "lines", hoverinfo: "skip", x: [], y: [], line: { color, width: BUCKET * 0.8 },
    });
    const traces = [...shades.loudness.map(trace)];
    const peak = trace(shades.peak);
    if (!envelope || !(to > from)) return [peak, ...traces];
    const { rows, rate, top, shade } = envelope;
    const count = rows.length / 3;
    const buckets = Math.max(1, Math.floor(width / BUCKET));
    const step = (to - from) / buckets;
    for (let i = 0; i < buckets; i++) {
      const first = Math.max(0, Math.floor((from + i * step) * rate));
      const last = Math.min(count, Math.max(first + 1, Math.floor((from + (i + 1) * step) * rate)));
      if (first >= count) break;
      let low = 127, high = -127, lows = 0, highs = 0;
      for (let k = first; k < last; k++) {
        low = Math.min(low, rows[3 * k]);
        high = Math.max(high, rows[3 * k + 1]);
        lows += rows[3 * k];
        highs += rows[3 * k + 1];
      }
      const t = from + (i + 0.5) * step, n = last - first;
      if (n > 1) stroke(peak, t, low / top, high / top);
      stroke(traces[shade[(first + last) >> 1] ?? shade[first]], t, lows / n / top, highs / n / top);
    }
    return [peak, ...traces];
  }

  function stroke({ x, y }, t, low, high) {
    const least = Math.max(0, 0.006 - (high - low)) / 2; // silence is a line, not nothing
    x.push(t, t, t);
    y.push(low - least, high + least, null);
  }

  function ticks(from, to, width) {
    const fits = Math.max(2, width / 70);
    const step = STEPS.find((s) => (to - from) / s <= fits) || STEPS[STEPS.length - 1];
    const digits = step >= 1 ? 0 : step >= 0.1 ? 1 : 2;
    const values = [];
    for (let i = Math.ceil(from / step); i * step <= to + 1e-9; i++) values.push(i * step);
    return { values, names: values.map((t) => clock(t, digits)) };
  }

  /* Waveform and ruler of [from, to]. Fixed margins, so that a pixel is a time without asking Plotly. */
  function wave(plotly, plot, envelope, view, theme) {
    const width = plot.clientWidth;
    const { values, names } = ticks(view[0], view[1], width);
    const axis = { fixedrange: true, zeroline: false, showgrid: false };
    const layout = {
      width, height: plot.clientHeight, margin: { l: 0, r: 0, t: 0, b: RULER, autoexpand: false }, showlegend: false,
      paper_bgcolor: "transparent", plot_bgcolor: "transparent", font: { color: INK[theme], size: 11, family: "inherit" },
      xaxis: {
        ...axis, range: view, tickvals: values, ticktext: names, ticks: "outside", ticklen: 4, tickcolor: INK[theme],
        ticklabelposition: "outside right", tickangle: 0,
      },
      yaxis: { ...axis, range: [-1.05, 1.05], visible: false },
    };
    const data = strokes(envelope, view[0], view[1], width, SHADES[theme]);
    return plotly.react(plot, data, layout, { staticPlot: true, displayModeBar: false, responsive: false });
  }

  window.TimelineWave = { readEnvelope, wave, RULER };
})();
