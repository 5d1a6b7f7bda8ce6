/** The search: its box, its answers, and what it says when there are none. */

import { go, here } from "./address.js";
import { combobox } from "./combobox.js";
import { byId, element } from "./elements.js";
import { showPlaying } from "./player.js";
import { forget, recent, remember } from "./recent.js";
import { gridOf, namedRow, queryRow, trackRow } from "./rows.js";
import { UNREACHABLE, ask, reason } from "./server.js";

const DEBOUNCE_MS = 150;
const MIN_CHARACTERS = 2;
const LIMIT = 10;
const WORDS_TRIED = 4;

const HEADINGS = { track: "Tracks", artist: "Artists", album: "Albums", tag: "Tags", playlist: "Playlists" };

const box = byId("box");
const status = byId("status");
const examples = byId("examples");
const results = byId("results");
const choose = combobox(box, results);

/** Says something below the box. */
export function say(text, problem = false) {
  status.textContent = text;
  status.classList.toggle("problem", problem);
}

function render(...groups) {
  choose(null);
  results.replaceChildren(...groups);
  results.hidden = groups.length === 0;
  box.ariaExpanded = String(groups.length > 0);
  showPlaying();
}

/** Groups of an answer, in its order. */
function grouped(answer, query) {
  const groups = new Map();
  for (const result of answer.results) {
    // A kind that this page does not know yet is left out rather than shown broken.
    if (!(result.type in HEADINGS)) continue;
    if (!groups.has(result.type)) groups.set(result.type, []);
    groups.get(result.type).push(result.type === "track" ? trackRow(result, query) : namedRow(result, query));
  }
  return groups;
}

const counted = (count) => `${count} ${count === 1 ? "result" : "results"}`;

let request = null;

/** Asks, unless something else is asked meanwhile; then nothing of the answer is shown. */
async function answered(path, options, problem) {
  request?.abort();
  const mine = new AbortController();
  request = mine;
  results.ariaBusy = "true";
  let answer = null;
  try {
    const { ok, status: code, body } = await ask(path, { ...options, signal: mine.signal });
    if (mine !== request) return null;
    if (ok && body) answer = body;
    else say(problem(code, reason(body)), true);
  } catch {
    if (mine !== request) return null;
    say(UNREACHABLE, true);
  }
  if (answer === null) render();
  results.ariaBusy = "false";
  return answer;
}

function problemOfSearch(code, text) {
  if (code === 422) return `This search cannot be run: ${text ?? "the query was refused"}`;
  if (code === 503) return `Search is unavailable: ${text ?? "try again in a moment"}`;
  return `Search failed (${code})${text ? `: ${text}` : ""}`;
}

const withoutSound = ({ calibrated }) =>
  calibrated === false ? "sound search needs more embedded tracks" : "sound search is not available";

const searchPath = (q, limit) => `/search/?${new URLSearchParams({ q, limit })}`;

async function search(query) {
  const answer = await answered(searchPath(query, LIMIT), {}, problemOfSearch);
  if (answer === null) return;
  const groups = grouped(answer, query);
  const count = [...groups.values()].flat().length;
  render(...Array.from(groups, ([type, rows]) => gridOf(HEADINGS[type], rows)));
  const missing = answer.available ? "" : ` · matching by name only: ${withoutSound(answer)}`;
  const found = count > 0 ? counted(count) : `No good match for “${query}”`;
  say(`${found} in ${answer.took_ms.toFixed(1)} ms${missing}`);
  if (count === 0) suggest(query, request);
}

/** Shows which words of a query would find something by themselves, and the examples. */
async function suggest(query, mine) {
  examples.hidden = false;
  const words = [...new Set(query.split(/[^\p{L}\p{N}]+/u))].filter((word) => [...word].length > 2 && word !== query);
  const tried = await Promise.all(
    words.slice(0, WORDS_TRIED).map(async (word) => {
      const { body } = await ask(searchPath(word, 1)).catch(() => ({}));
      const first = body?.results?.[0];
      return first && first.tier !== "sound" ? queryRow(word, `as in ${first.title ?? first.name ?? first.display_name}`) : null;
    }),
  );
  const rows = tried.filter(Boolean);
  if (mine === request && rows.length > 0) render(gridOf("Fewer words find something", rows));
}

/** Tracks that sound like a clip. */
export async function searchBySound(file, name) {
  leave();
  examples.hidden = true;
  say(`Listening to ${name} …`);
  const form = new FormData();
  form.append("file", file, file.name);
  form.append("limit", LIMIT);
  const problem = (code, text) => `${name} cannot be searched by: ${text ?? `the server answered ${code}`}`;
  const answer = await answered("/search/by-audio", { method: "POST", body: form }, problem);
  if (answer === null) return;
  const rows = answer.results.map((track) => trackRow(track, ""));
  render(...(rows.length > 0 ? [gridOf(`Sounds like ${name}`, rows)] : []));
  if (!answer.available) say("Sound search is not available", true);
  else say(rows.length > 0 ? counted(rows.length) : `Nothing sounds like ${name}`);
}

/** Empties the box without looking for anything. */
function leave() {
  clearTimeout(timer);
  box.value = "";
  shown = null;
  if (here().q) go({ q: "" }, { push: true });
}

function showStart() {
  request?.abort();
  request = null;
  results.ariaBusy = "false";
  say("");
  const rows = recent().map((query) => {
    const button = element("button", { type: "button", className: "more", ariaLabel: `Forget ${query}` }, "✕");
    button.addEventListener("click", () => {
      forget(query);
      showStart();
      box.focus();
    });
    return queryRow(query, "", button);
  });
  render(...(rows.length > 0 ? [gridOf("Recent searches", rows)] : []));
}

function show(query) {
  examples.hidden = query !== "";
  document.title = query ? `${query} · vibe-search` : "vibe-search";
  if ([...query].length >= MIN_CHARACTERS) {
    search(query);
    return;
  }
  showStart();
  if (query) {
    render();
    say(`Type at least ${MIN_CHARACTERS} characters`);
  }
}

let timer = 0;
let shown = null;
// Letters typed in one go share a history entry; leaving the box or pressing Enter ends it.
let typing = false;

/** Searches for what is in the box, unless that is what is shown already. */
function submit({ push, again = false }) {
  clearTimeout(timer);
  const query = box.value.trim();
  if (query !== here().q) go({ q: query }, { push });
  if (query === shown && !again) return;
  shown = query;
  show(query);
}

/** Shows the search that the address has. */
export function showSearch() {
  box.value = here().q;
  typing = false;
  submit({ push: false });
}

/** Searches for something that was chosen rather than typed. */
export function searchFor(query) {
  remember(query);
  box.value = query;
  typing = false;
  submit({ push: true, again: true });
  box.focus({ preventScroll: true });
  scrollTo(0, 0);
}

/** Empties the box, and shows the start. */
export function clear() {
  box.value = "";
  submit({ push: true, again: true });
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
byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  submit({ push: !typing, again: status.classList.contains("problem") });
  typing = false;
  if ([...box.value.trim()].length >= MIN_CHARACTERS) remember(box.value.trim());
});

// A query is worth keeping once it has led somewhere.
results.addEventListener("click", (event) => {
  if (shown && event.target.closest("a, button")) remember(shown);
});

examples.addEventListener("click", (event) => {
  const button = event.target.closest("button[value]");
  if (button) searchFor(button.value);
});
