/** The library as a picture: a point a track, those that sound alike together. */

import { byId, element } from "./elements.js";
import { play } from "./player.js";
import { aboutButton } from "./rows.js";
import { ask } from "./server.js";

const COLOURS = 8;
const LARGEST = 65535;
const REACH = 14;
const LISTED = 5;
const MARGIN = 0.04;
const CELLS = 64;

const dialog = byId("map");
const canvas = byId("map-canvas");
const label = byId("map-label");
const legend = byId("map-legend");
const nearby = byId("map-nearby");
const note = byId("map-note");

let points = null;
let cells = [];
const names = new Map();
const view = { x: 0.5, y: 0.5, zoom: 1 };

/** Looks at the map; it is fetched anew each time, for what may be seen changes. */
export async function openMap() {
  if (dialog.open) return;
  dialog.showModal();
  note.textContent = "…";
  try {
    const { ok, status, body } = await ask("/map");
    if (!ok) throw new Error(String(status));
    take(body);
  } catch {
    note.textContent = "The map cannot be fetched. Close it, and try again.";
  }
}

function take(answer) {
  points = answer;
  cells = Array.from({ length: CELLS * CELLS }, () => []);
  for (let i = 0; i < points.ids.length; i += 1) cells[cellOf(points.x[i], points.y[i])].push(i);
  const count = points.ids.length;
  note.textContent = count === 0
    ? "A worker draws the map once tracks have been listened to."
    : `${count.toLocaleString()} ${count === 1 ? "track" : "tracks"}. Drag or use the arrow keys to move, scroll or + and − to zoom.`;
  legend.replaceChildren(
    ...points.genres.slice(0, COLOURS).map((genre, number) => {
      const dot = element("span", { className: "dot", ariaHidden: "true" });
      dot.style.background = `var(--genre-${number})`;
      return element("li", {}, dot, genre);
    }),
  );
  Object.assign(view, { x: 0.5, y: 0.5, zoom: 1 });
  draw();
}

const cellOf = (x, y) =>
  Math.min(CELLS - 1, Math.floor((x * CELLS) / (LARGEST + 1))) +
  CELLS * Math.min(CELLS - 1, Math.floor((y * CELLS) / (LARGEST + 1)));

/** Pixels of the canvas for one whole picture. */
const scale = () => Math.min(canvas.clientWidth, canvas.clientHeight) * (1 - 2 * MARGIN) * view.zoom;
const place = (value, middle, size) => (value / LARGEST - middle) * scale() + size / 2;

let drawing = 0;

/** Draws once for all that happens before the next frame. */
function draw() {
  cancelAnimationFrame(drawing);
  drawing = requestAnimationFrame(paint);
}

function paint() {
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  const ratio = devicePixelRatio;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  if (points === null) return;
  const style = getComputedStyle(canvas);
  const colours = Array.from({ length: COLOURS }, (_, number) => style.getPropertyValue(`--genre-${number}`));
  const other = style.getPropertyValue("--genre-other");
  const size = Math.min(6, Math.max(1.5, (3 * view.zoom ** 0.5 * 60) / points.ids.length ** 0.5));
  // a colour at a time: changing it costs more than drawing
  for (let colour = -1; colour < COLOURS; colour += 1) {
    context.fillStyle = colour < 0 ? other : colours[colour];
    for (let i = 0; i < points.ids.length; i += 1) {
      const genre = points.genre[i] < COLOURS ? points.genre[i] : -1;
      if (genre !== colour) continue;
      const x = place(points.x[i], view.x, width);
      const y = place(points.y[i], view.y, height);
      if (x > -size && y > -size && x < width + size && y < height + size) {
        context.fillRect(x - size / 2, y - size / 2, size, size);
      }
    }
  }
  context.strokeStyle = style.color;
  context.strokeRect(width / 2 - 5, height / 2 - 5, 10, 10);
  listNearby();
}

/** Places in the columns of the points nearest to a place on the canvas, the nearest first. */
function nearest(x, y, most, reach = Infinity) {
  const at = [
    ((x - canvas.clientWidth / 2) / scale() + view.x) * LARGEST,
    ((y - canvas.clientHeight / 2) / scale() + view.y) * LARGEST,
  ];
  const column = Math.floor((at[0] * CELLS) / (LARGEST + 1));
  const row = Math.floor((at[1] * CELLS) / (LARGEST + 1));
  const found = [];
  for (let ring = 0; ring < CELLS; ring += 1) {
    for (let r = row - ring; r <= row + ring; r += 1) {
      for (let c = column - ring; c <= column + ring; c += 1) {
        const inRing = Math.max(Math.abs(r - row), Math.abs(c - column)) === ring;
        if (inRing && r >= 0 && c >= 0 && r < CELLS && c < CELLS) {
          for (const i of cells[c + CELLS * r]) found.push([Math.hypot(points.x[i] - at[0], points.y[i] - at[1]), i]);
        }
      }
    }
    // one ring more than needed: what is in a corner may be farther than what lies just outside
    if (found.length >= most && ring > 1) break;
  }
  const far = (reach / scale()) * LARGEST;
  return found.filter(([distance]) => distance <= far).sort((a, b) => a[0] - b[0]).slice(0, most).map(([, i]) => i);
}

/** What a track is called, asked for once. */
function nameOf(i) {
  const id = points.ids[i];
  if (!names.has(id)) {
    names.set(id, ask(`/tracks/${id}`).then(({ ok, body }) => (ok ? body : null)).catch(() => null));
  }
  return names.get(id);
}

let listing = 0;
let listed = "";

/** The tracks in the middle, as buttons: what is seen can be reached by keyboard and heard by a screen reader. */
function listNearby() {
  clearTimeout(listing);
  nearby.ariaBusy = "true";
  const mine = setTimeout(async () => {
    const shown = nearest(canvas.clientWidth / 2, canvas.clientHeight / 2, LISTED);
    const tracks = (await Promise.all(shown.map(nameOf))).filter(Boolean);
    // the map was moved while names were fetched: its own list is to come
    if (mine !== listing) return;
    showNearby(tracks);
    nearby.ariaBusy = "false";
  }, 200);
  listing = mine;
}

/** Fill the list. Buttons that stay the same keep the focus. */
function showNearby(tracks) {
  const ids = tracks.map((track) => track.id).join(" ");
  if (ids === listed) return;
  listed = ids;
  nearby.replaceChildren(
    ...tracks.map((track) => {
      const button = element("button", { type: "button", ariaLabel: `Play ${track.title} by ${track.artist_display_name}` });
      button.append(element("strong", {}, track.title), ` ${track.artist_display_name}`);
      button.addEventListener("click", () => play(track));
      return element("li", {}, button, aboutButton(track));
    }),
  );
}

function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  const before = scale();
  view.zoom = Math.min(200, Math.max(1, view.zoom * factor));
  const moved = 1 / before - 1 / scale();
  view.x += (x - canvas.clientWidth / 2) * moved;
  view.y += (y - canvas.clientHeight / 2) * moved;
  draw();
}

function move(x, y) {
  view.x = Math.min(1, Math.max(0, view.x + x / scale()));
  view.y = Math.min(1, Math.max(0, view.y + y / scale()));
  draw();
}

let hovered = null;

async function hover(event) {
  const [i] = points ? nearest(event.offsetX, event.offsetY, 1, REACH) : [];
  hovered = i ?? null;
  canvas.style.cursor = hovered === null ? "grab" : "pointer";
  if (hovered === null) {
    label.hidden = true;
    return;
  }
  const track = await nameOf(i);
  if (hovered !== i || !track) return;
  label.replaceChildren(element("strong", {}, track.title), ` ${track.artist_display_name}`);
  label.hidden = false;
  label.style.translate = `${event.offsetX + 12}px ${event.offsetY + 12}px`;
}

let dragged = null;

canvas.addEventListener("pointerdown", (event) => {
  dragged = { x: event.offsetX, y: event.offsetY, far: 0 };
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener("pointermove", (event) => {
  if (dragged === null) {
    hover(event);
    return;
  }
  const [x, y] = [dragged.x - event.offsetX, dragged.y - event.offsetY];
  dragged = { x: event.offsetX, y: event.offsetY, far: dragged.far + Math.abs(x) + Math.abs(y) };
  move(x, y);
});
canvas.addEventListener("pointerup", async (event) => {
  const clicked = dragged !== null && dragged.far < 5;
  dragged = null;
  const [i] = clicked && points ? nearest(event.offsetX, event.offsetY, 1, REACH) : [];
  const track = i === undefined ? null : await nameOf(i);
  if (track) play(track);
});
canvas.addEventListener("pointercancel", () => {
  dragged = null;
});
canvas.addEventListener("pointerleave", () => {
  label.hidden = true;
});
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY / 300), event.offsetX, event.offsetY);
}, { passive: false });

const KEYS = {
  ArrowLeft: () => move(-40, 0),
  ArrowRight: () => move(40, 0),
  ArrowUp: () => move(0, -40),
  ArrowDown: () => move(0, 40),
  "+": () => zoom(1.5),
  "=": () => zoom(1.5),
  "-": () => zoom(1 / 1.5),
};

canvas.addEventListener("keydown", (event) => {
  if (!(event.key in KEYS) || event.metaKey || event.ctrlKey || event.altKey) return;
  event.preventDefault();
  KEYS[event.key]();
});

byId("map-in").addEventListener("click", () => zoom(1.5));
byId("map-out").addEventListener("click", () => zoom(1 / 1.5));
addEventListener("resize", () => {
  if (dialog.open) draw();
});
