/* Painting of the timeline: Plotly draws waveform and ruler, plain elements draw what is dragged.

Names and labels are a person's words: they are only ever set as text. */
(function () {
  "use strict";

  const LEVELS = 4; // steps of brightness; each is one line trace
  const BUCKET = 2; // px of one drawn bucket: more points than this cost time and show nothing
  const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
  const RULER = 24; // px below the waveform

  const SHADES = {
    light: ["#27364d", "#4a6385", "#7590b0", "#a9927a"],
    dark: ["#6f86a8", "#93aac9", "#bccbdf", "#e6c9a0"],
  };
  const INK = { light: "#4b5563", dark: "#b6bdc9" };

  /* 75.5 to 1:15.50; `digits` after the point. */
  function clock(t, digits) {
    const unit = 10 ** digits;
    const whole = Math.round(Math.max(0, t) * unit);
    const minutes = Math.floor(whole / (60 * unit));
    const seconds = (whole - minutes * 60 * unit) / unit;
    return `${minutes}:${seconds.toFixed(digits).padStart(digits ? digits + 3 : 2, "0")}`;
  }

  /* Int8 rows (lowest, highest, brightness) to line traces for [from, to] seconds: one vertical stroke per bucket. */
  function strokes(peaks, from, to, width, shades) {
    const traces = shades.map((color) => ({
      type: "scatter", mode: "lines", hoverinfo: "skip", x: [], y: [], line: { color, width: BUCKET * 0.75 },
    }));
    if (!peaks || !(to > from)) return traces;
    const { rows, rate, top } = peaks;
    const count = rows.length / 3;
    const buckets = Math.max(1, Math.floor(width / BUCKET));
    const step = (to - from) / buckets;
    for (let i = 0; i < buckets; i++) {
      const first = Math.max(0, Math.floor((from + i * step) * rate));
      const last = Math.min(count, Math.max(first + 1, Math.floor((from + (i + 1) * step) * rate)));
      if (first >= count) break;
      let low = 127, high = -127, bright = 0;
      for (let k = first; k < last; k++) {
        low = Math.min(low, rows[3 * k]);
        high = Math.max(high, rows[3 * k + 1]);
        bright += rows[3 * k + 2];
      }
      const shade = Math.floor((bright / (last - first) / 128) * LEVELS);
      const { x, y } = traces[Math.min(LEVELS - 1, Math.max(0, shade))];
      const t = from + (i + 0.5) * step;
      const stroke = Math.max((high - low) / top, 0.006); // silence is a line, not nothing
      const middle = (high + low) / top / 2;
      x.push(t, t, t);
      y.push(middle - stroke / 2, middle + stroke / 2, null);
    }
    return traces;
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
  function wave(plotly, plot, peaks, view, theme) {
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
    const data = strokes(peaks, view[0], view[1], width, SHADES[theme]);
    return plotly.react(plot, data, layout, { staticPlot: true, displayModeBar: false, responsive: false });
  }

  /* Exactly n children of one kind; `make` builds a missing one, `fill` sets each. Elements are reused. */
  function children(box, items, make, fill) {
    while (box.children.length > items.length) box.lastChild.remove();
    while (box.children.length < items.length) box.append(make());
    items.forEach((item, i) => fill(box.children[i], item, i));
  }

  function element(tag, className, text) {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  /* Black or white, whichever reads better on #rrggbb. */
  function inkOn(colour) {
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16) / 255);
    const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    const light = 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
    return light > 0.179 ? "#111" : "#fff";
  }

  window.TimelinePaint = { clock, strokes, ticks, wave, children, element, inkOn, RULER };
})();
