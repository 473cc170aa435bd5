/* In each page of the crowd: when an edit was made and when the page said that it is saved, on the page's own clock. */
(() => {
  /* Twenty people have twenty machines, and here one. Gradio's loading screen goes on counting its seconds when it is gone,
     sixty times a second (StatusTracker, 6.31), which would take the cores that the server is to have: such clocks, which
     alone divide `performance.now()` so, look four times a second. */
  const ask = window.requestAnimationFrame.bind(window);
  const isClock = (act) => act.length === 0 && /performance\.now\(\)-.*\/1e3/.test(act.toString().slice(0, 120));
  window.requestAnimationFrame = (act) => (isClock(act) ? setTimeout(() => act(performance.now()), 250) : ask(act));

  const TIMELINE = "#annotate-timeline .sst";
  const crowd = (window.crowd = { saves: [], troubles: [] });
  const began = new Map(); // edit -> ms at which the hand did it
  const waiting = [];
  const caption = () =>
    [...document.querySelectorAll(".sst-page label")].find((l) => l.textContent.trim() === "Caption")?.querySelector("textarea");
  let hand = 0; // ms of the newest key, click or typing

  const settle = () => {
    if (!began.size) for (const done of waiting.splice(0)) done();
  };
  /* Once nothing is on its way. */
  crowd.saved = () => new Promise((done) => (waiting.push(done), settle()));

  /* What follows says nothing of it: another song is about to be opened. */
  crowd.forget = () => began.clear();

  for (const kind of ["keydown", "pointerup", "input"]) addEventListener(kind, (event) => (hand = event.timeStamp), true);
  new MutationObserver((records) => {
    for (const { target, attributeName } of records) {
      if (!target.closest?.("#annotate-timeline")) continue;
      const { rev, saved, kind } = target.dataset;
      if (attributeName === "data-rev" && Number(rev) > Number(saved || 0) && !began.has(rev)) began.set(rev, hand);
      if (attributeName === "data-kind" && kind === "error") crowd.troubles.push(target.textContent);
      if (attributeName !== "data-saved") continue;
      for (const [edit, at] of began) {
        if (Number(edit) > Number(saved)) continue;
        began.delete(edit);
        crowd.saves.push({ ms: performance.now() - at, at: performance.timeOrigin + at });
      }
    }
    settle();
  }).observe(document, { subtree: true, attributes: true, attributeFilter: ["data-rev", "data-saved", "data-kind"] });

  /* What the page shows of the open song. */
  crowd.look = () => {
    const root = document.querySelector(TIMELINE);
    const { events, head } = root.timeline;
    const toasts = [...document.querySelectorAll(".toast-body")].map((toast) => toast.innerText);
    return {
      events, head, song: root.dataset.song, troubles: [...crowd.troubles.splice(0), ...toasts],
      caption: caption()?.value ?? null,
      notice: document.querySelector("#annotate-notice")?.innerText ?? "",
      save: root.querySelector(".sst-save").textContent,
    };
  };

  /* Where on the screen a time of the song is, at a height of a lane from 0 (top) to 1. */
  crowd.at = ([t, lane, height]) => {
    const root = document.querySelector(TIMELINE), [from, to] = root.timeline.view;
    root.querySelector(".sst-stage").scrollIntoView({ block: "nearest" });
    const stage = root.querySelector(".sst-stage").getBoundingClientRect();
    const row = root.querySelector(lane).getBoundingClientRect();
    return [stage.left + 1 + ((t - from) / (to - from)) * (stage.width - 2), row.top + height * row.height];
  };
})();
