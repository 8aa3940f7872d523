// The page's content: coordinates and confidence as typed arrays, states of joints, and the user's choices.
const content = JSON.parse(document.getElementById('data').textContent);
const J = content.joints.length, D = content.dims;
const KNOWN = 0, FILLED = 1, MISSING = 2, LEAP = 3;

function bytes(text) {
  const binary = atob(text), found = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) found[i] = binary.charCodeAt(i);
  return found.buffer;
}

const tracks = content.tracks.map((track, index) => ({
  ...track,
  index,
  raw: new Float32Array(bytes(track.raw)),
  refined: track.refined === null ? null : new Float32Array(bytes(track.refined)),
  scores: track.scores === null ? null : new Uint8Array(bytes(track.scores)),
  leapAt: new Set(track.leaps.map(([frame, joint]) => frame * J + joint)),
}));
const videos = [...new Set(tracks.map((track) => track.video))];

const state = {
  video: videos[0],
  shown: new Set(), // indices of tracks
  person: 0, // index of the track that curves and map show
  joint: content.joint,
  frame: 0, // frame number of the file
  window: 0, // seconds of curves; 0: all
  raw: true,
  refined: content.refined,
  apart: false,
  follow: false,
};

function inVideo() { return tracks.filter((track) => track.video === state.video); }
function firstFrame() { return Math.min(...inVideo().map((track) => track.start)); }
function lastFrame() { return Math.max(...inVideo().map((track) => track.start + (track.frames - 1) * content.step)); }
// The row of a frame in a track, or -1.
function rowOf(track, frame) {
  const row = Math.round((frame - track.start) / content.step);
  return row >= 0 && row < track.frames ? row : -1;
}
function frameOf(track, row) { return track.start + row * content.step; }
function isKnown(values, row, joint) { return !Number.isNaN(values[(row * J + joint) * D]); }
function leaps(track, row, joint) {
  for (let k = 0; k < content.step; k++) if (track.leapAt.has((frameOf(track, row) + k) * J + joint)) return true;
  return false;
}
function stateOf(track, row, joint) {
  if (leaps(track, row, joint)) return LEAP;
  if (isKnown(track.raw, row, joint)) return KNOWN;
  return track.refined !== null && isKnown(track.refined, row, joint) ? FILLED : MISSING;
}
function seconds(frame) { return content.fps === null ? null : frame / content.fps; }
function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim(); }
function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  return size >= 1000 ? value.toFixed(0) : size >= 100 ? value.toFixed(1) : size >= 1 ? value.toFixed(2)
    : size >= 1e-6 ? value.toPrecision(3) : '0.000';
}
// A canvas sized for the screen's pixels; draws in CSS pixels.
function prepared(canvas, height) {
  const ratio = window.devicePixelRatio || 1;
  if (height !== undefined) canvas.style.height = `${height}px`;
  const width = canvas.clientWidth, tall = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(tall * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(tall * ratio);
  }
  const context = canvas.getContext('2d');
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, tall);
  return [context, width, tall];
}
