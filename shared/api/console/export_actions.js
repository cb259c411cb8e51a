// What can be done with an export. What costs something asks first, and says what it costs.

import { html, useState } from "./preact-htm.js";
import { announce, go, useMe } from "./app.js";
import { call, path } from "./api.js";
import { useAction } from "./live.js";
import { Button, Check, Dialog, Menu, Trouble } from "./parts.js";
import { documentOf, EXPORT_KEYS } from "./states.js";
import { t } from "./strings.js";

/** All actions of an export's page; or `only` one of them: "dry_run" or "run". */
export function ExportActions({ export: each, etag, reload, only, strong }) {
  const me = useMe();
  const action = useAction();
  const [asking, setAsking] = useState(null);
  if (!me.may("contributor") || each.permission !== "edit" || each.removing) return null;
  const start = (wish) => action.run(async () => {
    const { data } = await call("POST", path`/exports/${each.id}/runs`, { body: wish });
    announce(t.run.started);
    go(`runs/${data.run_id}`);
  });
  const change = async (part, said) => {
    const done = await action.run(async () => {
      await call("PUT", path`/exports/${each.id}`,
        { body: { ...documentOf(each, EXPORT_KEYS), ...part }, ifMatch: etag });
      announce(said);
    });
    setAsking(null);
    reload();
    return done;
  };
  const kind = strong ? "primary" : "";
  const trouble = action.problem && html`<div class="action-trouble"><${Trouble} problem=${action.problem} /></div>`;
  if (only) {
    return html`${trouble}
      <${Button} kind=${kind} busy=${action.busy}
        onClick=${() => start(only === "run" ? {} : { dry_run: true })}>
        ${only === "run" ? t.exports.run : t.exports.dryRun}<//>`;
  }
  const still = !each.connection;
  return html`
    <${Button} kind="primary" busy=${action.busy || still} onClick=${() => start({})}>${t.exports.run}<//>
    <${Button} busy=${action.busy || still} onClick=${() => start({ dry_run: true })}>${t.exports.dryRun}<//>
    <${Button} href=${`#/exports/${each.id}/edit`}>${t.edit}<//>
    <${Menu} label=${t.exports.more} items=${[
      !still && { text: t.exports.full, onClick: () => setAsking("full") },
      !still && { text: t.exports.reconcile, onClick: () => setAsking("reconcile") },
      !still && { text: t.exports.force, onClick: () => setAsking("force") },
      each.enabled ? { text: t.exports.pause, onClick: () => change({ enabled: false }, t.exports.paused) }
        : { text: t.exports.enable, onClick: () => change({ enabled: true }, t.exports.enabled) },
      { text: t.exports.duplicate, href: `#/exports/new?from=${each.id}` },
      !still && { text: t.exports.detach, onClick: () => setAsking("detach") },
      { text: t.exports.remove, danger: true, onClick: () => setAsking("remove") },
    ]} />
    ${trouble}
    ${asking && asking in t.ask
      && html`<${Ask} words=${t.ask[asking]} busy=${action.busy} onClose=${() => setAsking(null)}
        onYes=${() =>
          (asking === "detach" ? change({ connection: null }, t.exports.detached)
            : start(asking === "force" ? { force: true } : { mode: asking }))} />`}
    ${asking === "remove" && html`<${Remove} export=${each} onClose=${() => setAsking(null)} />`}`;
}

function Ask({ words, busy, onClose, onYes }) {
  return html`<${Dialog} title=${words.title} onClose=${onClose}
    actions=${html`<${Button} kind="primary" busy=${busy} onClick=${onYes}>${words.yes}<//>`}><p>${words.text}</p><//>`;
}

function Remove({ export: each, onClose }) {
  const action = useAction();
  const [people, setPeople] = useState("keep");
  const count = each.members || 0;
  const takes = people === "remove";
  const remove = () => action.run(async () => {
    const { location } = await call("DELETE", path`/exports/${each.id}` + `?members=${people}`, { ifMatch: "*" });
    announce(takes ? t.removal.started(count) : t.removed);
    const run = location?.match(/runs\/([^/?]+)/)?.[1];
    go(run ? `runs/${run}` : "exports");
  });
  return html`<${Dialog} title=${t.removal.title(each.display_name)} onClose=${onClose}
    actions=${html`<${Button} kind="danger" busy=${action.busy}
      onClick=${remove}>${takes ? t.removal.both(count) : t.removal.only}<//>`}>
    <p>${t.removal.text}</p>
    <fieldset class="rows"><legend>${t.removal.people}</legend>
      <${Check} type="radio" name="people" id="people-keep" label=${t.removal.keep(count)} hint=${t.removal.keepText}
        checked=${!takes} onValue=${() => setPeople("keep")} />
      <${Check} type="radio" name="people" id="people-remove" label=${t.removal.remove(count)}
        hint=${t.removal.removeText} checked=${takes} disabled=${!each.members || !each.connection}
        onValue=${() => setPeople("remove")} />
    </fieldset>
    <${Trouble} problem=${action.problem} />
  <//>`;
}
