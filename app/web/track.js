/** One track: what it is, why it was found, what sounds like it, and how far its processing is. */

import { byId, cover, element, link } from "./elements.js";
import { play, showPlaying } from "./player.js";
import { listOf, trackRow } from "./rows.js";
import { UNREACHABLE, ask, follow } from "./server.js";

const NEIGHBOURS = 6;

const TIERS = {
  exact: "exactly",
  prefix: "from its beginning",
  word_prefix: "from the beginning of a word",
  substring: "inside a word",
  fuzzy: "in another spelling",
  sound: "by its sound",
};

const STATES = {
  queued: "waiting to be listened to",
  waiting: "waiting for its audio",
  running: "being listened to",
  failed: "could not be listened to",
  missing: "not listened to yet",
};

const UNFINISHED = new Set(["queued", "running", "waiting"]);

const dialog = byId("track");
const body = byId("track-body");
const heading = byId("track-title");

let request = null;
let unfollow = () => {};

dialog.addEventListener("close", () => {
  request?.abort();
  request = null;
  unfollow();
});

/** Looks at a track, and at why a query has found it. */
export async function openTrack({ track: id, q: query }) {
  request?.abort();
  unfollow();
  const controller = new AbortController();
  request = controller;
  heading.textContent = "Track";
  body.replaceChildren(element("p", { className: "by" }, "…"));
  if (!dialog.open) dialog.showModal();
  const get = async (path) => {
    const { ok, body: answer } = await ask(path, { signal: controller.signal });
    return ok ? answer : null;
  };
  const asked = query ? `/tracks/${id}/match?${new URLSearchParams({ q: query })}` : null;
  try {
    const [track, match, similar] = await Promise.all([
      get(`/tracks/${id}`),
      asked && get(asked),
      get(`/tracks/${id}/similar?limit=${NEIGHBOURS}`),
    ]);
    if (controller !== request) return;
    if (track) show(track, match, similar);
    else body.replaceChildren(element("p", {}, "There is no such track."));
  } catch {
    if (controller !== request) return;
    body.replaceChildren(element("p", { role: "alert" }, UNREACHABLE));
  }
}

function show(track, match, similar) {
  heading.textContent = track.title;
  const state = element("p", { className: "by", role: "status" }, stateOf(track.processing));
  body.replaceChildren(about(track, state), ...[why(match), like(similar)].filter(Boolean));
  showPlaying();
  if (!UNFINISHED.has(track.processing.state)) return;
  unfollow = follow(track.id, ({ processing }) => {
    state.textContent = stateOf(processing);
    // what it sounds like is known now
    if (processing.state === "done") openTrack({ track: track.id, q: match?.query });
  });
}

/** How far its processing is, in words; nothing when all is done. */
function stateOf({ state, tasks }) {
  const why = tasks.find((task) => task.state === "failed")?.reason;
  return state in STATES ? `${STATES[state]}${why ? `: ${why}` : ""}` : "";
}

function about(track, state) {
  const button = element("button", { type: "button", className: "start", ariaLabel: `Play ${track.title}` });
  button.append(element("span", { className: "play", ariaHidden: "true" }), "Play");
  button.addEventListener("click", () => play(track));
  const facts = element("p", { className: "by" }, link(track.artist_display_name, "by", track.artist_display_name));
  if (track.album_title) facts.append(" · ", link(track.album_title, "by", track.album_title));
  const tags = track.tags.map((name) => element("li", {}, link(name, "chip", `#${name}`)));
  return element(
    "div",
    { className: "about" },
    cover({ ...track, type: "track" }, track.image_url, ""),
    element("div", {}, facts, state),
    button,
    tags.length > 0 ? element("ul", { className: "chips", ariaLabel: "Tags" }, ...tags) : "",
  );
}

/** A bar for each signal by which the track was found. */
function why(match) {
  if (!match || match.signals.length === 0) return null;
  const bars = match.signals.map((signal) => {
    const [tier, held] = signal.signal_tier.split(", ");
    const name = held ? `${signal.signal}, which matches ${TIERS[tier]}` : `${signal.signal} ${TIERS[tier]}`;
    const words = signal.signal === "sound" ? "how it sounds" : name;
    const value = signal.confidence ?? Math.max(0, signal.value);
    const meter = element("meter", { min: 0, max: 1, value, ariaLabel: words });
    return element("li", {}, element("span", {}, words), meter, element("span", {}, `${Math.round(100 * value)} %`));
  });
  const list = element("ul", { className: "signals" }, ...bars);
  return element("section", {}, element("h3", {}, `Why it was found for “${match.query}”`), list);
}

function like(similar) {
  if (!similar || similar.results.length === 0) return null;
  const rows = similar.results.map((track) => trackRow(track, ""));
  return element("section", {}, element("h3", {}, "More like this"), listOf(rows));
}
