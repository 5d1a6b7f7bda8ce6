/** One track: what it is, why it was found, what sounds like it, and how far its processing is. */

import { byId, cover, element, link } from "./elements.js";
import { play, showPlaying } from "./player.js";
import { trackRow } from "./rows.js";

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
  running: "being listened to",
  failed: "could not be listened to",
  missing: "not listened to yet",
};

const dialog = byId("track");
const body = byId("track-body");
const heading = byId("track-title");

let request = null;

/** Whether a track is looked at. */
export const trackIsOpen = () => dialog.open;

/** Looks at no track any more. */
export function closeTrack() {
  request?.abort();
  request = null;
  if (dialog.open) dialog.close();
}

/** Looks at a track, and at why a query has found it. */
export async function openTrack(id, query) {
  request?.abort();
  const controller = new AbortController();
  request = controller;
  heading.textContent = "Track";
  body.replaceChildren(element("p", { className: "by" }, "…"));
  if (!dialog.open) dialog.showModal();
  const get = async (path) => {
    const response = await fetch(path, { signal: controller.signal, headers: { accept: "application/json" } });
    return response.ok ? response.json() : null;
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
    body.replaceChildren(element("p", { role: "alert" }, "The server cannot be reached. Check the connection and try again."));
  }
}

function show(track, match, similar) {
  heading.textContent = track.title;
  body.replaceChildren(
    about(track),
    ...[why(match), like(similar)].filter(Boolean),
  );
  showPlaying();
}

function about(track) {
  const button = element("button", { type: "button", className: "start", ariaLabel: `Play ${track.title}` });
  button.append(element("span", { className: "play", ariaHidden: "true" }), "Play");
  button.addEventListener("click", () => play(track));
  const state = track.processing.state;
  const facts = element("p", { className: "by" }, link(track.artist_display_name, "by", track.artist_display_name));
  if (track.album_title) facts.append(" · ", link(track.album_title, "by", track.album_title));
  const tags = track.tags.map((name) => element("li", {}, link(name, "chip", `#${name}`)));
  return element(
    "div",
    { className: "about" },
    cover({ ...track, type: "track" }, track.image_url, ""),
    element("div", {}, facts, state in STATES ? element("p", { className: "by" }, STATES[state]) : ""),
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
  return element("section", {}, element("h3", {}, "More like this"), element("ul", { className: "hits" }, ...rows));
}
