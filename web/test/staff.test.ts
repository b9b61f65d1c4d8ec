// Of the pages for readers with a token, what needs no browser: events, the follower of a job, samples.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { statementDigest } from "../src/statement.ts";
import { readReserves } from "../src/staff/compliance.ts";
import { ApiError } from "../src/staff/api.ts";
import { EventReader } from "../src/staff/events.ts";
import { follow, type Sources } from "../src/staff/follow.ts";
import { jobId, type Job } from "../src/staff/job.ts";
import { drawn, readSeed } from "../src/staff/sample.ts";
import { either } from "../src/staff/signals.ts";
import { forgetTokens, keepToken, token } from "../src/staff/token.ts";
import { bytes } from "./files.ts";
import { encode, number, object, put } from "./make.ts";
import { disclosure, ID, STATEMENT } from "./staff_server.ts";

test("events are read wherever the pieces are cut", () => {
  const text = ': hello\r\nevent: progress\nid: a-1\nretry: 3000\ndata: {"x":\ndata: 1}\n\nevent: other\ndata\n\nid: b\n\ndata:  two\r\rdata: cut';
  const whole = [
    { type: "progress", id: "a-1", data: '{"x":\n1}' }, { type: "other", id: "a-1", data: "" }, { type: "message", id: "b", data: " two" },
  ];
  for (let size = 1; size <= text.length; size++) {
    const reader = new EventReader();
    const events = [];
    for (let at = 0; at < text.length; at += size) events.push(...reader.feed(text.slice(at, at + size)));
    assert.deepEqual(events, whole, `pieces of ${size}`);
    assert.equal(reader.retryMs, 3000);
  }
  assert.throws(() => new EventReader().feed(`data: ${"x".repeat(9 << 20)}`), /does not end/);
});

/** A follower whose service answers as `script` says, one entry for each request. */
function steered(script: { stream: (string | number)[]; show: (string | number)[] }) {
  const seen: string[] = [];
  const job = (state: string): Job => ({ ...JSON.parse(JSON.stringify({ id: "", snapshot: "", shape: "", units: [], createdAt: "", updatedAt: "" })), state, stepsDone: 1n }) as Job;
  const refused = (status: number) => new ApiError(status, "", status === 429 ? 9 : 0);
  const sources: Sources = {
    show: async () => {
      const next = script.show.shift() ?? "published";
      if (typeof next === "number") throw refused(next);
      return job(next);
    },
    stream: async (last) => {
      seen.push(`stream ${last ?? "-"}`);
      const next = script.stream.shift() ?? 404;
      if (next === 204) return undefined;
      if (typeof next === "number") throw refused(next);
      if (next.startsWith("raw ")) return new Response(next.slice(4));
      const event = (state: string, k: number) =>
        `id: ${state}-${k}\nevent: progress\nretry: 70\ndata: ${JSON.stringify({ id: "", snapshot: "", state, shape: "", steps_done: k, created_at: "", updated_at: "" })}\n\n`;
      return new Response(next.split(" ").map((state, k) => (state === "ping" ? ": ping\n\n" : event(state, k))).join(""));
    },
    pause: async (ms) => void seen.push(`pause ${ms}`),
  };
  const listener = {
    job: (given: Job) => void seen.push(given.state),
    units: () => undefined,
    mode: (mode: string, waitS: number) => void seen.push(`${mode} ${waitS}`),
  };
  return { seen, run: (signal = new AbortController().signal) => follow(sources, listener, signal) };
}

const without = (seen: string[], units = "pause 2000") => seen.filter((entry) => entry !== units);

test("a stream goes on behind its last event until the job ends", async () => {
  const { seen, run } = steered({ stream: ["queued folding", "ping", "published"], show: [] });
  await run();
  assert.deepEqual(without(seen), [
    "stream -", "stream 0", "queued", "folding", "pause 70", "stream folding-1", "stream 0", "pause 3000", "stream folding-1", "stream 0", "published",
  ]);
});

test("a job that ended before is shown once more", async () => {
  const { seen, run } = steered({ stream: [204], show: ["failed"] });
  await run();
  assert.deepEqual(seen, ["stream -", "failed"]);
});

test("without a stream the follower asks, waits as it is told, and tries the stream again after five answers", async () => {
  const { seen, run } = steered({ stream: [503, "published"], show: ["folding", 429, 0, "folding", 500, "published"] });
  await run();
  assert.deepEqual(without(seen), [
    "stream -", "poll 0", "folding", "pause 4000", "busy 9", "pause 9000", "lost 0", "pause 4000", "poll 0", "folding", "pause 4000", "busy 0", "pause 4000",
    "stream -", "stream 0", "published",
  ]);
});

test("a stream that is none is left for questions", async () => {
  for (const stream of [502, "raw ", "raw event: progress\ndata: {}\n\n", "raw event: progress\ndata: no JSON\n\n", `raw ${"x".repeat(9 << 20)}`]) {
    const { seen, run } = steered({ stream: [stream], show: ["cancelled"] });
    await run();
    assert.deepEqual(seen.filter((entry) => entry !== "stream 0"), ["stream -", "poll 0", "cancelled"]);
  }
});

test("who may not ask is told, and not asked for again", async () => {
  for (const status of [401, 403, 404]) {
    const { seen, run } = steered({ stream: [status], show: [] });
    await assert.rejects(run(), (error) => error instanceof ApiError && error.status === status);
    assert.deepEqual(seen, ["stream -"]);
  }
});

test("a follower that is stopped says nothing more", async () => {
  const stop = new AbortController();
  stop.abort();
  const { seen, run } = steered({ stream: ["folding"], show: [] });
  await run(stop.signal);
  assert.deepEqual(seen, []);
});

test("one signal of several aborts with the first, with and without the browser's own function", () => {
  const own = Object.getOwnPropertyDescriptor(AbortSignal, "any") as PropertyDescriptor;
  for (const has of [true, false]) {
    if (!has) Reflect.deleteProperty(AbortSignal, "any");
    try {
      const [one, two] = [new AbortController(), new AbortController()];
      const both = either([one.signal, two.signal]);
      assert.equal(both.aborted, false);
      two.abort("why");
      one.abort("late");
      assert.deepEqual([both.aborted, both.reason], [true, "why"]);
      assert.equal(either([new AbortController().signal, two.signal]).aborted, true);
    } finally {
      Object.defineProperty(AbortSignal, "any", own);
    }
  }
});

test("the newest token counts, also where a browser has no room for it", () => {
  const kept = new Map<string, string>();
  let [room, removes] = [true, true];
  const storage = {
    getItem: (name: string) => kept.get(name) ?? null,
    setItem: (name: string, value: string) => {
      if (!room) throw new Error("the quota is used up");
      kept.set(name, value);
    },
    removeItem: (name: string) => {
      if (!removes) throw new Error("no");
      kept.delete(name);
    },
  };
  Object.defineProperty(globalThis, "sessionStorage", { value: storage, configurable: true });
  try {
    assert.ok(keepToken("operator", "older") && keepToken("regulator", "another"));
    room = false;
    assert.ok(keepToken("operator", "newer"));
    assert.deepEqual([token("operator"), [...kept.keys()]], ["newer", ["assay.token.regulator"]]);
    removes = false;
    assert.ok(keepToken("regulator", "newest"));
    assert.equal(token("regulator"), "newest");
    [room, removes] = [true, true];
    forgetTokens();
    assert.deepEqual([token("operator"), token("regulator"), kept.size], [undefined, undefined, 0]);
    assert.ok(keepToken("operator", "again"));
    assert.equal(kept.get("assay.token.operator"), "again");
  } finally {
    Reflect.deleteProperty(globalThis, "sessionStorage");
  }
});

test("a job's id has one form", () => {
  assert.equal(jobId(" 019AAFE8-aa40-7b1e-8c7d-2e5f4a3b1c0d\n"), "019aafe8-aa40-7b1e-8c7d-2e5f4a3b1c0d");
  for (const wrong of ["", "17", "019aafe8aa407b1e8c7d2e5f4a3b1c0d", "../019aafe8-aa40-7b1e-8c7d-2e5f4a3b1c0d", "019aafe8-aa40-7b1e-8c7d-2e5f4a3b1c0d/x"]) assert.equal(jobId(wrong), undefined, wrong);
});

test("a sample is the lines with the smallest digests, and the documented commands draw it too", () => {
  const file = disclosure();
  const indices = file.lines.map(({ index }) => BigInt(index));
  const spec = new TextDecoder().decode(bytes("api-spec", "reserves.md"));
  const [, commands = ""] = /```sh\n([^]*?)```/.exec(spec) ?? [];
  const folder = mkdtempSync(join(tmpdir(), "assay-sample-"));
  try {
    for (const text of [JSON.stringify(file), JSON.stringify(file, null, 2)]) {
      writeFileSync(join(folder, "reserves.json"), text);
      const printed = execFileSync("sh", ["-c", commands], { cwd: folder, encoding: "utf8" });
      assert.deepEqual(printed.trim().split("\n").map((line) => BigInt(line.slice(65))), drawn("audit-7", indices, 2));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  assert.deepEqual(drawn("audit-7", [3n], 5), [3n]);
  const ten = Array.from({ length: 10 }, (_, k) => BigInt(k));
  assert.deepEqual(drawn("audit-7", ten, 4), drawn("audit-7", [...ten].reverse(), 10).slice(0, 4));
  assert.notDeepEqual(drawn("audit-7", ten, 10), drawn("audit-8", ten, 10));
});

test("a seed has one spelling", () => {
  assert.equal(readSeed("  a b \n"), "a b");
  for (const wrong of ["", "  ", "ü", "a\tb", "x".repeat(129)]) assert.equal(readSeed(wrong), undefined, wrong);
});

test("the reserves of a statement are read from the bytes with the attestation's digest alone", () => {
  const read = readReserves(STATEMENT, ID);
  assert.deepEqual([read.lines, read.evidence?.lines.unproven, read.ownedBps], [249n, 249n, undefined]);
  assert.deepEqual(read.assets[0], { symbol: "BTC", scale: 8, reserves: 6_398_812_989n });
  const changed = object(STATEMENT);
  put(changed, ["policy", "owned_bps"], number(9_000));
  const other = encode(changed);
  assert.throws(() => readReserves(other, ID), /is not the one of this attestation/);
  assert.equal(readReserves(other, statementDigest(other)).ownedBps, 9_000n);
});
