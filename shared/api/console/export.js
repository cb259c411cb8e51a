// One export: how it is, its first run step by step, what it does, and its runs.

import { html, useEffect, useRef } from "./preact-htm.js";
import { useMe } from "./app.js";
import { path } from "./api.js";
import { BUSY, CALM, useLive } from "./live.js";
import { number, sentence } from "./format.js";
import { ExportActions } from "./export_actions.js";
import { NextTimes } from "./editor_schedule.js";
import { rejectedOf } from "./chart.js";
import { Badge, Button, Card, Facts, Icon, Notice, Page, Progress, Shown } from "./parts.js";
import { Runs } from "./runs.js";
import { adviceOn, changeOf, stateOf } from "./states.js";
import { FIELD_LABELS, t } from "./strings.js";

const BACK = { href: "#/exports", text: t.nav.exports };

export function ExportPage({ id }) {
  const live = useLive(path`/exports/${id}`, (each) => (each.active_run ? BUSY : CALM));
  const each = live.data;
  const state = each
    && html`<${Badge} ...${stateOf(each)} />${each.active_run && !each.enabled && html` <${Badge} state="paused" />`}`;
  return html`<${Page} title=${each?.display_name || id} back=${BACK} lead=${state}
    actions=${each && html`<${ExportActions} export=${each} etag=${live.etag} reload=${live.reload} />`}>
    <${Shown} live=${live}>${() => html`<${Whole} export=${each} etag=${live.etag} reload=${live.reload} />`}<//>
  <//>`;
}

function Whole({ export: each, etag, reload }) {
  const mark = each.active_run?.run_id || each.last_run?.run_id || "none";
  const runs = useLive(path`/exports/${each.id}/runs` + "?limit=10", () => (each.active_run ? BUSY * 2 : CALM));
  const shown = useRef(mark);
  useEffect(() => {
    if (shown.current !== mark) runs.reload();
    shown.current = mark;
  }, [mark]);
  const known = runs.data?.runs || [];
  const real = known.some((run) => !run.dry_run) || (each.last_run && !each.last_run.dry_run) || each.members > 0;
  const dry = known.find((run) => run.dry_run && run.ended_at);
  return html`
    ${!each.connection && html`<${Notice} tone="warn" title=${t.states.detached}><p>${t.exports.detachedText}</p><//>`}
    ${each.active_run
      && html`<${Card} title=${t.run.now}
        actions=${html`<${Button} href=${`#/runs/${each.active_run.run_id}`}>${t.run.watch}<//>`}>
        <${Progress} run=${each.active_run} /><//>`}
    ${!each.active_run && each.last_run?.reason
      && html`<${Notice}
        tone=${each.last_run.state === "failed" ? "bad" : each.last_run.state === "successful" ? "info" : "warn"}
        title=${`${t.exports.lastRun}: ${t.states[each.last_run.state]}`}>
        <p>${sentence(each.last_run.reason)} <a href=${`#/runs/${each.last_run.run_id}`}>${t.run.details}</a></p>
        ${adviceOn(each.last_run) && html`<p><strong>${t.run.advice}</strong> ${adviceOn(each.last_run)}</p>`}<//>`}
    ${runs.data && !real && each.connection
      && html`<${FirstRun} export=${each} dry=${dry} etag=${etag} reload=${() => { reload(); runs.reload(); }} />`}
    <${Card} title=${t.exports.runs}
      actions=${known.length > 0 && html`<${Button} href=${`#/history?export=${each.id}`}>${t.nav.history}<//>`}>
      <${Shown} live=${runs}>
        ${(data) => (data.runs.length ? html`<${Runs} runs=${data.runs} />`
          : html`<p class="muted">${t.exports.neverRan}</p>`)}<//><//>
    <${About} export=${each} />`;
}

/** Before the first real run: look at what would happen, then let it happen. */
function FirstRun({ export: each, dry, etag, reload }) {
  const me = useMe();
  const may = me.may("contributor") && each.permission === "edit";
  const counts = dry?.counts || {};
  return html`<${Card} title=${t.first.title} class="welcome"><ol class="steps">
    <li class=${dry ? "done" : ""}><span class="mark" aria-hidden="true">${dry ? html`<${Icon} name="ok" />` : 1}</span>
      <div><h3>${t.first.dry}</h3>
        ${dry ? html`<p>
          ${dry.state === "skipped" || dry.state === "failed" ? dry.reason
            : t.first.would(counts.upserts, counts.leavers, rejectedOf(counts))} <a
              href=${`#/runs/${dry.run_id}`}>${t.run.details}</a></p>` : html`<p>${t.first.dryText}</p>`}
        ${may && !each.active_run
          && html`<${ExportActions} only="dry_run" strong=${!dry} export=${each} etag=${etag} reload=${reload} />`}
      </div></li>
    <li><span class="mark" aria-hidden="true">2</span><div><h3>${t.first.run}</h3><p>${t.first.runText}</p>
      ${may && dry && !each.active_run
        && html`<${ExportActions} only="run" strong export=${each} etag=${etag} reload=${reload} />`}</div></li>
  </ol><//>`;
}

function About({ export: each }) {
  const me = useMe();
  const lists = useLive(each.connection && each.permission === "edit"
    ? path`/connections/${each.connection}/lists` : null);
  const connections = useLive("/connections");
  const connection = connections.data?.connections.find((one) => one.id === each.connection);
  const list = lists.data?.lists.find((one) => one.id === each.list_id);
  const { custom_fields: custom, ...standard } = each.mapping;
  const pairs = [...Object.entries(standard).map(([field, column]) => [FIELD_LABELS.en[field] || field, column]),
    ...Object.entries(custom || {})].filter(([, column]) => column);
  const where = Object.entries(each.only_where || {});
  const plan = each.schedule === "default" ? t.editor.when.choices(me.defaults.schedule).default
    : each.schedule === "off" ? t.editor.when.choices("").off : html`<code>${each.schedule}</code>`;
  return html`<${Card} title=${t.exports.about}><${Facts} wide items=${[
    [t.exports.members, number(each.members)],
    [t.exports.list,
      list ? `${list.name} (${t.exports.contacts(list.contact_count)})` : html`<code>${each.list_id}</code>`],
    [t.exports.connection,
      each.connection
        ? html`<a href=${`#/connections/${each.connection}`}>${connection?.display_name || each.connection}</a>`
        : t.exports.noConnection],
    [t.nav.segments,
      html`<ul class="plain-list">${each.segments.map((name) => html`<li class="wrap">${name}</li>`)}</ul>`],
    [t.editor.what.title,
      html`<ul class="plain-list">${pairs.map(([field, column]) => html`<li class="wrap">${field} ← ${column}</li>`)}
      </ul>`],
    where.length
      && [t.editor.rules.onlyWhere,
        html`<ul class="plain-list">
          ${where.map(([column, values]) =>
            html`<li class="wrap">
              ${column} ${t.editor.rules.is} ${values.map((value) => value || t.editor.rules.empty).join(", ")}</li>`)}</ul>`],
    [t.editor.rules.removal, each.removal === "none" ? t.editor.rules.keep : t.editor.rules.leavers],
    [t.editor.rules.guards, t.exports.guards(each.max_profiles, each.max_shrink_percent)],
    [t.exports.landing, each.run_on_landing ? t.yes : t.no],
    [t.exports.schedule, plan],
    [t.exports.delivery, t.editor.rules.deliveries[each.delivery][0]],
    each.clear_empty && [t.keys.clear_empty, t.yes],
    each.create_missing_fields && [t.editor.what.create, t.yes],
    [t.changed, changeOf(each)],
  ]} />
    ${each.schedule !== "off" && each.enabled && each.connection
      && html`<${NextTimes} schedule=${each.schedule} timezone=${each.timezone}
        fallback=${me.defaults.timezone} />`}<//>`;
}
