/* Song list: a row for each song with its structure as a strip. Chosen songs go to Python as `selected`. */
(function () {
  "use strict";

  const { children, clock, element } = window.TimelineElements;

  function mount({ element: host, trigger, props, watch }) {
    const root = host.querySelector(".ssl");
    const q = (selector) => root.querySelector(selector);
    const colours = JSON.parse(host.querySelector(".sst-data").textContent);
    const moments = new Set(colours.moments);
    let songs = [];
    let selected = null;
    let wanted = ""; // filter

    function load() {
      const value = props.value || {};
      songs = value.songs || [];
      selected = value.selected ?? null;
      q(".ssl-filter").hidden = songs.length < 8;
      paint();
      root.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
    }

    function choose(name) {
      if (!name || name === selected) return;
      selected = name;
      props.value = { ...props.value, selected };
      trigger("input", { selected });
      paint();
      root.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
    }

    function step(by) {
      const at = songs.findIndex((song) => song.name === selected);
      const next = songs[Math.min(Math.max(at + by, 0), songs.length - 1)];
      if (next) choose(next.name);
    }

    function nextNew() {
      const at = songs.findIndex((song) => song.name === selected);
      const turned = [...songs.slice(at + 1), ...songs.slice(0, at + 1)];
      const next = turned.find((song) => song.state === "new");
      if (next) choose(next.name);
    }

    function settle(song) {
      song.state = song.problems.length ? "problem" : song.events.length ? "marked" : "new";
      paint();
    }

    function paint() {
      const shown = songs.filter((song) => song.name.toLowerCase().includes(wanted));
      const make = () => {
        const row = element("div", "ssl-song");
        row.setAttribute("role", "option");
        row.append(
          element("span", "ssl-name"), element("span", "ssl-length"), element("span", "ssl-strip"), element("span", "ssl-state"),
        );
        return row;
      };
      children(q(".ssl-songs"), shown, make, (row, song) => {
        const [name, length, strip, state] = row.children;
        row.dataset.name = song.name;
        row.dataset.state = song.state;
        row.setAttribute("aria-selected", song.name === selected ? "true" : "false");
        row.title = song.problems.length ? song.problems.join("\n") : song.name;
        name.textContent = song.name;
        length.textContent = song.duration == null ? "" : clock(song.duration, 0);
        const parts = song.events.filter((e) => (e.family || (moments.has(e.type) ? "moment" : "section")) === "section");
        children(strip, parts, () => element("span", "ssl-part"), (box, part) => {
          const share = (t) => `${(100 * Math.max(0, t)) / (song.duration || 1)}%`;
          box.style.left = share(part.start);
          box.style.width = share(Math.min(part.end, song.duration || 1) - part.start);
          box.style.background = colours.sections[part.type] || colours.other;
        });
        state.textContent = song.problems.length
          ? `${song.problems.length} problem${song.problems.length > 1 ? "s" : ""}`
          : song.events.length ? `${song.events.length} event${song.events.length > 1 ? "s" : ""}` : "new";
      });
      q(".ssl-count").textContent = songs.length
        ? `${songs.filter((s) => s.state === "marked").length} of ${songs.length} marked` : "";
      const at = songs.findIndex((song) => song.name === selected);
      q('[data-step="-1"]').disabled = at <= 0;
      q('[data-step="1"]').disabled = at < 0 || at >= songs.length - 1;
      q('[data-step="new"]').disabled = !songs.some((s) => s.state === "new" && s.name !== selected);
    }

    root.addEventListener("click", (event) => {
      const row = event.target.closest(".ssl-song");
      if (row) choose(row.dataset.name);
      const button = event.target.closest("[data-step]");
      if (button) button.dataset.step === "new" ? nextNew() : step(Number(button.dataset.step));
    });
    q(".ssl-songs").addEventListener("keydown", (event) => {
      const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      step(by);
    });
    q(".ssl-filter").addEventListener("input", (event) => {
      wanted = event.target.value.trim().toLowerCase();
      paint();
    });
    // The timeline tells of edits at once; Python's own list follows when the folder is read again.
    document.addEventListener("structure-studio:events", ({ detail }) => {
      const song = songs.find((s) => s.name === detail.song);
      if (!song || !root.isConnected) return;
      song.events = detail.events;
      settle(song);
    });
    document.addEventListener("structure-studio:saved", ({ detail }) => {
      const song = songs.find((s) => s.name === detail.song);
      if (!song || !root.isConnected) return;
      song.problems = detail.problems;
      settle(song);
    });
    document.addEventListener("structure-studio:step", ({ detail }) => root.isConnected && step(detail.step));
    root.closest(".html-container")?.style.setProperty("padding", "0"); // in line with Gradio's own components
    watch("value", load);
    load();
  }

  window.StructureSongList = { mount };
})();
