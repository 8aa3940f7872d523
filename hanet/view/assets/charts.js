// Curves of one joint, and the state of all joints over time.
const curves = document.getElementById('curves');
const map = document.getElementById('map');
const LEFT = 52, RIGHT = 8;

// First and last frame of the curves.
function span() {
  const first = firstFrame(), last = lastFrame();
  if (!state.window) return [first, last];
  const frames = Math.max(content.step, Math.round(state.window * (content.fps || 30)));
  const begin = first + Math.floor((state.frame - first) / frames) * frames;
  return [begin, Math.min(last, begin + frames)];
}
function atX(frame, [first, last], width) {
  return LEFT + (width - LEFT - RIGHT) * (last > first ? (frame - first) / (last - first) : 0.5);
}
function frameAtX(x, [first, last], width) {
  const share = Math.max(0, Math.min(1, (x - LEFT) / (width - LEFT - RIGHT)));
  return first + Math.round(share * (last - first) / content.step) * content.step;
}

// The curves are drawn once for all frames that they show; only the line of the current frame moves.
const plotted = { key: '', image: null };
function drawCurves() {
  const [context, width, height] = prepared(curves);
  const track = tracks[state.person], range = span();
  const key = [
    state.person, state.joint, range, width, height, curves.width, state.raw, state.refined, colour('paper'),
  ].join();
  if (plotted.key !== key) Object.assign(plotted, { key, image: curvesImage(track, range, width, height) });
  context.drawImage(plotted.image, 0, 0, width, height);
  drawTime(context, range, width, height);
  drawValues(track);
}

function curvesImage(track, range, width, height) {
  const image = document.createElement('canvas');
  Object.assign(image, { width: curves.width, height: curves.height });
  const context = image.getContext('2d');
  context.scale(curves.width / width, curves.height / height);
  const panels = ['x', 'y', 'z'].slice(0, D).map((name, d) => ({ name: `${name} (${content.unit})`, d }));
  if (track.scores !== null) panels.push({ name: 'confidence', d: -1 });
  const bottom = 22, gap = 20, tall = (height - bottom - gap * panels.length) / panels.length;
  const firstRow = Math.max(0, Math.floor((range[0] - track.start) / content.step));
  const lastRow = Math.min(track.frames - 1, Math.ceil((range[1] - track.start) / content.step));
  context.font = '11px system-ui, sans-serif';
  panels.forEach((panel, k) => {
    const top = gap * (k + 1) + tall * k;
    drawBands(context, track, firstRow, lastRow, range, width, top, tall);
    context.strokeStyle = colour('line');
    context.lineWidth = 1;
    context.strokeRect(LEFT, top, width - LEFT - RIGHT, tall);
    if (panel.d < 0) drawConfidence(context, track, firstRow, lastRow, range, width, top, tall);
    else drawCoordinate(context, track, panel.d, firstRow, lastRow, range, width, top, tall);
    context.fillStyle = colour('ink');
    context.fillText(panel.name, LEFT, top - 5);
  });
  context.fillStyle = colour('soft');
  const text = (frame) => (content.fps === null ? `frame ${frame}` : `${seconds(frame).toFixed(2)} s`);
  context.fillText(text(range[0]), LEFT, height - 5);
  context.textAlign = 'right';
  context.fillText(text(range[1]), width - RIGHT, height - 5);
  return image;
}

// Filled and missing frames as bands, leaps as lines.
function drawBands(context, track, firstRow, lastRow, range, width, top, tall) {
  const half = 0.5 * content.step;
  for (let row = firstRow; row <= lastRow; row++) {
    const kind = stateOf(track, row, state.joint);
    if (kind === KNOWN) continue;
    const frame = frameOf(track, row);
    const x = atX(frame - half, range, width), wide = Math.max(1, atX(frame + half, range, width) - x);
    context.globalAlpha = kind === MISSING ? 1 : 0.45;
    context.fillStyle = colour(kind === LEAP ? 'leap' : kind === FILLED ? 'filled' : 'shade');
    const from = Math.max(LEFT, x), to = Math.min(width - RIGHT, x + wide);
    context.fillRect(from, top, to - from, tall);
  }
  context.globalAlpha = 1;
}

function drawCoordinate(context, track, d, firstRow, lastRow, range, width, top, tall) {
  let low = Infinity, high = -Infinity;
  const layers = ['raw', 'refined'].filter((name) => state[name] && track[name] !== null);
  for (const name of layers) {
    for (let row = firstRow; row <= lastRow; row++) {
      const value = track[name][(row * J + state.joint) * D + d];
      if (!Number.isNaN(value)) { low = Math.min(low, value); high = Math.max(high, value); }
    }
  }
  if (low > high) return;
  const pad = 0.08 * (high - low) || Math.abs(high) * 0.01 || 1;
  const y = (value) => top + tall - tall * (value - low + pad) / (high - low + 2 * pad);
  context.fillStyle = colour('soft');
  context.textAlign = 'right';
  context.fillText(number(high), LEFT - 5, top + 10);
  context.fillText(number(low), LEFT - 5, top + tall - 2);
  context.textAlign = 'left';
  context.save();
  context.beginPath();
  context.rect(LEFT, top, width - LEFT - RIGHT, tall);
  context.clip();
  for (const name of layers) {
    const values = track[name], dots = lastRow - firstRow < (width - LEFT) / 7;
    context.strokeStyle = context.fillStyle = colour(name);
    context.lineWidth = name === 'raw' ? 1.2 : 2;
    context.beginPath();
    let pen = false;
    for (let row = firstRow; row <= lastRow; row++) {
      const value = values[(row * J + state.joint) * D + d];
      if (Number.isNaN(value)) { pen = false; continue; }
      const point = [atX(frameOf(track, row), range, width), y(value)];
      context[pen ? 'lineTo' : 'moveTo'](...point);
      if (dots || !pen) context.fillRect(point[0] - 1.5, point[1] - 1.5, 3, 3);
      pen = true;
    }
    context.stroke();
  }
  context.restore();
}

function drawConfidence(context, track, firstRow, lastRow, range, width, top, tall) {
  context.fillStyle = colour('soft');
  context.textAlign = 'right';
  context.fillText('1', LEFT - 5, top + 10);
  context.fillText('0', LEFT - 5, top + tall - 2);
  context.textAlign = 'left';
  context.strokeStyle = colour('known');
  context.lineWidth = 1.5;
  context.beginPath();
  for (let row = firstRow; row <= lastRow; row++) {
    const point = [atX(frameOf(track, row), range, width), top + tall - tall * track.scores[row * J + state.joint] / 255];
    context[row === firstRow ? 'moveTo' : 'lineTo'](...point);
  }
  context.stroke();
}

function drawTime(context, range, width, height) {
  const x = atX(state.frame, range, width);
  context.strokeStyle = colour('ink');
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(x, 20);
  context.lineTo(x, height - 20);
  context.stroke();
}

function drawValues(track) {
  const row = rowOf(track, state.frame), output = document.getElementById('values');
  if (row < 0) { output.textContent = 'This person is not in this frame.'; return; }
  const place = (values) => {
    if (values === null || !isKnown(values, row, state.joint)) return 'missing';
    const i = (row * J + state.joint) * D;
    return Array.from(values.subarray(i, i + D), number).join(', ');
  };
  const parts = [`${content.joints[state.joint]}: detected ${place(track.raw)}`];
  if (track.refined !== null) parts.push(`refined ${place(track.refined)}`);
  if (track.scores !== null) parts.push(`confidence ${(track.scores[row * J + state.joint] / 255).toFixed(2)}`);
  output.textContent = parts.join(' · ');
}

// The map: a line per joint; each column shows the rarest state of its frames.
const drawn = { key: '', image: null };
function mapHeight() { return Math.max(4, Math.min(15, Math.floor(400 / J))); }
function drawMap() {
  const track = tracks[state.person], line = mapHeight();
  const [context, width] = prepared(map, J * line + 2);
  const left = line >= 9 ? Math.min(96, width * 0.28) : 8, range = [firstFrame(), lastFrame()];
  const key = [state.person, width, state.video, colour('paper')].join();
  if (drawn.key !== key) Object.assign(drawn, { key, image: mapImage(track, Math.round(width - left - RIGHT), range) });
  context.imageSmoothingEnabled = false;
  context.drawImage(drawn.image, left, 1, width - left - RIGHT, J * line);
  context.font = `${Math.min(11, line - 1)}px system-ui, sans-serif`;
  context.textAlign = 'right';
  for (let j = 0; j < J; j++) {
    if (line < 9 && j !== state.joint) continue;
    context.fillStyle = j === state.joint ? colour('ink') : colour('soft');
    if (line >= 9) context.fillText(content.joints[j], left - 5, j * line + line - 2, left - 6);
    if (j !== state.joint) continue;
    context.strokeStyle = colour('ink');
    context.strokeRect(left - 0.5, j * line + 0.5, width - left - RIGHT + 1, line);
  }
  const x = left + (width - left - RIGHT) * (range[1] > range[0] ? (state.frame - range[0]) / (range[1] - range[0]) : 0.5);
  context.strokeStyle = colour('ink');
  context.beginPath();
  context.moveTo(x, 0);
  context.lineTo(x, J * line + 2);
  context.stroke();
  map.dataset.left = left;
}

function mapImage(track, width, range) {
  const columns = Math.max(1, width), image = document.createElement('canvas');
  Object.assign(image, { width: columns, height: J });
  const context = image.getContext('2d'), picture = context.createImageData(columns, J);
  const inks = ['known', 'filled', 'missing', 'leap', 'doubtful', 'paper'].map(rgb);
  const rank = [0, 2, 1, 3];
  const kinds = new Int8Array(columns * J).fill(-1), scores = new Float32Array(columns * J).fill(1);
  const frames = range[1] - range[0] + content.step;
  for (let row = 0; row < track.frames; row++) {
    const from = Math.floor((frameOf(track, row) - range[0]) / frames * columns);
    const to = Math.max(from + 1, Math.floor((frameOf(track, row) + content.step - range[0]) / frames * columns));
    for (let j = 0; j < J; j++) {
      const kind = stateOf(track, row, j), score = track.scores === null ? 1 : track.scores[row * J + j] / 255;
      for (let c = from; c < Math.min(to, columns); c++) {
        const i = j * columns + c;
        if (kinds[i] < 0 || rank[kind] > rank[kinds[i]]) kinds[i] = kind;
        scores[i] = Math.min(scores[i], score);
      }
    }
  }
  for (let i = 0; i < kinds.length; i++) {
    const share = scores[i], ink = kinds[i] < 0 ? inks[5] : kinds[i] === KNOWN
      ? inks[0].map((value, c) => share * value + (1 - share) * inks[4][c]) : inks[kinds[i]];
    picture.data.set([...ink, 255], 4 * i);
  }
  context.putImageData(picture, 0, 0);
  return image;
}
function rgb(name) {
  const text = colour(name).slice(1);
  return [0, 2, 4].map((at) => parseInt(text.slice(at, at + 2), 16));
}
