// Runs over time: one row of bars a measure, each on its own scale, because a first run is a hundred times the next.

import { html } from "./preact-htm.js";
import { duration, moment, number, tookSeconds } from "./format.js";
import { t } from "./strings.js";

const REJECTED = ["malformed", "no_email", "invalid_email", "rejected_by_sendgrid"];
const HEIGHT = 44;
const BAR = 14;
const GAP = 4;
const WIDEST = 48; // pixels of a bar with its gap

/** Rows that are no contact and contacts that SendGrid refused. */
export function rejectedOf(counts) {
  return REJECTED.reduce((sum, name) => sum + (counts[name] || 0), 0);
}

const MEASURES = [
  ["added", (run) => run.counts.created || 0, number],
  ["updated", (run) => run.counts.updated || 0, number],
  ["removed", (run) => run.counts.removed || 0, number],
  ["rejected", (run) => rejectedOf(run.counts), number],
  ["took", (run) => tookSeconds(run) || 0, duration],
];

/** `runs`: newest first, as they are listed; drawn from the left, oldest first. */
export function Chart({ runs }) {
  const drawn = runs.filter((run) => run.ended_at && !run.dry_run).slice(0, 60).reverse();
  if (drawn.length < 2) return null;
  return html`<div
    class="chart">
    ${MEASURES.map(([name, of, told]) => html`<${Row} key=${name} name=${name} runs=${drawn} of=${of} told=${told} />`)}
    <div class="chart-axis" aria-hidden="true"
      style=${{ maxWidth: `${Math.max(drawn.length * WIDEST, 260)}px` }}>
      <span>${moment(drawn[0].started_at || drawn[0].submitted_at)}</span><span>${moment(drawn.at(-1).ended_at)}</span>
    </div></div>`;
}

function Row({ name, runs, of, told }) {
  const values = runs.map(of);
  const most = Math.max(...values);
  const width = runs.length * (BAR + GAP);
  const height = (value) => (value > 0 ? Math.max(2, (value / most) * HEIGHT) : 0);
  const words = t.history.chartRow(t.run[name], runs.length, told(most), told(values.at(-1)));
  return html`<figure
    class=${`chart-row ${name}`}>
    <figcaption><span class="swatch" aria-hidden="true"></span>${t.run[name]}<span class="muted num">${t.history.upTo(told(most))}
    </span></figcaption>
    <svg role="img" aria-label=${words} viewBox=${`0 0 ${width} ${HEIGHT}`} preserveAspectRatio="none"
      style=${{ maxWidth: `${runs.length * WIDEST}px` }}>
      <line x1="0" x2=${width} y1=${HEIGHT - 0.5} y2=${HEIGHT - 0.5} />
      ${values.map((value, i) =>
        html`<rect x=${i * (BAR + GAP)} width=${BAR} y=${HEIGHT - height(value)}
          height=${height(value)}><title>${moment(runs[i].ended_at)}: ${told(value)}</title></rect>`)}
    </svg></figure>`;
}
