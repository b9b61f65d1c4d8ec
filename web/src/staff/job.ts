// A job of the service, as its endpoints give it.

import type { Members } from "../members.ts";

export const STAGES = ["queued", "checking", "planning", "folding", "compressing", "verifying", "publishing", "published"] as const;
const ENDS = ["published", "refused", "failed", "cancelled"] as const;
export const STATES = ["queued", "checking", "planning", "folding", "compressing", "verifying", "publishing", ...ENDS] as const;
export type State = (typeof STATES)[number];

export interface Unit {
  shard: bigint;
  state: string;
  stepsDone: bigint;
  steps: bigint;
}

export interface Finding {
  file: string;
  line: bigint | undefined;
  reason: string;
}

export interface Job {
  id: string;
  snapshot: string;
  /** One of `STATES`, unless the service is newer than this page. */
  state: string;
  shape: string;
  shards: bigint | undefined;
  accounts: bigint | undefined;
  pages: bigint | undefined;
  stepsDone: bigint;
  steps: bigint | undefined;
  stepsPerMinute: bigint | undefined;
  /** Progress of each shard; events have none. */
  units: Unit[];
  detail: string | undefined;
  findings: { findings: Finding[]; total: bigint } | undefined;
  attestation: string | undefined;
  createdAt: string;
  updatedAt: string;
}

export function isState(state: string): state is State {
  return (STATES as readonly string[]).includes(state);
}

export function hasEnded(job: Job): boolean {
  return (ENDS as readonly string[]).includes(job.state);
}

/** The id in the form that the service prints, or nothing. */
export function jobId(text: string): string | undefined {
  const id = text.trim().toLowerCase();
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id) ? id : undefined;
}

export function readJob(m: Members): Job {
  const count = (name: string) => m.optional(name, (n) => m.number(n));
  const text = (name: string) => m.optional(name, (n) => m.text(n));
  return {
    id: m.text("id"),
    snapshot: m.text("snapshot"),
    state: m.text("state"),
    shape: m.text("shape"),
    shards: count("shards"),
    accounts: count("accounts"),
    pages: count("pages"),
    stepsDone: m.number("steps_done"),
    steps: count("steps"),
    stepsPerMinute: count("steps_per_minute"),
    units: m.optional("units", (n) => m.objects(n, "unit", readUnit)) ?? [],
    detail: text("detail"),
    findings: m.optional("findings", (n) => {
      const found = m.object_(n, "the findings");
      return { findings: found.objects("findings", "finding", readFinding), total: found.number("total") };
    }),
    attestation: text("attestation"),
    createdAt: m.text("created_at"),
    updatedAt: m.text("updated_at"),
  };
}

function readUnit(m: Members): Unit {
  return { shard: m.number("shard"), state: m.text("state"), stepsDone: m.number("steps_done"), steps: m.number("steps") };
}

function readFinding(m: Members): Finding {
  const line = m.has("line") && m.json("line") !== null ? m.number("line") : undefined;
  return { file: m.text("file"), line, reason: m.text("reason") };
}
