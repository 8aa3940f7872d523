// Controls, table and playback.
const element = (id) => document.getElementById(id);

function draw() {
  if (!document.body.clientWidth || !curves.clientHeight) return; // not shown; a resize event follows
  const slider = element('frame');
  Object.assign(slider, { min: firstFrame(), max: lastFrame(), step: content.step });
  slider.value = state.frame;
  const time = seconds(state.frame);
  element('time').textContent = `frame ${state.frame} of ${lastFrame()}${time === null ? '' : ` · ${time.toFixed(2)} s`}`;
  drawStage();
  drawCurves();
  drawMap();
}

function go(frame) {
  const first = firstFrame(), last = lastFrame();
  state.frame = Math.max(first, Math.min(last, first + Math.round((frame - first) / content.step) * content.step));
  draw();
}

// Play at the speed chosen, from the start again at the end.
let playing = null;
function play(on) {
  element('play').textContent = on ? '❚❚' : '▶';
  element('play').setAttribute('aria-label', on ? 'Pause' : 'Play');
  if (!on) { cancelAnimationFrame(playing); playing = null; return; }
  let before = null, owed = 0;
  const tick = (now) => {
    if (before !== null) owed += (now - before) / 1000 * (content.fps || 30) * Number(element('speed').value) / content.step;
    before = now;
    const steps = Math.floor(owed);
    if (steps > 0) {
      owed -= steps;
      const next = state.frame + steps * content.step;
      go(next > lastFrame() ? firstFrame() : next);
    }
    playing = requestAnimationFrame(tick);
  };
  playing = requestAnimationFrame(tick);
}

function choosePerson(index) {
  state.person = index;
  state.shown.add(index);
  showPeople();
  showTable();
  draw();
}

function chooseVideo(video) {
  state.video = video;
  const people = inVideo();
  state.shown = new Set(people.slice(0, 8).map((track) => track.index));
  state.frame = firstFrame();
  state.person = people[0].index;
  state.follow = element('follow').checked = people.length === 1 && isWide();
  Object.assign(view, { zoom: 1, x: 0, y: 0 });
  choosePerson(people[0].index);
}

function showPeople() {
  const people = inVideo(), box = element('people');
  box.hidden = people.length < 2;
  box.replaceChildren(...people.map((track) => {
    const label = document.createElement('label'), input = document.createElement('input');
    Object.assign(input, { type: 'checkbox', checked: state.shown.has(track.index) });
    input.addEventListener('change', () => {
      state.shown[input.checked ? 'add' : 'delete'](track.index);
      draw();
    });
    label.append(input, `person ${track.number}`);
    return label;
  }));
}

const COLUMNS = [
  ['frames', (f) => f.frames],
  ['missing', (f) => `${(100 * f.missing / Math.max(1, f.positions)).toFixed(1)} %`],
  ['gaps', (f) => f.gaps],
  ['longest gap', (f) => (f.gaps ? `${f.longest} frames` : '–')],
  ['never seen', (f) => (f.never.length ? `${f.never.length} joints` : '–')],
  ['leaps', (f) => f.leaps],
  [`acceleration (${content.unit}/s²)`, (f) => (content.fps === null ? '–' : number(f.acceleration))],
];
const REFINED_COLUMNS = [
  ['filled', (f) => f.filled ?? '–'],
  ['left missing', (f) => f.left ?? '–'],
  ['leaps, refined', (f) => f.leaps_after ?? '–'],
  [`acceleration, refined (${content.unit}/s²)`, (f) => (content.fps === null ? '–' : number(f.acceleration_after))],
  [`moved (median, ${content.unit})`, (f) => number(f.moved)],
];
function showTable() {
  const columns = content.refined ? [...COLUMNS, ...REFINED_COLUMNS] : COLUMNS;
  const head = document.createElement('thead'), body = document.createElement('tbody');
  const titles = head.insertRow();
  for (const title of ['person', ...columns.map(([name]) => name)]) {
    const cell = document.createElement('th');
    cell.textContent = title;
    titles.append(cell);
  }
  for (const track of inVideo()) {
    const row = body.insertRow(), name = document.createElement('th'), button = document.createElement('button');
    row.className = track.index === state.person ? 'chosen' : '';
    button.textContent = track.number;
    button.setAttribute('aria-label', `Show the curves of person ${track.number}`);
    button.addEventListener('click', () => choosePerson(track.index));
    name.append(button);
    row.append(name);
    for (const [, value] of columns) row.insertCell().textContent = value(track.facts);
  }
  element('table').replaceChildren(head, body);
}

function options(select, entries, chosen) {
  select.replaceChildren(...entries.map(([value, text]) => new Option(text, value, false, value === chosen)));
}

function start() {
  const rate = content.fps === null ? 'frame rate unknown' : `${Number(content.fps.toFixed(3))} frames per second`;
  element('facts').textContent =
    `${content.skeleton}: ${J} joints, ${D}D · ${tracks.length} ${tracks.length === 1 ? 'track' : 'tracks'}` +
    ` · ${rate}`;
  element('hint').textContent = D === 3
    ? 'Drag to turn, with Shift to move; wheel or two fingers to zoom; double click to reset.'
    : 'Drag to move; wheel or two fingers to zoom; double click to reset.';
  element('videos').hidden = videos.length < 2;
  options(element('video'), videos.map((video) => [video, video]), state.video);
  options(element('joint'), content.joints.map((joint, j) => [String(j), joint]), String(state.joint));
  const windows = content.fps === null ? [[0, 'whole']] : [[0, 'whole'], [10, '10 s'], [3, '3 s'], [1, '1 s']];
  options(element('window'), windows.map(([value, text]) => [String(value), text]), '0');
  const kinds = [
    ['known', 'detected'], ['doubtful', 'with little confidence'], ['leap', 'leap'], ['missing', content.refined ? 'missing in both' : 'missing'],
  ];
  if (content.refined) kinds.splice(3, 0, ['filled', 'filled']);
  else for (const id of ['refined', 'apart']) element(id).parentElement.hidden = true;
  element('legend').replaceChildren(...kinds.map(([name, text]) => {
    const item = document.createElement('li');
    item.className = name;
    item.append(document.createElement('i'), text);
    return item;
  }));
  element('notes').replaceChildren(...content.notes.map((note) => {
    const item = document.createElement('li');
    item.textContent = note;
    return item;
  }));
  listen();
  chooseVideo(videos[0]);
  document.documentElement.dataset.ready = 'yes';
}

function listen() {
  element('video').addEventListener('change', (event) => chooseVideo(event.target.value));
  element('joint').addEventListener('change', (event) => { state.joint = Number(event.target.value); draw(); });
  element('window').addEventListener('change', (event) => { state.window = Number(event.target.value); draw(); });
  for (const id of ['raw', 'refined', 'apart', 'follow']) {
    element(id).addEventListener('change', (event) => { state[id] = event.target.checked; draw(); });
  }
  element('frame').addEventListener('input', (event) => go(Number(event.target.value)));
  element('play').addEventListener('click', () => play(playing === null));
  element('back').addEventListener('click', () => go(state.frame - content.step));
  element('next').addEventListener('click', () => go(state.frame + content.step));
  document.addEventListener('keydown', (event) => {
    if (['INPUT', 'SELECT', 'BUTTON'].includes(event.target.tagName)) return;
    if (event.key === ' ') { event.preventDefault(); play(playing === null); }
    if (event.key === 'ArrowLeft') go(state.frame - content.step);
    if (event.key === 'ArrowRight') go(state.frame + content.step);
  });
  curves.addEventListener('pointerdown', (event) => go(frameAtX(event.offsetX, span(), curves.clientWidth)));
  map.addEventListener('pointerdown', (event) => {
    const left = Number(map.dataset.left), width = map.clientWidth - left - RIGHT;
    const share = Math.max(0, Math.min(1, (event.offsetX - left) / width));
    state.joint = Math.max(0, Math.min(J - 1, Math.floor((event.offsetY - 1) / mapHeight())));
    element('joint').value = String(state.joint);
    go(firstFrame() + share * (lastFrame() - firstFrame()));
  });
  window.addEventListener('resize', draw);
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
}
start();
// Within another page, say how tall this one is.
if (window.parent !== window) {
  new ResizeObserver(() => window.parent.postMessage({ height: document.body.offsetHeight + 2 }, '*')).observe(document.body);
}
