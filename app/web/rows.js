/** Results as rows. */

import { cover, element, link } from "./elements.js";
import { highlight } from "./letters.js";
import { play } from "./player.js";

const BADGES = { title: "title", artist: "artist", album: "album", tag: "tag" };

function badges(result) {
  const texts = result.matched.filter((field) => field in BADGES).map((field) => element("li", {}, BADGES[field]));
  if (result.near_duplicate) texts.push(element("li", {}, "same recording"));
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

/** A track: its name plays it, a button tells more about it. */
export function trackRow(track, query) {
  const artist = track.artist_display_name;
  const shown = (text, field) => (track.matched.includes(field) ? highlight(text, query) : text);
  const button = element("button", { type: "button", className: "hit" }, shown(track.title, "title"));
  button.disabled = !track.file_id;
  button.addEventListener("click", () => play(track));
  const more = element("button", { type: "button", className: "more", ariaLabel: `About ${track.title} by ${artist}` }, "…");
  more.dataset.track = track.id;
  const row = element(
    "li",
    {},
    cover(track, track.image_url, element("span", { className: "play" })),
    element("div", { className: "text" }, button, link(artist, "by", shown(artist, "artist"))),
    badges(track),
    more,
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

/** An artist, an album, a tag or a playlist. */
export function namedRow(result, query) {
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
