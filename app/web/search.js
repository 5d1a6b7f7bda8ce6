/** The search box, its results, and the address. */

import { byId, element } from "./elements.js";
import { closeMap, mapIsOpen, openMap } from "./map.js";
import { showPlaying } from "./player.js";
import { namedRow, trackRow } from "./rows.js";
import { closeTrack, openTrack, trackIsOpen } from "./track.js";

const DEBOUNCE_MS = 150;
const MIN_CHARACTERS = 2;
const LIMIT = 10;

const HEADINGS = { track: "Tracks", artist: "Artists", album: "Albums", tag: "Tags", playlist: "Playlists" };

const form = byId("form");
const box = byId("box");
const status = byId("status");
const examples = byId("examples");
const results = byId("results");

function render(answer) {
  const groups = new Map();
  for (const result of answer.results) {
    // A kind that this page does not know yet is left out rather than shown broken.
    if (!(result.type in HEADINGS)) continue;
    if (!groups.has(result.type)) groups.set(result.type, []);
    const row = result.type === "track" ? trackRow : namedRow;
    groups.get(result.type).push(row(result, answer.query));
  }
  const hadFocus = results.contains(document.activeElement);
  results.replaceChildren(
    ...Array.from(groups, ([type, rows]) => {
      const heading = element("h2", { id: `${type}-heading` }, HEADINGS[type]);
      const list = element("ul", { className: "hits" }, ...rows);
      list.setAttribute("aria-labelledby", heading.id);
      return element("section", {}, heading, list);
    }),
  );
  if (hadFocus) results.focus({ preventScroll: true });
  showPlaying();
}

let request = null;

function say(text, problem = false) {
  status.textContent = text;
  status.classList.toggle("problem", problem);
}

function describeAnswer(answer) {
  const count = results.querySelectorAll(".hits > li").length;
  const found = count === 0 ? `No good match for “${answer.query}”` : `${count} ${count === 1 ? "result" : "results"}`;
  const missing = answer.available ? "" : " · matching by name only: sound search is not available";
  return `${found} in ${answer.took_ms.toFixed(1)} ms${missing}`;
}

function describeProblem(response, body) {
  const detail = body?.detail;
  const text = Array.isArray(detail) ? detail.map((item) => item.msg).join("; ") : detail;
  if (response.status === 422) return `This search cannot be run: ${text ?? "the query was refused"}`;
  if (response.status === 503) return `Search is unavailable: ${text ?? "try again in a moment"}`;
  return `Search failed (${response.status})${text ? `: ${text}` : ""}`;
}

async function search(query) {
  request?.abort();
  const controller = new AbortController();
  request = controller;
  results.ariaBusy = "true";
  let problem = null;
  try {
    const response = await fetch(`/search/?${new URLSearchParams({ q: query, limit: LIMIT })}`, {
      signal: controller.signal,
      headers: { accept: "application/json" },
    });
    const body = await response.json().catch(() => null);
    if (controller !== request) return;
    if (response.ok && body) {
      render(body);
      say(describeAnswer(body));
    } else problem = describeProblem(response, body);
  } catch {
    if (controller !== request) return;
    problem = "The server cannot be reached. Check the connection and try again.";
  }
  if (problem) {
    results.replaceChildren();
    say(problem, true);
  }
  results.ariaBusy = "false";
}

function show(query) {
  examples.hidden = query !== "";
  document.title = query ? `${query} · vibe-search` : "vibe-search";
  if ([...query].length >= MIN_CHARACTERS) {
    search(query);
    return;
  }
  request?.abort();
  request = null;
  results.ariaBusy = "false";
  results.replaceChildren();
  say(query ? `Type at least ${MIN_CHARACTERS} characters` : "");
}

let timer = 0;
let shown = null;
// Letters typed in one go share a history entry; leaving the box or pressing Enter ends it.
let typing = false;

const inAddress = (name) => (new URLSearchParams(location.search).get(name) ?? "").trim();
const queryInAddress = () => inAddress("q");

/** The address of what is shown: a query, and the map or a track that is looked at, if any. */
function address(query, track = "", map = "") {
  const parts = new URLSearchParams(Object.entries({ q: query, map, track }).filter(([, value]) => value !== ""));
  return parts.size > 0 ? `/?${parts}` : "/";
}

/** Searches for what is in the box, unless that is what is shown already. */
function submit({ push, again = false }) {
  clearTimeout(timer);
  const query = box.value.trim();
  if (query !== queryInAddress()) {
    history[push ? "pushState" : "replaceState"](null, "", address(query));
  }
  if (query === shown && !again) return;
  shown = query;
  show(query);
}

function follow(query) {
  box.value = query;
  typing = false;
  submit({ push: true, again: true });
  results.focus({ preventScroll: true });
  scrollTo(0, 0);
}

function clear() {
  box.value = "";
  submit({ push: true });
  typing = false;
  box.focus();
}

function typed(event) {
  // Half-composed letters (Japanese, Chinese, Korean input) are not yet what the person means.
  if (event.isComposing) return;
  clearTimeout(timer);
  timer = setTimeout(() => {
    submit({ push: !typing });
    typing = true;
  }, DEBOUNCE_MS);
}

box.addEventListener("input", typed);
box.addEventListener("compositionend", typed);
box.addEventListener("change", () => {
  typing = false;
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  submit({ push: !typing, again: status.classList.contains("problem") });
  typing = false;
});

examples.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button) follow(button.value);
});

/** Shows the map and a track as the address has them, or neither. */
function showViews() {
  if (inAddress("map")) openMap();
  else closeMap();
  const track = inAddress("track");
  if (track) openTrack(track, queryInAddress());
  else closeTrack();
}

document.addEventListener("click", (event) => {
  const more = event.target.closest("button[data-track]");
  if (more) {
    const opened = address(queryInAddress(), more.dataset.track, inAddress("map"));
    history[trackIsOpen() ? "replaceState" : "pushState"]({ opened: true }, "", opened);
    showViews();
    return;
  }
  const target = event.target.closest("a[data-query]");
  if (!target || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  closeTrack();
  closeMap();
  follow(target.dataset.query);
});

byId("show-map").addEventListener("click", () => {
  history.pushState({ opened: true }, "", address(queryInAddress(), "", "1"));
  showViews();
});

// Closing a view goes back to where it was opened, if that was here.
for (const [name, without] of [["track", () => address(queryInAddress(), "", inAddress("map"))], ["map", () => address(queryInAddress())]]) {
  byId(name).addEventListener("close", () => {
    if (!inAddress(name)) return;
    if (history.state?.opened) history.back();
    else history.replaceState(null, "", without());
  });
}

addEventListener("popstate", () => {
  box.value = queryInAddress();
  typing = false;
  submit({ push: false });
  showViews();
});

document.addEventListener("problem", (event) => say(event.detail, true));

function moveFocus(step) {
  const hits = [...document.querySelectorAll(".hit:enabled, a.hit")];
  const row = document.activeElement.closest(".hits > li");
  const next = (row ? hits.findIndex((hit) => row.contains(hit)) : -1) + step;
  if (next < 0) box.focus();
  else hits[Math.min(next, hits.length - 1)]?.focus();
}

addEventListener("keydown", (event) => {
  if (event.metaKey || event.ctrlKey || event.altKey || event.isComposing || trackIsOpen() || mapIsOpen()) return;
  const here = document.activeElement;
  const searching = here === box || results.contains(here);
  if (event.key === "/" && here !== box) {
    box.focus();
    box.select();
  } else if (event.key === "Escape") clear();
  else if (event.key === "ArrowDown" && searching) moveFocus(1);
  else if (event.key === "ArrowUp" && results.contains(here)) moveFocus(-1);
  else return;
  event.preventDefault();
});

box.value = queryInAddress() || box.value;
submit({ push: false });
showViews();
