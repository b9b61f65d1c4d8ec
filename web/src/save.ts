// "Save this check": the offline page with the attestation in it, as a download. The reader's own file is not saved.

import { readJwks, readJws } from "./jws.ts";
import { readSignatures } from "./notices.ts";
import { fetchOfflinePage, MARKER, writeBlock, type Attestation } from "./source.ts";

/** `page`: the offline page's own source where this is it; else the service is asked for it. */
export async function savePage(
  attestation: Attestation & { id: string; statement: Uint8Array },
  page: string | undefined,
  failed: () => void,
): Promise<void> {
  let source: string;
  let block: string;
  try {
    source = page ?? (await fetchOfflinePage());
    // what is saved is what a check can read: no private key among it
    if (attestation.jws) readJws(attestation.jws);
    if (attestation.jwks) readJwks(attestation.jwks);
    if (attestation.signatures) readSignatures(attestation.signatures);
    block = writeBlock(attestation);
  } catch {
    return failed();
  }
  const before = /<script type="application\/json" id="attestation">[^<]*<\/script>/;
  const target = before.exec(source)?.[0] ?? MARKER;
  if (!source.includes(target)) return failed();
  // by a function: a text would give "$" a meaning
  const saved = source.replace(target, () => block);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([saved], { type: "text/html" }));
  link.download = `assay-check-${attestation.id.slice(0, 12)}.html`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
