// Whether a statement is in a log that the reader trusts, as strict as the verifier.

import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "../src/bytes.ts";
import { check, verdictOf, type Findings, type Step } from "../src/check.ts";
import { kindOf } from "../src/kinds.ts";
import { checkLog, checkPath, entryOf, readLogProof } from "../src/log.ts";
import { meets, readLogPolicy } from "../src/log_policy.ts";
import { readStatement } from "../src/statement.ts";
import { attested, bytes } from "./files.ts";
import { cosigned, filler, honest, LOG, LOG_KEY, OTHER_KEY, POLICY, proved, signed, verifierKey, WITNESS_KEY } from "./logs.ts";
import { encode, object } from "./make.ts";

const policy = (...lines: string[]) => readLogPolicy(utf8([...POLICY, ...lines, ""].join("\n")));
const NONE = policy("quorum none");
const WITNESSED = policy("quorum w");

const files = attested("solvency");
const statement = readStatement(files.statement);
const entry = entryOf(statement);

test("the examples of api-spec/log.md are a policy and a proof of the entry there", () => {
  const blocks = [...new TextDecoder().decode(bytes("api-spec", "log.md")).matchAll(/```(?:json)?\n([\s\S]*?)```/g)].map(([, block]) => block as string);
  const [own, proof, trusted] = ["assay/log/1", "c2sp.org/tlog-proof", "quorum one"].map((part) => blocks.find((block) => block.includes(part)) as string);
  const read = readLogProof(proof as string);
  assert.deepEqual([read.index, read.size, read.origin, read.path.length], [1n, 3n, "assay.example/log", 2]);
  assert.equal(meets(readLogPolicy(utf8(trusted as string)), read.origin, read.note).length, 1);
  checkPath(read, utf8((own as string).trimEnd()));
  assert.throws(() => checkPath(read, entry), /is not the entry/);
});

test("the entry is what the log has of the statement", () => {
  const text = new TextDecoder().decode(entry);
  assert.deepEqual(JSON.parse(text), {
    exchange: statement.exchange.domain, kind: "attestation", protocol: "assay/log/1", snapshot: statement.snapshot.id,
    statement: statement.digest, taken_at: statement.snapshot.takenAt,
  });
});

test("every place in logs of every size to 40 leads to the root, and no other", () => {
  for (let size = 1; size <= 40; size++) {
    for (let index = 0; index < size; index++) {
      const proof = readLogProof(proved(entry, index, size, (text) => [signed(text, LOG, LOG_KEY)]));
      checkPath(proof, entry);
      assert.throws(() => checkPath({ ...proof, index: proof.index + 1n }, entry), { name: "Refusal" });
      assert.throws(() => checkPath({ ...proof, path: [...proof.path, new Uint8Array(32)] }, entry), { name: "Refusal" });
      if (size > 1) assert.throws(() => checkPath({ ...proof, path: proof.path.slice(1) }, entry), { name: "Refusal" });
    }
  }
});

test("not one bit of a witnessed proof can be turned", () => {
  const text = utf8(proved(entry, 2, 5, honest));
  assert.equal(checkLog(statement, new TextDecoder().decode(text), WITNESSED)["witnesses"], "w (2023-11-14T22:13:20Z)");
  for (let bit = 0; bit < 8 * text.length; bit++) {
    const turned = text.slice();
    turned[bit >> 3] = (turned[bit >> 3] as number) ^ (1 << (bit & 7));
    let changed: string;
    try {
      changed = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(turned);
    } catch {
      continue;
    }
    assert.throws(() => checkLog(statement, changed, WITNESSED), { name: "Refusal" }, `bit ${bit}`);
  }
});

test("what the policy does not trust, and what is missing, is refused with its reason", () => {
  const proof = (lines: (text: string) => string[]) => proved(entry, 2, 5, lines);
  const own = (text: string) => signed(text, LOG, LOG_KEY);
  const witness = "witness.example/w";
  const cases: [RegExp, string | undefined, Parameters<typeof checkLog>[2]][] = [
    [/no proof of logging/, undefined, NONE],
    [/lists no log/, proof(honest), readLogPolicy(utf8("quorum none\n"))],
    [/does not list/, proof(honest), readLogPolicy(utf8(`log ${verifierKey("other.example/log", 1, LOG_KEY).text}\nquorum none\n`))],
    [/did not sign/, proof((text) => [signed(text, LOG, OTHER_KEY)]), NONE],
    [/did not sign/, proof((text) => [cosigned(text, witness, WITNESS_KEY)]), NONE],
    [/does not verify/, proof((text) => [own(text), signed(`${text}x`, LOG, LOG_KEY)]), NONE],
    [/too few witnesses.*quorum w.*none of them/, proof((text) => [own(text)]), WITNESSED],
    [/too few witnesses/, proof((text) => [own(text), cosigned(text, witness, OTHER_KEY)]), WITNESSED],
    [/does not verify/, proof((text) => [own(text), cosigned(`${text}x`, witness, WITNESS_KEY)]), NONE],
    [/does not verify/, proof((text) => [own(text), cosigned(text, witness, WITNESS_KEY, 2n ** 63n)]), NONE],
    [/without signature lines/, proof(() => []), NONE],
    [/does not begin with/, proof(honest).replace("@v1", "@v2"), NONE],
    [/no line `index`/, proof(honest).replace("index 2", "index 02"), NONE],
    [/no line `index`/, proof(honest).replace("index 2", `index ${2n ** 64n}`), NONE],
    [/not base64/, proof(honest).replace("index", "extra !\nindex"), NONE],
    [/control character/, proof(honest).replace("index 2", "index 2\r"), NONE],
    [/line that is no hash/, proof(honest).replace("index 2\n", "index 2\nAAAA\n"), NONE],
    [/is not the entry/, proved(filler(2), 2, 5, honest), NONE],
  ];
  for (const [reason, text, trusted] of cases) assert.throws(() => checkLog(statement, text, trusted), reason, String(reason));
  assert.equal(checkLog(statement, proof((text) => [own(text)]), NONE)["witnesses"], undefined);
  assert.equal(checkLog(statement, proof(honest).replace("index", "extra AAAA\nindex"), NONE)["index"], "2");
});

test("a quorum counts as its groups say", () => {
  const names = ["a", "b", "c"];
  const keys = names.map((_, k) => new Uint8Array(32).fill(10 + k));
  const witnesses = names.map((name, k) => `witness ${name} ${verifierKey(`w.example/${name}`, 4, keys[k] as Uint8Array).text}`);
  const text = (by: number[]) =>
    proved(entry, 0, 1, (note) => [signed(note, LOG, LOG_KEY), ...by.map((k) => cosigned(note, `w.example/${names[k]}`, keys[k] as Uint8Array))]);
  const met = (by: number[], ...lines: string[]) => {
    try {
      checkLog(statement, text(by), policy(...witnesses, ...lines));
      return true;
    } catch (error) {
      assert.match((error as Error).message, /too few witnesses/);
      return false;
    }
  };
  const two = ["group g 2 a b c", "quorum g"];
  assert.deepEqual([[], [0], [0, 2], [0, 1, 2]].map((by) => met(by, ...two)), [false, false, true, true]);
  const nested = ["group ab any a b", "group all all ab c", "quorum all"];
  assert.deepEqual([[0, 1], [2], [1, 2]].map((by) => met(by, ...nested)), [false, false, true]);
});

test("a policy with a mistake is refused with its line", () => {
  const w = POLICY[1] as string;
  const cases: [RegExp, string][] = [
    [/no line `quorum`/, ""],
    [/cut off/, "quorum none"],
    [/line 1.*none of log/, "logs x\nquorum none\n"],
    [/a second line `quorum`/, "quorum none\nquorum none\n"],
    [/one name/, "quorum\n"],
    [/line 1.*not defined/, "quorum w\n"],
    [/control character/, "quorum none\r\n"],
    [/line 2.*same log key/, `${POLICY[0]}\n${POLICY[0]}\nquorum none\n`],
    [/line 2.*same witness key/, `${w}\n${w.replace("witness w", "witness v")}\nquorum none\n`],
    [/line 2.*already defined/, `${w}\nwitness w ${verifierKey("x", 4, OTHER_KEY).text}\nquorum none\n`],
    [/already defined/, `witness none ${verifierKey("x", 4, OTHER_KEY).text}\nquorum none\n`],
    [/key of a witness/, `log ${verifierKey("x", 4, OTHER_KEY).text}\nquorum none\n`],
    [/key of a log/, `witness w ${verifierKey("x", 1, OTHER_KEY).text}\nquorum none\n`],
    [/another type/, `log ${verifierKey("x", 6, OTHER_KEY).text}\nquorum none\n`],
    [/id of another name/, `log ${verifierKey("x", 1, OTHER_KEY).text.replace("x+", "y+")}\nquorum none\n`],
    [/no members/, "group g any\nquorum g\n"],
    [/neither any, all nor/, `${w}\ngroup g 2 w\nquorum g\n`],
    [/neither any, all nor/, `${w}\ngroup g 0 w\nquorum g\n`],
    [/only once/, `${w}\ngroup g any w w\nquorum g\n`],
    [/only once/, `${w}\ngroup g any w\ngroup f any w\nquorum g\n`],
  ];
  for (const [reason, text] of cases) assert.throws(() => readLogPolicy(utf8(text)), reason, text);
  assert.equal(readLogPolicy(utf8(`# a comment\n\n  \t${POLICY[0]}\nquorum\tnone\n`)).logs.length, 1);
});

test("the page's check has the step, and a file that is dropped is known as a policy", () => {
  const inclusion = object(files.inclusion);
  inclusion.set("log", proved(entry, 1, 3, honest));
  const run = (trusted: string[] | undefined, own = inclusion) => {
    const found: Findings = {};
    const input = { ...files, inclusion: encode(own), account: String(object(files.inclusion).get("account")), policy: trusted && utf8([...trusted, ""].join("\n")) };
    const steps: Step[] = [...check({ ...input, testShapes: "accepted" }, found)];
    return { step: steps.find((step) => step.id === "log"), verdict: verdictOf(steps, true) };
  };
  assert.deepEqual([run(undefined).step?.state, run(undefined).step?.why], ["not_run", "no_policy"]);
  const good = run([...POLICY, "quorum w"]);
  assert.deepEqual([good.step?.state, good.verdict], ["passed", "included"]);
  const stranger = run([`log ${verifierKey(LOG, 1, OTHER_KEY).text}`, "quorum none"]);
  assert.deepEqual([stranger.step?.state, stranger.verdict], ["failed", "failed"]);
  // nobody's file is in a log only because the reader has a policy
  assert.equal(run([...POLICY, "quorum none"], object(files.inclusion)).step?.state, "failed");
  assert.equal(run(undefined, object(files.inclusion)).step, undefined);
  assert.deepEqual(kindOf(utf8([...POLICY, "quorum none", ""].join("\n"))), { own: "policy" });
  assert.deepEqual(kindOf(utf8("a log of yesterday\n")), { foreign: "text" });
});
