// The books of a run: every row and every leaver is in exactly one place, and the sums are shown to add up.

import { html } from "./preact-htm.js";
import { number } from "./format.js";
import { Card, Icon } from "./parts.js";
import { t } from "./strings.js";

const SUMS = [
  ["rows", ["contacts", "duplicate", "filtered", "no_email", "invalid_email", "malformed"]],
  ["contacts", ["unchanged", "upserts"]],
  ["upserts", ["accepted", "rejected_by_sendgrid", "unconfirmed"]],
  ["leavers", ["removed", "not_found", "kept_by_other_export", "failed_removals"]],
];
const EXTRA = ["created", "updated", "listed", "missing_from_list", "gone_elsewhere", "strangers"];
const TONES = {
  contacts: "good", accepted: "good", unchanged: "calm", upserts: "blue", removed: "away", duplicate: "calm",
  filtered: "calm",
  kept_by_other_export: "calm", not_found: "calm",
};
const WIDTH = 1000;

export function Accounting({ run }) {
  const { counts } = run;
  const sums = SUMS.filter(([whole, parts]) => counts[whole] !== undefined
    && parts.every((part) => counts[part] !== undefined));
  const plans = !run.ended_at || run.dry_run;
  const extra = EXTRA.filter((name) => counts[name] !== undefined);
  return html`<${Card} title=${run.dry_run ? t.run.dryPlan : plans ? t.run.plan : t.run.accounting}>
    ${run.dry_run && html`<p>${t.run.planText(counts.upserts, counts.leavers)}</p>`}
    ${sums.map(([whole, parts]) => html`<${Sum} key=${whole} counts=${counts} whole=${whole} parts=${parts} />`)}
    ${plans && counts.leavers > 0 && !sums.some(([whole]) => whole === "leavers")
      && html`<p>${number(counts.leavers)} ${t.counted("leavers", counts.leavers)}</p>`}
    ${extra.length > 0
      && html`<p class="muted">${t.run.ofThese}${" "}
        ${extra.map((name) => `${number(counts[name])} ${t.counted(name, counts[name])}`).join(", ")}</p>`}
  <//>`;
}

function Sum({ counts, whole, parts }) {
  const given = parts.map((part) => [part, counts[part] || 0]);
  const total = counts[whole];
  const sum = given.reduce((all, [, count]) => all + count, 0);
  const some = given.filter(([, count]) => count > 0);
  let x = 0;
  return html`<div class="sum">
    <h3><span class="num">${number(total)}</span> ${t.counted(whole, total)}</h3>
    ${total > 0 && html`<svg class="sum-bar" viewBox=${`0 0 ${WIDTH} 12`} preserveAspectRatio="none"
      aria-hidden="true">${some.map(([part, count]) => {
        const width = (count / total) * WIDTH;
        x += width;
        return html`<rect class=${TONES[part] || "bad"} x=${x - width} y="0" width=${Math.max(2, width - 2)}
          height="12" />`;
    })}</svg>`}
    ${total > 0 && html`<ul>
      ${given.map(([part, count]) =>
        html`<li class=${count ? "" : "none"}><span class=${`swatch ${TONES[part] || "bad"}`} aria-hidden="true"></span>
          <span class="num">${number(count)}</span> ${t.counted(part, count)}</li>`)}</ul>`}
    ${(total > 0 || sum > 0)
      && html`<p class=${sum === total ? "adds" : "wrong-text"}><${Icon} name=${sum === total ? "ok" : "warn"} />
        ${given.map(([, count]) => number(count)).join(" + ")} = ${number(sum)}
        ${sum === total ? "" : ` ≠ ${number(total)}`}</p>`}
  </div>`;
}
