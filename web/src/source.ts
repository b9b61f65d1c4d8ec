// Where the files of an attestation come from: the service, or the block inside a saved page.

import { fromBase64, toBase64, utf8, utf8Text } from "./bytes.ts";
import { MAX_INCLUSION_BYTES } from "./inclusion.ts";
import { canonical, parseJson } from "./json.ts";
import { MAX_JWKS_BYTES } from "./jws.ts";
import { Members } from "./members.ts";
import { MAX_SIGNATURES_BYTES } from "./notices.ts";
import { refuse } from "./refusal.ts";
import { MAX_STATEMENT_BYTES } from "./statement.ts";

/** The public files of one attestation. */
export interface Attestation {
  id?: string | undefined;
  statement?: Uint8Array | undefined;
  jws?: Uint8Array | undefined;
  jwks?: Uint8Array | undefined;
  /** All signatures, with the notices of the exchange. */
  signatures?: Uint8Array | undefined;
}

export type FetchProblem = "unreachable" | "no_attestation" | "no_account" | "refused" | "busy" | "failed";

export class FetchError extends Error {
  constructor(readonly problem: FetchProblem, readonly status: string) {
    super(problem);
  }
}

const TIMEOUT_MS = 60_000;

/** The link's fragment: which attestation, and the token that opens the reader's own file. */
export function readFragment(hash: string): { id: string; token: string } | undefined {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const [id, token] = [fields.get("a") ?? "", fields.get("t") ?? ""];
  return /^[0-9a-f]{64}$/.test(id) && /^[\x21-\x7e]{1,8192}$/.test(token) ? { id, token } : undefined;
}

async function get(path: string, most: number, missing: FetchProblem, token?: string): Promise<Uint8Array> {
  let response: Response;
  try {
    response = await fetch(path, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      cache: token === undefined ? "default" : "no-store",
      credentials: "omit",
      referrerPolicy: "no-referrer",
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    throw new FetchError("unreachable", "");
  }
  const problems: Record<number, FetchProblem> = { 401: "refused", 403: "refused", 404: missing, 410: missing, 429: "busy", 503: "busy" };
  if (!response.ok) throw new FetchError(problems[response.status] ?? "failed", String(response.status));
  return await bounded(response, most);
}

/** The body, read no further than `most` bytes. */
async function bounded(response: Response, most: number): Promise<Uint8Array> {
  const reader = response.body?.getReader();
  const parts: Uint8Array[] = [];
  let length = 0;
  try {
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
      length += part.value.length;
      if (length > most) throw new FetchError("failed", `> ${most} bytes`);
      parts.push(part.value);
    }
  } catch (error) {
    throw error instanceof FetchError ? error : new FetchError("unreachable", "");
  }
  return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
}

/** Statement, all signatures and keys, as the service publishes them. */
export async function fetchAttestation(id: string): Promise<Attestation> {
  const [statement, signatures, jwks] = await Promise.all([
    get(`/v1/attestations/${id}/statement`, MAX_STATEMENT_BYTES, "no_attestation"),
    get(`/v1/attestations/${id}/signatures`, MAX_SIGNATURES_BYTES, "no_attestation"),
    get("/.well-known/jwks.json", MAX_JWKS_BYTES, "failed"),
  ]);
  return { id, statement, signatures, jwks };
}

export function fetchInclusion(id: string, token: string): Promise<Uint8Array> {
  return get(`/v1/attestations/${id}/inclusion`, MAX_INCLUSION_BYTES, "no_account", token);
}

export async function fetchOfflinePage(): Promise<string> {
  return utf8Text(await get("/verify.html", 4 << 20, "failed"), "the offline page");
}

/** Counts the reader's answer. */
export async function sendAnswer(id: string, token: string, included: boolean): Promise<boolean> {
  try {
    const response = await fetch(`/v1/attestations/${id}/verification`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ included }),
      credentials: "omit",
      referrerPolicy: "no-referrer",
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return response.ok;
  } catch {
    return false;
  }
}

/** Where the block goes. Put together, so that the page has the marker itself only once, and whoever replaces it leaves the script whole. */
export const MARKER = ["<!--", "-->"].join("attestation");

/** Reads the block that a server or "Save this check" puts in the place of the marker. */
export function readBlock(text: string): Attestation {
  const m = Members.of(parseJson(utf8(text), "the page's attestation"), "the page's attestation");
  const id = m.text("id");
  const statement = fromBase64(m.text("statement_base64")) ?? refuse("the page's statement is not canonical base64");
  const json = (name: string) => m.optional(name, (n) => utf8(canonical(m.json(n))));
  const read = { id, statement, jws: json("jws"), jwks: json("jwks"), signatures: json("signatures") };
  m.end();
  return read;
}

/** The block for a page that is saved. No text in it can end the element that holds it. */
export function writeBlock(attestation: Attestation & { id: string; statement: Uint8Array }): string {
  const members = [`"id":${JSON.stringify(attestation.id)}`];
  for (const name of ["jwks", "jws", "signatures"] as const) {
    const bytes = attestation[name];
    if (bytes) members.push(`"${name}":${canonical(parseJson(bytes, name))}`);
  }
  members.push(`"statement_base64":${JSON.stringify(toBase64(attestation.statement))}`);
  const json = `{${members.join(",")}}`.replaceAll("<", "\\u003c").replaceAll(">", "\\u003e");
  return `<script type="application/json" id="attestation">${json}</script>`;
}
