// /operator: one job, from its queue to its attestation.

import { h } from "../dom.ts";
import { accessCard } from "./access.ts";
import { ApiError, fetchObject, send } from "./api.ts";
import { follow, type Mode, type Sources } from "./follow.ts";
import { jobId, readJob, type Job, type Unit } from "./job.ts";
import { JobView } from "./job_view.ts";
import { count, failureText, messages, say } from "./parts.ts";
import { t } from "./text.ts";
import { token } from "./token.ts";

const MAX_JOB_BYTES = 8 << 20;

/** The page's parts. */
export function operator(address: string): HTMLElement[] {
  const notices = messages("notices");
  const place = h("div", { id: "job" });
  const input = h("input", { id: "job-id", type: "text", autocomplete: "off", spellcheck: "false", "aria-describedby": "job-hint job-wrong" });
  const wrong = messages("job-wrong");
  let running: AbortController | undefined;

  /** Stops what is going on, and takes everything of the job away. */
  function stop(): void {
    running?.abort();
    running = undefined;
    place.replaceChildren();
    say(notices);
    say(wrong);
  }

  /** Shows the job that the address names. */
  async function show(): Promise<void> {
    stop();
    const named = new URLSearchParams(location.hash.slice(1)).get("job") ?? "";
    if (named === "") return;
    input.value = named;
    const id = jobId(named);
    if (id === undefined) return say(notices, t("job.wrong"));
    const bearer = token("operator");
    if (bearer === undefined) return say(notices, t("token.needed"));
    const mine = new AbortController();
    running = mine;
    const view = new JobView(address, (confirmed) => cancel(id, bearer, confirmed, mine.signal));
    say(notices, t("job.loading"));
    try {
      const listener = { job: (job: Job) => shown(view, job), units: (units: Unit[]) => view.units(units), mode: (mode: Mode, waitS: number) => told(view, mode, waitS) };
      await follow(sources(id, bearer, mine.signal), listener, mine.signal);
      view.channelIs("");
    } catch (error) {
      if (mine.signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      // what a token may not see any more is shown no longer
      place.replaceChildren();
      say(notices, ...failureText(error, "operator"));
    }
  }

  function shown(view: JobView, job: Job): void {
    if (place.childElementCount === 0) {
      say(notices);
      place.replaceChildren(view.element);
    }
    view.show(job);
  }

  function told(view: JobView, mode: Mode, waitS: number): void {
    const text = t(`mode.${mode}`) + (waitS > 0 ? ` ${t("error.wait", { seconds: count(waitS) })}` : "");
    view.channelIs(text);
    // before the first answer there is no job to say it at
    if (place.childElementCount === 0 && mode !== "stream") say(notices, text);
  }

  async function cancel(id: string, bearer: string, tell: (failed: (string | Node)[] | undefined) => void, signal: AbortSignal): Promise<void> {
    try {
      await send(`/v1/jobs/${id}`, { token: bearer, method: "DELETE", signal });
      tell(undefined);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (!signal.aborted) tell(failureText(error, "operator"));
    }
  }

  const form = h(
    "form", { class: "card" },
    h("div", { class: "field" },
      h("label", { for: "job-id" }, t("job.label")),
      h("div", { class: "row" }, input, h("button", { type: "submit", class: "primary" }, t("job.show"))),
      h("p", { class: "muted", id: "job-hint" }, t("job.hint")), wrong),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const id = jobId(input.value);
    // an address stays in the history: what is no id, perhaps a token, never becomes a part of it
    if (id === undefined && input.value.trim() !== "") return stop(), say(wrong, t("job.wrong"), " ", t("field.kept"));
    const hash = id === undefined ? "" : `#${new URLSearchParams({ job: id })}`;
    // the same job again is no new address
    if (location.hash === hash) void show();
    else location.hash = hash;
  });
  window.addEventListener("hashchange", () => void show());
  const access = accessCard("operator", () => void show());
  void show();
  return [access, form, notices, place];
}

function sources(id: string, bearer: string, signal: AbortSignal): Sources {
  return {
    show: () => fetchObject(`/v1/jobs/${id}`, MAX_JOB_BYTES, readJob, { token: bearer, signal }),
    stream: async (last, either) => {
      const headers: Record<string, string> = { accept: "text/event-stream" };
      if (last !== undefined) headers["last-event-id"] = last;
      const response = await send(`/v1/jobs/${id}/events`, { token: bearer, headers, signal: either, endless: true });
      return response.status === 204 ? undefined : response;
    },
    pause: (ms) =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, ms);
        signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
      }),
  };
}
