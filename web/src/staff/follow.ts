// Follows a job until it ends: by its stream of events, and by asking again and again while there is no stream.

import { utf8 } from "../bytes.ts";
import { parseJson } from "../json.ts";
import { Members } from "../members.ts";
import { attempt } from "../refusal.ts";
import { ApiError } from "./api.ts";
import { EventReader } from "./events.ts";
import { hasEnded, readJob, type Job, type Unit } from "./job.ts";
import { either } from "./signals.ts";

/** What a follower needs from outside; tests bring their own. */
export interface Sources {
  /** The job as it is. Throws `ApiError`. */
  show(): Promise<Job>;
  /** The stream behind an event; nothing if no event will follow. Throws `ApiError`. */
  stream(last: string | undefined, signal: AbortSignal): Promise<Response | undefined>;
  pause(ms: number): Promise<void>;
}

export type Mode = "stream" | "poll" | "lost" | "busy";

export interface Listener {
  /** News of the job; that of an event is without its shards. */
  job(job: Job): void;
  units(units: Unit[]): void;
  /** How the follower learns of changes now. `lost`: the service does not answer, `busy`: it asks to wait. */
  mode(mode: Mode, waitS: number): void;
}

/** The service says something every 15 seconds: a longer silence is that of something between. */
const SILENCE_MS = 40_000;
const POLL_MS = 4_000;
/** Polls before the next attempt at a stream. */
const POLLS = 5;
/** Between two questions for the shards, which events leave out. */
const UNITS_MS = 2_000;
const RECONNECT_MS = 3_000;

/** Returns when the job has ended or `signal` says so. Throws `ApiError` where asking again is useless. */
export async function follow(sources: Sources, listener: Listener, signal: AbortSignal): Promise<void> {
  const seen = { last: undefined as string | undefined };
  // a call that ends the loop below from outside of it
  const stopped = () => signal.aborted;
  while (!stopped()) {
    const end = await listen(sources, listener, signal, seen);
    if (end === "ended" || stopped()) return;
    if (typeof end === "number") {
      await sources.pause(end);
      continue;
    }
    for (let k = 0; k < POLLS && !stopped(); k++) {
      const waitS = await poll(sources, listener, signal);
      if (waitS === "ended") return;
      await sources.pause(Math.max(POLL_MS, waitS * 1000));
    }
  }
}

/** One stream: `ended` with the job, a number of milliseconds to wait for the next, or `broken` where none works. */
async function listen(sources: Sources, listener: Listener, signal: AbortSignal, seen: { last: string | undefined }): Promise<"ended" | "broken" | number> {
  const silent = new AbortController();
  const stopped = either([signal, silent.signal]);
  const watch = () => setTimeout(() => silent.abort(), SILENCE_MS);
  let timer = watch();
  const units = new UnitQuestions(sources, listener, stopped);
  try {
    const response = await sources.stream(seen.last, stopped);
    if (!response) {
      tell(listener, signal, await sources.show());
      return "ended";
    }
    const reader = response.body?.getReader();
    const decoder = new TextDecoder();
    const events = new EventReader();
    let told = false;
    for (let text = await next(reader, decoder); text !== undefined; text = await next(reader, decoder)) {
      clearTimeout(timer);
      timer = watch();
      if (!told) listener.mode("stream", 0);
      told = true;
      const fed = attempt(() => events.feed(text));
      if (!fed.ok) return "broken";
      for (const event of fed.value) {
        if (event.type !== "progress") continue;
        const read = attempt(() => readJob(Members.of(parseJson(utf8(event.data), "the event"), "the event")));
        if (!read.ok) return "broken";
        seen.last = event.id;
        tell(listener, signal, read.value);
        if (hasEnded(read.value)) {
          await units.last();
          return "ended";
        }
        units.ask();
      }
    }
    // the service ends a stream after a while; one that never spoke is none
    return told ? (events.retryMs ?? RECONNECT_MS) : "broken";
  } catch (error) {
    if (isFinal(error)) throw error;
    return "broken";
  } finally {
    clearTimeout(timer);
    silent.abort();
  }
}

/** The next text of a stream; nothing at its end. A connection that breaks is an `ApiError`. */
async function next(reader: ReadableStreamDefaultReader<Uint8Array> | undefined, decoder: TextDecoder): Promise<string | undefined> {
  try {
    const part = await reader?.read();
    return part && !part.done ? decoder.decode(part.value, { stream: true }) : undefined;
  } catch {
    throw new ApiError(0, "", 0);
  }
}

/** Asks once: `ended`, or how long the service asks to wait, in seconds. */
async function poll(sources: Sources, listener: Listener, signal: AbortSignal): Promise<"ended" | number> {
  try {
    const job = await sources.show();
    if (signal.aborted) return "ended";
    listener.mode("poll", 0);
    tell(listener, signal, job);
    return hasEnded(job) ? "ended" : 0;
  } catch (error) {
    if (isFinal(error)) throw error;
    const { status, waitS } = error as ApiError;
    if (!signal.aborted) listener.mode(status === 0 ? "lost" : "busy", waitS);
    return waitS;
  }
}

/** Neither waiting nor another attempt helps; 429 and faults of the service pass. */
function isFinal(error: unknown): boolean {
  return !(error instanceof ApiError) || (error.status >= 200 && error.status < 500 && error.status !== 429);
}

function tell(listener: Listener, signal: AbortSignal, job: Job): void {
  if (!signal.aborted) listener.job(job);
}

/** Asks for the shards of a job that changes, not more often than every `UNITS_MS`. */
class UnitQuestions {
  private running = false;
  private again = false;

  constructor(private readonly sources: Sources, private readonly listener: Listener, private readonly signal: AbortSignal) {}

  ask(): void {
    if (this.running) this.again = true;
    else void this.run();
  }

  private async run(): Promise<void> {
    this.running = true;
    do {
      this.again = false;
      await this.last();
      await this.sources.pause(UNITS_MS);
    } while (this.again && !this.signal.aborted);
    this.running = false;
  }

  /** An answer that does not come is no reason to stop: the stream goes on. */
  async last(): Promise<void> {
    try {
      const { units } = await this.sources.show();
      if (!this.signal.aborted) this.listener.units(units);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }
}
