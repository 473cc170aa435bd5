/* Songs made while a run trains: a player each, the newest on top.

The value is {songs, best}; songs are JSON in a string. A player that stays is never touched, moved or made anew, so
that it goes on playing when another song arrives. Words of files are only ever set as text. */
const box = element.querySelector('.tr-samples');
const rows = box.querySelector('.tr-sample-rows');

const made = (tag, name, text = '') => {
  const part = document.createElement(tag);
  part.className = name;
  part.textContent = text;
  return part;
};

const strip = (parts) => {
  const line = made('i', 'tr-sample-strip');
  for (const [words, share, colour] of parts) {
    const part = made('b', '');
    part.style.flex = share;
    part.style.background = colour;
    part.title = words;
    line.append(part);
  }
  return line;
};

const row = (song) => {
  const one = made('article', 'tr-sample');
  one.dataset.key = song.key;
  one.dataset.step = song.step;
  const head = made('header', '');
  head.append(made('b', '', `Step ${song.step}`), made('span', 'tr-sample-score', song.score), made('em', '', 'best'));
  const player = document.createElement('audio');
  player.controls = true;
  player.preload = 'metadata';
  player.setAttribute('aria-label', `Song of step ${song.step}`);
  player.src = 'gradio_api/file=' + song.audio.split('/').map(encodeURIComponent).join('/');
  player.addEventListener('play', () => {
    for (const other of rows.querySelectorAll('audio')) if (other !== player) other.pause();
  });
  one.append(head, player, ...(song.heard.length ? [strip(song.heard)] : []), made('p', '', song.said));
  return one;
};

const load = () => {
  const { songs: text = '[]', asked = '[]', best = null } = props.value || {};
  const songs = JSON.parse(text);
  const keys = new Set(songs.map((song) => song.key));
  for (const old of [...rows.children]) if (!keys.has(old.dataset.key)) old.remove();
  let at = rows.firstElementChild;
  for (const song of songs) {
    if (at?.dataset.key === song.key) at = at.nextElementSibling;
    else rows.insertBefore(row(song), at);
  }
  for (const one of rows.children) one.querySelector('em').hidden = Number(one.dataset.step) !== best;
  box.querySelector('.tr-sample-asked').replaceChildren(strip(JSON.parse(asked)));
  box.hidden = !songs.length;
};

watch('value', load);
load();
