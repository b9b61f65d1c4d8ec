// Server-sent events, read from the body of an answer: EventSource could not send a token.

import { refuse } from "../refusal.ts";

export interface ServerEvent {
  type: string;
  id: string | undefined;
  data: string;
}

/** An event is a few kilobytes; a refused ledger's findings are the most. */
const MAX_EVENT_CHARACTERS = 8 << 20;

/** Takes text as it arrives, and gives each event once it is complete. Refuses one that does not end. */
export class EventReader {
  /** What the service asks to wait before the next connection, in milliseconds. */
  retryMs: number | undefined;
  private rest = "";
  private type = "";
  private id: string | undefined;
  private data: string[] = [];

  feed(text: string): ServerEvent[] {
    this.rest += text;
    const events: ServerEvent[] = [];
    // a carriage return at the end may be the first half of a line break
    for (let end = /\r\n|\n|\r(?!$)/.exec(this.rest); end; end = /\r\n|\n|\r(?!$)/.exec(this.rest)) {
      const line = this.rest.slice(0, end.index);
      this.rest = this.rest.slice(end.index + end[0].length);
      const event = this.line(line);
      if (event) events.push(event);
    }
    const held = this.data.reduce((length, line) => length + line.length, this.rest.length);
    if (held > MAX_EVENT_CHARACTERS) refuse("an event does not end");
    return events;
  }

  private line(line: string): ServerEvent | undefined {
    if (line === "") return this.end();
    const [, name = "", value = ""] = /^([^:]*)(?:: ?([^]*))?$/.exec(line) ?? [];
    if (name === "event") this.type = value;
    if (name === "data") this.data.push(value);
    if (name === "id" && !value.includes("\0")) this.id = value;
    if (name === "retry" && /^\d{1,6}$/.test(value)) this.retryMs = Number(value);
    return undefined;
  }

  private end(): ServerEvent | undefined {
    const event = { type: this.type || "message", id: this.id, data: this.data.join("\n") };
    const isEvent = this.data.length > 0;
    this.type = "";
    this.data = [];
    return isEvent ? event : undefined;
  }
}
