/**
 * A text box with a grid of results below it, after the pattern of the ARIA Authoring Practices: the focus stays in
 * the box, the arrow keys choose a row and what can be done with it, Enter does it.
 */

const ACTIONS = "button:enabled, a[href]";

/** Binds the keys; `choose(null)`, which it returns, leaves the grid. */
export function combobox(box, grid) {
  let active = null;

  const rows = () => [...grid.querySelectorAll("[role=row]")].filter((row) => row.querySelector(ACTIONS));

  function choose(action) {
    active?.closest("[role=row]")?.removeAttribute("aria-selected");
    active?.removeAttribute("id");
    active?.classList.remove("active");
    active = action;
    if (active === null) {
      box.removeAttribute("aria-activedescendant");
      return;
    }
    active.closest("[role=row]").ariaSelected = "true";
    active.id = "active-result";
    active.classList.add("active");
    box.setAttribute("aria-activedescendant", active.id);
    active.closest("[role=row]").scrollIntoView({ block: "nearest" });
  }

  /** Where a key leads; undefined where it is the box's own. */
  function destination(key) {
    const all = rows();
    const inGrid = active !== null && grid.contains(active);
    const row = inGrid ? active.closest("[role=row]") : null;
    const at = all.indexOf(row);
    const first = (index) => all[index]?.querySelector(ACTIONS) ?? null;
    if (key === "ArrowDown") return first(at + 1);
    if (key === "ArrowUp") return first(at === -1 ? all.length - 1 : at - 1);
    if (!inGrid) return undefined;
    const actions = [...row.querySelectorAll(ACTIONS)];
    const beside = actions.indexOf(active);
    if (key === "Home") return first(0);
    if (key === "End") return first(all.length - 1);
    if (key === "ArrowRight") return actions[Math.min(beside + 1, actions.length - 1)];
    if (key === "ArrowLeft") return actions[Math.max(beside - 1, 0)];
    return undefined;
  }

  box.addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey || event.shiftKey || event.isComposing) return;
    if (event.key === "Enter" && active !== null && grid.contains(active)) {
      event.preventDefault();
      active.click();
      return;
    }
    const next = destination(event.key);
    if (next === undefined) return;
    event.preventDefault();
    choose(next);
  });
  box.addEventListener("input", () => choose(null));
  return choose;
}
