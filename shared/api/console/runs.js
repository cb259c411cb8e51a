// A table of runs.

import { html } from "./preact-htm.js";
import { duration, number, tookSeconds } from "./format.js";
import { Badge, Table, Time } from "./parts.js";
import { kindOf } from "./states.js";
import { rejectedOf } from "./chart.js";
import { t } from "./strings.js";

/** `names`: tell the export, too, by what it is called. */
export function Runs({ runs, names }) {
  const columns = [[t.run.run], ...(names ? [[t.run.export]] : []), [t.exports.state], [t.run.added, "num"],
    [t.run.updated, "num"], [t.run.removed, "num"], [t.run.rejected, "num"], [t.run.took, "num"]];
  const rows = runs.map((run) => {
    const took = tookSeconds(run);
    const some = (name) => (run.counts && name in run.counts ? number(run.counts[name]) : "–");
    return {
      key: run.run_id,
      cells: [
        html`<a href=${`#/runs/${run.run_id}`}><${Time} iso=${run.started_at || run.submitted_at} /></a>
          <div class="muted">${kindOf(run)}</div>`,
        ...(names ? [html`<a href=${`#/exports/${run.export_id}`}>${names(run.export_id)}</a>`] : []),
        html`<${Badge} state=${run.state} />`,
        some("created"), some("updated"), some("removed"),
        run.counts && "rows" in run.counts ? number(rejectedOf(run.counts)) : "–",
        took === null ? "–" : duration(took),
      ],
    };
  });
  return html`<${Table} label=${t.exports.runs} columns=${columns} rows=${rows} />`;
}
