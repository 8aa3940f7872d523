'use strict';
const element = (id) => document.getElementById(id);
const drop = element('drop'), input = element('files');
const most = Number(input.dataset.most);
let chosen = { files: [], folder: '' };

function say(text, bad = false) {
  element('status').textContent = text;
  element('status').className = bad ? 'bad' : '';
}

// The files of a dropped folder, or those that were dropped one by one.
async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const folder = entries.find((entry) => entry.isDirectory);
  if (!folder) return { files: [...transfer.files], folder: '' };
  const reader = folder.createReader(), files = [];
  for (;;) {
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) break;
    for (const entry of some) {
      if (entry.isFile && !entry.name.startsWith('.')) files.push(await new Promise((done, failed) => entry.file(done, failed)));
    }
  }
  return { files, folder: folder.name };
}

async function take(files, folder) {
  if (!files.length) { say('Nothing was dropped that can be read: drop files, or a folder of files.', true); return; }
  chosen = { files, folder };
  element('dropped').textContent = files.length === 1 ? files[0].name : `${folder || 'poses'}: ${files.length} files`;
  element('again').disabled = false;
  await refine();
}

// One line of JSON, then the files.
async function refine() {
  const size = chosen.files.reduce((sum, file) => sum + file.size, 0);
  if (size + 4e6 > most) { say(`Expected files of at most ${Math.floor(most / 1048576)} MB together, got ${Math.ceil(size / 1048576)} MB.`, true); return; }
  const parameters = element('parameters').value.trim(), method = element('method').value;
  const asked = {
    files: chosen.files.map((file) => [file.name, file.size]),
    folder: chosen.folder,
    method: parameters ? `${method}:${parameters}` : method,
  };
  for (const name of ['fps', 'max_gap', 'min_score', 'format', 'skeleton', 'image_size']) asked[name] = element(name).value;
  say('Refining …');
  element('again').disabled = true;
  element('result').hidden = true;
  try {
    const answer = await fetch('refine', { method: 'POST', body: new Blob([`${JSON.stringify(asked)}\n`, ...chosen.files]) });
    const found = await answer.json();
    if (answer.ok) show(found);
    else {
      say(found.error, true);
      if (found.error.includes('Frames per second')) element('fps').focus();
    }
  } catch {
    say('The program does not answer: is hanet app still running?', true);
  } finally {
    element('again').disabled = false;
  }
}

function show(found) {
  say('Done.');
  Object.assign(element('download'), { href: `file/${found.id}`, download: found.name, textContent: `Download ${found.name}` });
  element('notes').replaceChildren(...found.notes.map((note) => {
    const item = document.createElement('li');
    item.textContent = note;
    return item;
  }));
  element('view').src = `view/${found.id}`;
  element('result').hidden = false;
}

for (const name of ['dragenter', 'dragover']) {
  document.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add('over'); });
}
for (const name of ['dragleave', 'drop']) document.addEventListener(name, () => drop.classList.remove('over'));
document.addEventListener('drop', async (event) => {
  event.preventDefault();
  const { files, folder } = await dropped(event.dataTransfer);
  await take(files, folder);
});
drop.addEventListener('keydown', (event) => { if (event.key === 'Enter' || event.key === ' ') input.click(); });
input.addEventListener('change', () => take([...input.files], ''));
element('form').addEventListener('submit', (event) => {
  event.preventDefault();
  if (chosen.files.length) refine();
});
// The page of the result says how tall it is; it runs in an origin of its own.
window.addEventListener('message', (event) => {
  const view = element('view'), height = Number(event.data?.height);
  if (event.source === view.contentWindow && height > 0) view.style.height = `${Math.min(height, 20000)}px`;
});
