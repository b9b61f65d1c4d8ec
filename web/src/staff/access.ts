// The card of the token: where it is pasted, what becomes of it, and a button that forgets it.

import { button, h } from "../dom.ts";
import { card, say, messages } from "./parts.ts";
import { t } from "./text.ts";
import { forgetTokens, keepToken, token, type Role } from "./token.ts";

/** `changed` runs when there is a token, or none any more. */
export function accessCard(role: Role, changed: () => void): HTMLElement {
  const place = h("div", { id: "access" });
  const render = (focus: boolean) => {
    const part = token(role) === undefined ? ask() : kept();
    place.replaceChildren(part);
    if (focus) part.querySelector<HTMLElement>("input, button")?.focus();
  };
  const ask = () => {
    // no password field: a browser would offer to keep it
    const input = h("input", { id: "token", type: "text", class: "secret", autocomplete: "off", autocapitalize: "off", spellcheck: "false", "aria-describedby": "token-hint" });
    const wrong = messages("token-wrong");
    const form = h(
      "form", { class: "field" },
      h("label", { for: "token" }, t("token.label")),
      h("div", { class: "row" }, input, h("button", { type: "submit", class: "primary" }, t("token.use"))),
      h("p", { class: "muted", id: "token-hint" }, t(`token.hint.${role}`)),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const pasted = input.value;
      if (!keepToken(role, pasted)) return say(wrong, t("token.wrong"));
      input.value = "";
      render(true);
      changed();
    });
    return card("access-title", t("token.title"), form, wrong);
  };
  const kept = () => {
    const forget = button(t("token.forget"), "quiet", () => {
      forgetTokens();
      render(true);
      changed();
    });
    return card("access-title", t("token.title"), h("p", {}, t("token.kept")), h("p", { class: "actions" }, forget));
  };
  render(false);
  return place;
}
