/* The frame plan that a model will see, as a picture in a fold below the timeline. */
(function () {
  "use strict";

  const { children, element } = window.TimelineElements;
  const LINE = 12; // px of one row of the plan
  const STILL = 150; // ms without an edit until the plan is asked for

  window.timelineFolds = function (timeline) {
    const { q, server, colours } = timeline;
    let waiting = 0;

    function paint() {
      if (q(".sst-plan").open) {
        clearTimeout(waiting);
        waiting = setTimeout(askPlan, STILL);
      }
    }

    /* The frame plan comes from Python. */
    async function askPlan() {
      const events = timeline.model.events();
      const asked = JSON.stringify(events);
      if (asked === q(".sst-plan").dataset.asked) return;
      const plan = await server.plan_picture({ events, duration: timeline.model.duration }).catch(() => null);
      q(".sst-plan-picture").hidden = !plan?.ok;
      q(".sst-plan-text").textContent = plan ? plan.text || plan.error : "The server did not answer. Reload the page.";
      if (!plan?.ok) return;
      q(".sst-plan").dataset.asked = asked;
      children(q(".sst-plan-names"), plan.names, () => element("div"), (box, name) => (box.textContent = name));
      paintPlan(plan);
    }

    function paintPlan({ names, columns, cells }) {
      const canvas = q(".sst-plan canvas");
      canvas.width = columns;
      canvas.height = names.length;
      canvas.style.height = `${names.length * LINE}px`;
      const bytes = Uint8Array.from(atob(cells), (c) => c.charCodeAt(0));
      const picture = canvas.getContext("2d").createImageData(columns, names.length);
      names.forEach((name, row) => {
        const tint = colours.sections[name] || "#8899aa";
        const rgb = [1, 3, 5].map((i) => parseInt(tint.slice(i, i + 2), 16));
        for (let column = 0; column < columns; column++) {
          const at = row * columns + column;
          picture.data.set([...rgb, 24 + 0.9 * bytes[at]], 4 * at);
        }
      });
      canvas.getContext("2d").putImageData(picture, 0, 0);
    }

    return { paint };
  };
})();
