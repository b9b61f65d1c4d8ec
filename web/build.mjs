// Builds dist/: the same bytes from the same sources, every time. usage: node build.mjs [FOLDER]
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const out = process.argv[2] ?? join(here, "dist");
const MOST_COMPRESSED = 100_000;
const MARKER = "<!--attestation-->";

const sources = (names) => names.map((name) => readFileSync(join(here, "src", name), "utf8")).join("\n");

/** Both languages of `folder` have the same sentences, none is empty, each asks for the same values, and `source` uses each. */
function checkTexts(folder, source) {
  const [en, de] = ["en", "de"].map((name) => JSON.parse(readFileSync(join(here, folder, `${name}.json`), "utf8")));
  const values = (text) => [...text.matchAll(/\{([a-z]+)\}/g)].map(([, name]) => name).sort().join();
  for (const id of new Set([...Object.keys(en), ...Object.keys(de)])) {
    if (!en[id] || !de[id]) throw new Error(`${folder}/${en[id] ? "de" : "en"}.json has no sentence "${id}"`);
    if (values(en[id]) !== values(de[id])) throw new Error(`the sentences "${id}" of ${folder} do not ask for the same values`);
    // an id is written whole, or as a template whose fixed beginning is written
    const written = source.includes(`"${id}"`) || [...id.matchAll(/\./g)].some(({ index }) => source.includes(`\`${id.slice(0, index + 1)}\${`));
    if (!written) throw new Error(`the sentence "${id}" of ${folder} is used nowhere`);
  }
}

async function bundle(entry, format) {
  const result = await build({
    entryPoints: [join(here, "src", entry)], bundle: true, minify: true, write: false, format, target: "es2022", charset: "utf8",
    legalComments: "inline", absWorkingDir: here, logLevel: "warning",
  });
  return result.outputFiles[0].text;
}

const digest = (bytes, encoding = "base64") => createHash("sha256").update(bytes).digest(encoding);

checkTexts("text", sources(["page", "view", "text", "intake", "source", "save"].map((name) => `${name}.ts`)));
checkTexts("text/staff", sources(readdirSync(join(here, "src", "staff")).map((name) => `staff/${name}`)));
// a module keeps its names to itself; inside verify.html it is a classic script, which file:// allows
const script = await bundle("page.ts", "iife");
const staff = await bundle("staff/main.ts", "iife");
const style = await bundle("style.css", undefined);
if (script.includes("</script") || style.includes("</style")) throw new Error("script or style would end its own element");

if (script.includes(MARKER)) throw new Error("the script would have the marker that a server replaces");

const template = readFileSync(join(here, "src", "page.html"), "utf8");
const fill = (values) => template.replace(/%([A-Z]+)%/g, (_, name) => values[name]);
const sri = (bytes) => `sha256-${digest(bytes)}`;
// an address for each version: whoever keeps a file for long never joins it to a page of another version
const asset = (name, bytes) => `/assets/${name}?v=${digest(bytes, "hex").slice(0, 16)}`;
const policy = [
  "default-src 'none'", `script-src '${sri(script)}'`, `style-src '${sri(style)}'`, "img-src data:", "connect-src 'none'",
  "form-action 'none'", "base-uri 'none'", "require-trusted-types-for 'script'",
].join("; ");
const files = {
  "assay.css": style,
  "assay.js": script,
  "staff.js": staff,
  "check.html": fill({
    MODE: "online", CSP: "", BLOCK: "", BRAND: '<a class="brand" href="/">Assay</a>',
    STYLE: `<link rel="stylesheet" href="${asset("assay.css", style)}" integrity="${sri(style)}">`,
    SCRIPT: `<script src="${asset("assay.js", script)}" integrity="${sri(script)}"></script>`,
  }),
  "verify.html": fill({
    MODE: "offline", CSP: `<meta http-equiv="Content-Security-Policy" content="${policy}">\n`, BLOCK: `${MARKER}\n`,
    BRAND: '<span class="brand">Assay</span>', STYLE: `<style>${style}</style>`, SCRIPT: `<script>${script}</script>`,
  }),
};
files["SHA256SUMS"] = Object.keys(files).sort().map((name) => `${digest(files[name], "hex")}  ${name}\n`).join("");

mkdirSync(out, { recursive: true });
for (const [name, text] of Object.entries(files)) {
  const compressed = gzipSync(text, { level: 9 }).length;
  if (name.endsWith(".js") && compressed >= MOST_COMPRESSED) throw new Error(`${name} has ${compressed} bytes compressed`);
  writeFileSync(join(out, name), text);
  console.log(`${name}: ${Buffer.byteLength(text)} bytes, ${compressed} compressed`);
}
