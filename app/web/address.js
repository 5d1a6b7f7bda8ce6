/** What is shown, as it stands in the address: a query, and the map, a track or the upload if it is looked at. */

const of = (name) => (new URLSearchParams(location.search).get(name) ?? "").trim();

/** What the address says now. */
export const here = () => ({ q: of("q"), map: of("map"), upload: of("upload"), track: of("track") });

/** Changes a part of the address, in a new entry of the history or in this one. */
export function go(changes, { push, opened = false }) {
  const parts = new URLSearchParams(Object.entries({ ...here(), ...changes }).filter(([, value]) => value !== ""));
  history[push ? "pushState" : "replaceState"](opened ? { opened } : null, "", parts.size > 0 ? `/?${parts}` : "/");
}
