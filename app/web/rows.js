/** Results as rows, which stand in a list or in the grid of the search box. */

import { cover, element, link } from "./elements.js";
import { highlight } from "./letters.js";
import { play } from "./player.js";

const BADGES = { title: "title", artist: "artist", album: "album", tag: "tag" };

function badges(result) {
  const texts = result.matched.filter((field) => field in BADGES).map((field) => element("span", {}, BADGES[field]));
  if (result.near_duplicate) texts.push(element("span", {}, "same recording"));
  if (result.tier === "fuzzy") texts.push(element("span", {}, "close spelling"));
  if (result.matched.includes("sound")) {
    const sure = result.confidence != null;
    const figure = sure ? ` ${Math.round(100 * result.confidence)} %` : ` ${result.similarity.toFixed(2)}`;
    const title = sure
      ? `How far this can be trusted; cosine similarity ${result.similarity.toFixed(2)}`
      : "Cosine similarity, from 0 to 1";
    texts.push(element("span", { className: "sound", title }, `sounds like${figure}`));
  }
  return element("div", { className: "badges" }, ...texts);
}

/** Opens the view of a track. */
export function aboutButton(track) {
  const ariaLabel = `About ${track.title} by ${track.artist_display_name}`;
  const more = element("button", { type: "button", className: "more", ariaLabel }, "…");
  more.dataset.track = track.id;
  return more;
}

/** A track: its name plays it, a button tells more about it. */
export function trackRow(track, query) {
  const artist = track.artist_display_name;
  const shown = (text, field) => (track.matched.includes(field) ? highlight(text, query) : text);
  const button = element("button", { type: "button", className: "hit" }, shown(track.title, "title"));
  button.addEventListener("click", () => play(track));
  const row = element(
    "div",
    { className: "row" },
    cover(track, track.image_url, element("span", { className: "play" })),
    element("div", { className: "name" }, button),
    element("div", { className: "of" }, link(artist, "by", shown(artist, "artist"))),
    badges(track),
    element("div", { className: "end" }, aboutButton(track)),
  );
  row.dataset.file = track.file_id;
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

/** An artist, an album, a tag or a playlist. */
export function namedRow(result, query) {
  const { name, about, image, glyph = [...name][0] ?? "" } = NAMED[result.type](result);
  return element(
    "div",
    { className: "row" },
    cover(result, image, glyph.toUpperCase()),
    element("div", { className: "name" }, link(name, "hit", highlight(name, query))),
    element("div", { className: "of by" }, about),
  );
}

/** A search, by its words. */
export function queryRow(query, about, ...end) {
  return element(
    "div",
    { className: "row plain" },
    element("div", { className: "name" }, link(query, "hit", query)),
    element("div", { className: "of by" }, about),
    element("div", { className: "end" }, ...end),
  );
}

/** Rows below a heading, as a part of a grid. */
export function gridOf(heading, rows) {
  for (const row of rows) {
    row.role = "row";
    for (const cell of row.querySelectorAll(":scope > div")) cell.role = "gridcell";
  }
  const head = element("div", { role: "row" }, element("div", { role: "columnheader" }, element("h2", {}, heading)));
  return element("div", { className: "hits", role: "rowgroup", ariaLabel: heading }, head, ...rows);
}

/** Rows as a list. */
export function listOf(rows) {
  for (const row of rows) row.role = "listitem";
  return element("div", { className: "hits", role: "list" }, ...rows);
}
