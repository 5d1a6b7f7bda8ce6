/** The page: what is in front of what, the keys that work everywhere, and the address. */

import { go, here } from "./address.js";
import { byId } from "./elements.js";
import { placePlayer, togglePlaying } from "./player.js";
import { clear, say, searchFor, showSearch } from "./search.js";
import "./sound.js";
import { openTrack } from "./track.js";

const box = byId("box");
const overlay = byId("overlay");
const search = byId("search");

/** Brings the search in front of whatever is looked at. */
function openOverlay() {
  if (!overlay.open) {
    overlay.append(search);
    overlay.showModal();
    placePlayer();
  }
  box.focus();
  box.select();
}

overlay.addEventListener("close", () => {
  byId("home").append(search);
  placePlayer();
  box.focus({ preventScroll: true });
});

// What few people look at is fetched when somebody does.
const VIEWS = {
  map: async () => (await import("./map.js")).openMap,
  upload: async () => (await import("./upload.js")).openUpload,
  track: async () => openTrack,
};

/** Shows the map, the upload and a track as the address has them, or none. */
async function showViews() {
  for (const [name, load] of Object.entries(VIEWS)) {
    if (here()[name]) {
      const open = await load();
      if (here()[name]) open(here());
    } else byId(name).close();
  }
  placePlayer();
}

/** Looks at something, in a new entry of the history unless that is there for another of its kind already. */
function look(changes) {
  overlay.close();
  const replaced = "track" in changes && here().track;
  go(changes, { push: !replaced, opened: true });
  showViews();
}

document.addEventListener("click", (event) => {
  const more = event.target.closest("button[data-track]");
  if (more) look({ track: more.dataset.track });
  const target = event.target.closest("a[data-query]");
  if (!target || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go({ map: "", upload: "", track: "" }, { push: false });
  showViews();
  searchFor(target.dataset.query);
});

byId("show-map").addEventListener("click", () => look({ map: "1" }));
byId("show-upload").addEventListener("click", () => look({ upload: "1" }));

// Closing a view goes back to where it was opened, if that was here.
for (const name of ["track", "map", "upload"]) {
  byId(name).addEventListener("close", () => {
    placePlayer();
    if (!here()[name]) return;
    if (history.state?.opened) history.back();
    else go({ [name]: "" }, { push: false });
  });
}

addEventListener("popstate", () => {
  showSearch();
  showViews();
});

document.addEventListener("problem", (event) => say(event.detail, true));

const WRITTEN_IN = "input:not([type=range], [type=checkbox], [type=file]), textarea";
const PRESSED_BY_SPACE = `${WRITTEN_IN}, button, input, select, meter`;

addEventListener("keydown", (event) => {
  if (event.isComposing || event.altKey || event.shiftKey) return;
  const target = document.activeElement;
  const alone = !event.metaKey && !event.ctrlKey;
  if (event.key.toLowerCase() === "k" && !alone) openOverlay();
  else if (event.key === "/" && alone && (!target.matches(WRITTEN_IN) || (target === box && !box.value))) openOverlay();
  else if (event.key === " " && alone && !target.matches(PRESSED_BY_SPACE) && togglePlaying());
  else if (event.key === "Escape" && overlay.open) overlay.close();
  else if (event.key === "Escape" && !document.querySelector("dialog[open]")) clear();
  else return;
  event.preventDefault();
});

showSearch();
showViews();
