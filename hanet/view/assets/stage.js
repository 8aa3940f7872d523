// Skeletons of one frame. 2D: the image's plane. 3D: an orthographic view that turns with the pointer.
const stage = document.getElementById('stage');
const view = { yaw: 0.5, pitch: 0.15, zoom: 1, x: 0, y: 0 };
const upright = D === 3 ? content.up.findIndex((value) => value !== 0) : -1; // which axis is vertical
const axes = basis();

// Unit vectors right, up and towards the viewer of the unturned view, in the poses' frame of reference.
function basis() {
  if (D === 2) return null;
  const up = content.up, right = [0, 0, 0];
  right[upright === 0 ? 1 : 0] = 1;
  const towards = [
    right[1] * up[2] - right[2] * up[1], right[2] * up[0] - right[0] * up[2], right[0] * up[1] - right[1] * up[0],
  ];
  return [right, up, towards];
}

// The middle and size of all that a video shows, without the outermost hundredth.
function bounds() {
  const low = [], high = [];
  for (let d = 0; d < D; d++) {
    const all = [];
    for (const track of inVideo()) {
      const every = Math.max(1, Math.floor(track.raw.length / D / 20000));
      for (let i = 0; i < track.raw.length / D; i += every) {
        const value = track.raw[i * D + d];
        if (!Number.isNaN(value)) all.push(value);
      }
    }
    all.sort((a, b) => a - b);
    low.push(all.length ? all[Math.floor(0.01 * (all.length - 1))] : 0);
    high.push(all.length ? all[Math.ceil(0.99 * (all.length - 1))] : 1);
  }
  return { low, high };
}
const boundsOf = new Map();
function videoBounds() {
  if (!boundsOf.has(state.video)) boundsOf.set(state.video, bounds());
  return boundsOf.get(state.video);
}

// The chosen person's size: the median over frames of the longest side of the box around the known joints.
const sizeOf = new Map();
function personSize() {
  if (sizeOf.has(state.person)) return sizeOf.get(state.person);
  const track = tracks[state.person], sizes = [];
  for (let row = 0; row < track.frames; row += Math.max(1, Math.floor(track.frames / 200))) {
    const low = new Array(D).fill(Infinity), high = new Array(D).fill(-Infinity);
    for (let j = 0; j < J; j++) {
      if (!isKnown(track.raw, row, j)) continue;
      for (let d = 0; d < D; d++) {
        const value = track.raw[(row * J + j) * D + d];
        low[d] = Math.min(low[d], value);
        high[d] = Math.max(high[d], value);
      }
    }
    const size = Math.max(...high.map((value, d) => value - low[d]));
    if (size > 0) sizes.push(size);
  }
  sizes.sort((a, b) => a - b);
  sizeOf.set(state.person, sizes.length ? sizes[sizes.length >> 1] : 1);
  return sizeOf.get(state.person);
}

// The part of the scene that is shown: all, or the surroundings of the chosen person.
function scene() {
  const { low, high } = videoBounds(), centre = state.follow && middle();
  if (!centre) return { low, high };
  const reach = 0.75 * personSize();
  return { low: centre.map((value) => value - reach), high: centre.map((value) => value + reach) };
}
// Whether a person would be too small to see in the whole scene.
function isWide() {
  const { low, high } = videoBounds();
  return Math.max(...high.map((value, d) => value - low[d])) > 5 * personSize();
}

// The middle of the chosen person's known joints in the current frame.
function middle() {
  const track = tracks[state.person], row = rowOf(track, state.frame);
  if (row < 0) return null;
  const sum = new Array(D).fill(0);
  let count = 0;
  for (let j = 0; j < J; j++) {
    if (!isKnown(track.raw, row, j)) continue;
    for (let d = 0; d < D; d++) sum[d] += track.raw[(row * J + j) * D + d];
    count++;
  }
  return count ? sum.map((value) => value / count) : null;
}

// A function from a pose's coordinates to the canvas.
function projection(width, height) {
  const { low, high } = scene();
  const centre = low.map((value, d) => (value + high[d]) / 2);
  if (D === 2) {
    const scale = view.zoom * 0.82 * Math.min(width / (high[0] - low[0] || 1), height / (high[1] - low[1] || 1));
    return (x, y) => [width / 2 + view.x + (x - centre[0]) * scale, height / 2 + view.y + (y - centre[1]) * scale];
  }
  // Whichever way it is turned, the scene fits: its height, and the diagonal of its floor.
  const sides = high.map((value, d) => value - low[d]), [tall] = sides.splice(upright, 1);
  const reach = Math.max(tall, Math.hypot(...sides)) || 1;
  const scale = view.zoom * 0.95 * Math.min(width, height) / reach;
  const [right, up, towards] = axes;
  const cy = Math.cos(view.yaw), sy = Math.sin(view.yaw), cp = Math.cos(view.pitch), sp = Math.sin(view.pitch);
  return (x, y, z) => {
    const p = [x - centre[0], y - centre[1], z - centre[2]];
    const a = p[0] * right[0] + p[1] * right[1] + p[2] * right[2];
    const b = p[0] * up[0] + p[1] * up[1] + p[2] * up[2];
    const c = p[0] * towards[0] + p[1] * towards[1] + p[2] * towards[2];
    const across = a * cy - c * sy, ahead = a * sy + c * cy;
    return [width / 2 + view.x + across * scale, height / 2 + view.y - (b * cp - ahead * sp) * scale];
  };
}

function drawStage() {
  const [context, width, height] = prepared(stage);
  const layers = [];
  if (state.raw) layers.push(['raw', colour('raw')]);
  if (state.refined) layers.push(['refined', colour('refined')]);
  const apart = state.apart && layers.length === 2;
  const panels = apart ? layers.map((layer) => [layer]) : [layers.reverse()]; // the thinner lines on top
  panels.forEach((shown, k) => {
    const wide = width / panels.length;
    context.save();
    context.beginPath();
    context.rect(k * wide, 0, wide, height);
    context.clip();
    context.translate(k * wide, 0);
    const project = projection(wide, height);
    drawGround(context, project);
    for (const [name, ink] of shown) drawLayer(context, project, name, ink);
    if (apart) label(context, shown[0][0] === 'raw' ? 'as detected' : 'refined', shown[0][1]);
    context.restore();
  });
}

function label(context, text, ink) {
  context.fillStyle = ink;
  context.font = '600 13px system-ui, sans-serif';
  context.fillText(text, 10, 20);
}

// The image's border in 2D, a grid of metres under the feet in 3D.
function drawGround(context, project) {
  context.strokeStyle = colour('line');
  context.lineWidth = 1;
  const size = inVideo()[0].size;
  if (D === 2) {
    if (!size) return;
    const [x0, y0] = project(0, 0), [x1, y1] = project(size[0], size[1]);
    context.strokeRect(x0, y0, x1 - x0, y1 - y0);
    return;
  }
  const [a, b] = [0, 1, 2].filter((d) => d !== upright), whole = videoBounds(), { low, high } = scene();
  const floor = content.up[upright] > 0 ? whole.low[upright] : whole.high[upright];
  const from = [a, b].map((d) => Math.floor(2 * low[d] - 1) / 2), to = [a, b].map((d) => Math.ceil(2 * high[d] + 1) / 2);
  const step = Math.max(0.5, Math.ceil(Math.max(to[0] - from[0], to[1] - from[1]) / 20));
  context.beginPath();
  const line = (p, q) => {
    for (const [i, [u, v]] of [p, q].entries()) {
      const point = [0, 0, 0];
      point[upright] = floor; point[a] = u; point[b] = v;
      context[i ? 'lineTo' : 'moveTo'](...project(...point));
    }
  };
  for (let u = from[0]; u <= to[0] + 1e-6; u += step) line([u, from[1]], [u, to[1]]);
  for (let v = from[1]; v <= to[1] + 1e-6; v += step) line([from[0], v], [to[0], v]);
  context.stroke();
}

function drawLayer(context, project, name, ink) {
  for (const index of state.shown) {
    const track = tracks[index], values = track[name], row = rowOf(track, state.frame);
    if (values === null || row < 0) continue;
    const chosen = index === state.person;
    context.globalAlpha = chosen || state.shown.size === 1 ? 1 : 0.45;
    const at = [];
    for (let j = 0; j < J; j++) {
      const i = (row * J + j) * D;
      at.push(isKnown(values, row, j) ? project(...values.subarray(i, i + D)) : null);
    }
    context.strokeStyle = ink;
    context.lineWidth = (name === 'raw' ? 1.7 : 3.2) * (J > 60 ? 0.6 : 1);
    context.lineCap = 'round';
    context.beginPath();
    for (const [a, b] of content.bones) {
      if (!at[a] || !at[b]) continue;
      context.moveTo(...at[a]);
      context.lineTo(...at[b]);
    }
    context.stroke();
    const radius = (J > 60 ? 1.2 : 2.4) * (name === 'raw' ? 1 : 1.4);
    for (let j = 0; j < J; j++) {
      if (!at[j]) continue;
      const filled = name === 'refined' && !isKnown(track.raw, row, j);
      context.beginPath();
      context.arc(at[j][0], at[j][1], radius, 0, 2 * Math.PI);
      context.fillStyle = filled ? colour('filled') : ink;
      context.fill();
      if (chosen && j === state.joint || name === 'raw' && leaps(track, row, j)) {
        context.beginPath();
        context.arc(at[j][0], at[j][1], radius + 4, 0, 2 * Math.PI);
        context.lineWidth = 1.5;
        context.strokeStyle = name === 'raw' && leaps(track, row, j) ? colour('leap') : colour('ink');
        context.stroke();
        context.strokeStyle = ink;
      }
    }
  }
  context.globalAlpha = 1;
}

// Turn (3D) or move (2D) by dragging, move by dragging with Shift, zoom by wheel or two fingers.
const pointers = new Map();
stage.style.touchAction = 'none';
stage.addEventListener('pointerdown', (event) => {
  pointers.set(event.pointerId, event);
  stage.setPointerCapture(event.pointerId);
});
stage.addEventListener('pointermove', (event) => {
  const before = pointers.get(event.pointerId);
  if (!before) return;
  const dx = event.clientX - before.clientX, dy = event.clientY - before.clientY;
  if (pointers.size === 2) {
    const other = [...pointers.values()].find((pointer) => pointer.pointerId !== event.pointerId);
    const gap = (pointer) => Math.hypot(pointer.clientX - other.clientX, pointer.clientY - other.clientY) || 1;
    zoom(gap(event) / gap(before));
  } else if (D === 3 && !event.shiftKey) {
    view.yaw += dx / 150;
    view.pitch = Math.max(-1.55, Math.min(1.55, view.pitch + dy / 150));
  } else {
    view.x += dx;
    view.y += dy;
  }
  pointers.set(event.pointerId, event);
  drawStage();
});
for (const name of ['pointerup', 'pointercancel']) stage.addEventListener(name, (event) => pointers.delete(event.pointerId));
stage.addEventListener('wheel', (event) => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY / 400));
  drawStage();
}, { passive: false });
stage.addEventListener('dblclick', () => {
  Object.assign(view, { yaw: 0.5, pitch: 0.15, zoom: 1, x: 0, y: 0 });
  drawStage();
});
function zoom(factor) {
  const next = Math.max(0.2, Math.min(40, view.zoom * factor));
  view.x *= next / view.zoom;
  view.y *= next / view.zoom;
  view.zoom = next;
}
