// One connection: what it is, where its key is put, whether it works, the consent, and by what it is used.

import { html, useEffect, useState } from "./preact-htm.js";
import { announce, go, leaving, useMe } from "./app.js";
import { call, path } from "./api.js";
import { useAction, useLive } from "./live.js";
import { number, slug } from "./format.js";
import {
  Button, Card, Check, Command, Dialog, Facts, Field, Icon, Notice, Page, Select, Shown, Text, Trouble,
} from "./parts.js";
import { Consent } from "./consent.js";
import { Conflict } from "./conflict.js";
import { changeOf, CONNECTION_KEYS, documentOf, useNames } from "./states.js";
import { t } from "./strings.js";

const BACK = { href: "#/connections", text: t.nav.connections };
const VERDICTS = { true: ["ok", "ok"], false: ["bad", "bad"], null: ["unknown", "idle"] };
const NEW = { display_name: "", api_key_secret: "", region: "global", allowed_roles: ["admin"], contact_limit: null };

export function NewConnection() {
  const [draft, setDraft] = useState(NEW);
  const [id, setId] = useState(null);
  const action = useAction();
  const name = id ?? slug(draft.display_name);
  const secret = draft.api_key_secret || (name && `sendgrid-${name}`);
  const save = (event) => {
    event.preventDefault();
    return action.run(async () => {
      await call("PUT", path`/connections/${name}`, { body: { ...draft, api_key_secret: secret }, create: true });
      leaving.ask = null;
      announce(t.saved);
      go(`connections/${name}`);
    });
  };
  return html`<${Page} title=${t.connections.add} back=${BACK} lead=${t.connections.newLead}>
    <form class="card narrow" onSubmit=${save}>
      <${Fields} draft=${draft} setDraft=${setDraft} secret=${secret} problem=${action.problem}>
        <${Field} id="id" label=${t.connections.id}
          hint=${t.connections.idHint}>
          ${(ids) => html`<${Text} value=${name} onValue=${setId} required ...${ids} />`}<//>
      <//>
      <${Exists} problem=${action.problem} />
      <button class="button primary" type="submit" disabled=${action.busy}>${t.save}</button>
    </form>
  <//>`;
}

function Exists({ problem }) {
  return problem?.status === 412 ? html`<${Notice} tone="bad">${t.exists}<//>`
    : html`<${Trouble} problem=${problem} />`;
}

function Fields({ draft, setDraft, secret, problem, children }) {
  const set = (part) => {
    setDraft({ ...draft, ...part });
    leaving.ask = () => t.leave;
  };
  const said = (field) => problem?.errors.find((each) => each.field === field)?.detail;
  const shared = draft.allowed_roles.includes("contributor");
  return html`
    <${Field} id="name" label=${t.connections.name} hint=${t.connections.nameHint}
      problem=${said("display_name")}>
      ${(ids) => html`<${Text} value=${draft.display_name} onValue=${(display_name) => set({ display_name })} required
        maxlength="100" ...${ids} />`}<//>
    ${children}
    <${Field} id="secret" label=${t.connections.secret} hint=${t.connections.secretHint}
      problem=${said("api_key_secret")}>
      ${(ids) => html`<${Text} value=${secret} onValue=${(api_key_secret) => set({ api_key_secret })} required
        maxlength="127" ...${ids} />`}<//>
    <${Field} id="region" label=${t.connections.region}
      hint=${t.connections.regionHint}>
      ${(ids) => html`<${Select} value=${draft.region} options=${Object.entries(t.regions)}
        onValue=${(region) => set({ region })} ...${ids} />`}<//>
    <${Check} id="shared" label=${t.connections.share} hint=${t.connections.shareHint} checked=${shared}
      onValue=${(on) => set({ allowed_roles: on ? ["admin", "contributor"] : ["admin"] })} />
    <${Field} id="limit" label=${t.connections.limit} hint=${t.connections.limitHint} optional
      problem=${said("contact_limit")}>
      ${(ids) => html`<input type="number" min="1" value=${draft.contact_limit ?? ""}
        onInput=${(event) => set({ contact_limit: event.target.value ? Number(event.target.value) : null })}
        ...${ids} />`}<//>`;
}

export function ConnectionPage({ id }) {
  const me = useMe();
  const live = useLive(path`/connections/${id}`);
  return html`<${Page} title=${live.data?.display_name || id} back=${BACK}>
    <${Shown} live=${live}>${(connection) => html`
      ${me.may("administrator")
        ? html`<${Whole} id=${id} connection=${connection} etag=${live.etag} reload=${live.reload} />`
        : html`<p>${connection.type}</p>`}`}
    <//>
  <//>`;
}

function Whole({ id, connection, etag, reload }) {
  const names = useNames();
  return html`<div class="columns">
    <div>
      <${KeyAndCheck} id=${id} etag=${etag} />
      <${Consent} id=${id} connection=${connection} onChange=${reload} />
    </div>
    <div>
      <${Details} id=${id} connection=${connection} etag=${etag} reload=${reload} />
      <${Card} title=${t.connections.usedBy}>${connection.used_by.length
        ? html`<ul>${connection.used_by.map((each) =>
          html`<li><a href=${`#/exports/${each}`}>${names(each)}</a></li>`)}</ul>`
        : html`<p class="muted">${t.connections.unused}</p>`}
        <${Remove} id=${id} connection=${connection} names=${names} /><//>
    </div>
  </div>`;
}

/** The checks that the server makes with the key from the vault; asked for at once and again after a change. */
function KeyAndCheck({ id, etag }) {
  const action = useAction();
  const [result, setResult] = useState(null);
  const check = () => action.run(async () => {
    const { data } = await call("POST", path`/connections/${id}/check`, { body: {} });
    setResult(data);
    announce(data.ok ? t.check.good : t.check.incomplete);
  });
  useEffect(() => {
    check();
  }, [id, etag]);
  const missing = result?.checks.some((each) => ["secret", "key"].includes(each.name) && each.ok === false);
  return html`<${Card} title=${t.check.title}
    actions=${html`<${Button} onClick=${check} busy=${action.busy}>${t.check.again}<//>`}>
    <${Trouble} problem=${action.problem} />
    ${!result && action.busy && html`<p class="muted">${t.check.busy}</p>`}
    ${result && html`
      <${Notice} tone=${result.ok ? "ok" : "warn"}
        title=${result.ok ? t.check.good : t.check.incomplete}>
        ${result.host && html`<p>${t.check.host} <code>${result.host}</code></p>`}<//>
      ${missing && html`<h3>${t.check.where}</h3><${VaultCommand} text=${result.vault_command} />`}
      <ul class="checks">
        ${grouped(result.checks).map((each) => html`<li class=${VERDICTS[each.ok][0]}><${Icon} name=${VERDICTS[each.ok][1]} />
          <div><strong>${each.names.map((name) => t.check.names[name] || name).join(", ")}<span class="sr">: ${t.check[VERDICTS[each.ok][0]]}</span>
          </strong><p>${each.message}</p>
            ${!each.ok && each.advice && html`<p>${t.check.advice[each.names[0]] || each.advice}</p>`}</div></li>`)}</ul>
      ${!missing && html`<details><summary>${t.check.where}</summary><${VaultCommand} text=${result.vault_command} />
      </details>`}`}
  <//>`;
}

/** Neighbours of which the same is to be said are said in one. */
function grouped(checks) {
  const groups = [];
  for (const { name, ...rest } of checks) {
    const last = groups.at(-1);
    if (last?.ok === rest.ok && last.message === rest.message) last.names.push(name);
    else groups.push({ ...rest, names: [name] });
  }
  return groups;
}

function VaultCommand({ text }) {
  return html`<p>${t.check.command}</p><${Command} text=${text} label=${t.check.where} />
    <p class="hint">${t.check.never}</p>`;
}

function Details({ id, connection, etag, reload }) {
  const [draft, setDraft] = useState(null);
  const [began, setBegan] = useState(null); // what the edit is based on, whatever arrives later
  const action = useAction();
  const begin = () => {
    setBegan({ connection, etag });
    setDraft({ ...NEW, ...documentOf(connection, CONNECTION_KEYS.filter((key) => key !== "consent")) });
  };
  const stop = () => {
    leaving.ask = null;
    action.clear();
    setDraft(null);
  };
  const save = (event) => {
    event.preventDefault();
    return action.run(async () => {
      await call("PUT", path`/connections/${id}`, { body: draft, ifMatch: began.etag });
      stop();
      announce(t.saved);
      reload();
    });
  };
  if (!draft) {
    return html`<${Card} title=${t.connections.details}
      actions=${html`<${Button} onClick=${begin}>${t.edit}<//>`}><${Facts} items=${[
        [t.connections.id, html`<code>${id}</code>`],
        [t.connections.secret, html`<code>${connection.api_key_secret}</code>`],
        [t.connections.region, t.regions[connection.region]],
        [t.connections.roles, connection.allowed_roles.map((role) => t.connections.role[role]).join(", ")],
        connection.contact_limit && [t.connections.limit, number(connection.contact_limit)],
        [t.changed, changeOf(connection)],
      ]} /><//>`;
  }
  return html`<${Card} title=${t.connections.details}><form onSubmit=${save}>
    <${Fields} draft=${draft} setDraft=${setDraft} secret=${draft.api_key_secret} problem=${action.problem} />
    ${action.problem?.status === 412
      ? html`<${Conflict} path=${path`/connections/${id}`} base=${began.connection} keys=${CONNECTION_KEYS}
        onReload=${() => { stop(); reload(); }} />`
      : html`<${Trouble} problem=${action.problem} />`}
    <div class="actions"><button class="button primary" type="submit" disabled=${action.busy}>${t.save}</button>
      <${Button} onClick=${stop}>${t.cancel}<//></div>
  </form><//>`;
}

function Remove({ id, connection, names }) {
  const [asking, setAsking] = useState(false);
  const action = useAction();
  const remove = () => action.run(async () => {
    await call("DELETE", path`/connections/${id}`, { ifMatch: "*" });
    announce(t.removed);
    go("connections");
  });
  return html`<${Trouble} problem=${!asking && action.problem} />
    <${Button} kind="danger" onClick=${() => setAsking(true)}>${t.connections.remove}<//>
    ${asking && html`<${Dialog} title=${t.connections.removeTitle(connection.display_name)}
      onClose=${() => { setAsking(false); action.clear(); }}
      actions=${connection.used_by.length === 0
        && html`<${Button} kind="danger" onClick=${remove} busy=${action.busy}>${t.connections.remove}<//>`}>
      ${connection.used_by.length
        ? html`<p>${t.connections.inUse}</p>
          <ul>${connection.used_by.map((each) => html`<li><a href=${`#/exports/${each}`}>${names(each)}</a></li>`)}</ul>`
        : html`<p>${t.connections.removeText}</p>`}
      <${Trouble} problem=${action.problem} />
  <//>`}`;
}
