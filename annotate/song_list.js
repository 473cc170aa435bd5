/* Song list: a row for each song with its structure as a strip. Chosen songs go to Python as `selected`.

The value is {songs, selected}, or {changed, selected} where some songs of the list were read anew, or {read} where some
were read of which the list has the names alone; songs are JSON in a string. They are not sent back: of ten thousand
that would be megabytes for each song chosen. */
(function () {
  "use strict";

  const { children, clock, element } = window.TimelineElements;
  const { STATES, WORDS, judge, sorted, named, wanted, following } = window.SongStates;
  const FEW = 8; // fewer songs than this are all in view: nothing to filter
  const LONG = 600; // minutes from which on hours are said

  function mount({ element: host, trigger, props, watch }) {
    const root = host.querySelector(".ssl");
    const q = (selector) => root.querySelector(selector);
    const scroller = q(".ssl-songs");
    const colours = JSON.parse(host.querySelector(".sst-data").textContent);
    const moments = new Set(colours.moments);
    const rows = window.songRows(scroller, makeRow, fillRow);
    let songs = []; // in the order chosen; it stays while states change, so that no row runs away from the hand
    let places = new Map(); // songs by name
    let shown = [];
    let asking = false;
    let selected = null;
    let words = ""; // filter
    const states = new Set(); // chips that are on; none is all

    function load() {
      const { songs: all, changed, read } = props.value || {};
      if (all || !props.value) {
        songs = unpacked(all).map((song, place) => judge({ ...song, place }, moments));
        places = new Map(songs.map((song) => [song.name, song]));
        songs = sorted(songs, q(".ssl-sort").value);
      }
      for (const fresh of unpacked(read || changed)) {
        const song = places.get(fresh.name);
        if (song && (!read || song.state === "unread")) judge(Object.assign(song, fresh), moments);
      }
      if (read) songs = sorted(songs, q(".ssl-sort").value); // nobody could have chosen a place for these
      else selected = props.value?.selected ?? null;
      more(read);
      paint(!read);
    }

    /* Ask for what is not known yet, once at a time, until there is no more to be told. */
    function more(read) {
      if (read === undefined && asking) return;
      asking = read !== "[]" && songs.some((song) => song.state === "unread");
      if (asking) trigger("expand");
    }

    function choose(name) {
      if (!name || name === selected) return;
      selected = name;
      props.value = { selected };
      trigger("input", { selected });
      paint(true);
    }

    /* Up or down among the songs shown; the ends stay. */
    function step(by) {
      const at = shown.findIndex((song) => song.name === selected);
      choose(shown[Math.min(Math.max(at + by, 0), shown.length - 1)]?.name);
    }

    /* To the next song of a kind among those named by the filter, whichever chips are on. */
    const next = (what) => following(songs, selected, (song) => wanted(song, what) && named(song, words));

    /* The open song stays in sight when an edit changes its state. */
    function fits(song) {
      return named(song, words) && (!states.size || states.has(song.state) || song.name === selected);
    }

    function paint(reveal = false) {
      shown = songs.filter(fits);
      const at = shown.findIndex((song) => song.name === selected);
      rows.show(shown);
      if (reveal) rows.reveal(at);
      if (at >= 0) scroller.setAttribute("aria-activedescendant", rowId(at));
      else scroller.removeAttribute("aria-activedescendant");
      q(".ssl-none").hidden = shown.length > 0 || !songs.length;
      q('[data-step="-1"]').disabled = at <= 0;
      q('[data-step="1"]').disabled = at >= shown.length - 1;
      for (const button of root.querySelectorAll("[data-next]")) button.disabled = !next(button.dataset.next);
      paintProgress();
      paintChips();
    }

    function paintProgress() {
      const marked = songs.filter((song) => song.marked);
      const { length } = songs;
      q(".ssl-count").textContent = length ? `${marked.length} of ${length} marked, ${lasting(marked)}` : "";
      q(".ssl-count").title = `${lasting(marked)} of ${lasting(songs)} of music`;
      q(".ssl-bar").hidden = !songs.length;
      q(".ssl-bar span").style.width = `${(100 * marked.length) / (songs.length || 1)}%`;
    }

    function paintChips() {
      q(".ssl-find").hidden = songs.length < FEW;
      const counts = Object.fromEntries(STATES.map((state) => [state, 0]));
      for (const song of songs) counts[song.state] += 1;
      const chips = STATES.filter((state) => counts[state] || states.has(state)).reverse();
      q(".ssl-chips").hidden = songs.length < FEW || (chips.length < 2 && !states.size);
      children(q(".ssl-chips"), chips, () => element("button", "ssl-chip"), (chip, state) => {
        chip.type = "button";
        chip.dataset.state = state;
        chip.setAttribute("aria-pressed", states.has(state) ? "true" : "false");
        chip.textContent = `${WORDS[state]} ${counts[state]}`;
      });
    }

    function makeRow() {
      const row = element("div", "ssl-song");
      row.setAttribute("role", "option");
      row.append(
        element("span", "ssl-name"), element("span", "ssl-length"), element("span", "ssl-strip"), element("span", "ssl-state"),
      );
      return row;
    }

    function fillRow(row, song, place) {
      const [name, length, strip, state] = row.children;
      row.id = rowId(place);
      row.dataset.name = song.name;
      row.dataset.state = song.state;
      row.setAttribute("aria-selected", song.name === selected ? "true" : "false");
      row.setAttribute("aria-posinset", place + 1);
      row.setAttribute("aria-setsize", shown.length);
      row.title = song.problems.length ? song.problems.join("\n") : `${song.name}: ${WORDS[song.state].toLowerCase()}`;
      name.textContent = song.name;
      length.textContent = song.duration == null ? "" : clock(song.duration, 0);
      children(strip, song.parts, () => element("span", "ssl-part"), (box, part) => {
        const share = (t) => `${(100 * Math.max(0, t)) / (song.duration || 1)}%`;
        box.style.left = share(part.start);
        box.style.width = share(Math.min(part.end, song.duration || 1) - part.start);
        box.classList.toggle("ssl-guess", part.source === "machine");
        box.style.background = colours.sections[part.type] || colours.other;
      });
      state.textContent = said(song);
    }

    const rowId = (place) => `ssl-song-${place}`;

    root.addEventListener("click", (event) => {
      const row = event.target.closest(".ssl-song");
      if (row) choose(row.dataset.name);
      const chip = event.target.closest(".ssl-chip");
      if (chip) {
        const { state } = chip.dataset;
        states.delete(state) || states.add(state);
        paint(true);
      }
      const button = event.target.closest(".ssl-foot button");
      if (!button) return;
      const { step: by, next: what } = button.dataset;
      by ? step(Number(by)) : choose(next(what)?.name);
      if (event.detail) scroller.focus({ preventScroll: true }); // after a click, keys are for the song just chosen
    });
    scroller.addEventListener("keydown", (event) => {
      const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      step(by);
    });
    q(".ssl-filter").addEventListener("input", (event) => {
      words = event.target.value.trim().toLowerCase();
      paint(true);
    });
    q(".ssl-filter").addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== "ArrowDown") return;
      event.preventDefault();
      scroller.focus();
      if (!shown.some((song) => song.name === selected)) choose(shown[0]?.name);
    });
    q(".ssl-sort").addEventListener("change", (event) => {
      songs = sorted(songs, event.target.value);
      paint(true);
    });

    /* The timeline tells of edits at once; Python's own list follows when the folder is read again. */
    function follow(name, change) {
      const song = places.get(name);
      if (!song || !root.isConnected) return;
      judge(Object.assign(song, change), moments);
      paint();
    }
    document.addEventListener("structure-studio:events", ({ detail }) => follow(detail.song, { events: detail.events }));
    document.addEventListener("structure-studio:saved", ({ detail }) => follow(detail.song, { problems: detail.problems }));
    document.addEventListener("structure-studio:step", ({ detail }) => root.isConnected && step(detail.step));
    window.addEventListener("structure-studio:next", ({ detail }) => {
      if (!root.isConnected) return;
      detail.what === "song" ? step(1) : choose(next(detail.what)?.name);
    });
    const page = root.closest(".sst-page");
    if (page) {
      window.songDrop(page, () => page.querySelector("#annotate-upload")?.parentElement.querySelector("input[type=file]"));
      window.songWords(page);
    }
    root.closest(".html-container")?.style.setProperty("padding", "0"); // in line with Gradio's own components
    watch("value", load);
    load();
  }

  /* Songs as Python packs them: events are [type, start, end, what else is set]. */
  function unpacked(text) {
    const event = ([type, start, end, more]) => ({ type, start, end, ...more });
    return JSON.parse(text || "[]").map((song) => (song.events ? { ...song, events: song.events.map(event) } : song));
  }

  function lasting(songs) {
    const minutes = songs.reduce((sum, song) => sum + (song.duration || 0), 0) / 60;
    return minutes < LONG ? `${Math.round(minutes)} min` : `${Math.round(minutes / 60)} h`;
  }

  /* A song's state in a word or two. */
  function said({ state, problems, unsure, events }) {
    const number = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
    if (state === "unread") return "…";
    if (state === "problem") return number(problems.length, "problem");
    if (state === "unsure") return `${unsure} unsure`;
    return state === "done" ? `✓ ${number(events.length, "event")}` : WORDS[state].toLowerCase();
  }

  window.StructureSongList = { mount };
})();
