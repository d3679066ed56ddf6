// Where the focus goes when what had it is gone: a row that was deleted, a chip that was taken away, a page that was left. It
// goes to what stands in its place, else to what it stood in, else to the heading above: never to nowhere, from where the next
// Tab would begin at the top of the page.

/** Radix gives the focus back a moment after a layer is closed, and pages do it as they draw: this comes after both. */
const SETTLED_MILLIS = 60;
/** How often, and how many times, it is looked again while what takes the place is still being loaded. */
const AGAIN_MILLIS = 50;
const AGAIN_MAX = 100;
/** Places that are remembered: enough to come back from a menu in a dialog to the page. */
const REMEMBERED_MAX = 8;

const FOCUSABLE = "a[href], button:not(:disabled), input:not(:disabled), select:not(:disabled), textarea:not(:disabled), summary, [tabindex]";
/** What a person is on, unlike a menu, a dialog or a piece of news over it. */
const PAGE = "main, .app-header, .app-nav";
const WAITING = ".skeleton, .spinner, .app-waiting";

type Step = { parent: Element; child: Element; at: number };
/** Where an element stands: from its parent outwards, and the how manieth child in each. */
type Place = { element: HTMLElement; onPage: boolean; steps: Step[] };

function placeOf(element: HTMLElement): Place {
  const steps: Step[] = [];
  for (let child: Element = element, parent = child.parentElement; parent; child = parent, parent = child.parentElement) {
    steps.push({ parent, child, at: Array.prototype.indexOf.call(parent.children, child) });
  }
  return { element, onPage: element.closest(PAGE) !== null, steps };
}

/** Whether nothing has the focus. A dialog itself has it when what had it there is gone: Radix keeps it from leaving. */
export function isNowhere(): boolean {
  const active = document.activeElement;
  return active === null || active === document.body || active === document.documentElement || active.matches(".dialog, .drawer");
}

/**
 * For a layer that closes: Radix gives the focus back a moment later, which may be after somebody has gone on. Taken from there, it
 * would close the menu that they opened, and their next keys would go to where they had been.
 */
export function unlessElsewhere(event: Event): void {
  if (!isNowhere()) event.preventDefault();
}

function isUsable(element: Element | undefined): element is HTMLElement {
  return element instanceof HTMLElement && element.matches(FOCUSABLE) && element.getClientRects().length > 0 && !element.closest("[inert], [aria-hidden=true]");
}

/** A heading takes the focus when it is given to it, and is no stop of the Tab key. */
function heading(within: ParentNode, which: string): HTMLElement | null {
  const found = [...within.querySelectorAll<HTMLElement>(which)].find((one) => one.getClientRects().length > 0 && !one.closest("[aria-hidden=true]"));
  if (found && !found.hasAttribute("tabindex")) found.tabIndex = -1;
  return found ?? null;
}

function pageHeading(): HTMLElement | null {
  return heading(document, "main h1") ?? heading(document, "main h2") ?? heading(document, "main");
}

function isOfOneKind(one: Element, other: Element): boolean {
  return one.tagName === other.tagName && one.classList[0] === other.classList[0];
}

/** In what took a place: what stands there where the lost element stood in the one that is gone, else what the Tab key finds first. */
function alike(instead: Element, inner: Step[]): HTMLElement | undefined {
  let like: Element | undefined = instead;
  for (const step of inner.toReversed()) like = like?.children[step.at];
  if (isUsable(like)) return like;
  return [...instead.querySelectorAll(FOCUSABLE)].filter(isUsable).find((one) => one.tabIndex >= 0);
}

/** What is nearest to a place whose element is gone. */
function nearest({ steps }: Place): HTMLElement | null {
  const first = steps.findIndex(({ parent }) => parent.isConnected);
  for (let level = first; level >= 0 && level < steps.length; level++) {
    const { parent, child, at } = steps[level] as Step;
    if (!parent.closest("main, nav, header")) break;
    const [instead, before] = level === first ? [parent.children[at], parent.children[at - 1]] : [];
    if (instead && !isOfOneKind(instead, child) && isUsable(instead)) return instead;
    for (const neighbour of [instead, before]) {
      const found = neighbour && isOfOneKind(neighbour, child) ? alike(neighbour, steps.slice(0, level)) : undefined;
      if (found) return found;
    }
    if (isUsable(parent)) return parent;
    const title = parent.matches("section, aside") ? heading(parent, "h1, h2, h3") : null;
    if (title) return title;
  }
  return pageHeading();
}

/** Whether what will stand in a place is still being loaded. */
function isWaiting({ steps }: Place): boolean {
  const home = steps.find(({ parent }) => parent.isConnected)?.parent;
  return home !== undefined && home !== document.body && home.querySelector(WAITING) !== null;
}

/** Does something as soon as it can be done, while somebody waits for it. */
function once(isDue: () => boolean, isWanted: () => boolean, act: () => void, again = 0): void {
  if (!isWanted()) return;
  if (isDue() || again >= AGAIN_MAX) act();
  else setTimeout(() => once(isDue, isWanted, act, again + 1), AGAIN_MILLIS);
}

/** Gives the focus to the heading of the page that was opened, once it is there; unless somebody has gone on by then. */
export function focusPage(): void {
  const before = document.activeElement;
  const isDue = () => heading(document, "main h1, main h2") !== null || document.querySelector(WAITING) === null;
  once(isDue, () => isNowhere() || document.activeElement === before, () => pageHeading()?.focus());
}

/** Watches over the focus of the document, as long as it is there. */
export function keepFocus(): void {
  let places: Place[] = [];
  let isDue = false;
  document.addEventListener("focusin", (event) => {
    if (!(event.target instanceof HTMLElement)) return;
    places = [placeOf(event.target), ...places.filter(({ element }) => element !== event.target)].slice(0, REMEMBERED_MAX);
  });
  // Somebody who presses beside everything wants the focus nowhere.
  document.addEventListener("focusout", (event) => {
    const left = event.target;
    if (event.relatedTarget === null) setTimeout(() => left instanceof Node && left.isConnected && document.hasFocus() && isNowhere() && (places = []));
  });
  const give = () => {
    const [lost, ...earlier] = places;
    if (!lost || !isNowhere()) return;
    // What was lost with a menu or dialog goes back to where somebody was on the page.
    const place = lost.onPage ? lost : earlier.find(({ onPage }) => onPage);
    if (!place) return;
    if (isUsable(place.element) && place.element.isConnected) place.element.focus();
    else once(() => !isWaiting(place), () => isNowhere() && places[0] === lost, () => nearest(place)?.focus());
  };
  new MutationObserver(() => {
    if (isDue || !places[0] || places[0].element.isConnected || !isNowhere()) return;
    isDue = true;
    setTimeout(() => {
      isDue = false;
      give();
    }, SETTLED_MILLIS);
  }).observe(document.body, { childList: true, subtree: true });
}
