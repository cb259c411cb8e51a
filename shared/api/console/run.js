// One run: how far it is, what became of every row, why rows were left out, and what to mend.

import { html, useEffect, useRef, useState } from "./preact-htm.js";
import { announce, useMe } from "./app.js";
import { call, download, path } from "./api.js";
import { BUSY, useAction, useLive, useNow } from "./live.js";
import { duration, number, sentence, tookSeconds } from "./format.js";
import { Accounting } from "./accounting.js";
import { ExportActions } from "./export_actions.js";
import {
  Badge, Button, Card, Facts, Icon, Notice, Page, phaseOf, Progress, Shown, Table, Time, Trouble,
} from "./parts.js";
import { adviceOn, kindOf } from "./states.js";
import { t } from "./strings.js";

const PHASES = ["prepare", "send", "settle", "remove", "finish"];
const WINDOW = 30_000; // milliseconds over which the rate is taken
const TONES = { failed: "bad", skipped: "warn", completed_with_warnings: "warn", canceled: "info" };

export function RunPage({ id }) {
  const live = useLive(path`/runs/${id}`, (run) => (run.ended_at ? 0 : BUSY));
  const run = live.data;
  // Its export, if it has not been removed; after a dry run one waits until another run can be asked for.
  const its = useLive(run && path`/exports/${run.export_id}`, (each) => (run.dry_run && each.active_run ? BUSY : 0));
  const name = its.data?.display_name || (its.loading ? "…" : run?.export_id);
  const ended = Boolean(run?.ended_at);
  const before = useRef(null);
  useEffect(() => {
    if (run && before.current === false && ended) announce(t.run.ended(t.states[run.state]));
    if (run) before.current = ended;
  }, [ended, run]);
  const title = run && !its.loading ? t.run.title(name) : t.run.run;
  const back = run ? { href: `#/exports/${run.export_id}`, text: name }
    : { href: "#/history", text: t.nav.history };
  return html`<${Page} title=${title} back=${back}
    lead=${run && html`<${Badge} state=${run.state} /> <span class="muted">${kindOf(run)}</span>`}
    actions=${run && html`<${Actions} run=${run} reload=${live.reload} />
      ${run.dry_run && run.planned && ended && its.data && !its.data.active_run
        && html`<${ExportActions} only="run" strong export=${its.data} />`}`}>
    <${Shown} live=${live}>${() => html`<${Whole} run=${run} name=${name} />`}<//>
  <//>`;
}

function Actions({ run, reload }) {
  const me = useMe();
  const action = useAction();
  const [asked, setAsked] = useState(false);
  const cancel = () => action.run(async () => {
    await call("POST", path`/runs/${run.run_id}/cancel`, { body: {} });
    setAsked(true);
    announce(t.run.canceling);
    reload();
  });
  const report = () => action.run(() => download(path`/runs/${run.run_id}/report`, `${run.run_id}.csv`));
  return html`
    ${run.ended_at && run.planned && me.may("contributor")
      && html`<${Button} kind=${run.dry_run ? "" : "primary"} busy=${action.busy} onClick=${report}>${t.run.report}<//>`}
    ${!run.ended_at && me.may("contributor")
      && html`<${Button} kind="danger" busy=${action.busy || asked}
        onClick=${cancel}>${asked ? t.run.canceling : t.run.cancel}<//>`}
    ${action.problem && html`<div class="action-trouble"><${Trouble} problem=${action.problem} /></div>`}`;
}

function Whole({ run, name }) {
  const counted = run.counts && "rows" in run.counts;
  return html`
    ${run.ended_at ? html`<${Outcome} run=${run} />` : html`<${Going} run=${run} />`}
    <div class="columns">
      <div>
        ${counted ? html`<${Accounting} run=${run} />` : run.ended_at
          && html`<${Card} title=${t.run.accounting}><p class="muted">${t.run.nothing}</p><//>`}
        ${run.ended_at && run.planned && html`<${Reasons} run=${run} />`}
      </div>
      <div><${About} run=${run} name=${name} /></div>
    </div>`;
}

function Outcome({ run }) {
  const tone = TONES[run.state] || "ok";
  const dry = run.dry_run && run.planned;
  const reason = run.error?.message || run.reason;
  return html`<${Notice} tone=${tone} title=${dry ? t.run.dryTitle : t.outcomes[run.state]}>
    ${reason ? html`<p>${sentence(reason)}</p>` : run.state === "successful" && html`<p>${t.run.fine}</p>`}
    ${adviceOn(run) && html`<p><strong>${t.run.advice}</strong> ${adviceOn(run)}</p>`}
  <//>`;
}

/** The run under way: which phase it is in, how far, how fast, and for how long still. */
function Going({ run }) {
  useNow(1000);
  const seen = useRef([]);
  const { done = 0, total = 0 } = run.progress || {};
  const phase = phaseOf(run);
  const last = seen.current.at(-1);
  if (!last || last.phase !== phase || last.done !== done) seen.current.push({ at: Date.now(), done, phase });
  const recent = seen.current.filter((each) => each.phase === phase && Date.now() - each.at < WINDOW);
  const first = recent[0];
  const took = tookSeconds(run);
  // Until something has been seen to move: the average since the run began.
  const average = took && phase === "send" ? done / took : 0;
  const rate = first && done > first.done ? (done - first.done) / ((Date.now() - first.at) / 1000) : average;
  const at = PHASES.indexOf(phase === "read_list" ? "prepare" : phase);
  return html`<${Card} title=${run.state === "queued" ? t.states.queued : t.run.now}>
    <ol class="phases">
      ${PHASES.map((each, i) =>
        html`<li class=${i < at ? "done" : i === at && run.state !== "queued" ? "here" : ""}
          aria-current=${i === at ? "step" : undefined}>
          <span class="mark" aria-hidden="true">${i < at ? html`<${Icon} name="ok" />` : i + 1}</span>${t.phaseNames[each]}
        </li>`)}</ol>
    <${Progress} run=${run} />
    <dl class="figures small">
      <div><dt>${t.run.took}</dt><dd>${took === null ? "–" : duration(took)}</dd></div>
      <div><dt>${t.run.rate}</dt><dd>${rate ? t.run.perSecond(number(Math.round(rate))) : "–"}</dd></div>
      <div><dt>${t.run.left}</dt><dd>${rate ? t.run.about(duration((total - done) / rate)) : t.run.unknown}</dd></div>
    </dl>
    ${run.attempts > 0 && html`<${Notice} tone="warn"><p>${t.run.attempts(run.attempts)} ${run.error?.message}</p><//>`}
  <//>`;
}

function Reasons({ run }) {
  const live = useLive(path`/runs/${run.run_id}/reasons`);
  return html`<${Card} title=${t.run.reasons}><${Shown} live=${live}>${(data) => (data.reasons.length
    ? html`<${Table} label=${t.run.reasons} columns=${[[t.run.reason], [t.run.phase], [t.run.count, "num"]]}
      rows=${data.reasons.map(reasonRow)} />
      <p class="hint">${t.run.reportHint}</p>`
    : html`<p class="muted">${t.run.noReasons}</p>`)}<//><//>`;
}

function reasonRow({ stage, code, count, meaning }) {
  const why = html`${meaning}<div class="muted"><code>${code}</code></div>`;
  return { key: stage + code, cells: [why, t.phaseNames[stage] || stage, number(count)] };
}

function About({ run, name }) {
  const took = tookSeconds(run);
  const warnings = Object.entries(run.warnings || {});
  const snapshots = Object.entries(run.snapshots || {});
  return html`<${Card} title=${t.run.about2}><${Facts} items=${[
    [t.run.export, html`<a href=${`#/exports/${run.export_id}`}>${name}</a>`],
    [t.run.how, kindOf(run)],
    run.kind === "on_demand" && [t.run.by, run.submitted_by],
    [t.run.asked, html`<${Time} iso=${run.submitted_at} full />`],
    run.started_at && [t.run.begun, html`<${Time} iso=${run.started_at} full />`],
    run.ended_at && [t.run.endedAt, html`<${Time} iso=${run.ended_at} full />`],
    took !== null && [t.run.took, duration(took)],
    run.force && [t.run.forced, t.yes],
    ...snapshots.map(([name, each]) => [t.run.snapshot(name), html`<${Time} iso=${each.produced_at} full />`]),
    run.delivery && [t.run.deliveryBy, t.run.delivery[run.delivery]],
    run.batches?.length && [t.run.batches, number(run.batches.length)],
    run.upload_hosts?.length && [t.run.uploads, run.upload_hosts.join(", ")],
    run.drift && [t.run.drift, t.run.driftText(run.drift.list_count, run.drift.at_least)],
    warnings.length && [t.run.warnings, html`<ul class="plain-list">
          ${warnings.map(([name, count]) => html`<li>${t.run.warning(count, ...name.split(":"))}</li>`)}</ul>`],
    [t.run.id, html`<code class="wrap">${run.run_id}</code>`],
  ]} /><//>`;
}
