// What is said of exports and documents on more than one page.

import { html } from "./preact-htm.js";
import { useLive } from "./live.js";
import { Notice, Time } from "./parts.js";
import { t } from "./strings.js";

const BAD = new Set(["failed", "skipped", "completed_with_warnings"]);

/** The one state that matters most of an export now: for a Badge. */
export function stateOf(each) {
  if (each.removing) return { state: "removing" };
  if (each.active_run) return { state: each.active_run.state };
  if (!each.connection) return { state: "detached" };
  if (!each.enabled) return { state: "paused" };
  if (!each.last_run) return { state: "never" };
  return { state: each.last_run.state,
    text: each.last_run.dry_run ? `${t.run.dry}: ${t.states[each.last_run.state]}` : undefined };
}

export function needsAttention(each) {
  return !each.active_run && !each.removing && (!each.connection || (each.enabled && BAD.has(each.last_run?.state)));
}

/** What exports are called, by their ids: names(id). One that is gone, or not known yet, is called by its id. */
export function useNames() {
  const { data } = useLive("/exports");
  return (id) => data?.exports.find((each) => each.id === id)?.display_name || id;
}

/** When an export runs next by itself. */
export function nextOf(each) {
  if (each.next_run_at) return html`<${Time} iso=${each.next_run_at} />`;
  if (!each.enabled || !each.connection) return "–";
  return each.run_on_landing ? t.exports.onLanding : t.exports.byHand;
}

/** When a document was changed, and by whom, unless it was written by other means than this app. */
export function changeOf(each) {
  return html`<div><${Time} iso=${each.updated_at} />
    ${each.updated_by && html`<div class="muted wrap">${t.changedBy(each.updated_by)}</div>`}</div>`;
}

/** What to do about a run that did not go well, in the words of this page. */
export function adviceOn(run) {
  return run.error && (t.run.adviceHere[run.error.code] || run.error.advice);
}

/** How a run came about and what it does, in a few words. */
export function kindOf(run) {
  if (run.removes_export) return t.run.removesExport;
  const mode = run.dry_run ? t.run.dryWord : run.mode === "incremental" ? "" : t.modes[run.mode];
  return [t.kinds[run.kind], mode].filter(Boolean).join(", ");
}

/** Documents that cannot be read: they do nothing until they are mended. */
export function Invalid({ documents }) {
  if (!documents?.length) return null;
  return html`<${Notice} tone="warn" title=${t.invalid.title(documents.length)}>
    <ul>${documents.map((each) =>
      html`<li><strong>${each.name}</strong><ul>${each.problems.map((text) => html`<li>${text}</li>`)}</ul></li>`)}</ul>
    <p>${t.invalid.text}</p><//>`;
}

/** What of a document an API element is: without what the API adds to it. */
export function documentOf(element, keys) {
  return Object.fromEntries(keys.filter((name) => element[name] !== undefined).map((name) => [name, element[name]]));
}

export const EXPORT_KEYS = ["display_name", "connection", "list_id", "segments", "mapping", "only_where", "removal",
  "schedule",
  "timezone", "run_on_landing", "max_profiles", "max_shrink_percent", "clear_empty", "create_missing_fields",
  "delivery", "enabled"];
export const CONNECTION_KEYS = ["display_name", "api_key_secret", "region", "allowed_roles", "consent",
  "contact_limit"];
