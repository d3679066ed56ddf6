// Light or dark: what the system says, unless the person chose.
import { useSyncExternalStore } from "react";

import { remember, remembered } from "./remembered";

export type ThemeChoice = "system" | "light" | "dark";

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

function isChoice(text: string | null): text is ThemeChoice {
  return text === "light" || text === "dark" || text === "system";
}

function choice(): ThemeChoice {
  const kept = remembered("theme");
  return isChoice(kept) ? kept : "system";
}

/** Puts the theme on the page, now and whenever the system's changes. */
export function applyTheme(): void {
  const chosen = choice();
  document.documentElement.dataset.theme = chosen === "system" ? (dark.matches ? "dark" : "light") : chosen;
}

export function chooseTheme(chosen: ThemeChoice): void {
  remember("theme", chosen === "system" ? null : chosen);
  applyTheme();
  listeners.forEach((listener) => listener());
}

export function useThemeChoice(): ThemeChoice {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, choice);
}

dark.addEventListener("change", applyTheme);
