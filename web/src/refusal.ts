// Why something is refused: a sentence for the person who reads it.

export class Refusal extends Error {
  override name = "Refusal";
}

export function refuse(reason: string): never {
  throw new Refusal(reason);
}

export function refuseStatement(reason: string): never {
  return refuse(`the statement is refused: ${reason}`);
}

/** Runs `work`; a refusal becomes its sentence, anything else is a defect of this program and is thrown on. */
export function attempt<T>(work: () => T): { ok: true; value: T } | { ok: false; reason: string } {
  try {
    return { ok: true, value: work() };
  } catch (error) {
    if (error instanceof Refusal) return { ok: false, reason: error.message };
    throw error;
  }
}
