// The script of /operator and /regulator. The service wrote the page around it, in the reader's language.

import { setLanguage } from "../sentences.ts";
import { operator } from "./operator.ts";
import { regulator } from "./regulator.ts";

const root = document.getElementById("staff");
if (root) {
  setLanguage(document.documentElement.lang === "de" ? "de" : "en");
  const address = root.dataset["address"] ?? location.origin;
  root.replaceChildren(...(root.dataset["page"] === "regulator" ? regulator(address) : operator(address)));
  // the same place in another language
  const follow = () => {
    for (const link of document.querySelectorAll<HTMLAnchorElement>("header a[hreflang]")) link.hash = location.hash;
  };
  follow();
  window.addEventListener("hashchange", follow);
}
