// Files from the reader: each is recognised, or named for what it is.

import { kindOf, MAX_FILE_BYTES, type ForeignKind } from "./kinds.ts";
import type { TextId } from "./text.ts";

/** Something to tell beside the check, as an id with its values, so that it can be said in either language. */
export interface Notice {
  id: TextId;
  values: Record<string, string>;
}

/** The files that the reader gave. */
export interface Given {
  inclusion?: Uint8Array;
  statement?: Uint8Array;
  jws?: Uint8Array;
  jwks?: Uint8Array;
  policy?: Uint8Array;
  signatures?: Uint8Array;
}

/** How many files are read at once; whoever drops a folder gets no more. */
const MOST_FILES = 16;

export async function intake(files: readonly File[]): Promise<{ given: Given; notices: Notice[] }> {
  const given: Given = {};
  const notices: Notice[] = [];
  const foreign = (kind: ForeignKind, name: string) => notices.push({ id: `foreign.${kind}`, values: { name } });
  for (const file of files.slice(0, MOST_FILES)) {
    // the beginning tells an archive of any size
    const large = file.size > MAX_FILE_BYTES;
    const bytes = new Uint8Array(await (large ? file.slice(0, 16) : file).arrayBuffer());
    const kind = kindOf(bytes);
    if ("own" in kind && !large) given[kind.own] = bytes;
    else if ("foreign" in kind && (!large || kind.foreign === "zip" || kind.foreign === "gzip")) foreign(kind.foreign, file.name);
    else foreign("too_large", file.name);
  }
  return { given, notices };
}
