// The segments that have landed: how many rows, how large, how old, and which exports use them.

import { html } from "./preact-htm.js";
import { useMe } from "./app.js";
import { CALM, useLive } from "./live.js";
import { bytes, number } from "./format.js";
import { Badge, Empty, Page, Shown, Table, Time } from "./parts.js";
import { useNames } from "./states.js";
import { t } from "./strings.js";

export function Segments() {
  const live = useLive("/segments", () => CALM);
  return html`<${Page} title=${t.nav.segments} lead=${t.segments.lead}>
    <${Shown} live=${live}>
      ${(data) => (data.segments.length ? html`<${List} segments=${data.segments} />`
        : html`<${Empty} title=${t.segments.none}>${t.segments.noneText}<//>`)}<//>
  <//>`;
}

function List({ segments }) {
  const me = useMe();
  const names = useNames();
  const columns = [[t.segments.name], [t.exports.state], [t.segments.rows, "num"], [t.segments.size, "num"],
    [t.segments.age], [t.connections.usedBy]];
  const rows = segments.map((each) => ({
    key: each.name,
    cells: [
      html`<strong class="wrap">${each.name}</strong>
        <div class="muted">${[each.format, each.files && t.segments.files(each.files)].filter(Boolean).join(" · ")}
        </div>`,
      html`<${Badge} state=${each.state} />${each.reason && html`<div class="muted wrap">${each.reason}</div>`}`,
      rowsOf(each, true),
      bytes(each.bytes),
      html`<${Time} iso=${each.produced_at || each.landed_at} />`,
      each.used_by.length
        ? each.used_by.map((id, i) => [i > 0 && ", ", html`<a href=${`#/exports/${id}`}>${names(id)}</a>`])
        : me.may("contributor") && each.state === "complete"
        ? html`<a href=${`#/exports/new?segment=${encodeURIComponent(each.name)}`}>${t.segments.use}</a>` : "–",
    ],
  }));
  return html`<${Table} label=${t.nav.segments} columns=${columns} rows=${rows} />`;
}

/** "5,054 rows"; an estimate says so. `bare`: without the word. */
export function rowsOf(segment, bare) {
  if (segment.rows === null || segment.rows === undefined) return bare ? "–" : t.segments.unknown;
  const text = `${segment.rows_are === "estimated" ? "≈ " : ""}${number(segment.rows)}`;
  return bare ? text : t.segments.rowsText(text, segment.rows);
}
