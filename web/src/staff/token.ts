// The token of the reader: in the storage of this tab's session alone, and in no address. A browser that restores tabs keeps that storage.

const ROLES = ["operator", "regulator"] as const;
export type Role = (typeof ROLES)[number];

const name = (role: Role) => `assay.token.${role}`;
/** Where a browser has no storage for the page, the token lasts as long as the page. */
const inMemory = new Map<Role, string>();

export function token(role: Role): string | undefined {
  const newer = inMemory.get(role);
  if (newer !== undefined) return newer;
  try {
    return sessionStorage.getItem(name(role)) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Keeps what the reader pasted, without white space around it; false if it cannot be a token. */
export function keepToken(role: Role, pasted: string): boolean {
  const text = pasted.trim();
  // what a header may carry
  if (!/^[\x21-\x7e]{1,8192}$/.test(text)) return false;
  // an older one must not be there if this one finds no room
  forget(role);
  try {
    sessionStorage.setItem(name(role), text);
  } catch {
    inMemory.set(role, text);
  }
  return true;
}

/** Whether the text begins as tokens do, which some domains would do too: `{"` in base64. */
export function seemsToken(text: string): boolean {
  return text.trim().startsWith("eyJ");
}

/** Forgets the tokens of both pages. */
export function forgetTokens(): void {
  for (const role of ROLES) forget(role);
}

function forget(role: Role): void {
  inMemory.delete(role);
  try {
    sessionStorage.removeItem(name(role));
  } catch {
    // then there is nothing to remove
  }
}
