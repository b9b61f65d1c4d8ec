// Requests to this service, and to no other: the browser refuses every other origin, and every redirect.

import { parseJson } from "../json.ts";
import { Members } from "../members.ts";
import { attempt } from "../refusal.ts";
import { either } from "./signals.ts";

/** A request that failed. */
export class ApiError extends Error {
  /** `status` is 0 if there was no answer; `waitS` is what the service asks to wait, in seconds. */
  constructor(readonly status: number, readonly detail: string, readonly waitS: number) {
    super(`${status} ${detail}`);
  }
}

const TIMEOUT_MS = 60_000;
const MAX_PROBLEM_BYTES = 64 << 10;
const MAX_WAIT_S = 600;

export interface Call {
  token?: string | undefined;
  method?: "GET" | "DELETE";
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
  /** Without it, a request may take a minute. */
  endless?: boolean;
}

/** The answer to a request for a path of this service, if it is a good one. Throws `ApiError`. */
export async function send(path: string, call: Call = {}): Promise<Response> {
  const { token, method = "GET", headers = {}, signal } = call;
  const signals = [signal, call.endless ? undefined : AbortSignal.timeout(TIMEOUT_MS)].filter((s) => s !== undefined);
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: token === undefined ? headers : { ...headers, authorization: `Bearer ${token}` },
      mode: "same-origin",
      redirect: "error",
      cache: "no-store",
      credentials: "omit",
      referrerPolicy: "no-referrer",
      signal: either(signals),
    });
  } catch {
    throw new ApiError(0, "", 0);
  }
  if (response.ok) return response;
  throw await failure(response);
}

async function failure(response: Response): Promise<ApiError> {
  const bytes = await bounded(response, MAX_PROBLEM_BYTES).catch(() => new Uint8Array());
  const read = attempt(() => {
    const problem = Members.of(parseJson(bytes, "the problem"), "the problem");
    return problem.optional("detail", (name) => problem.text(name)) ?? problem.text("title");
  });
  const wait = Number(/^\d{1,6}$/.exec(response.headers.get("retry-after") ?? "")?.[0] ?? 0);
  return new ApiError(response.status, read.ok ? read.value : "", Math.min(wait, MAX_WAIT_S));
}

/** The body, read no further than `most` bytes. Throws `ApiError`. */
export async function bounded(response: Response, most: number): Promise<Uint8Array> {
  const reader = response.body?.getReader();
  const parts: BlobPart[] = [];
  let length = 0;
  try {
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
      length += part.value.length;
      if (length > most) throw new ApiError(response.status, `the answer has more than ${most} bytes`, 0);
      parts.push(part.value);
    }
  } catch (error) {
    throw error instanceof ApiError ? error : new ApiError(0, "", 0);
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** The bytes of a good answer. */
export async function fetchBytes(path: string, most: number, call: Call = {}): Promise<Uint8Array> {
  return await bounded(await send(path, call), most);
}

/** A JSON object of a good answer, read by `read`, which may leave members that it does not know. */
export async function fetchObject<T>(path: string, most: number, read: (m: Members) => T, call: Call = {}): Promise<T> {
  const bytes = await fetchBytes(path, most, call);
  const result = attempt(() => read(Members.of(parseJson(bytes, "the answer"), "the answer")));
  if (!result.ok) throw new ApiError(200, result.reason, 0);
  return result.value;
}
