// Amounts and instants as people read them, in their language.

/** `units`·10^-`scale` with separators between thousands. Exact: nothing is rounded. */
export function formatUnits(units: bigint, scale: number, language: string): string {
  const sign = units < 0n ? "−" : "";
  const digits = (units < 0n ? -units : units).toString().padStart(scale + 1, "0");
  const whole = new Intl.NumberFormat(language).format(BigInt(digits.slice(0, digits.length - scale)));
  const decimals = digits.slice(digits.length - scale).replace(/0+$/, "");
  if (scale === 0 || decimals === "") return sign + whole;
  const point = new Intl.NumberFormat(language).formatToParts(1.5).find((part) => part.type === "decimal")?.value ?? ".";
  return sign + whole + point + decimals;
}

/** An instant with its time zone: in UTC, and in the reader's own zone where that is another. */
export function formatInstant(text: string, language: string, zone?: string): { utc: string; local: string | undefined } {
  const date = new Date(text);
  const format = (timeZone: string | undefined) =>
    new Intl.DateTimeFormat(language, {
      day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", timeZone, timeZoneName: "short", hourCycle: "h23",
    });
  const utc = format("UTC").format(date);
  const own = format(zone).format(date);
  return { utc, local: own === utc ? undefined : own };
}
