const DEBOUNCE_MS = 150;
const MIN_CHARACTERS = 2;
const LIMIT = 10;

const HEADINGS = { track: "Tracks", artist: "Artists", album: "Albums", tag: "Tags", playlist: "Playlists" };
const BADGES = { title: "title", artist: "artist", album: "album", tag: "tag" };

const byId = (id) => document.getElementById(id);
const form = byId("form");
const box = byId("box");
const status = byId("status");
const examples = byId("examples");
const results = byId("results");
const audio = byId("audio");
const position = byId("position");

/** Builds an element; children become text nodes, so nothing from an answer is ever parsed as markup. */
function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children.filter((child) => child !== null));
  return node;
}

// Letters that Unicode does not decompose, though people type them without the stroke or ligature.
const UNDECOMPOSED = { ø: "o", æ: "ae", œ: "oe", ß: "ss", ł: "l", đ: "d", ð: "d", þ: "th", ı: "i" };

/** Folds case, accents and apostrophes away, remembering where each folded letter came from. */
function fold(text) {
  let letters = "";
  const origins = [];
  let start = 0;
  for (const character of text) {
    const plain = [...character.normalize("NFKD").toLowerCase()]
      .map((part) => UNDECOMPOSED[part] ?? part.replace(/[\p{M}'’ʼ]/gu, ""))
      .join("");
    letters += plain;
    for (let i = 0; i < plain.length; i += 1) origins.push([start, start + character.length]);
    start += character.length;
    // What folds to nothing (an accent, an apostrophe) belongs to the letter before it.
    if (plain === "" && origins.length > 0) origins.at(-1)[1] = start;
  }
  return { letters, origins };
}

function wordsIn(letters) {
  return [...letters.matchAll(/[\p{L}\p{N}]+/gu)].map((match) => ({ text: match[0], start: match.index }));
}

/** Positions in `word` of a longest common subsequence with `typed`. */
function commonLetters(typed, word) {
  const lengths = Array.from({ length: typed.length + 1 }, () => new Uint16Array(word.length + 1));
  for (let i = typed.length - 1; i >= 0; i -= 1) {
    for (let j = word.length - 1; j >= 0; j -= 1) {
      lengths[i][j] =
        typed[i] === word[j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  const positions = [];
  for (let i = 0, j = 0; i < typed.length && j < word.length; ) {
    if (typed[i] === word[j]) {
      positions.push(j);
      i += 1;
      j += 1;
    } else if (lengths[i + 1][j] >= lengths[i][j + 1]) i += 1;
    else j += 1;
  }
  return positions;
}

/** Folded positions of `typed` in the text: word starts if there are any, else anywhere, else the likest word. */
function findLetters(typed, letters, words) {
  const run = (start) => Array.from(typed, (_, i) => start + i);
  const starts = words.filter((word) => word.text.startsWith(typed)).map((word) => word.start);
  if (starts.length > 0) return starts.flatMap(run);
  if (typed.length < 2) return [];
  const inside = letters.indexOf(typed);
  if (inside >= 0) return run(inside);
  let best = { likeness: 0, positions: [] };
  for (const word of words) {
    const positions = commonLetters(typed, word.text);
    const likeness = (2 * positions.length) / (typed.length + word.text.length);
    if (positions.length >= 0.7 * typed.length && likeness > best.likeness) {
      best = { likeness, positions: positions.map((at) => word.start + at) };
    }
  }
  return best.likeness >= 0.5 ? best.positions : [];
}

/** The text with the letters that answer the query in <mark>. */
function highlight(text, query) {
  const { letters, origins } = fold(text);
  const words = wordsIn(letters);
  const marked = new Uint8Array(text.length);
  for (const typed of wordsIn(fold(query).letters)) {
    for (const at of findLetters(typed.text, letters, words)) marked.fill(1, ...origins[at]);
  }
  const fragment = document.createDocumentFragment();
  for (let start = 0; start < text.length; ) {
    let end = start + 1;
    while (end < text.length && marked[end] === marked[start]) end += 1;
    const part = text.slice(start, end);
    fragment.append(marked[start] ? element("mark", {}, part) : part);
    start = end;
  }
  return fragment;
}

/** A cover that is the same on every visit: the golden angle keeps neighbouring ids far apart in hue. */
function cover(result, image, glyph) {
  const key = String(result.id ?? result.did);
  let seed = 0;
  for (const character of key) seed = (Math.imul(seed, 31) + character.codePointAt(0)) >>> 0;
  const hue = (seed * 137.508) % 360;
  const node = element("span", { className: `cover ${result.type}`, ariaHidden: "true" }, glyph);
  node.style.backgroundImage =
    `linear-gradient(${seed % 180}deg, hsl(${hue} 50% 34%), hsl(${(hue + 70) % 360} 55% 24%))`;
  if (image) {
    const picture = element("img", { src: image, alt: "", loading: "lazy", referrerPolicy: "no-referrer" });
    picture.addEventListener("error", () => picture.remove());
    node.append(picture);
  }
  return node;
}

function link(name, className, ...children) {
  const node = element("a", { className, href: `/?${new URLSearchParams({ q: name })}` }, ...children);
  node.dataset.query = name;
  return node;
}

function badges(result) {
  const texts = result.matched.filter((field) => field in BADGES).map((field) => element("li", {}, BADGES[field]));
  if (result.tier === "fuzzy") texts.push(element("li", {}, "close spelling"));
  if (result.matched.includes("sound")) {
    const sure = result.confidence !== null;
    const figure = sure ? ` ${Math.round(100 * result.confidence)} %` : ` ${result.similarity.toFixed(2)}`;
    const title = sure
      ? `How far this can be trusted; cosine similarity ${result.similarity.toFixed(2)}`
      : "Cosine similarity of the description and the recording, from −1 to 1";
    texts.push(element("li", { className: "sound", title }, `sounds like${figure}`));
  }
  return texts.length > 0 ? element("ul", { className: "badges", ariaLabel: "Matched by" }, ...texts) : null;
}

function trackRow(track, query) {
  const artist = track.artist_display_name;
  const shown = (text, field) => (track.matched.includes(field) ? highlight(text, query) : text);
  const button = element("button", { type: "button", className: "hit" }, shown(track.title, "title"));
  button.disabled = !track.file_id;
  button.addEventListener("click", () => play(track));
  const row = element(
    "li",
    {},
    cover(track, track.image_url, element("span", { className: "play" })),
    element("div", { className: "text" }, button, link(artist, "by", shown(artist, "artist"))),
    badges(track),
  );
  row.dataset.file = track.file_id ?? "";
  row.dataset.name = `${track.title} by ${artist}`;
  return row;
}

const tracks = (count) => `${count} ${count === 1 ? "track" : "tracks"}`;

const NAMED = {
  artist: (it) => ({ name: it.display_name, about: `@${it.handle}`, image: it.avatar_url }),
  album: (it) => ({ name: it.title, about: it.artist_display_name, image: it.image_url }),
  tag: (it) => ({ name: it.name, about: tracks(it.track_count), glyph: "#" }),
  playlist: (it) => ({
    name: it.name,
    about: `${tracks(it.track_count)}, by ${it.owner_display_name}`,
    image: it.image_url,
  }),
};

function namedRow(result, query) {
  const { name, about, image, glyph = [...name][0] ?? "" } = NAMED[result.type](result);
  return element(
    "li",
    {},
    cover(result, image, glyph.toUpperCase()),
    element(
      "div",
      { className: "text" },
      link(name, "hit", highlight(name, query)),
      element("span", { className: "by" }, about),
    ),
  );
}

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

const queryInAddress = () => (new URLSearchParams(location.search).get("q") ?? "").trim();

/** Searches for what is in the box, unless that is what is shown already. */
function submit({ push, again = false }) {
  clearTimeout(timer);
  const query = box.value.trim();
  if (query !== queryInAddress()) {
    const address = query ? `/?${new URLSearchParams({ q: query })}` : "/";
    history[push ? "pushState" : "replaceState"](null, "", address);
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

results.addEventListener("click", (event) => {
  const target = event.target.closest("a[data-query]");
  if (!target || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  follow(target.dataset.query);
});

addEventListener("popstate", () => {
  box.value = queryInAddress();
  typing = false;
  submit({ push: false });
});

function moveFocus(step) {
  const hits = [...document.querySelectorAll(".hit:enabled, a.hit")];
  const row = document.activeElement.closest(".hits > li");
  const next = (row ? hits.findIndex((hit) => row.contains(hit)) : -1) + step;
  if (next < 0) box.focus();
  else hits[Math.min(next, hits.length - 1)]?.focus();
}

addEventListener("keydown", (event) => {
  if (event.metaKey || event.ctrlKey || event.altKey || event.isComposing) return;
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

let playing = null;

function showPlaying() {
  const state = audio.paused ? "Play" : "Pause";
  for (const row of results.querySelectorAll("li[data-file]")) {
    const current = playing !== null && row.dataset.file === playing.file_id;
    row.classList.toggle("current", current);
    row.classList.toggle("playing", current && !audio.paused);
    row.querySelector(".hit").ariaLabel = `${current ? state : "Play"} ${row.dataset.name}`;
  }
  byId("toggle").ariaLabel = state;
  byId("player").classList.toggle("playing", !audio.paused);
}

function toggle() {
  // A refused play() also fires the element's error event, which says why; a pause during loading is no failure.
  if (audio.paused) audio.play().catch(() => {});
  else audio.pause();
}

function play(track) {
  if (playing?.file_id !== track.file_id) {
    playing = track;
    audio.src = `/audio/${encodeURIComponent(track.file_id)}`;
    byId("now-title").textContent = track.title;
    byId("now-artist").textContent = track.artist_display_name;
    byId("player").hidden = false;
    showTime();
  }
  toggle();
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

byId("toggle").addEventListener("click", toggle);
position.addEventListener("input", () => {
  audio.currentTime = position.valueAsNumber;
});
for (const name of ["play", "pause", "ended"]) audio.addEventListener(name, showPlaying);
for (const name of ["timeupdate", "durationchange", "seeked"]) audio.addEventListener(name, showTime);
audio.addEventListener("error", () => {
  say(`“${playing.title}” cannot be played`, true);
  showPlaying();
});

box.value = queryInAddress() || box.value;
submit({ push: false });
