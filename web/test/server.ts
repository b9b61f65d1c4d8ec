// A small server for the browser tests: it serves dist under the pages' headers, and the interface from a fixture. It notes every request.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { utf8 } from "../src/bytes.ts";
import { statementDigest } from "../src/statement.ts";
import { bytes, examples, fixture, type Attested } from "./files.ts";
import { allSignatures } from "./signed.ts";

/** The policy that the service sends with its pages; a test of `src/api/pages/page.rs` writes the file. */
export const CSP = new TextDecoder().decode(fixture("policy.txt")).trimEnd();

export interface Served {
  base: string;
  id: string;
  /** Method, path with query, headers and body of each request. */
  requests: { line: string; headers: IncomingMessage["headers"]; body: string }[];
  close(): Promise<void>;
}

export const TOKEN = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ0b2tlbiBmb3IgdGVzdHMifQ.c2lnbmF0dXJl";

/** `more` are published beside `attested`, whose account the token is for. */
export async function serve(attested: Attested, change: { missing?: string; more?: Attested[] } = {}): Promise<Served> {
  const id = statementDigest(attested.statement);
  const requests: Served["requests"] = [];
  const api = `/v1/attestations/${id}`;
  const public_ = "public, max-age=60";
  const routes: Record<string, [string, Uint8Array | undefined, string]> = {
    "/check": ["text/html; charset=utf-8", bytes("web", "dist", "check.html"), "no-cache"],
    "/verify.html": ["text/html; charset=utf-8", bytes("web", "dist", "verify.html"), "no-cache"],
    "/assets/assay.js": ["text/javascript; charset=utf-8", bytes("web", "dist", "assay.js"), public_],
    "/assets/assay.css": ["text/css; charset=utf-8", bytes("web", "dist", "assay.css"), public_],
    "/assets/pages.css": ["text/css; charset=utf-8", bytes("src", "pages", "pages.css"), public_],
    "/.well-known/jwks.json": ["application/json", attested.jwks, public_],
    [`${api}/inclusion`]: ["application/json", attested.inclusion, "private, no-store"],
  };
  for (const [name, page] of examples()) routes[`/pages/${name}`] = ["text/html; charset=utf-8", utf8(page), public_];
  for (const one of [attested, ...(change.more ?? [])]) {
    const path = `/v1/attestations/${statementDigest(one.statement)}`;
    routes[`${path}/statement`] = ["application/json", one.statement, public_];
    routes[`${path}/signatures`] = ["application/json", one.signatures ?? (one.jws && allSignatures(one)), "public, no-cache"];
  }
  const server: Server = createServer((request, response) => void answer(request, response));
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    requests.push({ line: `${request.method} ${request.url}`, headers: request.headers, body: Buffer.concat(chunks).toString() });
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    const status = (code: number) => response.writeHead(code, { "content-type": "application/problem+json" }).end('{"status":' + code + "}");
    if (path === `${api}/verification` && request.method === "POST") return void response.writeHead(204).end();
    const route = routes[path];
    if (!route?.[1] || (change.missing !== undefined && path.endsWith(change.missing))) return void status(404);
    if (path.endsWith("/inclusion") && request.headers.authorization !== `Bearer ${TOKEN}`) return void status(401);
    const page = route[0].startsWith("text/html") && path !== "/verify.html" ? { "content-security-policy": CSP } : {};
    response.writeHead(200, {
      "content-type": route[0], "cache-control": route[2], "x-content-type-options": "nosniff", "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin", ...page,
    });
    response.end(route[1]);
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => new Promise<void>((resolve) => (server.closeAllConnections(), server.close(() => resolve())));
  return { base: `http://127.0.0.1:${port}`, id, requests, close };
}
