/** The player: one track at a time, whatever else the page shows. */

import { byId } from "./elements.js";

const audio = byId("audio");
const position = byId("position");

let playing = null;

/** Marks the rows of the track that plays. */
export function showPlaying() {
  const state = audio.paused ? "Play" : "Pause";
  for (const row of document.querySelectorAll(".row[data-file]")) {
    const current = playing !== null && row.dataset.file === playing.file_id;
    row.classList.toggle("current", current);
    row.classList.toggle("playing", current && !audio.paused);
    row.querySelector(".hit").ariaLabel = `${current ? state : "Play"} ${row.dataset.name}`;
  }
  byId("toggle").ariaLabel = state;
  byId("player").classList.toggle("playing", !audio.paused);
}

/** Plays or pauses; false when there is nothing to play. */
export function togglePlaying() {
  if (playing === null) return false;
  // A refused play() also fires the element's error event, which says why; a pause during loading is no failure.
  if (audio.paused) audio.play().catch(() => {});
  else audio.pause();
  return true;
}

/** Puts the player into the view in front, for nothing behind it can be used. */
export function placePlayer() {
  // in the document they stand in the order in which they cover each other
  const front = [...document.querySelectorAll("dialog:modal")].at(-1);
  (front ?? document.body).append(byId("player"));
}

/** Plays a track, or pauses it if it plays. */
export function play(track) {
  if (playing?.file_id !== track.file_id) {
    playing = track;
    audio.src = `/audio/${encodeURIComponent(track.file_id)}`;
    byId("now-title").textContent = track.title;
    byId("now-artist").textContent = track.artist_display_name;
    byId("player").hidden = false;
    showTime();
  }
  togglePlaying();
}

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

function showTime() {
  const length = Number.isFinite(audio.duration) ? audio.duration : 0;
  position.max = length;
  position.value = audio.currentTime;
  position.disabled = length === 0;
  position.setAttribute("aria-valuetext", `${clock(audio.currentTime)} of ${clock(length)}`);
  byId("clock").textContent = length ? `${clock(audio.currentTime)} / ${clock(length)}` : clock(audio.currentTime);
}

byId("toggle").addEventListener("click", togglePlaying);
position.addEventListener("input", () => {
  audio.currentTime = position.valueAsNumber;
});
for (const name of ["play", "pause", "ended"]) audio.addEventListener(name, showPlaying);
for (const name of ["timeupdate", "durationchange", "seeked"]) audio.addEventListener(name, showTime);
audio.addEventListener("error", () => {
  byId("now-artist").textContent = "cannot be played";
  document.dispatchEvent(new CustomEvent("problem", { detail: `“${playing.title}” cannot be played` }));
  showPlaying();
});
