// The two pages for readers with a token, as the service writes them, before an interface that a test steers. It notes every request.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "playwright-core";
import { statementDigest } from "../src/statement.ts";
import { bytes, fixture } from "./files.ts";
import { CSP } from "./server.ts";

export const TOKEN = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJzdGFmZiJ9.c2lnbmF0dXJl";
export const JOB = "019aafe8-aa40-7b1e-8c7d-2e5f4a3b1c0d";
export const STATEMENT = fixture("compliance", "statement.json");
export const ID = statementDigest(STATEMENT);

/** What nobody may see as markup, and nobody may overlook; and how it is shown. */
export const HOSTILE = '<img src=x onerror="document.title=1">\u202eexe.\u2066';
export const HOSTILE_SHOWN = '<img src=x onerror="document.title=1">U+202Eexe.U+2066';

type Document = Record<string, unknown>;

export interface Request {
  line: string;
  headers: IncomingMessage["headers"];
}

/** What a path answers in place of its document. */
interface Refusal {
  status: number;
  kind?: string;
  detail?: string;
  retryAfter?: string;
  location?: string;
}

const text = (value: Uint8Array) => new TextDecoder().decode(value);
/** An example of the API's description, whose form a test of the service pins. */
export const example = (name: string): Document => JSON.parse(text(bytes("api-spec", "examples", `${name}.json`))) as Document;

/** The file of disclosed lines in api-spec/reserves.md. */
export function disclosure(): Document & { lines: { index: number; fields: Record<string, string>; blind: string }[] } {
  const [, block = ""] = /```json\n([^]*?)```/.exec(text(bytes("api-spec", "reserves.md"))) ?? [];
  return JSON.parse(block) as ReturnType<typeof disclosure>;
}

export class Staff {
  readonly requests: Request[] = [];
  job: Document = { ...example("job-folding"), units: [{ shard: 0, state: "folding", steps_done: 12, steps: 19 }] };
  documents: Record<string, Document> = {
    "/v1/attestations": { attestations: [summary()] },
    [`/v1/attestations/${ID}`]: { ...example("attestation"), ...summary() },
    [`/v1/compliance/${ID}`]: { ...example("compliance"), attestation: summary() },
    [`/v1/reserves/${ID}`]: { ...disclosure(), attestation_id: ID },
  };
  /** By the start of "METHOD path". */
  refusals: Record<string, Refusal> = {};
  base = "";
  private readonly streams = new Set<ServerResponse>();
  private readonly server = createServer((request, response) => this.answer(request, response));

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.base = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return this;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  /** Changes the job, and says so on every stream. */
  push(change: Document): void {
    this.job = { ...this.job, ...change };
    for (const stream of this.streams) stream.write(this.event());
    if (["published", "refused", "failed", "cancelled"].includes(String(this.job["state"]))) this.cut();
  }

  /** Ends every stream, as the service does after a while. */
  cut(): void {
    for (const stream of this.streams) stream.end();
    this.streams.clear();
  }

  asked(start: string): Request[] {
    return this.requests.filter(({ line }) => line.startsWith(start));
  }

  private version(): string {
    return `${this.job["state"]}-${this.job["steps_done"]}`;
  }

  private event(): string {
    const { units: _, ...job } = this.job;
    return `event: progress\nid: ${this.version()}\nretry: 50\ndata: ${JSON.stringify({ ...job, steps_per_minute: 31 })}\n\n`;
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const line = `${request.method} ${request.url}`;
    this.requests.push({ line, headers: request.headers });
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
    const send = (status: number, kind: string, body: string | Uint8Array, headers: Record<string, string> = {}) =>
      void response.writeHead(status, { "content-type": kind, "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", ...headers }).end(body);
    const refuse = ({ status, kind = "x", detail, retryAfter, location }: Refusal) =>
      send(status, "application/problem+json", JSON.stringify({ type: `/problems/${kind}`, title: kind, status, detail }), {
        ...(retryAfter === undefined ? {} : { "retry-after": retryAfter }), ...(location === undefined ? {} : { location }),
      });
    if (pathname === "/operator" || pathname === "/regulator") {
      const tag = searchParams.get("lang") ?? String(request.headers["accept-language"]).slice(0, 2);
      const html = fixture("staff", `${pathname.slice(1)}.${tag === "de" ? "de" : "en"}.html`);
      return send(200, "text/html; charset=utf-8", html, { "content-security-policy": CSP, "cross-origin-opener-policy": "same-origin", "cache-control": "no-cache" });
    }
    if (pathname === "/assets/pages.css") return send(200, "text/css; charset=utf-8", bytes("src", "pages", "pages.css"));
    if (pathname.startsWith("/assets/")) return send(200, pathname.endsWith(".js") ? "text/javascript" : "text/css", bytes("web", "dist", pathname.slice(8)));
    const refusal = Object.entries(this.refusals).find(([start]) => line.startsWith(start))?.[1];
    if (refusal) return refuse(refusal);
    const isPublic = pathname.startsWith("/v1/attestations");
    if (!isPublic && request.headers.authorization !== `Bearer ${TOKEN}`) return refuse({ status: 401, detail: "the token has expired" });
    if (pathname === `/v1/attestations/${ID}/statement`) return send(200, "application/json", STATEMENT);
    if (pathname === `/v1/jobs/${JOB}/events`) {
      if (request.headers["last-event-id"] === this.version() && this.job["state"] === "published") return void response.writeHead(204).end();
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
      this.streams.add(response);
      response.on("close", () => this.streams.delete(response));
      return void response.write(request.headers["last-event-id"] === this.version() ? ": still here\n\n" : this.event());
    }
    if (pathname === `/v1/jobs/${JOB}`) {
      if (request.method === "DELETE") this.push({ state: "cancelled" });
      return send(request.method === "DELETE" ? 202 : 200, "application/json", JSON.stringify(this.job));
    }
    const document = this.documents[pathname];
    return document ? send(200, "application/json", JSON.stringify(document)) : refuse({ status: 404, kind: "not-found" });
  }
}

export function summary(): Document {
  const { attestation } = example("compliance") as { attestation: Document };
  return { ...attestation, id: ID };
}

export async function served(work: (staff: Staff) => Promise<void>): Promise<void> {
  const staff = await new Staff().start();
  try {
    await work(staff);
  } finally {
    await staff.close();
  }
}

/** Waits until the element has this text. */
export async function says(page: Page, selector: string, text: string): Promise<void> {
  await page.waitForFunction(([where, what]) => document.querySelector(where as string)?.textContent?.includes(what as string), [selector, text]);
}
