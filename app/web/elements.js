/** Parts of the page that several others are made of. */

export const byId = (id) => document.getElementById(id);

/** Builds an element; children become text nodes, so nothing from an answer is ever parsed as markup. */
export function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** A cover that is the same on every visit: the golden angle keeps neighbouring ids far apart in hue. */
export function cover(result, image, glyph) {
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

export function link(name, className, ...children) {
  const node = element("a", { className, href: `/?${new URLSearchParams({ q: name })}` }, ...children);
  node.dataset.query = name;
  return node;
}
