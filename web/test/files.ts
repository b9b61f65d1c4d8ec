// Files that the tests read: published vectors, frozen attestations, and fixtures made by the program.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

declare const WEB: string;
export const web = WEB;
export const root = join(WEB, "..");

export function bytes(...path: string[]): Uint8Array {
  return new Uint8Array(readFileSync(join(root, ...path)));
}

export function fixture(...path: string[]): Uint8Array {
  return bytes("web", "test", "fixtures", ...path);
}

export interface Attested {
  inclusion: Uint8Array;
  statement: Uint8Array;
  jws?: Uint8Array;
  jwks?: Uint8Array;
  /** signatures.json, if it is not the statement's signatures alone. */
  signatures?: Uint8Array;
}

/** What `assay prove`, `assay inclusion` and `assay keys show` wrote for a sample ledger. */
export function attested(family: "solvency" | "compliance", file = "inclusion"): Attested {
  return {
    inclusion: fixture(family, `${file}.json`),
    statement: fixture(family, "statement.json"),
    jws: fixture(family, "attestation.jws"),
    jwks: fixture("jwks.json"),
  };
}

/** The service's own pages by the names of their files: examples that a test of `src/pages` pins. */
export function examples(): [name: string, html: string][] {
  const folder = join(web, "test", "pages");
  return readdirSync(folder).sort().map((name) => [name, readFileSync(join(folder, name), "utf8")]);
}
