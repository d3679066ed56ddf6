// What the browser remembers of a person's choices: never anything of an event or a secret. A browser that keeps nothing
// is no error.

export function remembered(key: string): string | null {
  try {
    return localStorage.getItem(`actarium.${key}`);
  } catch {
    return null;
  }
}

export function remember(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(`actarium.${key}`);
    else localStorage.setItem(`actarium.${key}`, value);
  } catch {
    // It is asked again the next time.
  }
}
