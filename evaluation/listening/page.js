/* A trial: clips that run together, of which one is heard, and the questions. `element` and `server` are Gradio's. */
const q = (name) => element.querySelector(`.lt-${name}`);
const listener = new URLSearchParams(location.search).get("listener") || "";
const FADE = 0.005; // s, time constant of a switch: no gap, no click
const AHEAD = 0.05; // s that starting all clips at one moment may take

let view = null; // the trial as the server described it
let context = null;
let buffers = [];
let playing = null; // {sources, gains, began}: `began` is the context's time at the song's start
let side = 0;
let rest = 0; // s, where the play head rests
let ready = 0; // when the trial could be heard
const duration = () => buffers[0]?.duration || 0;
const head = () => (playing ? Math.min(duration(), Math.max(0, context.currentTime - playing.began)) : rest);

function show(next) {
  if (next.refused) {
    q("refused").textContent = next.refused;
    return update();
  }
  stop();
  view = next.trial ? next : null;
  q("trial").hidden = !view;
  q("said").hidden = Boolean(view);
  q("said").textContent = next.said || "";
  if (!view) return;
  [side, rest, ready, buffers] = [0, 0, 0, []];
  q("place").textContent = `Trial ${view.number} of ${view.of}`;
  q("done").firstChild.style.width = `${(100 * (view.number - 1)) / view.of}%`;
  q("refused").textContent = "";
  const names = view.clips.map((clip) => clip.label);
  q("keys").textContent = `Keys: ${names.join(", ")} switch, space plays and pauses.`;
  q("sides").replaceChildren(...names.map(sideButton));
  q("questions").replaceChildren(...view.questions.map(question));
  update();
  load(view);
}

function sideButton(label, place) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", textContent: label });
  button.addEventListener("click", () => hear(place));
  return button;
}

function question({ id, text, choices }) {
  const set = document.createElement("fieldset");
  const legend = document.createElement("legend");
  const row = document.createElement("div");
  legend.textContent = text;
  row.className = "lt-choices";
  for (const { value, label } of choices) {
    const name = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { type: "radio", name: id, value });
    name.append(input, label);
    row.append(name);
  }
  set.append(legend, row);
  return set;
}

async function load(trial) {
  q("time").textContent = "Loading …";
  try {
    context ||= new AudioContext();
    const decoded = await Promise.all(
      trial.clips.map(async ({ id }) => {
        const answer = await fetch(`clip/${id}?listener=${encodeURIComponent(listener)}`);
        if (!answer.ok) throw new Error(answer.statusText);
        return context.decodeAudioData(await answer.arrayBuffer());
      }),
    );
    if (view !== trial) return;
    buffers = decoded;
    ready = performance.now();
    q("head").max = duration();
  } catch {
    if (view === trial) q("refused").textContent = "The sound did not arrive. Reload the page.";
  }
  update();
}

async function play() {
  if (!buffers.length) return;
  const trial = view;
  await context.resume();
  if (playing || view !== trial) return;
  if (rest >= duration() - AHEAD) rest = 0;
  const when = context.currentTime + AHEAD;
  const voices = buffers.map((buffer, place) => {
    const source = new AudioBufferSourceNode(context, { buffer });
    const gain = new GainNode(context, { gain: place === side ? 1 : 0 });
    source.connect(gain).connect(context.destination);
    source.start(when, rest);
    return { source, gain };
  });
  playing = { sources: voices.map((v) => v.source), gains: voices.map((v) => v.gain), began: when - rest };
  update();
  follow();
}

function stop() {
  if (!playing) return;
  rest = head();
  playing.sources.forEach((source) => source.stop());
  playing = null;
  update();
}

function hear(place) {
  side = place;
  playing?.gains.forEach((gain, n) => gain.gain.setTargetAtTime(n === side ? 1 : 0, context.currentTime, FADE));
  update();
}

function seek(time) {
  const again = Boolean(playing);
  stop();
  rest = time;
  update();
  if (again) play();
}

function follow() {
  if (!playing) return;
  if (head() >= duration()) {
    stop();
    rest = 0;
  }
  update();
  requestAnimationFrame(follow);
}

const clock = (t) => `${Math.floor(t / 60)}:${String(Math.floor(t % 60)).padStart(2, "0")}`;
const choices = () => Object.fromEntries(new FormData(q("questions")));

function update() {
  if (!view) return;
  [...q("sides").children].forEach((button, place) => button.setAttribute("aria-pressed", place === side));
  q("play").textContent = playing ? "Pause" : "Play";
  q("play").disabled = q("head").disabled = !buffers.length;
  q("head").value = head();
  if (buffers.length) q("time").textContent = `${clock(head())} / ${clock(duration())}`;
  q("next").disabled = !ready || Object.keys(choices()).length < view.questions.length;
}

async function next() {
  const given = { listener, trial: view.trial, choices: choices(), seconds: (performance.now() - ready) / 1000 };
  q("next").disabled = true;
  try {
    show(await server.answer(given));
  } catch {
    show({ refused: "The test does not answer. Check your connection, and press Next again." });
  }
}

q("play").addEventListener("click", () => (playing ? stop() : play()));
q("head").addEventListener("input", () => seek(Number(q("head").value)));
q("questions").addEventListener("change", update);
q("next").addEventListener("click", next);
document.addEventListener("keydown", (event) => {
  if (!view || event.ctrlKey || event.metaKey || event.altKey || event.target === q("next")) return;
  const place = view.clips.findIndex(({ label }) => label === event.key.toUpperCase());
  if (place >= 0) hear(place);
  else if (event.key === " ") playing ? stop() : play();
  else return;
  event.preventDefault();
});

document.addEventListener("keyup", (event) => {
  if (view && event.key === " " && event.target !== q("next")) event.preventDefault(); // Firefox presses buttons now
});

const silent = { said: "The test does not answer. Reload the page in a moment." };
server.open_sheet({ listener }).catch(() => silent).then(show);
