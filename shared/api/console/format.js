// Numbers, sizes and times as people read them: English words, the reader's own time zone.

const LOCALE = navigator.language?.startsWith("en") ? navigator.language : "en-GB";
const numbers = new Intl.NumberFormat(LOCALE);
const relative = new Intl.RelativeTimeFormat(LOCALE, { numeric: "auto" });
const absolute = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short" });
const exact = new Intl.DateTimeFormat(LOCALE, { dateStyle: "full", timeStyle: "long" });
const UNITS = [["day", 86_400], ["hour", 3600], ["minute", 60]];

export const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

export const number = (value) => (value === null || value === undefined ? "–" : numbers.format(value));

/** "1 contact", "4,912 contacts". */
export const many = (count, one, more) => `${number(count)} ${count === 1 ? one : more}`;

export function bytes(value) {
  if (value === null || value === undefined) return "–";
  const steps = ["B", "kB", "MB", "GB", "TB"];
  const step = Math.min(steps.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)));
  const amount = value / 1000 ** step;
  return `${numbers.format(step && amount < 10 ? Math.round(amount * 10) / 10 : Math.round(amount))} ${steps[step]}`;
}

/** "5 minutes ago", "tomorrow", "now". */
export function ago(iso, now = Date.now()) {
  const seconds = (new Date(iso) - now) / 1000;
  const [unit, size] = UNITS.find(([, each]) => Math.abs(seconds) >= each) || ["second", 1];
  if (unit === "second") return Math.abs(seconds) < 10 ? relative.format(0, "second")
    : relative.format(Math.round(seconds), unit);
  return relative.format(Math.trunc(seconds / size), unit);
}

export const moment = (iso) => absolute.format(new Date(iso));
export const momentInFull = (iso) => exact.format(new Date(iso));

/** A moment on the clock of another zone. */
export function momentIn(iso, timeZone) {
  return new Intl.DateTimeFormat(LOCALE, {
    weekday: "short", day: "numeric", month: "short", hour: "numeric", minute: "2-digit", timeZone,
    timeZoneName: "short",
  }).format(new Date(iso));
}

/** "0.4 s", "45 s", "3 min 20 s", "1 h 5 min". */
export function duration(seconds) {
  if (seconds > 0 && seconds < 9.95) return `${numbers.format(Math.max(0.1, Math.round(seconds * 10) / 10))} s`;
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min${whole < 600 && whole % 60 ? ` ${whole % 60} s` : ""}`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** Seconds that a run has taken so far; null if it has not begun. */
export function tookSeconds(run, now = Date.now()) {
  if (!run.started_at) return null;
  return (new Date(run.ended_at || now) - new Date(run.started_at)) / 1000;
}

/** The app's own words as a sentence. */
export function sentence(text) {
  return `${text[0].toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}

/** An id for a document from its name: "Spring – campaign" -> "spring-campaign". */
export function slug(name) {
  const plain = name.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  return plain.replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 63).replace(/-+$/, "");
}
