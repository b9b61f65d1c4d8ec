// One signal of several, also in browsers without `AbortSignal.any`.

/** Aborts with the first of `signals`. */
export function either(signals: readonly AbortSignal[]): AbortSignal {
  // browsers of before 2024 have no such function, whatever its type says
  if ((AbortSignal.any as unknown) !== undefined) return AbortSignal.any([...signals]);
  const both = new AbortController();
  for (const signal of signals) {
    if (signal.aborted) both.abort(signal.reason);
    else signal.addEventListener("abort", () => both.abort(signal.reason), { once: true, signal: both.signal });
  }
  return both.signal;
}
