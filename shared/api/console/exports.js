// The exports: which segments fill which list, how the last run went, and when the next comes.

import { html } from "./preact-htm.js";
import { useMe } from "./app.js";
import { BUSY, CALM, useLive } from "./live.js";
import { number } from "./format.js";
import { Badge, Button, Empty, Page, Shown, Table, Time } from "./parts.js";
import { changeOf, Invalid, nextOf, stateOf } from "./states.js";
import { t } from "./strings.js";

const pace = (data) => (data.exports.some((each) => each.active_run) ? BUSY : CALM);

export function Exports() {
  const me = useMe();
  const live = useLive("/exports", pace);
  const add = me.may("contributor") && html`<${Button} kind="primary" href="#/exports/new">${t.exports.add}<//>`;
  return html`<${Page} title=${t.nav.exports} lead=${t.exports.lead} actions=${live.data?.exports.length > 0 && add}>
    <${Shown} live=${live}>${(data) => html`
      <${Invalid} documents=${data.invalid} />
      ${data.exports.length ? html`<${List} exports=${data.exports} />`
        : html`<${Empty} title=${t.exports.none} action=${add}>${t.exports.noneText}<//>`}`}
    <//>
  <//>`;
}

function List({ exports }) {
  const some = exports.some((each) => each.permission !== "edit"); // else everybody may do everything
  const columns = [[t.exports.name], [t.exports.state], [t.exports.people, "num"], [t.exports.last], [t.exports.next],
    [t.changed], ...(some ? [[t.exports.permission]] : [])];
  const rows = exports.map((each) => ({
    key: each.id,
    cells: [
      html`<a href=${`#/exports/${each.id}`}><strong>${each.display_name}</strong></a>
        <div class="muted wrap">${each.segments.join(" + ")} → ${each.connection || t.exports.noConnection}</div>`,
      html`<a class="plain" href=${runOf(each)}><${Badge} ...${stateOf(each)} /></a>`,
      number(each.members),
      each.last_run ? html`<${Time} iso=${each.last_run.ended_at || each.last_run.submitted_at} />` : "–",
      nextOf(each),
      changeOf(each),
      ...(some ? [t.permissions[each.permission] || each.permission] : []),
    ],
  }));
  return html`<${Table} label=${t.nav.exports} columns=${columns} rows=${rows} />`;
}

function runOf(each) {
  const run = each.active_run || each.last_run;
  return run ? `#/runs/${run.run_id}` : `#/exports/${each.id}`;
}
